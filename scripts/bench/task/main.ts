/**
 * The task benchmark: a graph of tasks of a millisecond each, ours (in one process, and on a master's workers) beside BullMQ flows on
 * a local Redis. `--help` says what can be chosen. No time decides the exit code.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { machineText } from "../common/machine.ts";
import { median } from "../common/statistics.ts";
import { table } from "../common/table.ts";
import type { Absent, Contestant } from "./contestant.ts";
import { SHAPES } from "./graphs.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { bullmq } from "./peers/bullmq.ts";
import { ours } from "./peers/ours.ts";
import { oursOnWorkers } from "./peers/ours-on-workers.ts";

const EXECUTABLE = join(import.meta.dir, "../../../bin/distributed_system");

async function main(options: Options): Promise<void> {
  if (!existsSync(EXECUTABLE)) throw new Error(`${EXECUTABLE} does not exist; npm run build makes it`);
  const directory = mkdtempSync(join(tmpdir(), "task-bench-"));
  try {
    console.log(`${machineText(directory)}\n`);
    const contestants: Contestant[] = [];
    for (const each of await everybody(directory, options)) {
      if ("why" in each) console.log(`${each.name} is left out: ${each.why}`);
      else contestants.push(each);
    }
    const times = await inTurn(contestants, options);
    const rows = contestants.map(({ label }, index) => row(label, times[index]!, options.tasks));
    console.log(table(["", "tasks/s", "seconds", "of runs from", "to"], rows));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function everybody(directory: string, { only }: Options): Promise<readonly (Contestant | Absent)[]> {
  return [
    ...(only.includes("ours") ? SHAPES.map((shape) => ours(directory, EXECUTABLE, shape)) : []),
    ...(only.includes("workers") ? [oursOnWorkers(directory, EXECUTABLE)] : []),
    ...(only.includes("bullmq") ? await bullmq(directory) : []),
  ];
}

/** By contestant, the milliseconds of each run. */
async function inTurn(contestants: readonly Contestant[], { runs, tasks }: Options): Promise<readonly number[][]> {
  const all: number[][] = contestants.map(() => []);
  for (let run = 1; run <= runs; run++) {
    for (const [index, contestant] of contestants.entries()) {
      console.error(`run ${run} of ${runs}: ${contestant.name} …`);
      all[index]!.push(await contestant.run(tasks));
    }
  }
  return all;
}

function row(label: string, times: readonly number[], tasks: number): string[] {
  const seconds = (ms: number): string => (ms / 1000).toFixed(2);
  const ms = median(times);
  const rate = Math.round((tasks / ms) * 1000).toLocaleString("en-US");
  return [label, rate, seconds(ms), seconds(Math.min(...times)), seconds(Math.max(...times))];
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) console.log(USAGE);
  else await main(options);
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
