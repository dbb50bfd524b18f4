/**
 * A task graph as plain data: what the file says once every fault is out of it. Tasks are numbered by their place in the file;
 * everything inside counts in these numbers, and ids are for people and references. It survives a trip to another process.
 */
import type { BalancerName } from "../../protocol/balance/index.ts";
import type { RetryPolicy } from "../../protocol/retry/index.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] as const;
export type Method = (typeof METHODS)[number];

export interface Need {
  /** Number of the task. */
  readonly task: number;
  /** When it fails, this task runs all the same. */
  readonly optional: boolean;
}

/** First and last status that is fine. */
export type StatusRange = readonly [from: number, to: number];

/** Texts may hold references: `${tasks.ID.output.path}`, `${env.NAME}`. */
export interface HttpWork {
  readonly type: "http";
  readonly method: Method;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A text goes as it is, anything else as JSON. */
  readonly body?: Json;
  readonly expect: readonly StatusRange[];
  /** `true` makes one of the run's and the task's ids: the same on every attempt. */
  readonly idempotencyKey?: string | true;
  readonly responseBytesMax: number;
}

export interface PluginWork {
  readonly type: "plugin";
  /** Absolute path. */
  readonly library: string;
  /** False: what it does to the world outside must not be done twice. */
  readonly idempotent?: boolean;
  readonly params: JsonObject;
  /** A list of records, or one reference that gives a list. */
  readonly records: Json;
}

export interface PipelineWork {
  readonly type: "pipeline";
  /** Absolute path. */
  readonly file: string;
}

export type Work = HttpWork | PluginWork | PipelineWork;

export interface Task {
  readonly id: string;
  /** What stays together on a worker, where the balancer looks at it; the id when left out. It may hold references. */
  readonly key?: string;
  readonly needs: readonly Need[];
  /** Of one attempt. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly work: Work;
}

export interface TaskGraph {
  readonly name: string;
  /** Tasks at once; 1 is one after the other. */
  readonly parallel: number;
  /** Which worker gets the next task, where there are workers. */
  readonly balancer: BalancerName;
  /** Of the whole run. */
  readonly timeoutMs?: number;
  /** `stop` starts nothing any more once a required task has failed. */
  readonly onFailure: "stop" | "continue";
  /** Variables that texts may name. */
  readonly env: readonly string[];
  readonly tasks: readonly Task[];
}

/** What it takes to say so: of a task as it is written, or as it is ready. */
type Idempotence =
  | Pick<PipelineWork, "type">
  | Pick<PluginWork, "type" | "idempotent">
  | (Pick<HttpWork, "type" | "method"> & { readonly idempotencyKey?: string | true });

/** Whether doing it again changes nothing beyond what doing it once did. */
export function isIdempotent(work: Idempotence): boolean {
  if (work.type === "pipeline") return true;
  if (work.type === "plugin") return work.idempotent !== false;
  return (work.method !== "POST" && work.method !== "PATCH") || work.idempotencyKey !== undefined;
}
