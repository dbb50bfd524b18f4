/** From a checked pipeline file to the plans that the engine runs: files resolved, parameters converted, defaults filled in. */
import { resolve } from "node:path";
import type { Failure } from "../base/errors.ts";
import { IDENTITY_LIBRARY, type LoadedMessage } from "../process/plugin/index.ts";
import type { ParamSchema } from "../sdk/index.ts";
import {
  convertParams,
  type PipelineFile,
  placeOf,
  type ResolvePath,
  type StageSpec,
} from "../work/pipeline/file/index.ts";
import type { StagePlan } from "../work/pipeline/stages/index.ts";
import type { InspectedPlugin } from "./inspect-plugin.ts";

/** What was found under each library's name. */
export type Libraries = ReadonlyMap<string, InspectedPlugin | Failure>;

/** Complete only when the file has no faults. */
export function planStages(file: PipelineFile, libraries: Libraries, resolvePath: ResolvePath): StagePlan[] {
  const plans = file.stages
    .filter(({ enabled }) => enabled)
    .map((stage) => planStage(file, stage, libraries, resolvePath));
  return plans.length > 0 ? plans : [identityStage()];
}

function planStage(file: PipelineFile, stage: StageSpec, libraries: Libraries, resolvePath: ResolvePath): StagePlan {
  const { loaded, revision } = libraries.get(stage.library) as InspectedPlugin; // a failure is a fault, and then nothing is planned
  const { fallback } = stage;
  const found = fallback && (libraries.get(fallback.library) as InspectedPlugin); // likewise
  const other = found?.loaded;
  const values = (params: StageSpec["params"], schema: LoadedMessage["params"]) =>
    convertParams(params, schema, resolvePath, placeOf(file, stage)).values;
  return {
    name: stage.name,
    library: resolvePath(stage.library, "present") ?? resolve(stage.library),
    revision,
    params: values(stage.params, loaded.params),
    policy: stage.policy,
    maxRetries: stage.maxRetries,
    timeoutMs: stage.timeoutMs,
    lanes: stage.engine.lanes ?? file.settings.lanes,
    sequential: loaded.sequential,
    stateful: loaded.stateful,
    exclusive: loaded.exclusive,
    ...enginePlan(stage, loaded.params, other?.params),
    ...(fallback &&
      other && {
        fallback: {
          revision: found.revision,
          library: resolvePath(fallback.library, "present") ?? resolve(fallback.library),
          params: values(fallback.params, other.params),
        },
      }),
  };
}

const SUCCESS_THRESHOLD = 1;
const HALF_OPEN_AFTER_MS = 10_000;
const HEALTH_TIMEOUT_MS = 1_000;

/** What the line says about the stage's processes. */
function enginePlan({ engine, fallback, params }: StageSpec, schema: ParamSchema, fallbackSchema?: ParamSchema) {
  const { cpu, failure_threshold, files, health_interval, memory, stdout } = engine;
  const limits = {
    ...(memory !== undefined && { memoryBytes: memory }),
    ...(cpu !== undefined && { cpuMs: cpu }),
    ...(files !== undefined && { files }),
    ...(stdout !== undefined && { stdoutBytesPerSecond: stdout }),
  };
  const breaker = failure_threshold !== undefined && {
    failureThreshold: failure_threshold,
    successThreshold: engine.success_threshold ?? SUCCESS_THRESHOLD,
    halfOpenAfterMs: engine.half_open_after ?? HALF_OPEN_AFTER_MS,
  };
  const health = health_interval !== undefined && {
    intervalMs: health_interval,
    timeoutMs: engine.health_timeout ?? HEALTH_TIMEOUT_MS,
  };
  return {
    standby: engine.standby ?? 0,
    limits,
    passEnv: [
      ...(engine.env ?? []),
      ...variablesNamedBy(params, schema),
      ...variablesNamedBy(fallback?.params ?? [], fallbackSchema ?? {}),
    ],
    ...(engine.balancer !== undefined && { balancer: engine.balancer }),
    ...(breaker && { breaker }),
    ...(health && { health }),
  };
}

/** The value of a parameter whose name ends in `_env` is the name of a variable that the plugin reads. */
function variablesNamedBy(params: StageSpec["params"], schema: ParamSchema): string[] {
  const written = params.filter(({ key }) => key.endsWith("_env")).map(({ value }) => value);
  const defaults = Object.entries(schema)
    .filter(([key]) => key.endsWith("_env") && !params.some((each) => each.key === key))
    .map(([, spec]) => spec.default);
  return [...written, ...defaults.filter((each): each is string => typeof each === "string")];
}

/** A pipeline without stages still reads and writes: somebody has to parse and format, and not the daemon. */
function identityStage(): StagePlan {
  return {
    name: "pass",
    library: IDENTITY_LIBRARY,
    revision: "",
    params: {},
    policy: "RETRY_WITH_BACKOFF",
    maxRetries: 3,
    timeoutMs: 10_000,
    lanes: 1,
    sequential: false,
    stateful: false,
    exclusive: false,
    standby: 0,
    limits: {},
    passEnv: [],
  };
}
