/** The benchmark's graphs as our executable gets them, and what it says of a run. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { benchTasks, type Shape } from "./graphs.ts";

const PLUGIN = join(import.meta.dir, "plugins/wait.ts");

/** The path of a file with so many plugin tasks. */
export function writeGraph(place: string, shape: Shape, count: number): string {
  const tasks = benchTasks(shape, count).map(({ id, needs }) => {
    return { id, needs, type: "plugin", library: PLUGIN, records: [{ id }] };
  });
  const file = join(place, "graph.json");
  writeFileSync(file, JSON.stringify({ name: shape, tasks }));
  return file;
}

interface Report {
  readonly counts: Readonly<Record<string, number>>;
  readonly elapsedMs: number;
}

/** How long the run took. Throws when not every task was done. */
export function msOfReport(text: string, count: number): number {
  const { counts, elapsedMs } = JSON.parse(text) as Report;
  if (counts.done !== count) throw new Error(`ours: ${JSON.stringify(counts)} instead of ${count} done`);
  return elapsedMs;
}
