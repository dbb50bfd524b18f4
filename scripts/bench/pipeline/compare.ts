/** The main table: everybody does the same job in turn, the order changes from run to run, the median counts. */
import { existsSync, rmSync } from "node:fs";
import { formatBytes, formatCount } from "../../../src/base/units.ts";
import { type Measured, measure } from "../common/measure.ts";
import { median } from "../common/statistics.ts";
import { table } from "../common/table.ts";
import { contentOf, differences } from "./agree.ts";
import { type Contestant, contestants, type Site } from "./contestants.ts";
import type { Options } from "./options.ts";

interface Result {
  readonly contestant: Contestant;
  readonly runs: Measured[];
}

/** Gives the exit code: 1 when somebody's output differs. */
export async function compare(site: Site, options: Options): Promise<number> {
  const missing = (name: string): void => console.log(`${name} is not installed here: left out`);
  const wanted = ({ name }: Contestant): boolean => options.only.length === 0 || options.only.includes(name);
  const results = contestants(site, missing)
    .filter(wanted)
    .map((contestant): Result => ({ contestant, runs: [] }));
  for (let run = 0; run < options.runs; run++) {
    for (const { contestant, runs } of rotated(results, run)) runs.push(await once(contestant));
  }
  printTable(results, site);
  return printAgreement(results);
}

async function once({ argv, output, toStdout, name }: Contestant): Promise<Measured> {
  if (existsSync(output)) rmSync(output);
  const measured = await measure(argv, toStdout ? { stdout: output } : {});
  console.error(`${name}: ${(measured.wallMs / 1000).toFixed(2)} s, ${measured.cpuSeconds.toFixed(2)} CPU s`);
  return measured;
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = by % Math.max(1, items.length);
  return [...items.slice(at), ...items.slice(0, at)];
}

function printTable(results: readonly Result[], { input }: Site): void {
  const speed = ({ runs }: Result): number => (input.records / median(runs.map(({ wallMs }) => wallMs))) * 1000;
  const ours = results.find(({ contestant }) => contestant.name === "ours");
  const rows = results.map((result) => {
    const perSecond = speed(result);
    const spread = result.runs.map(({ wallMs }) => (wallMs / 1000).toFixed(2)).join(" ");
    return [
      result.contestant.label,
      formatCount(perSecond),
      ((perSecond * input.bytes) / input.records / 1e6).toFixed(0),
      median(result.runs.map(({ cpuSeconds }) => cpuSeconds)).toFixed(1),
      formatBytes(median(result.runs.map(({ ownBytesPeak }) => ownBytesPeak))),
      ours ? (speed(ours) / perSecond).toFixed(2) : "",
      spread,
    ];
  });
  console.log(table(["", "records/s", "MB/s", "CPU s", "own memory", "ours ÷ this", "each run, s"], rows));
}

function printAgreement(results: readonly Result[]): number {
  const [reference, ...others] = results.map(({ contestant }) => ({
    contestant,
    content: contentOf(contestant.output),
  }));
  if (!reference) return 0;
  const { records, groups } = reference.content;
  console.log(`\n${formatCount(records)} records and ${groups.size} sums from ${reference.contestant.name}`);
  let faults = 0;
  for (const { contestant, content } of others) {
    const found = differences(reference.content, content, contestant.lacks !== undefined);
    if (found.length > 0) faults++;
    console.log(`${contestant.name}: ${found.length === 0 ? "the same" : found.slice(0, 5).join("; ")}`);
  }
  return faults > 0 ? 1 : 0;
}
