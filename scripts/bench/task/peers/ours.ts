/** The executable's `task run`: plugin tasks in processes of their own, every task's end on disk (synchronous=FULL). */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Contestant } from "../contestant.ts";
import { benchTasks, type Shape } from "../graphs.ts";

const PLUGIN = join(import.meta.dir, "../plugins/wait.ts");

export function ours(directory: string, executable: string, shape: Shape): Contestant {
  let runs = 0;
  return {
    name: `ours-${shape}`,
    label: `ours, ${shape}, plugin processes, synchronous=FULL`,
    shape,
    async run(count) {
      const place = join(directory, `ours-${shape}-${++runs}`);
      mkdirSync(place, { recursive: true });
      const tasks = benchTasks(shape, count).map(({ id, needs }) => {
        return { id, needs, type: "plugin", library: PLUGIN, records: [{ id }] };
      });
      const file = join(place, "graph.json");
      writeFileSync(file, JSON.stringify({ name: shape, tasks }));
      const words = ["task", "run", file, "--json", "--quiet", "--data-dir", place];
      const child = Bun.spawn([executable, ...words], { stdio: ["ignore", "pipe", "inherit"] });
      const report = (await new Response(child.stdout).json()) as Report;
      await child.exited;
      if (report.counts.done !== count)
        throw new Error(`ours: ${JSON.stringify(report.counts)} instead of ${count} done`);
      return report.elapsedMs;
    },
  };
}

interface Report {
  readonly counts: Readonly<Record<string, number>>;
  readonly elapsedMs: number;
}
