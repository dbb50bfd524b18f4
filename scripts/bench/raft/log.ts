/**
 * The durable log of a Raft group: how long one group commit takes, beside what the disk alone takes. Everybody commits groups of
 * 1, 8 and 64 entries of 256 bytes, one after the other, commit by commit; the disk alone writes as many bytes into a file filled before, and syncs.
 * Run: node scripts/build/bun.mjs scripts/bench/raft/log.ts [--commits N] [--runs N] [--only A,B]. No time decides the exit code.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "../../../src/base/clock.ts";
import { type Random, seededRandom } from "../../../src/base/random.ts";
import type { Entry } from "../../../src/protocol/raft/index.ts";
import { chosenNames } from "../common/chosen-names.ts";
import { machineText } from "../common/machine.ts";
import { median, quantile } from "../common/statistics.ts";
import { table } from "../common/table.ts";
import { wholeNumber } from "../common/whole-number.ts";
import { CONTESTANTS, NAMES, type Name } from "./log-contestants.ts";

const GROUPS = [1, 8, 64] as const;
const ENTRY_BYTES = 256;
/** Left out: files are warm and functions compiled behind them. */
const WARM_UP_SHARE = 0.2;

interface Figures {
  readonly p50: number[];
  readonly p99: number[];
}

const { values } = parseArgs({
  options: { commits: { type: "string" }, runs: { type: "string" }, only: { type: "string" } },
});
const commits = wholeNumber("commits", values.commits, 500);
const runs = wholeNumber("runs", values.runs, 3);
const only = chosenNames(values.only, NAMES);
// Beside this file and not in the temporary directory, which may be memory.
const directory = mkdtempSync(join(process.cwd(), ".bench-log-"));
try {
  console.log(machineText(directory));
  for (const group of GROUPS) console.log(`\n${await measureGroup(group)}`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function measureGroup(group: number): Promise<string> {
  const figures = new Map(only.map((name) => [name, { p50: [], p99: [] } as Figures]));
  for (let run = 0; run < runs; run++) {
    for (const [name, times] of await measure(group, run)) {
      figures.get(name)!.p50.push(median(times));
      figures.get(name)!.p99.push(quantile(times, 0.99));
    }
  }
  const bare = median(figures.get("disk")?.p50 ?? [Number.NaN]);
  const rows = only.map((name) => {
    const [p50, p99] = [median(figures.get(name)!.p50), median(figures.get(name)!.p99)];
    return [name, `${(p50 * 1000).toFixed(0)} µs`, `${(p99 * 1000).toFixed(0)} µs`, (p50 / bare).toFixed(2)];
  });
  return table([`${group} × ${ENTRY_BYTES} bytes`, "p50", "p99", "p50 ÷ disk"], rows);
}

/** Milliseconds of each commit. Everybody commits once before anybody does again: a disk that others use is as slow for all. */
async function measure(group: number, run: number): Promise<ReadonlyMap<Name, readonly number[]>> {
  const open = async (name: Name) => {
    const contestant = await CONTESTANTS[name](join(directory, `${name}-${group}-${run}`));
    return { name, contestant, times: [] as number[] };
  };
  const all = await Promise.all(only.map(open));
  const random = seededRandom(run);
  for (let commit = 0; commit < commits; commit++) {
    for (const { contestant, times } of shuffled(all, random)) {
      const entries = entriesOf(commit, group);
      const from = systemClock.monotonic();
      const done = contestant.commit(entries);
      if (done instanceof Promise) await done;
      times.push(systemClock.monotonic() - from);
    }
  }
  for (const { contestant } of all) await contestant.close();
  return new Map(all.map(({ name, times }) => [name, times.slice(Math.floor(commits * WARM_UP_SHARE))]));
}

/** Nobody always comes behind the same other, whose pages the disk may be busy with. */
function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const keyed = items.map((item) => ({ item, key: random.next() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

function entriesOf(commit: number, group: number): Entry[] {
  const data = new Uint8Array(ENTRY_BYTES).fill(7);
  return Array.from({ length: group }, (_, at) => ({ index: commit * group + at + 1, term: 1, kind: "command", data }));
}
