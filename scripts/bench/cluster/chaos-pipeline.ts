/**
 * The pipeline of the chaos run: the benchmark's five stages over orders, behind three that reject, cannot bear and take their
 * time, so that each way in which a record may end is taken.
 */
import { join } from "node:path";
import type { BenchInput } from "../common/orders.ts";
import { PLUGINS } from "../common/orders-pipeline.ts";

/** Orders whose ids these divide are dead letters, or skipped. */
export const UNWANTED_ONE_IN = 997;
export const BRITTLE_ONE_IN = 4_999;
export const MIN_AMOUNT = 150;

export interface ChaosPipeline {
  readonly input: BenchInput;
  readonly output: string;
  readonly deadLetters: string;
  readonly batchRows: number;
  /** Of each batch, without using a processor. */
  readonly waitMs: number;
  readonly leaseMs: number;
  /** With a second stage that keeps a state, before those that any worker may do. */
  readonly isNumbered: boolean;
}

const OWN = join(import.meta.dir, "plugins");
/** A stage that is killed every second now and then must not run out of tries, nor of restarts. */
const POLICY = "true|RETRY_WITH_BACKOFF|50|20s";
const SKIPS = "true|SKIP_AND_CONTINUE|50|20s";
const SETTINGS = "max_restarts=1000000,restart_period=1s,backoff=1ms,backoff_max=20ms";

export function chaosPipelineText({
  batchRows,
  deadLetters,
  input,
  isNumbered,
  leaseMs,
  output,
  waitMs,
}: ChaosPipeline): string {
  return `set|${SETTINGS},batch_rows=${batchRows},lease=${leaseMs}ms,dead_letters=${deadLetters}
orders|source:ndjson|path=${input.orders}
unwanted|${OWN}/unwanted.ts|one_in=${UNWANTED_ONE_IN}|${POLICY}
brittle|${OWN}/brittle.ts|one_in=${BRITTLE_ONE_IN}|${SKIPS}
${
  isNumbered
    ? `number|${OWN}/number.ts||${POLICY}
`
    : ""
}pace|${OWN}/pace.ts|wait_ms=${waitMs}|${POLICY}
filter|${PLUGINS}/filter.ts|min_amount=${MIN_AMOUNT}|${POLICY}
total|${PLUGINS}/total.ts||${POLICY}
category|${PLUGINS}/category.ts|table=${input.products}|${POLICY}
email-hash|${PLUGINS}/email-hash.ts||${POLICY}
group-sums|${PLUGINS}/group-sums.ts||${POLICY}
sink|sink:ndjson|path=${output}
`;
}

/** Segments with an owner, by their place in the pipeline: see how a master cuts it. */
export function pinnedSegments({ isNumbered }: Pick<ChaosPipeline, "isNumbered">): readonly number[] {
  return isNumbered ? [1, 3] : [1];
}
