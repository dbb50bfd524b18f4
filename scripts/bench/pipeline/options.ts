/** The command line of the benchmark. */
import { parseArgs } from "node:util";

export interface Options {
  readonly mode: "compare" | "memory" | "recovery" | "profile";
  readonly records: number;
  readonly runs: number;
  readonly kills: number;
  /** Orders a second that --recovery feeds; as many as go through when left out. */
  readonly rate: number | undefined;
  /** Leave input and outputs where they are, and use input that is there. */
  readonly keep: boolean;
  /** Contestants by name; empty means all. */
  readonly only: readonly string[];
}

export const USAGE = `npm run bench:pipeline -- [options]
  --records N   orders in the input (default 1,000,000; with --memory as many as make 2 GB)
  --runs N      runs of each contestant, the median counts (default 3)
  --only A,B    these contestants only: ours, in-process, objects, mlr, jq
  --keep        leave input and output in the temporary directory, and use what is there
  --memory      the sum of all processes' own memory over an input of 2 GB
  --recovery    kill -9 of a random plugin host, --kills N times (default 200): time to its next finished batch;
                --rate N feeds N orders a second instead of as many as go through
  --profile     where the CPU time goes: by process, by thread, and by function where perf is installed`;

const RECORDS = 1_000_000;
/** About 2 GB of orders. */
const MEMORY_RECORDS = 10_150_000;

/** Undefined when the usage should be shown. Throws on what it does not know. */
export function parseOptions(words: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: { type: "boolean" },
      records: { type: "string" },
      runs: { type: "string" },
      kills: { type: "string" },
      rate: { type: "string" },
      only: { type: "string" },
      keep: { type: "boolean" },
      memory: { type: "boolean" },
      recovery: { type: "boolean" },
      profile: { type: "boolean" },
    },
  });
  if (values.help) return undefined;
  const modes = (["memory", "recovery", "profile"] as const).filter((mode) => values[mode]);
  if (modes.length > 1) throw new Error(`--${modes.join(" and --")} together; one of them is allowed`);
  const mode = modes[0] ?? "compare";
  return {
    mode,
    records: count("records", values.records, mode === "memory" ? MEMORY_RECORDS : RECORDS),
    runs: count("runs", values.runs, 3),
    kills: count("kills", values.kills, 200),
    rate: values.rate === undefined ? undefined : count("rate", values.rate, 0),
    keep: values.keep ?? false,
    only: values.only?.split(",") ?? [],
  };
}

function count(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text.replaceAll("_", "").replaceAll(",", ""));
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`--${name} is ${JSON.stringify(text)}; a whole number above 0 is required`);
}
