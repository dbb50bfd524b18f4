/**
 * What a master and its workers say to each other over a link. Batches travel beside the words: as bytes in the message, or,
 * between processes of one machine, as a place in shared memory. What comes in is checked before it is used.
 */
import { z } from "zod";
import { Failure } from "../../../base/errors.ts";
import { PART_BYTES_MAX } from "./parts.ts";

export const TOPICS = {
  /** Master → worker: bring these stages up. Answered when they serve. */
  deploy: "work/deploy",
  /** Master → worker: take this batch through them. Answered with the result. */
  lease: "work/lease",
  /** Master → worker: a piece of what the next deployment or lease is too large to carry. */
  put: "work/put",
  /** Master → worker: a piece of what an answer was too large to carry. Answered with its bytes. */
  fetch: "work/fetch",
  /** Master → worker, one-way: results, and parts of answers, that nobody needs any more. */
  release: "work/release",
  /** Master → worker: the stages are to end. Answered when they have. */
  undeploy: "work/undeploy",
  /** Worker → master, one-way, regularly: load, and the leases that it works on. */
  report: "work/report",
  /** Worker → master, one-way: stages have ended by themselves. */
  failed: "work/failed",
  /** Worker → master: it is about to leave, and wants no new work. */
  leaving: "work/leaving",
  /** Master → worker: is it one, and what can it do. */
  hello: "work/hello",
} as const;

/** States and dead letters of so many stages, and a batch. */
const PARTS_MAX = 1024;

const id = z.string().min(1).max(256);
const count = z.number().int().min(0);
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, "bytes are required");

const place = z.object({
  machine: z.string().max(256),
  pid: z.number().int().positive(),
  fd: count,
  inode: count,
  sizeBytes: count,
});

/** Its number among those of its message, and how large it is. */
const partName = z.object({ part: count.max(PARTS_MAX), bytes: count.min(1).max(PART_BYTES_MAX) });
const part = z.union([bytes, partName]);

/** A batch: its bytes, or where they lie. */
const content = z.union([part, z.object({ place, offset: count, bytes: count })]);

const state = z.tuple([id, part]);

export const deployMessage = z.object({
  deployment: id,
  /** A segment of the master: who can map it gets batches by their place. */
  probe: place,
  pipeline: id,
  run: id,
  /** As the master's side packed them; see PlanPort. */
  plans: z.array(z.unknown()).min(1).max(256),
  settings: z.record(z.string(), z.unknown()),
  encoding: z.enum(["ndjson", "batch"]),
  /** Batches keep the order of their numbers. */
  isSequential: z.boolean(),
  inFlight: z.number().int().min(1).max(65_536),
  firstSeq: count,
  states: z.array(state).max(256),
});

export const deployReply = z.object({
  /** Where the stages run, as the master's segments are reached from there; empty where they are not. */
  machine: z.string().max(256),
  /** The segment in which results lie. */
  results: place,
});

export const leaseMessage = z.object({
  deployment: id,
  lease: count,
  seq: count,
  id: z.string().max(8192),
  barrier: z.boolean(),
  finish: z.boolean(),
  failsOver: z.boolean(),
  /** The result is to come as bytes. */
  asBytes: z.boolean(),
  /** The batch's own checksum: by the time it is taken, its place may hold another one. */
  check: count,
  content,
});

const stageCounts = z.object({
  in: count,
  out: count,
  filtered: count,
  deadLettered: count,
  skipped: count,
  added: count,
});

export const leaseReply = z.object({
  malformed: count,
  counts: z.array(stageCounts).max(256),
  dead: z.array(part).max(256),
  states: z.array(state).max(256),
  /** Milliseconds from its arrival at the worker. */
  tookMs: z.number(),
  content,
});

/** Whose part it is; without a lease it is the deployment's. */
const partOwner = { deployment: id, lease: count.optional() };
export const putMessage = z.object({ ...partOwner, ...partName.shape, offset: count, piece: bytes });
export const fetchMessage = z.object({ deployment: id, lease: count, part: count, offset: count });
export const fetchReply = bytes;

export const releaseMessage = z.object({ deployment: id, leases: z.array(count).max(65_536) });
export const undeployMessage = z.object({ deployment: id, how: z.enum(["stop", "kill"]) });

const nodeLoad = z.object({
  /** Share of its processors, and of its memory, that is in use: 0 to 1. */
  cpu: z.number(),
  memory: z.number(),
  /** Batches that it works on, of all masters. */
  queue: count,
});

const stageProgress = z.object({
  name: z.string(),
  rows: z.number(),
  inFlight: z.number(),
  retries: z.number(),
  restarts: z.number(),
  pids: z.array(z.number()).readonly(),
  failures: z.number().optional(),
  waitedMs: z.number().optional(),
  p50Ms: z.number().optional(),
  p99Ms: z.number().optional(),
});

export const reportMessage = z.object({
  load: nodeLoad,
  deployments: z
    .array(
      z.object({
        deployment: id,
        leases: z.array(count).max(65_536),
        stages: z.array(stageProgress).max(256),
        tree: z.unknown(),
      }),
    )
    .max(4096),
});

export const failedMessage = z.object({ deployment: id, code: z.string(), reason: z.string() });
export const helloReply = z.object({ machine: z.string(), capacity: z.number().min(1), isLeaving: z.boolean() });

export type DeployMessage = z.infer<typeof deployMessage>;
export type DeployReply = z.infer<typeof deployReply>;
export type LeaseMessage = z.infer<typeof leaseMessage>;
export type LeaseReply = z.infer<typeof leaseReply>;
export type ReportMessage = z.infer<typeof reportMessage>;
export type NodeLoad = z.infer<typeof nodeLoad>;
export type HelloReply = z.infer<typeof helloReply>;

/** Fails with `work.message`: another version, or somebody who is no node of ours. */
export function readMessage<T>(schema: z.ZodType<T>, payload: unknown, what: string): T {
  const read = schema.safeParse(payload);
  if (read.success) return read.data;
  throw new Failure("work.message", `${what} was not understood: ${z.prettifyError(read.error)}`);
}
