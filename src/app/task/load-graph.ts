/**
 * From a graph's file to a checked graph. JSON is read here; a TypeScript graph is somebody's program: it runs in a process of its
 * own (this program started again), for so long and for so much output, and hands back plain JSON. What a task needs of this
 * machine (its plugin, its pipeline file) is looked at too, so that a missing file is a fault and not a failed run.
 */
import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Failure, messageOf } from "../../base/errors.ts";
import { formatBytes } from "../../base/units.ts";
import {
  GRAPH_BYTES_MAX,
  parseTaskGraph,
  type ReadGraph,
  readTaskGraph,
  type TaskGraph,
  taskFaultsFailure,
} from "../../work/task/index.ts";
import { evaluateGraph } from "./evaluate-graph.ts";
import { findLocalFaults } from "./local-faults.ts";

export interface LoadedGraph extends ReadGraph {
  readonly path: string;
  /** Left out where the file is a program. */
  readonly text?: string;
}

/** Fails with `task.file.*` when there is no graph to find faults in. */
export async function loadGraph(file: string): Promise<LoadedGraph> {
  const path = resolve(file);
  requireFile(path);
  const options = { file, resolvePath: (each: string) => (each === "" ? "" : resolve(dirname(path), each)) };
  if (/\.(ts|js)$/.test(path))
    return withLocalFaults(file, { path, ...readTaskGraph(await evaluateGraph(path), options) });
  const text = await loadGraphText(path);
  return withLocalFaults(file, { path, text, ...parseTaskGraph(text, options) });
}

/** The graph, or a Failure that shows every fault. */
export async function graphOrRefuse(file: string): Promise<{ readonly path: string; readonly graph: TaskGraph }> {
  const { faults, graph, path, text } = await loadGraph(file);
  if (!graph || faults.length > 0) throw taskFaultsFailure(faults, text);
  return { path, graph };
}

function requireFile(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return;
  throw new Failure("task.file.not_found", `there is no file ${path}; a task graph (.json or .ts) is required`);
}

/** Fails with `task.file.*` where it is no text that could be a graph. */
export async function loadGraphText(path: string): Promise<string> {
  requireFile(path);
  const { size } = statSync(path);
  if (size > GRAPH_BYTES_MAX) {
    const message = `${path} has ${formatBytes(size)}; a task graph has at most ${formatBytes(GRAPH_BYTES_MAX)}`;
    throw new Failure("task.file.too_large", message);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (thrown) {
    throw new Failure("task.file.unreadable", `reading ${path}: ${messageOf(thrown)}; UTF-8 text is required`);
  }
}

async function withLocalFaults(file: string, loaded: LoadedGraph): Promise<LoadedGraph> {
  const faults = loaded.graph ? await findLocalFaults(file, loaded.graph) : [];
  return faults.length === 0 ? loaded : { ...loaded, faults: [...loaded.faults, ...faults] };
}
