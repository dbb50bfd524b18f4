/**
 * The settings of `set|key=value,…` lines: one table that the parser, `check --explain` and the docs read. A setting has
 * the same name in the file, in messages and in code.
 */

import { BALANCER_FORM, parseBalancer } from "../../../protocol/balance/index.ts";
import { type ParamSchema, type ParamValues, param } from "../../../sdk/index.ts";
import { formatDuration, formatSize, quoted } from "../../lines/index.ts";
import { MAX_LANES } from "./limits.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const HOUR = 3600 * SECOND;

export const settingSchema = {
  batch_rows: param.integer("most records in a batch", { default: 4096, min: 1, max: 1_000_000 }),
  batch_bytes: param.size("most bytes of source text in a batch", { default: MIB, min: 4 * KIB, max: 64 * MIB }),
  max_record_bytes: param.size("longest record that a source accepts; a longer one counts as malformed", {
    default: MIB,
    min: 1 * KIB,
    max: 16 * MIB,
  }),
  lanes: param.integer("host processes of each stage; the stage parameter lanes= overrides it", {
    default: 1,
    min: 1,
    max: MAX_LANES,
  }),
  ordered: param.boolean(
    "records leave in the order in which they came, also with several lanes; only what a FALLBACK rescues leaves last in its batch",
    { default: true },
  ),
  in_flight: param.integer("most batches under way in the whole pipeline; a full sink slows the source", {
    default: 16,
    min: 1,
    max: 1024,
  }),
  memory: param.size("shared memory between two stages; holds the batches under way there", {
    default: 128 * MIB,
    min: MIB,
    max: 1024 * MIB,
  }),
  checkpoint_interval: param.duration("longest time between two checkpoints, so most work done again after a crash", {
    default: 500,
    min: 10,
    max: HOUR,
  }),
  on_malformed: param.choice(
    "what happens to an input line that cannot be read: it goes to the dead letters, or the pipeline stops there",
    ["dead_letter", "fail"],
    { default: "dead_letter" },
  ),
  dead_letters: param.string(
    "NDJSON file of the dead letters, to which a new run appends and which --fresh replaces; left out, it lies beside the pipeline's state",
    {
      min: 1,
    },
  ),
  max_restarts: param.integer(
    "most restarts of a stage's hosts in restart_period before the pipeline stops; one batch counts once",
    {
      default: 60,
      min: 0,
      max: 1_000_000,
    },
  ),
  restart_period: param.duration("the time over which max_restarts counts", {
    default: 60 * SECOND,
    min: 100,
    max: 24 * HOUR,
  }),
  backoff: param.duration("wait before the first retry of RETRY_WITH_BACKOFF; doubles with each further one", {
    default: 50,
    min: 1,
    max: HOUR,
  }),
  backoff_max: param.duration("longest wait between two retries", { default: 5 * SECOND, min: 1, max: 24 * HOUR }),
  swap_window: param.duration(
    "time after a swap in which the old plugin comes back by itself when the new one fails more often; 0 trusts it at once",
    { default: 10 * SECOND, min: 0, max: HOUR },
  ),
  start_timeout: param.duration("longest time a host may take to load its plugin, and again for init", {
    default: 30 * SECOND,
    min: 100,
    max: HOUR,
  }),
  stop_timeout: param.duration("longest time a host may take for cleanup before it is killed", {
    default: 5 * SECOND,
    min: 1,
    max: HOUR,
  }),
  balancer: param.string(
    `who gets a batch, where several workers could: ${BALANCER_FORM}; the stage parameter balancer= overrides it`,
    { default: "LEAST_CONNECTIONS", min: 1 },
  ),
  balancer_key: param.choice(
    "what CONSISTENT_HASH keeps on one worker: nothing but the batch itself when it comes again, or the batches of one input file",
    ["batch", "file"],
    { default: "batch" },
  ),
  balancer_library: param.string("the plugin whose select() decides, for balancer=CUSTOM", { min: 1 }),
  lease: param.duration("time without a word from a worker after which its batches go to another one", {
    default: 3 * SECOND,
    min: 500,
    max: HOUR,
  }),
  hedge: param.boolean(
    "a batch that takes a worker much longer than usual is given to a second one too; the first result counts",
    { default: true },
  ),
} satisfies ParamSchema;

export type Settings = ParamValues<typeof settingSchema>;
export type SettingName = keyof typeof settingSchema;

export interface SettingConflict {
  readonly name: SettingName;
  readonly message: string;
  readonly allowed: string;
}

/** An edge holds the batch being made and the one being read, each with room to grow: four of the largest. */
const BATCHES_PER_EDGE_MIN = 4;

/** Settings that are right one by one and wrong together. */
export function settingConflicts(settings: Settings): SettingConflict[] {
  const conflicts: SettingConflict[] = [];
  if (settings.backoff > settings.backoff_max) {
    conflicts.push({
      name: "backoff",
      message: `${formatDuration(settings.backoff)} is longer than backoff_max`,
      allowed: `at most ${formatDuration(settings.backoff_max)}, or a longer backoff_max`,
    });
  }
  const batchBytesMax = Math.max(settings.batch_bytes, settings.max_record_bytes);
  if (settings.memory < BATCHES_PER_EDGE_MIN * batchBytesMax) {
    conflicts.push({
      name: "memory",
      message: `${formatSize(settings.memory)} is too little for batches of ${formatSize(batchBytesMax)}`,
      allowed: `at least ${BATCHES_PER_EDGE_MIN} times the larger of batch_bytes and max_record_bytes`,
    });
  }
  if (parseBalancer(settings.balancer) === undefined) {
    conflicts.push({
      name: "balancer",
      message: `${quoted(settings.balancer)} is no balancer`,
      allowed: BALANCER_FORM,
    });
  }
  const isCustom = parseBalancer(settings.balancer) === "CUSTOM";
  if (isCustom !== (settings.balancer_library !== undefined)) {
    conflicts.push({
      name: isCustom ? "balancer" : "balancer_library",
      message: isCustom ? "CUSTOM says nothing without balancer_library" : "is used by balancer=CUSTOM only",
      allowed: "both, or neither",
    });
  }
  return conflicts;
}
