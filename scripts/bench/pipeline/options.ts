/** The command line of the benchmark. */
import { parseArgs } from "node:util";
import { wholeNumber } from "../common/whole-number.ts";

export interface Options {
  readonly mode: "compare" | "memory" | "profile";
  readonly records: number;
  readonly runs: number;
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
      only: { type: "string" },
      keep: { type: "boolean" },
      memory: { type: "boolean" },
      profile: { type: "boolean" },
    },
  });
  if (values.help) return undefined;
  const modes = (["memory", "profile"] as const).filter((mode) => values[mode]);
  if (modes.length > 1) throw new Error(`--${modes.join(" and --")} together; one of them is allowed`);
  const mode = modes[0] ?? "compare";
  return {
    mode,
    records: wholeNumber("records", values.records, mode === "memory" ? MEMORY_RECORDS : RECORDS),
    runs: wholeNumber("runs", values.runs, 3),
    keep: values.keep ?? false,
    only: values.only?.split(",") ?? [],
  };
}
