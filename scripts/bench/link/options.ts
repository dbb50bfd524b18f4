/** The command line of the link benchmark. */
import { parseArgs } from "node:util";
import { chosenNames } from "../common/chosen-names.ts";
import { wholeNumber } from "../common/whole-number.ts";

export const NAMES = ["ours", "moleculer", "erlang"] as const;
export type Name = (typeof NAMES)[number];

export interface Options {
  readonly only: readonly Name[];
  readonly runs: number;
  readonly ms: number;
}

export const USAGE = `npm run bench:link -- [options]
  --only A,B   these alone: ${NAMES.join(", ")}
  --runs N     of everybody, in turn; the median counts (default 3)
  --ms N       each measurement, after a third of it to warm up (default 1,500)`;

/** Undefined when the usage should be shown. Throws on what it does not know. */
export function parseOptions(words: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: { type: "boolean" },
      only: { type: "string" },
      runs: { type: "string" },
      ms: { type: "string" },
    },
  });
  if (values.help) return undefined;
  return {
    only: chosenNames(values.only, NAMES),
    runs: wholeNumber("runs", values.runs, 3),
    ms: wholeNumber("ms", values.ms, 1_500),
  };
}
