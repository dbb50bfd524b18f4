/**
 * From a value that should be a task graph to one that is, or to every fault in it. Reading is total: what is wrong becomes a
 * fault and reading goes on, so that the graph around it (needs, cycles, references) is checked in the same go.
 */
import { nearMiss } from "../../base/near-miss.ts";
import { formatBytes } from "../../base/units.ts";
import { BALANCER_NAMES, type BalancerName, parseBalancer } from "../../protocol/balance/index.ts";
import type { RetryPolicy } from "../../protocol/retry/index.ts";
import { checkGraph } from "./check-graph.ts";
import { FaultList, type TaskFault } from "./faults.ts";
import { scanJson } from "./json-text.ts";
import {
  GRAPH_BYTES_MAX,
  ID_LENGTH_MAX,
  NEEDS_MAX,
  PARALLEL_DEFAULT,
  PARALLEL_MAX,
  RETRIES_MAX,
  RETRY_BACKOFF_MAX_MS,
  RETRY_BACKOFF_MS,
  SUGGESTIONS_MAX,
  TASKS_MAX,
  TIMEOUT_MS,
  TIMEOUT_MS_MAX,
} from "./limits.ts";
import { isObject, ObjectReader, shown } from "./object-reader.ts";
import { type ResolvePath, readWork } from "./read-work.ts";
import type { Json, Need, Task, TaskGraph, Work } from "./types.ts";

export interface ReadGraph {
  /** Left out when there are faults. */
  readonly graph?: TaskGraph;
  readonly faults: readonly TaskFault[];
}

export interface ReadOptions {
  /** What faults call the file. */
  readonly file: string;
  readonly resolvePath: ResolvePath;
}

/** A graph as JSON text. */
export function parseTaskGraph(text: string, options: ReadOptions): ReadGraph {
  const faults = new FaultList();
  if (text.length > GRAPH_BYTES_MAX) {
    const [size, most] = [formatBytes(text.length), formatBytes(GRAPH_BYTES_MAX)];
    faults.add({
      path: [],
      code: "task.config.too_large",
      message: `the graph has ${size}`,
      allowed: `at most ${most}`,
    });
    return { faults: faults.list(options.file) };
  }
  const { doubled, syntax } = scanJson(text);
  for (const doubledKey of doubled) {
    faults.add({ ...doubledKey, code: "task.config.doubled_key", allowed: "each key once" });
  }
  if (syntax) {
    faults.add({ ...syntax, code: "task.config.syntax", allowed: "a JSON object" });
    return { faults: faults.list(options.file, text) };
  }
  const graph = read(JSON.parse(text.replace(/^\ufeff/, "")) as Json, faults, options.resolvePath);
  return faults.size > 0 || !graph ? { faults: faults.list(options.file, text) } : { graph, faults: [] };
}

/** A graph as a value: what a program gives. */
export function readTaskGraph(value: unknown, options: ReadOptions): ReadGraph {
  const faults = new FaultList();
  const graph = read(value as Json, faults, options.resolvePath); // it comes from JSON, whoever wrote it
  return faults.size > 0 || !graph ? { faults: faults.list(options.file) } : { graph, faults: [] };
}

const GRAPH_FIELDS = ["name", "parallel", "balancer", "timeout", "on_failure", "env", "tasks"];
const TIMEOUT_RANGE = { min: 1, max: TIMEOUT_MS_MAX };

function read(value: Json, faults: FaultList, resolvePath: ResolvePath): TaskGraph | undefined {
  if (!isObject(value)) {
    const message = `the graph is ${shown(value)}`;
    faults.add({ path: [], code: "task.config.no_object", message, allowed: "an object with name and tasks" });
    return undefined;
  }
  const reader = new ObjectReader(value, [], faults);
  reader.only(GRAPH_FIELDS, "a task graph");
  reader.required("name", "a text that people know the graph by");
  const timeoutMs = reader.durationMs("timeout", TIMEOUT_RANGE);
  const raw = readTasks(reader, resolvePath);
  const graph: TaskGraph = {
    name: reader.text("name", "1 to 64 letters, digits, spaces, . _ and -", isName) ?? "",
    parallel: reader.wholeNumber("parallel", { min: 1, max: PARALLEL_MAX }) ?? PARALLEL_DEFAULT,
    balancer: readBalancer(reader),
    ...(timeoutMs !== undefined && { timeoutMs }),
    onFailure: reader.choice("on_failure", ["stop", "continue"]) ?? "continue",
    env: readEnv(reader),
    tasks: raw && linkNeeds(raw, faults),
  };
  checkGraph(graph, faults);
  return graph;
}

