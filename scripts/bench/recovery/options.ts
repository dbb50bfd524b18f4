/** The command line of the recovery benchmark. */
import { parseArgs } from "node:util";
import { chosenNames } from "../common/chosen-names.ts";
import { wholeNumber } from "../common/whole-number.ts";

export const MEASUREMENTS = ["cold", "standby", "crashes", "swap", "peers"] as const;
export type Measurement = (typeof MEASUREMENTS)[number];

export interface Options {
  readonly only: readonly Measurement[];
  /** Of each scenario of cold and standby, and of each peer. */
  readonly kills: number;
  readonly records: number;
  readonly crashes: number;
  readonly swaps: number;
}

export const USAGE = `npm run bench:recovery -- [options]
  --only A,B     these alone: ${MEASUREMENTS.join(", ")}
                 cold     kill -9 of random plugin hosts: time to their stage's next finished batch
                 standby  the same with standby=1
                 crashes  a plugin that dies 10,000 times in one run: nothing lost, nobody else restarted, memory flat
                 swap     500 hot swaps in a row under full load: nothing lost, no batch kept waiting
                 peers    our supervisor beside PM2 and Erlang/OTP
  --kills N      of each scenario of cold, standby and peers (default 200)
  --records N    orders in the input of cold, standby and swap (default 1,000,000)
  --crashes N    of crashes (default 10,000)
  --swaps N      of swap (default 500)`;

/** Undefined when the usage should be shown. Throws on what it does not know. */
export function parseOptions(words: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: { type: "boolean" },
      only: { type: "string" },
      kills: { type: "string" },
      records: { type: "string" },
      crashes: { type: "string" },
      swaps: { type: "string" },
    },
  });
  if (values.help) return undefined;
  return {
    only: chosenNames(values.only, MEASUREMENTS),
    kills: wholeNumber("kills", values.kills, 200),
    records: wholeNumber("records", values.records, 1_000_000),
    crashes: wholeNumber("crashes", values.crashes, 10_000),
    swaps: wholeNumber("swaps", values.swaps, 500),
  };
}
