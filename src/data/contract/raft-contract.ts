/** The contract `raft`: the groups that keep the data, for operators. */
import { z } from "zod";
import { NODE_ID } from "../../protocol/raft/index.ts";
import { defineContract } from "../../wire/rpc/index.ts";
import { JSON_CHARS_MAX } from "./limits.ts";
import { changes, consistency, count, entry, group, key, mapReply, name } from "./schemas.ts";

/** `raft propose` and `raft read` are about this map, one setting a key, each value a JSON text. */
export const CONFIG_MAP = "config";

const member = z.object({
  id: z.string(),
  address: z.string().optional(),
  kind: z.enum(["voter", "learner"]),
  isLeaving: z.boolean().optional().describe("of the old configuration only, while a joint one is in force"),
  match: count.optional().describe("the last entry that it is known to have; the leader knows"),
  next: count.optional(),
  state: z.string().optional().describe("probe, replicate, snapshot or silent, as the leader sees it"),
});

const status = z.object({
  group: z.string(),
  node: z.string(),
  role: z.string(),
  term: count,
  leader: z.string().optional(),
  commit: count,
  applied: count,
  first: count.describe("the oldest entry in the log"),
  last: count,
  logBytes: count,
  dataBytes: count.describe("of the state that the log makes"),
  durability: z.string().describe("fsync, or relaxed where that was asked for"),
  damage: z.string().optional().describe("what was found damaged and is not repaired yet"),
  snapshot: z.object({ index: count, term: count, bytes: count }).optional(),
  members: z.array(member).readonly(),
});

const json = z
  .json()
  .refine((value) => JSON.stringify(value).length <= JSON_CHARS_MAX, `at most ${JSON_CHARS_MAX} characters are taken`);

const operation = z.discriminatedUnion("operation", [
  z.strictObject({ operation: z.literal("set"), key, value: json }),
  z.strictObject({ operation: z.literal("delete"), key }),
  z.strictObject({
    operation: z.literal("cas"),
    key,
    expect: json.optional().describe("the value that it has; left out: none"),
    value: json.optional().describe("left out: it is deleted"),
  }),
]);

const node = z.string().regex(NODE_ID).describe("its id");
const done = z.object({ status });

export const raftContract = defineContract({
  name: "raft",
  version: 1,
  about: "the groups of nodes that keep the data: their state, and what operators do to them",
  methods: {
    status: {
      about: "all groups as this node sees them",
      input: z.strictObject({ group: name.optional() }),
      output: z.object({ groups: z.array(status).readonly() }),
      access: "read",
      idempotent: true,
    },
    propose: {
      about: `sets, deletes or compares and swaps a setting of the map ${CONFIG_MAP}`,
      input: z.strictObject({ ...changes, command: operation }),
      output: mapReply.extend({ swapped: z.boolean().optional(), current: z.json().optional() }),
      access: "operate",
    },
    read: {
      about: `a setting of the map ${CONFIG_MAP}`,
      input: z.strictObject({ group, key, consistency }),
      output: z.object({ value: z.json().optional(), entry: entry.omit({ value: true }).optional(), revision: count }),
      access: "read",
      idempotent: true,
    },
    transfer: {
      about: "has another member lead; without one, the one that is furthest",
      input: z.strictObject({ group, to: node.optional() }),
      output: done,
      access: "operate",
    },
    add: {
      about: "takes a node in: as a learner until it has all, then as a voter",
      input: z.strictObject({ group, node, learner: z.boolean().default(false).describe("it stays a learner") }),
      output: done,
      access: "operate",
    },
    promote: {
      about: "makes a learner a voter",
      input: z.strictObject({ group, node }),
      output: done,
      access: "operate",
    },
    remove: {
      about: "takes a member out",
      input: z.strictObject({ group, node }),
      output: done,
      access: "operate",
    },
    snapshot: {
      about: "writes the state of this node now, so that older entries can go",
      input: z.strictObject({ group }),
      output: done,
      access: "operate",
    },
    verify: {
      about: "reads this node's log again and checks every entry",
      input: z.strictObject({ group }),
      output: z.object({ entries: count, bytes: count, damaged: z.array(z.string()).readonly() }),
      access: "operate",
    },
  },
});
