/** The command line of the simulator. */
import { parseArgs } from "node:util";

export interface SimOptions {
  readonly list: boolean;
  /** Undefined: all. */
  readonly scenario: string | undefined;
  readonly from: number;
  readonly seeds: number;
  /** One seed was named: what it says is wanted, at any cost. */
  readonly isSingle: boolean;
  readonly bug: string | undefined;
  readonly verbose: boolean;
  readonly minimize: boolean;
  readonly jobs: number;
  /** A worker of another run: one line of JSON for each seed. */
  readonly isWorker: boolean;
}

export const USAGE = `npm run sim -- [options]
  --scenario NAME  that one alone (default: all); --list names them and their planted bugs
  --seeds N        so many seeds (default 1,000; lowered where a seed costs much)
  --from N         the first of them (default 1)
  --seed N         that seed alone
  --bug NAME       with a planted bug: success is that it is found
  --minimize       a failing seed is run again without ever more of its faults, and what is needed is printed
  --verbose        the schedule of faults and all that happens, line by line (one seed)
  --jobs N         processes side by side (default 1)`;

const JOBS_MAX = 64;

/** Undefined when the usage should be shown. Throws on what it does not know. */
export function parseOptions(words: readonly string[]): SimOptions | undefined {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: flag,
      list: flag,
      scenario: text,
      seeds: text,
      from: text,
      seed: text,
      bug: text,
      minimize: flag,
      verbose: flag,
      jobs: text,
      worker: flag,
    },
  });
  if (values.help) return undefined;
  const seed = values.seed === undefined ? undefined : whole("seed", values.seed, 0, 2 ** 32 - 1);
  return {
    list: values.list ?? false,
    scenario: values.scenario,
    from: seed ?? whole("from", values.from ?? "1", 0, 2 ** 32 - 1),
    seeds: seed === undefined ? whole("seeds", values.seeds ?? "1000", 1, 1e9) : 1,
    isSingle: seed !== undefined,
    bug: values.bug,
    verbose: values.verbose ?? false,
    minimize: values.minimize ?? false,
    jobs: whole("jobs", values.jobs ?? "1", 1, JOBS_MAX),
    isWorker: values.worker ?? false,
  };
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`--${name} is ${JSON.stringify(text)}; a whole number from ${least} to ${most} is allowed`);
}
