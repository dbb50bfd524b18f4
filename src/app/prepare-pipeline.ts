/**
 * From a pipeline file to what the engine runs: every fault found in one go, plugins looked at in hosts of their own,
 * files resolved, parameters converted. Used by `check`, which stops here, and by `run`.
 */
import { resolve } from "node:path";
import { Failure, toFailure } from "../base/errors.ts";
import type { LoadedMessage } from "../process/plugin/index.ts";
import { IDENTITY_LIBRARY } from "../process/plugin/index.ts";
import type { StagePlan } from "../work/pipeline/engine/index.ts";
import {
  checkPipeline,
  convertParams,
  type End,
  type Fault,
  loadPipelineFile,
  mergeFaults,
  type ParamValue,
  type PipelineFile,
  pathResolver,
  placeOf,
  type ResolvePath,
  type StageSpec,
} from "../work/pipeline/file/index.ts";
import { sinkSchemas } from "../work/pipeline/sink/index.ts";
import { sourceSchemas } from "../work/pipeline/source/index.ts";
import { inspectPlugin } from "./inspect-plugin.ts";

/** One end as chosen: by its line in the file or by --input and --output. */
export interface EndChoice {
  readonly kind: string;
  readonly params: Readonly<Record<string, ParamValue>>;
}

export interface PreparedPipeline {
  readonly path: string;
  readonly text: string;
  readonly file: PipelineFile;
  readonly faults: readonly Fault[];
  /** Enabled stages only. Complete when there are no faults. */
  readonly stages: readonly StagePlan[];
  readonly source: EndChoice | undefined;
  readonly sink: EndChoice | undefined;
}

type Inspected = LoadedMessage | Failure;

export async function preparePipeline(path: string): Promise<PreparedPipeline> {
  const { file, faults: parseFaults, text } = await loadPipelineFile(path);
  const resolvePath = pathResolver(path, process.cwd());
  const libraries = await inspectAll(file, resolvePath);
  const stageLibraries = file.stages.map((stage) => [stage.name, libraries.get(stage.library)] as const);
  const fallbacks = file.stages.flatMap((stage) =>
    stage.fallback ? [[stage.name, libraries.get(stage.fallback.library)] as const] : [],
  );
  const checkFaults = checkPipeline(file, {
    sources: sourceSchemas,
    sinks: sinkSchemas,
    pluginSchemas: schemasOf(stageLibraries),
    fallbackSchemas: schemasOf(fallbacks),
    resolvePath,
  });
  const libraryFaults = file.stages.flatMap((stage) => [
    ...libraryFault(file, stage, stage.library, libraries.get(stage.library)),
    ...(stage.fallback ? libraryFault(file, stage, stage.fallback.library, libraries.get(stage.fallback.library)) : []),
    ...laneFault(file, stage, libraries.get(stage.library)),
  ]);
  const faults = mergeFaults(parseFaults, checkFaults, libraryFaults);
  const end = (
    choice: End | undefined,
    schemas: Readonly<Record<string, (typeof sourceSchemas)[keyof typeof sourceSchemas]>>,
  ) => (choice && schemas[choice.kind] ? endChoice(file, choice, schemas[choice.kind]!, resolvePath) : undefined);
  return {
    path,
    text,
    file,
    faults,
    stages: faults.length > 0 ? [] : planStages(file, libraries, resolvePath),
    source: end(file.source, sourceSchemas),
    sink: end(file.sink, sinkSchemas as never), // the schemas differ in their keys only, which stay unread here
  };
}

/** Hosts that look at plugins at the same time: more than a few only wait for each other's processor. */
const INSPECTIONS_AT_ONCE = 4;

/** Each library once, however many stages use it; disabled stages too, so that `check` vouches for them. */
async function inspectAll(file: PipelineFile, resolvePath: ResolvePath): Promise<Map<string, Inspected>> {
  const named = file.stages.flatMap(({ library, fallback }) => (fallback ? [library, fallback.library] : [library]));
  const left = [...new Set(named)].filter((library) => /\.(ts|js)$/.test(library)); // the parser has complained of others
  const inspected = new Map<string, Inspected>();
  const work = async (): Promise<void> => {
    for (let library = left.shift(); library !== undefined; library = left.shift()) {
      const path = resolvePath(library) ?? resolve(library);
      const looked = inspectPlugin(path, file.settings.start_timeout);
      inspected.set(library, await looked.catch((thrown: unknown) => toFailure(thrown, "plugin.load")));
    }
  };
  await Promise.all(Array.from({ length: INSPECTIONS_AT_ONCE }, work));
  return inspected;
}

