/** The command line of the benchmark of services. */
import { type BenchOptions, count, flag, names, readOptions } from "../common/bench-options.ts";

const MEASUREMENTS = ["local", "http", "nodes", "scrape", "tracing", "idle", "redis"] as const;

const OPTIONS = {
  only: names(MEASUREMENTS, "these measurements alone"),
  runs: count(3, "of everybody, in turn; medians count"),
  "step-ms": count(2_000, "each step, after a third of it to warm up"),
  "idle-ms": count(30_000, "how long idle nodes are watched"),
  records: count(1_000_000, "through the pipeline, with and without traces"),
  "tracing-runs": count(9, "pairs of runs, with and without traces"),
  profile: flag("local, http and nodes once each, with the CPU profile of each process instead of the comparison"),
};

export type Options = BenchOptions<typeof OPTIONS>;

/** The usage when it should be shown. Throws on what it does not know. */
export const parseOptions = (words: readonly string[]): Options | string =>
  readOptions("bench:services", OPTIONS, words);
