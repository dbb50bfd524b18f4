/** A master and two workers of the executable: the same plugin tasks, each sent over a link to a worker and its outcome back. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Cluster } from "../../cluster/cluster.ts";
import type { Contestant } from "../contestant.ts";
import { msOfReport, writeGraph } from "../plugin-graph.ts";

const WORKERS = 2;

export function oursOnWorkers(directory: string, executable: string): Contestant {
  const shape = "chains";
  let runs = 0;
  return {
    name: "workers",
    label: `ours, ${shape}, on a master and ${WORKERS} workers, synchronous=FULL`,
    shape,
    async run(count) {
      const place = join(directory, `workers-${++runs}`);
      mkdirSync(place, { recursive: true });
      const file = writeGraph(place, shape, count);
      await using cluster = await Cluster.start({ directory: place, executable, workers: WORKERS });
      return msOfReport(await cluster.ask("task", "run", file, "--on-master", "--json", "--quiet"), count);
    },
  };
}
