/** The command line of the gateway's benchmark. */
import { type BenchOptions, count, flag, names, readOptions } from "../common/bench-options.ts";

const MEASUREMENTS = ["plain", "guarded", "processes", "transcode", "lua", "waf", "waf-processes", "slow"] as const;

const OPTIONS = {
  only: names(MEASUREMENTS, "these measurements alone"),
  runs: count(3, "rounds of everybody, in turn; medians count"),
  "step-ms": count(4_000, "each load, after a third of it to warm up"),
  connections: count(64, "of the load that asks as fast as it is answered"),
  "slow-clients": count(2_000, "that send or read a byte now and then"),
  quick: flag("one round of a second each, 500 slow clients: whether it works, not what it reaches"),
  profile: flag("the plain proxy once, with the CPU profile of the gateway instead of the comparison"),
  executable: {
    hint: "FILE",
    about: "instead of one that is built now",
    read: (_: string, text: string | undefined): string | undefined => text,
  },
};

export type Options = BenchOptions<typeof OPTIONS>;

/** What `--quick` stands for. */
const QUICK = { runs: 1, "step-ms": 1_000, "slow-clients": 500 };

/** The usage when it should be shown. Throws on what it does not know. */
export function parseOptions(words: readonly string[]): Options | string {
  const options = readOptions("bench:gateway", OPTIONS, words);
  return typeof options === "string" || !options.quick ? options : { ...options, ...QUICK };
}
