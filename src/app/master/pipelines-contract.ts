/** The contract `pipelines`: what can be asked of a master. */
import { z } from "zod";
import { type Client, defineContract } from "../../wire/rpc/index.ts";

const which = z.string().min(1).max(300).describe("its id, its name, or the beginning of its id");
const path = z.string().min(1).max(4096);

const stage = z.object({
  name: z.string(),
  in: z.number(),
  out: z.number(),
  retries: z.number(),
  restarts: z.number(),
  library: z.string().optional().describe("the plugin file on the master's machine"),
  inFlight: z.number().optional().describe("batches under way in it"),
  inFlightMax: z.number().optional().describe("batches that may be under way in all of the pipeline, and so in it"),
  waitedMs: z.number().optional().describe("total time that batches waited for room behind it"),
  p50Ms: z.number().optional().describe("of a batch, in the last seconds, on the slowest worker"),
  p99Ms: z.number().optional(),
});

const pipeline = z.object({
  id: z.string().describe("of this submission, and of its report"),
  name: z.string(),
  path: z.string().describe("of the pipeline file, on the master's machine"),
  state: z.string().describe("starting, running, retrying, pausing, paused, ended, failed or cancelled"),
  detail: z.string().optional().describe("for people: what it waits for, why it failed"),
  submittedMs: z.number(),
  read: z.number().describe("records"),
  written: z.number(),
  deadLettered: z.number(),
  readBytes: z.number().optional(),
  totalBytes: z.number().optional(),
  p50Ms: z.number().optional().describe("of a batch, from its read to its write, since the run began"),
  p99Ms: z.number().optional(),
  stages: z.array(stage).readonly(),
  rewinds: z.number().describe("times it went back to its checkpoint because an owner of stages was lost"),
});

const worker = z.object({
  id: z.string(),
  capacity: z.number(),
  isDraining: z.boolean(),
  cpu: z.number().optional(),
  memory: z.number().optional(),
  queue: z.number().optional(),
});

const one = z.object({ pipeline });

export const pipelinesContract = defineContract({
  name: "pipelines",
  version: 1,
  about: "pipelines on the workers of a master",
  methods: {
    submit: {
      about: "runs a pipeline file; one that runs already becomes what the file says now, from its checkpoint on",
      input: z.strictObject({
        path,
        fresh: z.boolean().optional().describe("forget the checkpoint and replace the output"),
        input: path.optional().describe("read this instead of the file's source"),
        once: z.boolean().optional().describe("leave it as it is when it is known already: for who is started again"),
        output: path.optional().describe("write there instead of the file's sink"),
      }),
      output: one,
      access: "operate",
    },
    list: {
      about: "all pipelines that this master knows, and its workers",
      input: z.strictObject({}),
      output: z.object({
        by: z.string().optional().describe("the node that has answered"),
        pipelines: z.array(pipeline).readonly(),
        workers: z.array(worker).readonly(),
      }),
      access: "read",
      idempotent: true,
    },
    show: {
      about: "one pipeline",
      input: z.strictObject({ pipeline: which }),
      output: one,
      access: "read",
      idempotent: true,
    },
    pause: {
      about: "takes no more input, commits what is under way, and waits for resume",
      input: z.strictObject({ pipeline: which }),
      output: one,
      access: "operate",
    },
    resume: {
      about: "goes on where a pipeline was paused, or has failed",
      input: z.strictObject({ pipeline: which }),
      output: one,
      access: "operate",
    },
    cancel: {
      about: "ends it for good; what is committed stays",
      input: z.strictObject({ pipeline: which }),
      output: one,
      access: "operate",
    },
    swap: {
      about:
        "gives one stage another plugin, from the checkpoint on and until the file is submitted anew; one that does not load changes nothing",
      input: z.strictObject({
        pipeline: which,
        stage: z.string().min(1).max(4096),
        library: path.describe("a plugin file on the master's machine"),
        params: z
          .record(z.string().min(1).max(256), z.string().max(65_536))
          .optional()
          .describe("in place of the stage's parameters of the same names; its others stay"),
      }),
      output: one,
      access: "operate",
    },
    drain: {
      about:
        "gives a worker no new work, and takes away what it owns, also over restarts of worker and master; or lets it work again",
      input: z.strictObject({ node: which, on: z.boolean() }),
      output: z.object({ workers: z.array(worker).readonly() }),
      access: "operate",
    },
  },
});

export type PipelinesClient = Client<typeof pipelinesContract.methods>;
export type PipelineView = z.output<typeof pipeline>;
export type WorkerInfo = z.output<typeof worker>;
