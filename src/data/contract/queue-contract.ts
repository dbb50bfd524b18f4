/** The contract `queue`: durable first-in-first-out queues with visibility time-outs, delays, dedupe keys and dead letters. */
import { z } from "zod";
import { defineContract } from "../../wire/rpc/index.ts";
import { MESSAGES_AT_ONCE_MAX, TTL_MS_MAX } from "../words/index.ts";
import { LISTED_MAX } from "./limits.ts";
import {
  changes,
  consistency,
  count,
  delayMs,
  enqueueReply,
  group,
  key,
  listed,
  name,
  receipts,
  toldValue,
  ttlMs,
  value,
  waitMs,
} from "./schemas.ts";

const message = z.object({
  id: count,
  delivery: count,
  value: toldValue,
  enqueuedMs: z.number().describe("on the group's clock"),
  from: z.object({ queue: z.string(), id: count, deliveries: count }).optional().describe("of a dead letter"),
});
const settled = z.object({
  done: z.array(count).readonly().describe("ids of those that were good"),
  unknown: z
    .array(count)
    .readonly()
    .describe("ids of those that were not: acknowledged before, or delivered again since"),
});

const stats = z.object({
  queue: z.string(),
  ready: count,
  delayed: count,
  out: count.describe("delivered and not acknowledged yet"),
  enqueued: count,
  acknowledged: count,
  deadLettered: count,
  settings: z.object({ deliveriesMax: count, deadLetter: z.string(), dedupeMs: count, messagesMax: count }),
});

export const queueContract = defineContract({
  name: "queue",
  version: 1,
  about: "durable queues: what is acknowledged is gone, what is not comes again",
  methods: {
    enqueue: {
      about: "puts messages at the end",
      input: z.strictObject({
        ...changes,
        queue: name,
        values: z.array(value).min(1).max(MESSAGES_AT_ONCE_MAX).readonly(),
        delayMs: delayMs.optional().describe("not to be had before"),
        dedupeKey: key.optional().describe("a second message of this key is the first one; only with one value"),
      }),
      output: enqueueReply,
      access: "operate",
    },
    dequeue: {
      about: "the first messages, hidden from others for a while; waits for one when there is none",
      input: z.strictObject({
        ...changes,
        queue: name,
        count: z.number().int().min(1).max(MESSAGES_AT_ONCE_MAX).default(1),
        visibilityMs: ttlMs,
        consumer: name,
        waitMs,
      }),
      output: z.object({ messages: z.array(message).readonly() }),
      access: "operate",
    },
    ack: {
      about: "they are done",
      input: z.strictObject({ ...changes, queue: name, receipts }),
      output: settled,
      access: "operate",
    },
    nack: {
      about: "they are not done: others may have them, at their old place",
      input: z.strictObject({ ...changes, queue: name, receipts, delayMs: delayMs.optional() }),
      output: settled,
      access: "operate",
    },
    extend: {
      about: "they take longer: hidden for so long from now on",
      input: z.strictObject({ ...changes, queue: name, receipts, visibilityMs: ttlMs }),
      output: settled,
      access: "operate",
    },
    configure: {
      about: "changes a queue's settings; what is left out stays",
      input: z.strictObject({
        ...changes,
        queue: name,
        settings: z.strictObject({
          deliveriesMax: count.min(1).optional().describe("then it goes to the dead letters"),
          deadLetter: name.optional(),
          dedupeMs: count.max(TTL_MS_MAX).optional(),
          messagesMax: count.min(1).optional(),
        }),
      }),
      output: z.object({ stats }),
      access: "operate",
    },
    purge: {
      about: "throws away all that is in it",
      input: z.strictObject({ ...changes, queue: name }),
      output: z.object({ removed: count }),
      access: "operate",
    },
    stats: {
      about: "how much is in it",
      input: z.strictObject({ group, queue: name, consistency }),
      output: z.object({ stats: stats.optional() }),
      access: "read",
      idempotent: true,
    },
    list: {
      about: "all queues",
      input: z.strictObject(listed),
      output: z.object({ queues: z.array(stats).readonly(), more: z.boolean() }),
      access: "read",
      idempotent: true,
    },
    peek: {
      about: "the messages that come next; nobody is kept from them",
      input: z.strictObject({
        group,
        queue: name,
        limit: z.number().int().min(1).max(LISTED_MAX).default(10),
        consistency,
      }),
      output: z.object({ messages: z.array(message).readonly() }),
      access: "read",
      idempotent: true,
    },
  },
});
