/**
 * What a master and its workers say to each other about tasks. A task and its outcome travel as JSON text, for that is what
 * they are made of: a link's own encoding bounds the depth of what people's servers answer. What comes in is checked.
 */
import { z } from "zod";
import { Failure, messageOf } from "../../base/errors.ts";
import type { ShippedFile } from "../../work/artifact/index.ts";
import type { Json, ReadyWork, TaskOutcome } from "../../work/task/index.ts";

export const TASK_TOPICS = {
  /** Master → worker: how many tasks at once it takes. */
  hello: "task/hello",
  /** Master → worker: do this, or (without a task) how is it. Answered with the outcome, or with none when it takes long. */
  run: "task/run",
  /** Master → worker, one-way: nobody wants to know any more. */
  drop: "task/drop",
} as const;

/** A worker answers after so long that it is still at work: a master that hears nothing for much longer gives it up. */
export const ANSWER_WITHIN_MS = 15_000;
/** What nobody has asked about for so long is given up: its master is gone, or has forgotten it. */
export const ORPHANED_MS = 10_000;

const attempt = z.string().min(1).max(256);
const file = z.object({
  place: z.array(z.union([z.string(), z.number()])),
  id: z.string(),
});

export const taskHelloReply = z.object({ capacity: z.number().int().min(1) });
export const runMessage = z.object({ attempt, work: z.string().optional(), files: z.array(file).optional() });
export const runReply = z.object({ outcome: z.string().optional() });
export const dropMessage = z.object({ attempt });

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
/** Parsed from JSON, so it is JSON: looked at where it matters, and not copied. */
const json = z.custom<Json>(() => true);
const object = z.custom<{ readonly [key: string]: Json }>(isObject, "an object is required");

const status = z.number().int().min(100).max(599);
const http = z.object({
  type: z.literal("http"),
  method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]),
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  body: json.optional(),
  expect: z.array(z.tuple([status, status])),
  idempotencyKey: z.string().optional(),
  responseBytesMax: z.number().int().min(0),
});
const plugin = z.object({
  type: z.literal("plugin"),
  library: z.string().min(1),
  idempotent: z.boolean().optional(),
  params: object,
  records: z.array(object),
});
/** Pipelines are the master's own business: they come as batches. */
const work = z.discriminatedUnion("type", [http, plugin]);

const failed = z.object({
  state: z.literal("failed"),
  code: z.string(),
  reason: z.string(),
  retryable: z.boolean(),
  untouched: z.boolean().optional(),
  retryAfterMs: z.number().optional(),
});
const done = z.object({ state: z.literal("done"), output: json });
const outcome = z.discriminatedUnion("state", [done, failed]);

/** A task on its way: with the files of its plugin. */
export interface PackedTask {
  readonly work: Exclude<ReadyWork, { readonly type: "pipeline" }>;
  readonly files: readonly ShippedFile[];
}

/** Fails with `task.message`. */
export function readWork(text: string): PackedTask["work"] {
  return read(work, text, "a task") as PackedTask["work"]; // what is left out is left out: JSON has no undefined
}

/** Fails with `task.message`. */
export function readOutcome(text: string): TaskOutcome {
  return read(outcome, text, "the outcome of a task") as TaskOutcome; // likewise
}

function read<T>(schema: z.ZodType<T>, text: string, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw new Failure("task.message", `${what} was not understood: ${messageOf(thrown)}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Failure("task.message", `${what} was not understood: ${z.prettifyError(parsed.error)}`);
}
