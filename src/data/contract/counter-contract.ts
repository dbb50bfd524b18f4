/** The contract `counter`: whole numbers that count exactly. */
import { z } from "zod";
import { defineContract } from "../../wire/rpc/index.ts";
import { changes, consistency, counterReply, group, listed, name, wholeNumber } from "./schemas.ts";

export const counterContract = defineContract({
  name: "counter",
  version: 1,
  about: "counters: each addition counts once",
  methods: {
    add: {
      about: "adds a whole number, which may be negative",
      input: z.strictObject({ ...changes, counter: name, by: wholeNumber }),
      output: counterReply,
      access: "operate",
    },
    set: {
      about: "sets it",
      input: z.strictObject({ ...changes, counter: name, to: wholeNumber }),
      output: counterReply,
      access: "operate",
    },
    get: {
      about: "its value; 0 when nobody has counted yet",
      input: z.strictObject({ group, counter: name, consistency }),
      output: counterReply,
      access: "read",
      idempotent: true,
    },
    list: {
      about: "all counters",
      input: z.strictObject(listed),
      output: z.object({
        counters: z.array(z.object({ counter: z.string(), value: wholeNumber })).readonly(),
        more: z.boolean(),
      }),
      access: "read",
      idempotent: true,
    },
  },
});
