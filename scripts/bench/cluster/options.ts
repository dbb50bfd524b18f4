/** The command line of the benchmark. */
import { parseArgs } from "node:util";
import { systemClock } from "../../../src/base/clock.ts";
import { DURATION_FORM, parseDurationMs } from "../../../src/base/units.ts";
import { wholeNumber } from "../common/whole-number.ts";

export const MEASUREMENTS = ["throughput", "scaling", "bytes"] as const;
export type Measurement = (typeof MEASUREMENTS)[number];

export interface Options {
  readonly what: "chaos" | "rates";
  readonly records: number;
  readonly executable: string | undefined;
  /** Leave what was made in the temporary directory. */
  readonly keep: boolean;
  // chaos
  readonly seed: number;
  readonly rounds: number;
  readonly everyMs: number;
  readonly minutes: number;
  readonly workers: number;
  readonly overLinks: boolean;
  // rates
  readonly only: readonly Measurement[];
  readonly runs: number;
}

export const USAGE = `npm run bench:cluster -- [chaos] [options]
  --records N      orders in the input (default 1,000,000)
  --executable F   this one instead of a new build
  --keep           leave what was made in the temporary directory
 without chaos: a master and workers beside run
  --only A,B       of ${MEASUREMENTS.join(", ")}
  --runs N         of each, in turn; medians count (default 5)
 chaos: one pipeline while its processes are killed
  --seed N         decides who is struck when (default: another one each time)
  --rounds N       so many seeds from that one on (default 1)
  --every TIME     between two strikes (default 2s)
  --minutes N      how long it would take undisturbed, about (default 3)
  --workers N      (default 3)
  --over-links     workers reach nobody's memory`;

/** A number of its own for each second of two weeks. */
const SEEDS = 1_000_000;
const MINUTES = 3;

/** Undefined when the usage should be shown. Throws on what it does not know. */
export function parseOptions(words: readonly string[]): Options | undefined {
  const { positionals, values } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      help: { type: "boolean" },
      keep: { type: "boolean" },
      records: { type: "string" },
      executable: { type: "string" },
      only: { type: "string" },
      runs: { type: "string" },
      seed: { type: "string" },
      rounds: { type: "string" },
      every: { type: "string" },
      minutes: { type: "string" },
      workers: { type: "string" },
      "over-links": { type: "boolean" },
    },
  });
  if (values.help) return undefined;
  const [what, ...more] = positionals;
  if ((what !== undefined && what !== "chaos") || more.length > 0) {
    throw new Error(`${JSON.stringify(positionals.join(" "))} is no measurement; chaos or nothing is required`);
  }
  return {
    what: what ?? "rates",
    records: wholeNumber("records", values.records, 1_000_000),
    executable: values.executable,
    keep: values.keep ?? false,
    seed: wholeNumber("seed", values.seed, 1 + (Math.floor(systemClock.now() / 1000) % SEEDS)),
    rounds: wholeNumber("rounds", values.rounds, 1),
    everyMs: duration("every", values.every ?? "2s"),
    minutes: positive("minutes", values.minutes, MINUTES),
    overLinks: values["over-links"] ?? false,
    workers: wholeNumber("workers", values.workers, 3),
    only: (values.only?.split(",") ?? MEASUREMENTS).map(measurement),
    runs: wholeNumber("runs", values.runs, 5),
  };
}

function measurement(name: string): Measurement {
  const found = MEASUREMENTS.find((each) => each === name);
  if (found) return found;
  throw new Error(`--only names ${JSON.stringify(name)}; ${MEASUREMENTS.join(", ")} are there`);
}

function duration(name: string, text: string): number {
  const value = parseDurationMs(text);
  if (value !== undefined && value > 0) return value;
  throw new Error(`--${name} is ${JSON.stringify(text)}; ${DURATION_FORM} is required`);
}

/** Parts of a minute too. */
function positive(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Error(`--${name} is ${JSON.stringify(text)}; a number above 0 is required`);
}
