/**
 * From a pipeline file to what the engine runs: every fault found in one go, plugins looked at in hosts of their own,
 * files resolved, parameters converted. Used by `check`, which stops here, and by `run`.
 */
import { resolve } from "node:path";
import { Failure, toFailure } from "../base/errors.ts";
import type { ParamSchema } from "../sdk/index.ts";
import {
  checkPipeline,
  convertParams,
  type End,
  type Fault,
  type LoadedPipelineFile,
  loadPipelineFile,
  mergeFaults,
  type PipelineFile,
  pathResolver,
  placeOf,
  type ResolvePath,
  type StageSpec,
} from "../work/pipeline/file/index.ts";
import { sinkSchemas } from "../work/pipeline/sink/index.ts";
import { sourceSchemas } from "../work/pipeline/source/index.ts";
import type { StagePlan } from "../work/pipeline/stages/index.ts";
import { type InspectedPlugin, inspectPlugin } from "./inspect-plugin.ts";
import { type Libraries, planStages } from "./plan-stages.ts";
import { type EndChoice, endFault } from "./probe-ends.ts";

export type { EndChoice } from "./probe-ends.ts";

export interface PreparedPipeline {
  readonly path: string;
  readonly text: string;
  readonly file: PipelineFile;
  readonly faults: readonly Fault[];
  /** Enabled stages only. Complete when there are no faults. */
  readonly stages: readonly StagePlan[];
  /** What the parameters of each stage are, by its name. */
  readonly schemas: ReadonlyMap<string, StageSchemas>;
  readonly source: EndChoice | undefined;
  readonly sink: EndChoice | undefined;
  /** Where its files were found. */
  readonly resolvePath: ResolvePath;
}

export interface StageSchemas {
  readonly params: ParamSchema;
  readonly fallback?: ParamSchema;
}

type Inspected = InspectedPlugin | Failure;

export async function preparePipeline(path: string): Promise<PreparedPipeline> {
  return prepareFile(path, await loadPipelineFile(path));
}

/** The same for a file that has been read, or changed since. */
export async function prepareFile(
  path: string,
  loaded: LoadedPipelineFile,
  resolvePath = pathResolver(path, process.cwd()),
): Promise<PreparedPipeline> {
  const { file, faults: parseFaults, text } = loaded;
  const libraries = await inspectAll(file, resolvePath);
  try {
    const source = endOf(file, file.source, sourceSchemas, resolvePath);
    const sink = endOf(file, file.sink, sinkSchemas, resolvePath);
    const declared = mergeFaults(parseFaults, schemaFaults(file, libraries, resolvePath));
    const endFaults = [...endFault(file, "source", file.source, source), ...endFault(file, "sink", file.sink, sink)];
    const balancerFaults = await balancerFault(file, text, resolvePath);
    const saidByPlugins = await pluginFaults(file, libraries, resolvePath, declared);
    const faults = mergeFaults(
      declared,
      endFaults.filter((fault) => !hasFaultAt(declared, fault.line)),
      balancerFaults,
      saidByPlugins,
    );
    const stages = faults.length > 0 ? [] : planStages(file, libraries, resolvePath);
    const schemas = new Map(file.stages.map((stage) => [stage.name, schemasFor(stage, libraries)]));
    return { path, text, file, faults, stages, schemas, source, sink, resolvePath };
  } finally {
    await Promise.all(
      Array.from(libraries.values(), (found) => (found instanceof Failure ? undefined : found.close())),
    );
  }
}

function schemasFor({ fallback, library }: StageSpec, libraries: Libraries): StageSchemas {
  const schemaOf = (name: string): ParamSchema => {
    const found = libraries.get(name);
    return found && !(found instanceof Failure) ? found.loaded.params : {};
  };
  return { params: schemaOf(library), ...(fallback && { fallback: schemaOf(fallback.library) }) };
}

/** Faults that names, schemas and files show, without asking the plugins. */
function schemaFaults(file: PipelineFile, libraries: Libraries, resolvePath: ResolvePath): Fault[] {
  const own = file.stages.map((stage) => [stage.name, libraries.get(stage.library)] as const);
  const fallbacks = file.stages.flatMap((stage) =>
    stage.fallback ? [[stage.name, libraries.get(stage.fallback.library)] as const] : [],
  );
  const checkFaults = checkPipeline(file, {
    sources: sourceSchemas,
    sinks: sinkSchemas,
    pluginSchemas: schemasOf(own),
    fallbackSchemas: schemasOf(fallbacks),
    resolvePath,
  });
  const libraryFaults = file.stages.flatMap((stage) => [
    ...libraryFault(file, stage, stage.library, libraries.get(stage.library)),
    ...(stage.fallback ? libraryFault(file, stage, stage.fallback.library, libraries.get(stage.fallback.library)) : []),
    ...laneFault(file, stage, libraries.get(stage.library)),
    ...healthFault(file, stage, libraries.get(stage.library)),
  ]);
  return mergeFaults(checkFaults, libraryFaults);
}

/** `balancer_library` has to be there, and a balancer. */
async function balancerFault(file: PipelineFile, text: string, resolvePath: ResolvePath): Promise<Fault[]> {
  const { balancer_library: written, start_timeout: timeoutMs } = file.settings;
  if (written === undefined) return [];
  const before = text.slice(0, Math.max(0, text.indexOf("balancer_library"))).split("\n");
  const place = { file: file.fileName, line: before.length, column: before.at(-1)!.length + 1 };
  const fault = { ...place, field: "set.balancer_library", allowed: "a plugin file made by defineBalancer" };
  try {
    const { close, loaded } = await inspectPlugin(resolvePath(written, "present") ?? resolve(written), timeoutMs);
    await close();
    if (loaded.selects === true) return [];
    return [{ ...fault, code: "pipeline.config.balancer", message: `${written} is a plugin, and no balancer` }];
  } catch (thrown) {
    const { code, message } = toFailure(thrown, "plugin.load");
    return [{ ...fault, code, message }];
  }
}