/** CUSTOM is a plugin and belongs to pipelines. */
const BALANCERS = BALANCER_NAMES.filter((name) => name !== "CUSTOM");

function readBalancer(reader: ObjectReader): BalancerName {
  const text = reader.text("balancer", BALANCERS.join(", "));
  if (text === undefined) return "LEAST_CONNECTIONS";
  const name = parseBalancer(text);
  if (name !== undefined && name !== "CUSTOM") return name;
  const guess = nearMiss(text, BALANCERS);
  reader.fault("balancer", "bad_value", `balancer is ${shown(text)}`, BALANCERS.join(", "), guess);
  return "LEAST_CONNECTIONS";
}

function isName(text: string): boolean {
  return /^[\p{L}\p{N} ._-]{1,64}$/u.test(text);
}

function readEnv(reader: ObjectReader): readonly string[] {
  const names = reader.list("env", "a list of names of variables") ?? [];
  const right = names.filter((name) => typeof name === "string" && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (right.length < names.length) {
    reader.fault("env", "bad_value", `env is ${shown(names)}`, "a list of names of variables");
  }
  return right as readonly string[]; // filtered by type
}

interface RawTask extends Omit<Task, "needs"> {
  readonly needs: readonly RawNeed[];
}

interface RawNeed {
  readonly task: string;
  readonly optional: boolean;
}

function readTasks(reader: ObjectReader, resolvePath: ResolvePath): readonly RawTask[] {
  reader.required("tasks", "a list of tasks");
  const tasks = reader.list("tasks", "a list of tasks") ?? [];
  if (reader.has("tasks") && tasks.length === 0)
    reader.fault("tasks", "empty", "there is no task", "at least one task");
  if (tasks.length > TASKS_MAX) {
    reader.fault("tasks", "too_many", `there are ${tasks.length} tasks`, `at most ${TASKS_MAX}`);
    return [];
  }
  return tasks.map((value, index) => {
    if (isObject(value)) return readTask(new ObjectReader(value, ["tasks", index], reader.faults), resolvePath);
    const path = ["tasks", index];
    reader.faults.add({
      path,
      code: "task.config.no_object",
      message: `a task is ${shown(value)}`,
      allowed: "an object",
    });
    return NO_TASK;
  });
}

const NO_WORK: Work = { type: "pipeline", file: "" };
const NO_RETRY: RetryPolicy = { retriesMax: 0, initialMs: RETRY_BACKOFF_MS, maxMs: RETRY_BACKOFF_MAX_MS };
/** In the place of a task that has a fault, so that the numbers of the others stay. */
const NO_TASK: RawTask = { id: "", needs: [], timeoutMs: 1, retry: NO_RETRY, work: NO_WORK };

const KEY_FORM =
  "a text, which may hold references; tasks of one key go to one worker where the balancer is CONSISTENT_HASH";
const ID_FORM = `1 to ${ID_LENGTH_MAX} letters, digits, _ and -`;

function readTask(reader: ObjectReader, resolvePath: ResolvePath): RawTask {
  reader.required("id", ID_FORM);
  const id = reader.text("id", ID_FORM, (text) => text.length <= ID_LENGTH_MAX && /^[A-Za-z0-9_-]+$/.test(text)) ?? "";
  const work = readWork(reader, resolvePath) ?? NO_WORK;
  const key = reader.text("key", KEY_FORM, (text) => text !== "");
  const timeoutMs = reader.durationMs("timeout", TIMEOUT_RANGE) ?? TIMEOUT_MS[work.type];
  const needs = readNeeds(reader);
  return { id, ...(key !== undefined && { key }), needs, timeoutMs, retry: readRetry(reader), work };
}

function readNeeds(reader: ObjectReader): readonly RawNeed[] {
  const needs = reader.list("needs", "a list of ids") ?? [];
  return needs.flatMap((need, index) => {
    if (typeof need === "string") return [{ task: need, optional: false }];
    const path = [...reader.path, "needs", index];
    if (isObject(need) && typeof need.task === "string") {
      const each = new ObjectReader(need, path, reader.faults);
      each.only(["task", "optional"], "a need");
      const { optional } = need;
      if (optional !== undefined && typeof optional !== "boolean") {
        each.fault("optional", "bad_value", `optional is ${shown(optional)}`, "true or false");
      }
      return [{ task: need.task, optional: optional === true }];
    }
    const allowed = 'an id, or { "task": id, "optional": true }';
    reader.faults.add({ path, code: "task.config.bad_value", message: `a need is ${shown(need)}`, allowed });
    return [];
  });
}

const RETRY_FORM = "a number of retries, or an object with max, backoff and backoff_max";

function readRetry(reader: ObjectReader): RetryPolicy {
  const written = reader.at("retry");
  if (written === undefined) return NO_RETRY;
  const range = { min: 0, max: RETRIES_MAX };
  if (typeof written === "number") return { ...NO_RETRY, retriesMax: reader.wholeNumber("retry", range) ?? 0 };
  const retry = reader.object("retry", RETRY_FORM);
  if (!retry) return NO_RETRY;
  retry.only(["max", "backoff", "backoff_max"], "retry");
  retry.required("max", "a number of retries");
  const span = { min: 0, max: TIMEOUT_MS_MAX };
  const initialMs = retry.durationMs("backoff", span) ?? RETRY_BACKOFF_MS;
  const maxMs = retry.durationMs("backoff_max", span) ?? Math.max(RETRY_BACKOFF_MAX_MS, initialMs);
  if (maxMs < initialMs)
    retry.fault("backoff_max", "bad_value", "backoff_max is less than backoff", "at least backoff");
  return { retriesMax: retry.wholeNumber("max", range) ?? 0, initialMs, maxMs };
}

/** Ids become numbers. Doubled and unknown ids are faults here, because beyond here there are none. */
function linkNeeds(raw: readonly RawTask[], faults: FaultList): readonly Task[] {
  const numbers = numberIds(raw, faults);
  let needs = 0;
  let suggestions = 0;
  const tasks = raw.map((task, index): Task => {
    const linked: Need[] = [];
    const seen = new Set<string>();
    for (const [at, need] of task.needs.entries()) {
      const path = ["tasks", index, "needs", at];
      const number = numbers.get(need.task);
      const allowed = "the ids of other tasks, each once";
      if (number === undefined) {
        const suggestion = suggestions++ < SUGGESTIONS_MAX ? nearMiss(need.task, [...numbers.keys()]) : undefined;
        const message = `task ${shown(task.id)} needs ${shown(need.task)}, which is no task`;
        faults.add({ path, code: "task.config.unknown_need", message, allowed, suggestion });
      } else if (seen.has(need.task)) {
        const message = `${shown(need.task)} is needed twice`;
        faults.add({ path, code: "task.config.doubled_need", message, allowed });
      } else linked.push({ task: number, optional: need.optional });
      seen.add(need.task);
    }
    needs += linked.length;
    return { ...task, needs: linked };
  });
  if (needs > NEEDS_MAX) {
    const message = `the tasks have ${needs} needs`;
    faults.add({ path: ["tasks"], code: "task.config.too_many", message, allowed: `at most ${NEEDS_MAX}` });
  }
  return tasks;
}

function numberIds(raw: readonly RawTask[], faults: FaultList): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const [index, { id }] of raw.entries()) {
    if (id === "") continue; // a fault already
    const first = numbers.get(id);
    if (first === undefined) numbers.set(id, index);
    else {
      const message = `the id ${shown(id)} is that of tasks[${first}] too`;
      faults.add({
        path: ["tasks", index, "id"],
        code: "task.config.doubled_id",
        message,
        allowed: "an id of its own",
      });
    }
  }
  return numbers;
}
