/**
 * Random pipelines with a model of what each stage does to a record: small slots and large records, several lanes, poison
 * and crashes in any mixture. The model is the dumb second implementation: it walks the records one by one.
 */
import type { Random } from "../../src/base/random.ts";
import { perRecord, plugin } from "./plugins.ts";

export interface FuzzRecord {
  readonly id: number;
  readonly [field: string]: unknown;
}

/** What becomes of one record. */
export type Fate = FuzzRecord | "filtered" | "dead" | "skipped";

export interface FuzzStage {
  readonly source: string;
  readonly policy: string;
  readonly params: string;
  /** Called for the records that reach the stage, in order. */
  model(record: FuzzRecord): Fate;
}

export interface FuzzPipeline {
  readonly settings: string;
  readonly ordered: boolean;
  readonly stages: readonly FuzzStage[];
}

type Maker = (random: Random, name: string) => Omit<FuzzStage, "policy" | "params"> & { readonly harmful?: true };

const MAKERS: readonly Maker[] = [
  (random, name) => {
    const bytes = 2 ** (4 + random.below(11));
    return {
      source: perRecord(`row.${name} = "x".repeat(${bytes});`),
      model: (record) => ({ ...record, [name]: "x".repeat(bytes) }),
    };
  },
  (random) => {
    const divisor = 2 + random.below(6);
    return {
      source: plugin({ batch: `batch.filter((row) => row.id % ${divisor} !== 1);` }),
      model: (record) => (record.id % divisor === 1 ? "filtered" : record),
    };
  },
  (random) => {
    const divisor = 3 + random.below(40);
    return {
      source: perRecord(`if (row.id % ${divisor} === 2) batch.reject(batch.index, "as told");`),
      model: (record) => (record.id % divisor === 2 ? "dead" : record),
    };
  },
  (_random, name) => {
    let count = 0;
    return {
      source: plugin({
        top: "let count = 0;",
        batch: `for (const row of batch) row.${name} = ++count;`,
        snapshot: "return count;",
        restore: "count = state;",
      }),
      model: (record) => ({ ...record, [name]: ++count }),
    };
  },
  (random) => poisonous(random, "throw new Error('poison');"),
  (random) => poisonous(random, "process.exit(9);"),
];

/** Two records at most: each costs some restarts. */
function poisonous(random: Random, harm: string) {
  const ids = [random.below(FUZZ_RECORDS), random.below(FUZZ_RECORDS)];
  return {
    harmful: true,
    source: perRecord(`if (${JSON.stringify(ids)}.includes(row.id)) { ${harm} }`),
    model: (record: FuzzRecord) => (ids.includes(record.id) ? ("dead" as const) : record),
  } as const;
}

export const FUZZ_RECORDS = 600;

export function randomPipeline(random: Random): FuzzPipeline {
  const ordered = random.below(4) > 0;
  const settings = [
    `batch_rows=${1 + random.below(120)}`,
    `batch_bytes=${4 + random.below(60)}KiB`,
    "max_record_bytes=64KiB",
    `memory=${[8, 16, 32][random.below(3)]}MiB`,
    `in_flight=${1 + random.below(12)}`,
    `lanes=${1 + random.below(2)}`,
    `ordered=${ordered}`,
    `checkpoint_interval=${10 + random.below(100)}ms`,
    "max_restarts=1000",
    "restart_period=100ms",
    "backoff=1ms",
  ].join(",");
  const stages = Array.from({ length: 1 + random.below(3) }, (_, index) => randomStage(random, `field${index}`));
  return { settings, ordered, stages };
}

function randomStage(random: Random, name: string): FuzzStage {
  const { source, model, harmful } = MAKERS[random.below(MAKERS.length)]!(random, name);
  const policy = ["DEAD_LETTER", "RETRY_WITH_BACKOFF", "FAILOVER", "SKIP_AND_CONTINUE"][random.below(4)]!;
  const skips = policy === "SKIP_AND_CONTINUE" && harmful;
  const fate = (record: FuzzRecord): Fate => {
    const found = model(record);
    return found === "dead" && skips ? "skipped" : found;
  };
  return { source, policy, params: "", model: fate };
}

export interface Expected {
  readonly records: readonly FuzzRecord[];
  /** For each stage: records in, out, filtered, dead-lettered, skipped. */
  readonly counts: readonly (readonly number[])[];
}

export function walk({ stages }: FuzzPipeline, input: readonly FuzzRecord[]): Expected {
  let records = input;
  const counts: number[][] = [];
  for (const stage of stages) {
    const fates = records.map((record) => stage.model(record));
    const count = (fate: Fate): number => fates.filter((each) => each === fate).length;
    const out = fates.filter((fate): fate is FuzzRecord => typeof fate !== "string");
    counts.push([records.length, out.length, count("filtered"), count("dead"), count("skipped")]);
    records = out;
  }
  return { records, counts };
}
