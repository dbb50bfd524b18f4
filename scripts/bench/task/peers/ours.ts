/** The executable's `task run`: plugin tasks in processes of their own, every task's end on disk (synchronous=FULL). */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Contestant } from "../contestant.ts";
import type { Shape } from "../graphs.ts";
import { msOfReport, writeGraph } from "../plugin-graph.ts";

export function ours(directory: string, executable: string, shape: Shape): Contestant {
  let runs = 0;
  return {
    name: `ours-${shape}`,
    label: `ours, ${shape}, plugin processes, synchronous=FULL`,
    shape,
    async run(count) {
      const place = join(directory, `ours-${shape}-${++runs}`);
      mkdirSync(place, { recursive: true });
      const file = writeGraph(place, shape, count);
      const words = ["task", "run", file, "--json", "--quiet", "--data-dir", place];
      const child = Bun.spawn([executable, ...words], { stdio: ["ignore", "pipe", "inherit"] });
      const report = await new Response(child.stdout).text();
      await child.exited;
      return msOfReport(report, count);
    },
  };
}
