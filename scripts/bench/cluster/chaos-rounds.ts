/** Chaos runs, one seed after the other, and what they come down to. A seed that fails ends them, and says how to see it again. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { formatCount, formatDurationMs } from "../../../src/base/units.ts";
import { makeInput } from "../common/orders.ts";
import { quantile } from "../common/statistics.ts";
import { type ChaosResult, runChaos } from "./chaos.ts";
import { KINDS, type Kind } from "./mischief.ts";
import type { Options } from "./options.ts";

const NAMES: Readonly<Record<Kind, string>> = {
  host: "plugin hosts killed",
  worker: "workers killed",
  master: "masters killed",
  pause: "stopped for a while",
};

export interface Rounds {
  readonly directory: string;
  readonly executable: string;
}

/** Gives the exit code: 1 when an obligation was not met. */
export async function chaosRounds({ directory, executable }: Rounds, options: Options): Promise<number> {
  const results: ChaosResult[] = [];
  const input = makeInput(directory, options.records);
  for (let round = 0; round < options.rounds; round++) {
    const seed = options.seed + round;
    const place = join(directory, String(seed));
    try {
      const result = await runChaos({ directory: place, executable, input }, { ...options, seed });
      results.push(result);
      console.log(`seed ${seed}: ${courseText([result])}`);
      if (result.faults.length > 0) throw new Error(result.faults.join("\n"));
    } catch (thrown) {
      console.error(`seed ${seed}: ${thrown instanceof Error ? thrown.message : thrown}`);
      console.error(`replay: ${replay(options, seed)}\nleft for a look: ${place}`);
      return 1;
    }
    if (!options.keep) rmSync(place, { recursive: true, force: true });
  }
  console.log(
    `\n${formatCount(options.records * results.length)} records in ${results.length} runs: 0 lost, 0 doubled, 0 unknown, in order, sums right, byte for byte the undisturbed run's`,
  );
  console.log(`${courseText(results)}\n${recoveryText(results)}`);
  return 0;
}

function courseText(results: readonly ChaosResult[]): string {
  const count = (kind: Kind): number =>
    results.flatMap(({ deeds }) => deeds).filter((deed) => deed.kind === kind).length;
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const kinds = KINDS.map((kind) => `${count(kind)} ${NAMES[kind]}`).join(", ");
  const rewinds = sum(results.map((each) => each.rewinds));
  return `${kinds}; ${rewinds} times back to the checkpoint; ${formatDurationMs(sum(results.map(({ tookMs }) => tookMs)))}`;
}

function recoveryText(results: readonly ChaosResult[]): string {
  const all = results.map(({ recoveries }) => recoveries);
  const owners = all.flatMap((each) => each.owners);
  const others = all.flatMap((each) => each.others);
  const rest = (key: "idle" | "unmeasured"): number => all.reduce((sum, each) => sum + each[key], 0);
  return [
    "worker kill -9 to its batches running elsewhere",
    `  owners of stages with a state: ${timesText(owners)}`,
    `  other workers: ${timesText(others)}`,
    `  all: ${timesText([...owners, ...others])} (aimed at: p99 under 3 s)`,
    `  not measured: ${rest("idle")} had no batch, ${rest("unmeasured")} ended with the master's or the run's own end`,
  ].join("\n");
}

function timesText(times: readonly number[]): string {
  if (times.length === 0) return "none";
  const at = (share: number): string => formatDurationMs(quantile(times, share));
  return `${times.length}, p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${formatDurationMs(Math.max(...times))}`;
}

function replay({ everyMs, minutes, overLinks, records, workers }: Options, seed: number): string {
  const words = `--seed ${seed} --records ${records} --every ${everyMs}ms --minutes ${minutes} --workers ${workers}`;
  return `npm run bench:cluster -- chaos ${words}${overLinks ? " --over-links" : ""}`;
}
