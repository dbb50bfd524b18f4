/** The contract `lock`: mutual exclusion with fencing tokens and leases, first come, first served. */
import { z } from "zod";
import { defineContract } from "../../wire/rpc/index.ts";
import { changes, consistency, count, group, listed, name, ttlMs, waitMs } from "./schemas.ts";

const reply = z.object({
  state: z.enum(["held", "waiting", "refused", "released", "unknown"]),
  token: count
    .optional()
    .describe("rises with every grant of any lock of the group: what it guards takes no older one"),
  ttlMs: count.optional().describe("gone by then unless it is kept, or asked for again"),
  ahead: count.optional().describe("who is before it in line, the holder included"),
  holder: z.string().optional(),
});

const view = z.object({
  lock: z.string(),
  holder: z.string(),
  token: count,
  ttlMs: count,
  waiting: z.array(z.string()).readonly().describe("first come, first"),
});

export const lockContract = defineContract({
  name: "lock",
  version: 1,
  about: "locks with fencing tokens: held by one, for a time that its holder keeps up",
  methods: {
    acquire: {
      about:
        "takes the lock, or with waitMs a place in its line, and answers when it is held or the time is over: ask again to keep the place",
      input: z.strictObject({ ...changes, lock: name, holder: name, ttlMs, waitMs }),
      output: reply,
      access: "operate",
    },
    keep: {
      about: "its whole time again, from now on; unknown when it is lost",
      input: z.strictObject({ ...changes, lock: name, holder: name, token: count }),
      output: reply,
      access: "operate",
    },
    release: {
      about: "gives it up, or the place in its line, for the next one; with a token only that grant",
      input: z.strictObject({ ...changes, lock: name, holder: name, token: count.optional() }),
      output: reply,
      access: "operate",
    },
    show: {
      about: "who holds it and who waits",
      input: z.strictObject({ group, lock: name, consistency }),
      output: z.object({ lock: view.optional() }),
      access: "read",
      idempotent: true,
    },
    list: {
      about: "all locks that are held",
      input: z.strictObject(listed),
      output: z.object({ locks: z.array(view).readonly(), more: z.boolean() }),
      access: "read",
      idempotent: true,
    },
  },
});