/** What the plugins find in parameters that fit their schemas. Stages whose line has a fault already are left alone. */
async function pluginFaults(
  file: PipelineFile,
  libraries: Libraries,
  resolvePath: ResolvePath,
  known: readonly Fault[],
): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const stage of file.stages) {
    if (hasFaultAt(known, stage.line)) continue;
    faults.push(...(await saidBy(file, stage, libraries.get(stage.library), stage.params, resolvePath)));
    const { fallback } = stage;
    if (fallback)
      faults.push(...(await saidBy(file, stage, libraries.get(fallback.library), fallback.params, resolvePath)));
  }
  return faults;
}

async function saidBy(
  file: PipelineFile,
  stage: StageSpec,
  found: Inspected | undefined,
  params: StageSpec["params"],
  resolvePath: ResolvePath,
): Promise<Fault[]> {
  if (!found || found instanceof Failure) return [];
  const line = { line: stage.line, column: stage.columns.parameters ?? stage.columns.library ?? 1 };
  const common = { file: file.fileName, code: "pipeline.config.refused_parameter" };
  const { values } = convertParams(params, found.loaded.params, resolvePath, placeOf(file, stage));
  try {
    return (await found.check(values)).map(({ param, message }) => {
      const text = params.find(({ key }) => key === param);
      const place = text ? { line: text.line, column: text.valueColumn } : line;
      const allowed =
        found.loaded.params[param]?.describe ?? `what ${found.loaded.info.name} ${found.loaded.info.version} takes`;
      return { ...common, ...place, field: `parameters.${param}`, message, allowed };
    });
  } catch (thrown) {
    const message = `the plugin's check failed: ${toFailure(thrown, "plugin.check").message}`;
    return [{ ...common, ...line, field: "parameters", message, allowed: "a check that returns a list of faults" }];
  }
}

function hasFaultAt(faults: readonly Fault[], line: number): boolean {
  return faults.some((fault) => fault.line === line);
}

/** Hosts that look at plugins at the same time: more than a few only wait for each other's processor. */
const INSPECTIONS_AT_ONCE = 4;

/** Each library once, however many stages use it; disabled stages too, so that `check` vouches for them. */
async function inspectAll(file: PipelineFile, resolvePath: ResolvePath): Promise<Libraries> {
  const named = file.stages.flatMap(({ library, fallback }) => (fallback ? [library, fallback.library] : [library]));
  const left = [...new Set(named)].filter((library) => /\.(ts|js)$/.test(library)); // the parser has complained of others
  const inspected = new Map<string, Inspected>();
  const work = async (): Promise<void> => {
    for (let library = left.shift(); library !== undefined; library = left.shift()) {
      const path = resolvePath(library, "present") ?? resolve(library);
      const looked = inspectPlugin(path, file.settings.start_timeout, variablesFor(file, library));
      inspected.set(library, await looked.catch((thrown: unknown) => toFailure(thrown, "plugin.load")));
    }
  };
  await Promise.all(Array.from({ length: INSPECTIONS_AT_ONCE }, work));
  return inspected;
}

/** What any stage lets this library see: its `check` looks for the variables that parameters name. */
function variablesFor(file: PipelineFile, library: string): string[] {
  return file.stages.flatMap((stage) => {
    const uses = [stage, ...(stage.fallback ? [stage.fallback] : [])].filter((each) => each.library === library);
    const named = uses.flatMap(({ params }) => params.filter(({ key }) => key.endsWith("_env")));
    return uses.length === 0 ? [] : [...(stage.engine.env ?? []), ...named.map(({ value }) => value)];
  });
}

function schemasOf(entries: readonly (readonly [string, Inspected | undefined])[]) {
  return new Map(
    entries.flatMap(([name, found]) =>
      found && !(found instanceof Failure) ? [[name, found.loaded.params] as const] : [],
    ),
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
  if (!found || found instanceof Failure || !found.loaded.sequential || (stage.engine.lanes ?? 1) === 1) return [];
  const place = { line: stage.line, column: stage.columns.parameters ?? 1 };
  const message = `lanes=${stage.engine.lanes}, but the plugin ${found.loaded.info.name} needs its batches in order`;
  return [
    { ...place, file: file.fileName, code: "pipeline.config.lanes", field: "parameters.lanes", message, allowed: "1" },
  ];
}

function healthFault(file: PipelineFile, stage: StageSpec, found: Inspected | undefined): Fault[] {
  if (!found || found instanceof Failure || found.loaded.health || stage.engine.health_interval === undefined)
    return [];
  const place = { line: stage.line, column: stage.columns.parameters ?? 1 };
  const message = `the plugin ${found.loaded.info.name} has no health operation to call every health_interval`;
  const field = "parameters.health_interval";
  return [{ ...place, file: file.fileName, code: "pipeline.config.health", field, message, allowed: "nothing here" }];
}

function endOf(
  file: PipelineFile,
  end: End | undefined,
  schemas: Readonly<Record<string, ParamSchema>>,
  resolvePath: ResolvePath,
): EndChoice | undefined {
  const schema = end && Object.hasOwn(schemas, end.kind) ? schemas[end.kind] : undefined;
  if (!end || !schema) return undefined;
  return { kind: end.kind, params: convertParams(end.params, schema, resolvePath, placeOf(file, end)).values };
}
