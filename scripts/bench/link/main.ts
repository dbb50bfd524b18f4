/**
 * The link benchmark: requests and answers between two node processes on loopback, ours beside Moleculer's TCP transporter and
 * Erlang's distribution. `--help` says what can be chosen; README.md one level up says what came out. No time decides the exit code.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { machineText } from "../common/machine.ts";
import { median } from "../common/statistics.ts";
import { table } from "../common/table.ts";
import { type Absent, type Contestant, LARGE_BYTES, type Step } from "./contestant.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { erlang } from "./peers/erlang.ts";
import { moleculer } from "./peers/moleculer.ts";
import { ours } from "./peers/ours.ts";

/** Enough large ones that both sides are busy all the time. */
const LARGE_IN_FLIGHT = 8;

async function main(options: Options): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "link-bench-"));
  try {
    console.log(`${machineText(directory)}\n`);
    const contestants: Contestant[] = [];
    for (const each of await everybody(directory, options)) {
      if ("why" in each) console.log(`${each.name} is left out: ${each.why}`);
      else contestants.push(each);
    }
    const rates = await inTurn(contestants, options);
    console.log(
      table(
        HEADER,
        contestants.map(({ label }, index) => row(label, rates[index]!)),
      ),
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function everybody(directory: string, { only }: Options): Promise<readonly (Contestant | Absent)[]> {
  return [
    ...(only.includes("ours") ? [ours("request"), ours("contract")] : []),
    ...(only.includes("moleculer") ? await moleculer(directory) : []),
    ...(only.includes("erlang") ? erlang(directory) : []),
  ];
}

/** By contestant and step, the median of the runs. */
async function inTurn(
  contestants: readonly Contestant[],
  { runs, ms }: Options,
): Promise<readonly (readonly number[])[]> {
  const all: number[][][] = contestants.map(() => []);
  for (let run = 1; run <= runs; run++) {
    for (const [index, contestant] of contestants.entries()) {
      console.error(`run ${run} of ${runs}: ${contestant.name} …`);
      all[index]!.push([...(await contestant.run(stepsOf(ms)))]);
    }
  }
  return all.map((each) => stepsOf(ms).map((_, step) => median(each.map((rates) => rates[step]!))));
}

function stepsOf(ms: number): readonly Step[] {
  const time = { warmMs: Math.ceil(ms / 3), ms };
  return [
    ...[1, 64, 1024].map((inFlight) => ({
      name: `${inFlight} in flight`,
      inFlight,
      payload: "small" as const,
      ...time,
    })),
    { name: "1 MiB there and back", inFlight: LARGE_IN_FLIGHT, payload: "large", ...time },
  ];
}

const HEADER = ["requests answered a second", ...stepsOf(1).map(({ name }) => name)];

function row(label: string, rates: readonly number[]): string[] {
  return [
    label,
    ...stepsOf(1).map(({ payload }, step) => (payload === "small" ? count(rates[step]!) : speed(rates[step]!))),
  ];
}

const count = (rate: number): string => Math.round(rate).toLocaleString("en-US");
/** Each way. */
const speed = (rate: number): string => `${Math.round((rate * LARGE_BYTES) / 1e6).toLocaleString("en-US")} MB/s`;

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined) console.log(USAGE);
  else await main(options);
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
