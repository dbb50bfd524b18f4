/**
 * What a graph needs of this machine: its plugins load and take their parameters, its pipelines check. Looked at before anything
 * runs, each file once, so that a wrong one is a fault and not a failed task in the middle of a run.
 */
import { existsSync } from "node:fs";
import { Failure, toFailure } from "../../base/errors.ts";
import { findParamFaults, hasReference, type TaskFault, type TaskGraph, type Work } from "../../work/task/index.ts";
import { type InspectedPlugin, inspectPlugin } from "../inspect-plugin.ts";

/** Each is a process for a moment; a graph with more different files is checked as it runs. */
const FILES_LOOKED_AT_MAX = 64;
const INSPECT_TIMEOUT_MS = 10_000;

export async function findLocalFaults(file: string, graph: TaskGraph): Promise<readonly TaskFault[]> {
  const users = usersOf(graph);
  const faults: TaskFault[] = [];
  for (const [path, tasks] of [...users].slice(0, FILES_LOOKED_AT_MAX)) {
    for (const { about, ...fault } of await faultsOfFile(
      path,
      tasks.map((task) => graph.tasks[task]!.work),
    )) {
      const task = tasks[about]!;
      faults.push({ ...fault, file, field: `tasks[${task}] ${graph.tasks[task]!.id}: ${fault.field}` });
    }
  }
  return faults;
}

/** Numbers of tasks by the file that they need; of equal calls the first only. */
function usersOf({ tasks }: TaskGraph): ReadonlyMap<string, number[]> {
  const users = new Map<string, number[]>();
  const seen = new Set<string>();
  for (const [task, { work }] of tasks.entries()) {
    if (work.type === "http") continue;
    const path = work.type === "plugin" ? work.library : work.file;
    const call = JSON.stringify([path, work.type === "plugin" ? work.params : ""]);
    if (seen.has(call)) continue;
    seen.add(call);
    users.set(path, [...(users.get(path) ?? []), task]);
  }
  return users;
}

type Found = Omit<TaskFault, "file"> & { readonly about: number };

async function faultsOfFile(path: string, works: readonly Work[]): Promise<readonly Found[]> {
  const [first] = works as [Work, ...Work[]];
  if (!existsSync(path)) {
    const field = first.type === "plugin" ? "library" : "file";
    const allowed = "a file that exists, seen from the graph's file";
    return [{ about: 0, code: "task.config.missing_file", field, message: `there is no file ${path}`, allowed }];
  }
  return first.type === "plugin" ? pluginFaults(path, works) : pipelineFaults(path);
}

async function pluginFaults(library: string, works: readonly Work[]): Promise<readonly Found[]> {
  let plugin: InspectedPlugin;
  try {
    plugin = await inspectPlugin(library, INSPECT_TIMEOUT_MS, variables(works));
  } catch (thrown) {
    const { code, message } = toFailure(thrown, "plugin.load");
    return [{ about: 0, code, field: "library", message, allowed: "a plugin file that loads" }];
  }
  try {
    const found: Found[] = [];
    for (const [about, work] of works.entries()) {
      if (work.type !== "plugin") continue;
      for (const { allowed, code, field, message, suggestion } of findParamFaults(
        library,
        work.params,
        plugin.loaded.params,
      )) {
        found.push({ about, code, field, message, allowed, ...(suggestion !== undefined && { suggestion }) });
      }
    }
    return found;
  } finally {
    await plugin.close();
  }
}

/** A plugin's own check may look for the variables that its parameters name. */
function variables(works: readonly Work[]): readonly string[] {
  return works.flatMap((work) => {
    if (work.type !== "plugin" || hasReference(work.params)) return [];
    return Object.entries(work.params).flatMap(([key, value]) => (key.endsWith("_env") ? [String(value)] : []));
  });
}

async function pipelineFaults(path: string): Promise<readonly Found[]> {
  const { prepareOrRefuse } = await import("../check-pipeline.ts"); // heavy, and most graphs have none
  try {
    await prepareOrRefuse(path);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    const message = `the pipeline has faults:\n${thrown.message}`;
    return [{ about: 0, code: thrown.code, field: "file", message, allowed: "a pipeline file that checks" }];
  }
}
