/** The contract `tasks`: what can be asked of a master about task graphs. */
import { z } from "zod";
import { type Client, defineContract } from "../../../wire/rpc/index.ts";

/** Lines of one answer: what so many take with the longest reasons stays below an answer's limit. */
export const LINES_MAX = 5_000;
/** An output in an answer. What is larger is told by its size, and read where the store is. */
export const OUTPUT_BYTES_MAX = 8 * 2 ** 20;
export const RUNS_LISTED_MAX = 1_000;
const PARALLEL_MAX = 10_000;
/** A longer one is no key but data. */
export const KEY_CHARS_MAX = 255;

const run = z.string().min(1).max(128).describe("a run's id");
const path = z.string().min(1).max(4096);
const count = z.number().int().min(0);

const counts = z.object({
  pending: count,
  running: count,
  waiting: count,
  done: count,
  failed: count,
  skipped: count,
});

const taskState = z.enum(["pending", "running", "waiting", "done", "failed", "skipped"]);
const runState = z.enum(["running", "done", "failed", "stopped", "interrupted"]);

const line = z.object({
  id: z.string(),
  state: taskState,
  attempts: count,
  tookMs: z.number().exactOptional(),
  reason: z.string().exactOptional(),
});
const lines = z.array(line).readonly();

const listed = z.object({
  id: z.string(),
  name: z.string(),
  file: z.string(),
  state: runState,
  tasks: count,
  startedMs: z.number(),
  endedMs: z.number().nullable(),
});

const shown = z.object({
  run: z.string(),
  name: z.string(),
  file: z.string(),
  state: runState,
  startedMs: z.number(),
  elapsedMs: z.number().exactOptional(),
  counts,
  retries: count,
  latencyMs: z.object({ p50: z.number(), p99: z.number(), max: z.number() }),
  slowest: lines,
  failed: lines,
  skipped: lines,
  report: z.string().exactOptional().describe("its id, for report ID"),
  criticalPath: z.object({ tasks: z.array(z.string()).readonly(), tookMs: z.number() }),
});

const shownTask = line.extend({
  run: z.string(),
  startedMs: z.number().nullable().exactOptional(),
  endedMs: z.number().nullable().exactOptional(),
  output: z.unknown().optional().describe("what it has left"),
  outputBytes: count.exactOptional().describe("instead of an output that is too large for an answer"),
});

const progress = z.object({
  id: z.string(),
  name: z.string(),
  state: runState,
  counts,
  total: count,
  retries: count,
  elapsedMs: z.number(),
});

export const tasksContract = defineContract({
  name: "tasks",
  version: 1,
  about: "task graphs on the workers of a master",
  methods: {
    run: {
      about: "runs a task graph, or goes on with a run that was interrupted, stopped or has failed",
      input: z.strictObject({
        path: path.optional().describe("of the graph's file, on the master's machine"),
        parallel: z.number().int().min(1).max(PARALLEL_MAX).optional().describe("tasks at once"),
        resume: run.optional().describe("go on with this run; what is done is not repeated"),
        key: z
          .string()
          .min(1)
          .max(KEY_CHARS_MAX)
          .optional()
          .describe(
            "with path: asking again with the same key within a day gives the same run, or fails where the file or parallel is another",
          ),
        retryFailed: z.boolean().optional().describe("with resume: failed and skipped tasks too"),
      }),
      output: z.object({ run: z.string() }),
      access: "operate",
    },
    progress: {
      about: "how far a run is",
      input: z.strictObject({ run }),
      output: progress,
      access: "read",
      idempotent: true,
    },
    list: {
      about: "runs of the master's data directory, the latest first",
      input: z.strictObject({ limit: z.number().int().min(1).max(RUNS_LISTED_MAX).optional() }),
      output: z.object({ runs: z.array(listed).readonly() }),
      access: "read",
      idempotent: true,
    },
    show: {
      about: "what became of a run",
      input: z.strictObject({ run }),
      output: z.object({ run: shown }),
      access: "read",
      idempotent: true,
    },
    tasks: {
      about: "the tasks of a run in the file's order, thousands at a time",
      input: z.strictObject({ run, from: count.optional() }),
      output: z.object({ tasks: lines, total: count }),
      access: "read",
      idempotent: true,
    },
    task: {
      about: "one task of a run, with what it has left",
      input: z.strictObject({ run, task: z.string().min(1).max(128) }),
      output: z.object({ task: shownTask }),
      access: "read",
      idempotent: true,
    },
    cancel: {
      about: "gives up what runs, and the pipelines among it; finished tasks stay finished, and the run can be resumed",
      input: z.strictObject({ run }),
      output: z.object({ run: shown }),
      access: "operate",
    },
  },
});

export type TasksClient = Client<typeof tasksContract.methods>;