function schemasOf(entries: readonly (readonly [string, Inspected | undefined])[]) {
  return new Map(
    entries.flatMap(([name, found]) => (found && !(found instanceof Failure) ? [[name, found.params] as const] : [])),
  );
}

function libraryFault(file: PipelineFile, stage: StageSpec, library: string, found: Inspected | undefined): Fault[] {
  if (!(found instanceof Failure)) return [];
  const built = /(?:^|\/)lib([a-z0-9_-]+)\.js$/.exec(library)?.[1];
  const hint =
    found.code === "plugin.not_found" && built ? `; a bundle is built by scripts/build/build_plugins.sh ${built}` : "";
  const allowed = `a plugin file that loads, looked for in the working directory, then beside the pipeline file${hint}`;
  const place = { line: stage.line, column: stage.columns.library ?? 1 };
  return [{ ...place, file: file.fileName, code: found.code, field: "library", message: found.message, allowed }];
}

function laneFault(file: PipelineFile, stage: StageSpec, found: Inspected | undefined): Fault[] {
  if (!found || found instanceof Failure || !found.sequential || (stage.lanes ?? 1) === 1) return [];
  const place = { line: stage.line, column: stage.columns.parameters ?? 1 };
  const message = `lanes=${stage.lanes}, but the plugin ${found.info.name} needs its batches in order`;
  return [
    { ...place, file: file.fileName, code: "pipeline.config.lanes", field: "parameters.lanes", message, allowed: "1" },
  ];
}

function planStages(
  file: PipelineFile,
  libraries: ReadonlyMap<string, Inspected>,
  resolvePath: ResolvePath,
): StagePlan[] {
  const plans = file.stages
    .filter(({ enabled }) => enabled)
    .map((stage) => planStage(file, stage, libraries, resolvePath));
  return plans.length > 0 ? plans : [identityStage()];
}

function planStage(
  file: PipelineFile,
  stage: StageSpec,
  libraries: ReadonlyMap<string, Inspected>,
  resolvePath: ResolvePath,
): StagePlan {
  const loaded = libraries.get(stage.library) as LoadedMessage; // a failure is a fault, and then nothing is planned
  const { fallback } = stage;
  const other = fallback && (libraries.get(fallback.library) as LoadedMessage); // likewise
  const values = (params: StageSpec["params"], schema: LoadedMessage["params"]) =>
    convertParams(params, schema, resolvePath, placeOf(file, stage)).values;
  return {
    name: stage.name,
    library: resolvePath(stage.library) ?? resolve(stage.library),
    params: values(stage.params, loaded.params),
    policy: stage.policy,
    maxRetries: stage.maxRetries,
    timeoutMs: stage.timeoutMs,
    lanes: stage.lanes ?? file.settings.lanes,
    sequential: loaded.sequential,
    stateful: loaded.stateful,
    ...(fallback &&
      other && {
        fallback: {
          library: resolvePath(fallback.library) ?? resolve(fallback.library),
          params: values(fallback.params, other.params),
        },
      }),
  };
}

/** A pipeline without stages still reads and writes: somebody has to parse and format, and not the daemon. */
function identityStage(): StagePlan {
  return {
    name: "pass",
    library: IDENTITY_LIBRARY,
    params: {},
    policy: "RETRY_WITH_BACKOFF",
    maxRetries: 3,
    timeoutMs: 10_000,
    lanes: 1,
    sequential: false,
    stateful: false,
  };
}

function endChoice(
  file: PipelineFile,
  end: End,
  schema: Parameters<typeof convertParams>[1],
  resolvePath: ResolvePath,
): EndChoice {
  return { kind: end.kind, params: convertParams(end.params, schema, resolvePath, placeOf(file, end)).values };
}
