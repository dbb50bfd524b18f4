/** The command line of the task benchmark. */
import { parseArgs } from "node:util";
import { chosenNames } from "../common/chosen-names.ts";
import { wholeNumber } from "../common/whole-number.ts";

export const NAMES = ["ours", "workers", "bullmq"] as const;
export type Name = (typeof NAMES)[number];

export interface Options {
  readonly only: readonly Name[];
  readonly runs: number;
  readonly tasks: number;
}

export const USAGE = `npm run bench:task -- [options]
  --only A,B   these alone: ${NAMES.join(", ")}
  --runs N     of everybody, in turn; the median counts (default 3)
  --tasks N    in a graph (default 10,000)`;

/** Undefined when the usage should be shown. Throws on what it does not know. */
export function parseOptions(words: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: { type: "boolean" },
      only: { type: "string" },
      runs: { type: "string" },
      tasks: { type: "string" },
    },
  });
  if (values.help) return undefined;
  return {
    only: chosenNames(values.only, NAMES),
    runs: wholeNumber("runs", values.runs, 3),
    tasks: wholeNumber("tasks", values.tasks, 10_000),
  };
}
