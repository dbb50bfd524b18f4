/**
 * The stage parameters that the engine reads and the plugin never sees: how many processes, what each may use, when to
 * stop asking a plugin that fails. A plugin cannot declare these names.
 */

import { BALANCER_NAMES, parseBalancer } from "../../../protocol/balance/index.ts";
import { type ParamSchema, type ParamValues, param } from "../../../sdk/index.ts";
import { quoted } from "../../lines/index.ts";
import { MAX_LANES, MAX_STANDBY } from "./limits.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const HOUR = 3600 * SECOND;

/** Below this the host's own runtime does not fit. */
const MEMORY_BYTES_MIN = 32 * MIB;
/** The host's own runtime keeps about twenty files open. */
const FILES_MIN = 64;

/** CUSTOM names a library, which a pipeline has one of: no stage may write it. */
const STAGE_BALANCERS = `one of ${BALANCER_NAMES.filter((name) => name !== "CUSTOM").join(", ")}`;

export const engineSchema = {
  lanes: param.integer("host processes of this stage, instead of the setting lanes", { min: 1, max: MAX_LANES }),
  standby: param.integer(
    "initialised host processes kept beside the lanes, warmed with a batch that has passed (batch.probe is true then): after a crash one takes over at once",
    {
      min: 0,
      max: MAX_STANDBY,
    },
  ),
  memory: param.size("own memory that one host may use; over it, it is killed and replaced", {
    min: MEMORY_BYTES_MIN,
    max: 1024 * 1024 * MIB,
  }),
  cpu: param.duration("processor time that one host may use in its life; over it, it is killed and replaced", {
    min: SECOND,
    max: 24 * 365 * HOUR,
  }),
  files: param.integer("files that one host may have open, its own runtime's among them", {
    min: FILES_MIN,
    max: 1_048_576,
  }),
  stdout: param.size("bytes that one host may print in a second before it is killed and replaced", {
    min: 1 * KIB,
    max: 1024 * MIB,
  }),
  env: param.list("names of environment variables that the plugin sees, beside PATH, HOME, TMPDIR, LANG and TZ", {
    max: 100,
  }),
  failure_threshold: param.integer(
    "failed tries in a row after which the stage's circuit breaker opens: the policy takes effect at once, without asking the plugin",
    { min: 1, max: 1_000_000 },
  ),
  success_threshold: param.integer("batches in a row that must pass before a half-open circuit breaker closes (1)", {
    min: 1,
    max: 1_000_000,
  }),
  half_open_after: param.duration("time after which an open circuit breaker lets a batch through to see (10s)", {
    min: 10,
    max: 24 * HOUR,
  }),
  health_interval: param.duration(
    "time between two calls of the plugin's own health(), in processes that have no batch; the plugin has to have one",
    {
      min: 100,
      max: 24 * HOUR,
    },
  ),
  balancer: param.string(`who gets a batch of this stage, where several workers could: ${STAGE_BALANCERS}`, { min: 1 }),
  health_timeout: param.duration("longest time that health() may take (1s)", { min: 10, max: HOUR }),
} satisfies ParamSchema;

export type EngineParams = ParamValues<typeof engineSchema>;
export type EngineParamName = keyof typeof engineSchema;

export const engineParamNames = Object.keys(engineSchema) as readonly EngineParamName[];

export interface EngineParamConflict {
  readonly name: EngineParamName;
  readonly message: string;
  readonly allowed: string;
}

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** Parameters that are right one by one and wrong together, and names that no variable can have. */
export function engineParamConflicts(params: Partial<EngineParams>): EngineParamConflict[] {
  const conflicts: EngineParamConflict[] = [];
  for (const name of ["success_threshold", "half_open_after"] as const) {
    if (params[name] === undefined || params.failure_threshold !== undefined) continue;
    const message = `${name} says nothing without failure_threshold`;
    conflicts.push({ name, message, allowed: "failure_threshold as well, or neither" });
  }
  if (params.health_timeout !== undefined && params.health_interval === undefined) {
    const message = "health_timeout says nothing without health_interval";
    conflicts.push({ name: "health_timeout", message, allowed: "health_interval as well, or neither" });
  }
  const wrong = params.env?.find((name) => !VARIABLE.test(name));
  if (wrong !== undefined) {
    const message = `${quoted(wrong)} is not the name of an environment variable`;
    conflicts.push({ name: "env", message, allowed: "names of letters, digits and _, separated by ;" });
  }
  if (params.balancer !== undefined && isNoStageBalancer(params.balancer)) {
    const isWhole = parseBalancer(params.balancer) === "CUSTOM";
    const message = `${quoted(params.balancer)} is ${isWhole ? "a balancer of whole pipelines and not of a stage" : "no balancer"}`;
    conflicts.push({ name: "balancer", message, allowed: STAGE_BALANCERS });
  }
  return conflicts;
}

function isNoStageBalancer(text: string): boolean {
  const name = parseBalancer(text);
  return name === undefined || name === "CUSTOM";
}
