/** The contracts `map` and `lease`: strongly consistent maps, and times to live that keys can hang on. */
import { z } from "zod";
import { defineContract } from "../../wire/rpc/index.ts";
import { LISTED_MAX } from "./limits.ts";
import {
  bound,
  changes,
  consistency,
  count,
  entry,
  group,
  key,
  mapReply,
  name,
  ttlMs,
  value,
  waitMs,
} from "./schemas.ts";

const which = { map: name, key };
const lease = count.optional().describe("the key goes with this lease");
const limit = z.number().int().min(1).max(LISTED_MAX).default(100);

const expectation = z.union([
  z.strictObject({ value }),
  z.strictObject({ revision: count }),
  z.strictObject({ absent: z.literal(true) }),
]);

const event = z.object({ type: z.enum(["put", "delete"]), map: z.string(), entry, revision: count });

export const mapContract = defineContract({
  name: "map",
  version: 1,
  about: "maps that are the same for everybody: each change is in the log of a group before it is answered",
  methods: {
    get: {
      about: "the entry of a key, if it is there",
      input: z.strictObject({ group, ...which, consistency, revision: count.optional().describe("as it was then") }),
      output: z.object({ entry: entry.optional(), revision: count }),
      access: "read",
      idempotent: true,
    },
    range: {
      about:
        "entries in the order of their keys; with `more`, ask again with `after` as the last key and the same revision",
      input: z.strictObject({
        group,
        map: name,
        from: bound.optional().describe("the first key that may come"),
        after: bound.optional().describe("keys behind this one"),
        end: bound.optional().describe("keys before this one"),
        prefix: bound.optional(),
        limit,
        keysOnly: z.boolean().default(false),
        countOnly: z.boolean().default(false).describe("no entries, only how many there are"),
        revision: count.optional().describe("as it was then"),
        consistency,
      }),
      output: z.object({
        entries: z.array(entry).readonly(),
        more: z.boolean(),
        revision: count,
        count: count
          .optional()
          .describe(
            "of the whole range, whatever `after` and `limit` are; not of the past, unless only that is asked for",
          ),
      }),
      access: "read",
      idempotent: true,
    },
    put: {
      about: "sets the value of a key",
      input: z.strictObject({ ...changes, ...which, value, lease }),
      output: mapReply,
      access: "operate",
    },
    delete: {
      about: "takes a key away; that it was not there is no failure",
      input: z.strictObject({ ...changes, ...which }),
      output: mapReply,
      access: "operate",
    },
    deleteRange: {
      about: "takes away all keys from `key` on, before `end`",
      input: z.strictObject({ ...changes, map: name, key: bound, end: bound.optional() }),
      output: mapReply,
      access: "operate",
    },
    cas: {
      about: "sets a value, or without one deletes, if the key is as expected; says what it is if not",
      input: z.strictObject({ ...changes, ...which, expect: expectation, value: value.optional(), lease }),
      output: z.object({ swapped: z.boolean(), revision: count, current: entry.optional() }),
      access: "operate",
    },
    watch: {
      about:
        "what has changed since a revision, in order; waits for the next change when nothing has. Ask again from `next`",
      input: z.strictObject({
        group,
        map: name.optional().describe("all maps without it"),
        key: key.optional(),
        prefix: bound.optional(),
        from: count.optional().describe("the first revision that may come; without it, what comes next"),
        waitMs,
        limit,
      }),
      output: z.object({ events: z.array(event).readonly(), next: count }),
      access: "read",
      idempotent: true,
    },
    compact: {
      about: "forgets what was before a revision",
      input: z.strictObject({ ...changes, revision: count }),
      output: z.object({ revision: count }),
      access: "operate",
    },
  },
});

const leaseReply = z.object({ lease: count, ttlMs: count });

export const leaseContract = defineContract({
  name: "lease",
  version: 1,
  about: "times to live: keys put under a lease go with it",
  methods: {
    grant: {
      about: "a new lease; it ends unless it is kept",
      input: z.strictObject({ ...changes, ttlMs }),
      output: leaseReply,
      access: "operate",
    },
    keep: {
      about: "its whole time again, from now on",
      input: z.strictObject({ ...changes, lease: count }),
      output: leaseReply,
      access: "operate",
    },
    revoke: {
      about: "ends it, and takes its keys away",
      input: z.strictObject({ ...changes, lease: count }),
      output: leaseReply,
      access: "operate",
    },
    list: {
      about: "those that there are, the oldest first",
      input: z.strictObject({
        group,
        after: count.optional().describe("those granted after this one"),
        limit,
        consistency,
      }),
      output: z.object({
        leases: z.array(z.object({ lease: count, ttlMs: count, leftMs: z.number(), keys: count })).readonly(),
        more: z.boolean(),
      }),
      access: "read",
      idempotent: true,
    },
  },
});
