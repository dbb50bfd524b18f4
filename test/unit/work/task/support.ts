/** Graphs for tests, written as files have them. */
import { type Json, parseTaskGraph, type TaskFault, type TaskGraph } from "../../../../src/work/task/index.ts";

export type TaskFields = Readonly<Record<string, Json>>;

/** A task that does something harmless unless told otherwise. */
export function get(id: string, needs: readonly Json[] = [], more: TaskFields = {}): TaskFields {
  return { id, type: "GET", url: "http://127.0.0.1/", needs, ...more };
}

export function post(id: string, needs: readonly Json[] = [], more: TaskFields = {}): TaskFields {
  return { id, type: "POST", url: "http://127.0.0.1/", needs, ...more };
}

export function read(text: string) {
  return parseTaskGraph(text, { file: "graph.json", resolvePath: (path) => `/graphs/${path}` });
}

export function graphOf(tasks: readonly TaskFields[], more: TaskFields = {}): TaskGraph {
  const { faults, graph } = read(JSON.stringify({ name: "test", ...more, tasks }));
  if (!graph) throw new Error(`a test's graph has faults: ${JSON.stringify(faults)}`);
  return graph;
}

export function faultsOf(tasks: readonly Json[], more: TaskFields = {}): readonly TaskFault[] {
  return read(JSON.stringify({ name: "test", ...more, tasks })).faults;
}
