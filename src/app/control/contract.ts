/**
 * The contract `instance`: what can be asked of a running instance of this program. The same for the control socket today
 * and for every other way in later.
 */
import { z } from "zod";
import { type Client, defineContract } from "../../wire/rpc/index.ts";

const lastExit = z.object({
  code: z.number().nullable().describe("exit code, null when a signal ended it"),
  signal: z.string().nullable(),
  reason: z.string(),
  atMs: z.number().describe("milliseconds since the epoch"),
});

/** A supervisor or a worker with what it runs below it. */
export const treeNode = z.object({
  name: z.string(),
  kind: z.enum(["supervisor", "worker"]),
  strategy: z.string().optional(),
  // Open words: an older client shows a state it has never heard of.
  state: z.string(),
  pid: z.number().optional(),
  uptimeMs: z.number().optional(),
  restarts: z.number(),
  lastExit: lastExit.optional(),
  memoryBytes: z.number().optional().describe("its own memory, shared pages left out"),
  cpuMs: z.number().optional(),
  detail: z.string().optional(),
  get children() {
    return z.array(treeNode).readonly();
  },
});

export type TreeNode = z.output<typeof treeNode>;

const instanceInfo = z.object({
  pid: z.number(),
  version: z.string(),
  startedMs: z.number().describe("milliseconds since the epoch"),
  command: z.string().describe("the command that it carries out, such as run"),
  pipeline: z.string().describe("the pipeline file"),
  dataDir: z.string(),
});

export type InstanceInfo = z.output<typeof instanceInfo>;

const name = z
  .string()
  .min(1)
  .max(4096)
  .describe("a name in the tree, the end of a path, or a whole path behind a slash");
const names = z.array(z.string()).readonly();
const done = z.object({ done: names.describe("the paths acted on") });
const stopped = done.extend({ ending: z.boolean().describe("whether the instance itself now comes to its end") });
/** As they stand in a pipeline file. */
const params = z.record(z.string().min(1).max(256), z.string().max(65_536));

const swapReport = z.object({
  stage: z.string(),
  from: z.string().describe("the library before"),
  to: z.string(),
  lanes: z.number(),
  tookMs: z.number(),
  state: z
    .enum(["restored", "dropped", "none"])
    .describe("restored: the new plugin goes on from the old one's; dropped: it keeps none; none: there was none"),
  heldMs: z.number().optional().describe("longest time that one of its lanes took no batch"),
  trial: z.enum(["passed", "pending"]).optional().describe("pending: no batch has come since"),
});

const reloadReport = z.object({
  changed: names,
  added: names,
  removed: names,
  moved: names.describe("the same as before, in new processes, because their neighbours are others"),
  unchanged: names,
  tookMs: z.number(),
});

export type Stopped = z.output<typeof stopped>;
export type SwapReport = z.output<typeof swapReport>;
export type ReloadReport = z.output<typeof reloadReport>;

export const instanceContract = defineContract({
  name: "instance",
  version: 1,
  about: "a running instance: its tree of processes, and what can be done to it",
  methods: {
    describe: {
      about: "the instance and its tree of supervisors and processes",
      input: z.strictObject({}),
      output: z.object({ instance: instanceInfo, tree: treeNode }),
      access: "read",
      idempotent: true,
    },
    stop: {
      about: "stop what is named, in order, with everything below it; the pipeline's name ends the run as SIGINT does",
      input: z.strictObject({ name }),
      output: stopped,
      access: "operate",
      idempotent: true,
    },
    restart: {
      about: "stop what is named and start it again; answered when it serves",
      input: z.strictObject({ name }),
      output: done,
      access: "operate",
    },
    swap: {
      about: "put another plugin in a stage's place while records flow",
      input: z.strictObject({
        stage: z.string().min(1).max(4096),
        library: z.string().min(1).max(4096).describe("an absolute path of a plugin file"),
        params: params.optional().describe("in place of the stage's parameters of the same names; its others stay"),
      }),
      output: swapReport,
      access: "operate",
    },
    reload: {
      about: "read the pipeline file again and become what it says; a file with faults changes nothing",
      input: z.strictObject({}),
      output: reloadReport,
      access: "operate",
      idempotent: true,
    },
  },
});

export type InstanceClient = Client<typeof instanceContract.methods>;
