/** A task ready to be executed anywhere: every reference filled in, nothing but plain data. */
import { Failure } from "../../base/errors.ts";
import { isObject, shown } from "./object-reader.ts";
import { type ReferenceValues, resolveUrl, resolveValue } from "./reference.ts";
import type { HttpWork, Json, JsonObject, PipelineWork, PluginWork, Task, Work } from "./types.ts";

export type ReadyHttp = Omit<HttpWork, "idempotencyKey"> & { readonly idempotencyKey?: string };
export type ReadyPlugin = Omit<PluginWork, "records"> & { readonly records: readonly JsonObject[] };
export type ReadyWork = ReadyHttp | ReadyPlugin | PipelineWork;

export interface ReadyTask {
  readonly run: string;
  readonly id: string;
  readonly key?: string;
  readonly timeoutMs: number;
  readonly work: ReadyWork;
}

/** Fails with `task.reference.*` or `task.input.*`. */
export function readyTask(run: string, task: Task, values: ReferenceValues): ReadyTask {
  const { id, timeoutMs, work } = task;
  const key = task.key === undefined ? undefined : textOf(resolveValue(task.key, values));
  return { run, id, ...(key !== undefined && { key }), timeoutMs, work: readyWork(`${run}.${id}`, work, values) };
}

function readyWork(identity: string, work: Work, values: ReferenceValues): ReadyWork {
  if (work.type === "pipeline") return work;
  if (work.type === "http") return readyHttp(identity, work, values);
  const params = resolveValue(work.params, values) as JsonObject; // an object stays one
  return { ...work, params, records: recordsOf(resolveValue(work.records, values)) };
}

function readyHttp(identity: string, { idempotencyKey, ...work }: HttpWork, values: ReferenceValues): ReadyHttp {
  const key = idempotencyKey === true ? identity : idempotencyKey && textOf(resolveValue(idempotencyKey, values));
  const headers = Object.entries(work.headers).map(([name, text]) => [name, textOf(resolveValue(text, values))]);
  return {
    ...work,
    url: resolveUrl(work.url, values),
    headers: Object.fromEntries(headers),
    ...(work.body !== undefined && { body: resolveValue(work.body, values) }),
    ...(key !== undefined && { idempotencyKey: key }),
  };
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function recordsOf(value: Json): readonly JsonObject[] {
  if (Array.isArray(value) && value.every(isObject)) return value as readonly JsonObject[]; // each was looked at
  throw new Failure("task.input.records", `records is ${shown(value)} once filled in; a list of objects is required`);
}
