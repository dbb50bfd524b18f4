/** The contract `txn`: transactions on one group, and by two-phase commit over several. */
import { z } from "zod";
import { defineContract } from "../../wire/rpc/index.ts";
import { PARTICIPANTS_MAX, TRANSACTION_OPERATIONS_MAX } from "../words/index.ts";
import { DISTRIBUTED_TIMEOUT_MS_MAX } from "./limits.ts";
import {
  bound,
  changes,
  consistency,
  count,
  counterReply,
  delayMs,
  enqueueReply,
  entry,
  group,
  key,
  listed,
  mapReply,
  name,
  value,
  wellFormed,
  wholeNumber,
} from "./schemas.ts";

const is = z.enum(["=", "!=", "<", ">"]);
const where = { map: name, key };

const compare = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("value"), ...where, is, value }),
  z.strictObject({ type: z.enum(["revision", "created", "version"]), ...where, is, than: count }),
  z.strictObject({ type: z.enum(["exists", "absent"]), ...where }),
  z.strictObject({ type: z.literal("counter"), counter: name, is, than: wholeNumber }),
  z.strictObject({ type: z.literal("lock"), lock: name, token: count }),
]);

const operation = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("map.put"), ...where, value, lease: count.optional() }),
  z.strictObject({ type: z.literal("map.delete"), ...where }),
  z.strictObject({ type: z.literal("map.deleteRange"), map: name, key: bound, end: bound.optional() }),
  z.strictObject({ type: z.literal("map.get"), ...where }),
  z.strictObject({ type: z.literal("counter.add"), counter: name, by: wholeNumber }),
  z.strictObject({ type: z.literal("counter.set"), counter: name, to: wholeNumber }),
  z.strictObject({
    type: z.literal("queue.enqueue"),
    queue: name,
    values: z.array(value).min(1).max(TRANSACTION_OPERATIONS_MAX).readonly(),
    delayMs: delayMs.optional(),
    dedupeKey: key.optional(),
  }),
]);

const compares = z.array(compare).max(TRANSACTION_OPERATIONS_MAX).readonly();
const operations = z.array(operation).max(TRANSACTION_OPERATIONS_MAX).readonly();

// biome-ignore lint/suspicious/noThenProperty: a list, which nobody takes for a promise
const part = { compare: compares, then: operations };

const reply = z.union([enqueueReply, counterReply, mapReply, z.object({ entry: entry.optional() })]);
const replies = z.array(reply).readonly();

/** Unique for ever. */
const id = wellFormed.min(8).max(64);

const record = z.object({
  id: z.string(),
  side: z.enum(["coordinator", "participant"]),
  state: z
    .enum(["undecided", "prepared", "committed", "aborted"])
    .describe("committed and aborted: not everywhere yet"),
  groups: z.array(z.string()).readonly().describe("those that have not finished, or the one that knows the decision"),
  leftMs: z.number().optional().describe("until it is aborted, or asked for; below 0 it waits to be driven on"),
});

export const txnContract = defineContract({
  name: "txn",
  version: 1,
  about: "transactions: all of it or nothing",
  methods: {
    run: {
      about: "does `then` when all of `compare` holds, otherwise `else`, in one step",
      input: z.strictObject({ ...changes, ...part, else: operations.default([]) }),
      output: z.object({ succeeded: z.boolean(), revision: count, replies }),
      access: "operate",
    },
    distributed: {
      about:
        "does the parts of all groups or none of them, by two-phase commit; asked again under its id it is the same one",
      input: z.strictObject({
        id,
        parts: z
          .array(z.strictObject({ group: name, ...part }))
          .min(1)
          .max(PARTICIPANTS_MAX)
          .readonly()
          .describe("the first group keeps the record"),
        timeoutMs: z.number().int().min(100).max(DISTRIBUTED_TIMEOUT_MS_MAX).default(30_000),
      }),
      output: z.object({
        state: z.enum(["committed", "aborted"]),
        reason: z.string().optional().describe("why it was aborted"),
        retryable: z.boolean().optional().describe("of an abort: whether trying anew can help"),
        replies: z
          .array(z.object({ group: z.string(), replies }))
          .readonly()
          .describe("of those that have carried it out now"),
        unfinished: z.array(z.string()).readonly().describe("groups that are still to hear of the decision"),
      }),
      access: "operate",
      idempotent: true,
    },
    list: {
      about: "distributed transactions that are under way: prepared, undecided, or not finished everywhere",
      input: z.strictObject(listed),
      output: z.object({ transactions: z.array(record).readonly(), more: z.boolean() }),
      access: "read",
      idempotent: true,
    },
    show: {
      about: "one of them",
      input: z.strictObject({ group, id, consistency }),
      output: z.object({ transactions: z.array(record).readonly().describe("each side of it that is in this group") }),
      access: "read",
      idempotent: true,
    },
  },
});
