/**
 * Task graphs that routes begin, as far as they can be looked at here: the master runs them, so their plugins may be on its machine only, and a
 * graph that is a program runs when somebody asks for it, and not because a file is checked.
 */
import { dirname, resolve } from "node:path";
import { Failure } from "../../base/errors.ts";
import { parseTaskGraph } from "../../work/task/index.ts";
import { loadGraphText } from "../task/load-graph.ts";

/** Fails where JSON is no task graph: `task.file.*`, `task.config.*`. */
export async function requireGraph(path: string): Promise<void> {
  if (/\.(ts|js)$/.test(path)) return;
  const text = await loadGraphText(path);
  const resolvePath = (each: string): string => (each === "" ? "" : resolve(dirname(path), each));
  const [first, ...others] = parseTaskGraph(text, { file: path, resolvePath }).faults;
  if (first === undefined) return;
  const { allowed, code, column, field, line, message } = first;
  const place = line === undefined ? path : `${path}:${line}:${column}`;
  const more = others.length === 0 ? "" : ` (and ${others.length} more: task check ${path})`;
  throw new Failure(code, `${place}: ${field}: ${message}${more}; ${allowed} is required`);
}
