/** The contract `instances`: the processes of this program beside a node, with its data directory: what each runs, and what can be done to it. */
import { z } from "zod";
import { type Client, defineContract } from "../../wire/rpc/index.ts";
import { instanceContract, treeNode } from "../control/contract.ts";

const pid = z.number().int().positive().describe("of the process, as list tells it");
const name = z
  .string()
  .min(1)
  .max(4096)
  .describe("a name in its tree, the end of a path, or a whole path behind a slash");
const { reload, restart, stop, swap } = instanceContract.methods;

const about = z.object({
  pid: z.number(),
  version: z.string(),
  startedMs: z.number().describe("milliseconds since the epoch"),
  command: z.string().describe("the command that it carries out, such as run"),
  pipeline: z.string().describe("its pipeline file, or its id as a node"),
  dataDir: z.string(),
  isSelf: z.boolean().describe("whether it is the node that was asked"),
});

const silent = z.object({ pid: z.number(), pipeline: z.string(), code: z.string(), reason: z.string() });

export const instancesContract = defineContract({
  name: "instances",
  version: 1,
  about: "the processes of this program on this node's machine, of its user and data directory",
  methods: {
    list: {
      about: "all of them, and those that do not answer",
      input: z.strictObject({}),
      output: z.object({ instances: z.array(about).readonly(), silent: z.array(silent).readonly() }),
      access: "read",
      idempotent: true,
    },
    describe: {
      about: "one of them with its tree of supervisors and processes",
      input: z.strictObject({ pid }),
      output: z.object({ instance: about, tree: treeNode }),
      access: "read",
      idempotent: true,
    },
    stop: {
      about: "stop what is named, in order, with everything below it; its pipeline's name ends a run as SIGINT does",
      input: z.strictObject({ pid, name }),
      output: stop.output,
      access: "operate",
      idempotent: true,
    },
    restart: {
      about: "stop what is named and start it again; answered when it serves",
      input: z.strictObject({ pid, name }),
      output: restart.output,
      access: "operate",
    },
    swap: {
      about: "put another plugin in a stage's place while records flow; one that does not load changes nothing",
      input: swap.input.extend({ pid }),
      output: swap.output,
      access: "operate",
    },
    reload: {
      about: "have a run read its pipeline file again and become what it says",
      input: z.strictObject({ pid }),
      output: reload.output,
      access: "operate",
      idempotent: true,
    },
  },
});

export type InstancesClient = Client<typeof instancesContract.methods>;
export type InstanceAbout = z.output<typeof about>;
