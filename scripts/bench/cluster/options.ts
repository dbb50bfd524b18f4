/** The command line of the benchmark. */
import { parseArgs } from "node:util";
import { DURATION_FORM, parseDurationMs } from "../../../src/base/units.ts";
import { wholeNumber } from "../common/whole-number.ts";

export interface Options {
  readonly what: "chaos";
  readonly seed: number;
  readonly rounds: number;
  readonly records: number;
  readonly everyMs: number;
  readonly minutes: number;
  readonly workers: number;
  readonly executable: string | undefined;
}

export const USAGE = `npm run bench:cluster -- chaos [options]
  --seed N         decides who is struck when (default: another one each time)
  --rounds N       so many seeds from that one on (default 1)
  --records N      orders in the input (default 1,000,000)
  --every TIME     between two strikes (default 2s)
  --minutes N      how long it would take undisturbed, about (default 3)
  --workers N      (default 3)
  --executable F   this one instead of a new build`;

export function parseOptions(words: readonly string[]): Options | undefined {
  const { positionals, values } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      help: { type: "boolean" },
      seed: { type: "string" },
      rounds: { type: "string" },
      records: { type: "string" },
      every: { type: "string" },
      minutes: { type: "string" },
      workers: { type: "string" },
      executable: { type: "string" },
    },
  });
  if (values.help || positionals[0] !== "chaos") return undefined;
  const everyMs = parseDurationMs(values.every ?? "2s");
  if (everyMs === undefined)
    throw new Error(`--every is ${JSON.stringify(values.every)}; ${DURATION_FORM} is required`);
  return {
    what: "chaos",
    seed: wholeNumber("seed", values.seed, 1 + (Date.now() % 1_000_000)),
    rounds: wholeNumber("rounds", values.rounds, 1),
    records: wholeNumber("records", values.records, 1_000_000),
    everyMs,
    minutes: Number(values.minutes ?? 3),
    workers: wholeNumber("workers", values.workers, 3),
    executable: values.executable,
  };
}
