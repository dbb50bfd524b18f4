/**
 * The pipeline file that runs letters again: the pipeline's own, from the stage that refused them on, with the letters as its source
 * and an output of its own. Everything in it is named by whole paths, for it lies in the node's state and not beside the original.
 */
import { existsSync } from "node:fs";
import { isAbsolute, join, parse, resolve } from "node:path";
import { Failure } from "../../base/errors.ts";
import type { ParamSchema } from "../../sdk/index.ts";
import {
  type End,
  formatPipelineFile,
  type ParamText,
  type PipelineFile,
  type ResolvePath,
  type StageSpec,
} from "../../work/pipeline/file/index.ts";
import { inferSink, sinkSchemas } from "../../work/pipeline/sink/index.ts";
import type { PreparedPipeline } from "../prepare-pipeline.ts";

/** The stage of lines that could not be read: they go through all of it. */
export const SOURCE_STAGE = "source";

export interface ReplayEnds {
  readonly stage: string;
  /** Of the records, NDJSON. */
  readonly input: string;
  /** Undefined where the pipeline's sink is no file. */
  readonly output: string | undefined;
}

/** Fails with `dead_letter.no_such_stage` when the pipeline has no such stage any more. */
export function replayFileText(prepared: PreparedPipeline, { input, output, stage }: ReplayEnds): string {
  const { file, resolvePath, schemas } = prepared;
  const { dead_letters: _own, ...settings } = file.settings; // a run of its own has letters of its own
  const balancer = settings.balancer_library;
  const stages = stagesFrom(file, stage).map((each) => withWholePaths(each, resolvePath, schemas.get(each.name)));
  return formatPipelineFile({
    ...file,
    settings: {
      ...settings,
      dead_letters: undefined,
      ...(balancer !== undefined && { balancer_library: found(balancer, resolvePath) }),
    },
    source: { name: "letters", kind: "ndjson", params: [param("path", input)], line: 1, columns: {} },
    stages,
    sink: sinkTo(file.sink, output, resolvePath),
  });
}

/**
 * Where the records go: the file that was asked for; when nobody says, beside the pipeline's own output, else into `directory`.
 * Undefined for what is no file.
 */
export function replayOutput(prepared: PreparedPipeline, asked: string | undefined, name: string, directory: string) {
  if (asked !== undefined) return newFile(asked);
  const { sink } = prepared;
  const isFile = sink === undefined || "path" in sink.params;
  if (!isFile) return undefined;
  const path = sink?.params.path;
  if (typeof path !== "string" || path === "-" || path.startsWith("/dev/"))
    return join(directory, `${name}.out.ndjson`);
  const { dir, ext } = parse(resolve(path));
  return join(dir, `${name}${ext}`);
}

/** A replay begins its output anew: it must not be what somebody has written. */
function newFile(asked: string): string {
  const path = resolve(asked);
  if (!existsSync(path)) return path;
  const message = `the output ${path} exists already; the records that are run again need a file of their own`;
  throw new Failure("dead_letter.output_exists", message);
}

function stagesFrom(file: PipelineFile, stage: string): readonly StageSpec[] {
  if (stage === SOURCE_STAGE) return file.stages;
  const at = file.stages.findIndex(({ enabled, name }) => enabled && name === stage);
  if (at >= 0) return file.stages.slice(at);
  const names = file.stages.filter(({ enabled }) => enabled).map(({ name }) => name);
  const message = `the pipeline ${file.name} has no stage ${JSON.stringify(stage)} any more; it has ${names.join(", ")}`;
  throw new Failure("dead_letter.no_such_stage", message);
}

function withWholePaths(
  stage: StageSpec,
  resolvePath: ResolvePath,
  schemas: { readonly params: ParamSchema; readonly fallback?: ParamSchema } | undefined,
): StageSpec {
  const { fallback } = stage;
  return {
    ...stage,
    library: found(stage.library, resolvePath),
    params: wholeParams(stage.params, schemas?.params ?? {}, resolvePath),
    ...(fallback && {
      fallback: {
        library: found(fallback.library, resolvePath),
        params: wholeParams(fallback.params, schemas?.fallback ?? {}, resolvePath),
      },
    }),
  };
}

function wholeParams(
  params: readonly ParamText[],
  schema: ParamSchema,
  resolvePath: ResolvePath,
): readonly ParamText[] {
  return params.map((each) => {
    const kind = Object.hasOwn(schema, each.key) ? schema[each.key]!.kind : undefined;
    if (kind === "path") return { ...each, value: found(each.value, resolvePath) };
    if (kind === "paths")
      return {
        ...each,
        value: each.value
          .split(";")
          .map((path) => found(path, resolvePath))
          .join(";"),
      };
    if (kind === "file" && each.value !== "-") return { ...each, value: resolvePath(each.value, "any") ?? each.value };
    return each;
  });
}

function found(path: string, resolvePath: ResolvePath): string {
  return isAbsolute(path) ? path : (resolvePath(path, "present") ?? resolve(path));
}

function sinkTo(sink: End | undefined, output: string | undefined, resolvePath: ResolvePath): End {
  if (output === undefined && sink) {
    return { ...sink, params: wholeParams(sink.params, schemaOf(sink), resolvePath) };
  }
  const path = param("path", output ?? "");
  const takesPath = sink !== undefined && Object.hasOwn(schemaOf(sink), "path");
  const inferred = output === undefined ? undefined : inferSink(output);
  if (sink && takesPath && (inferred === undefined || inferred === sink.kind)) {
    return { ...sink, params: [...sink.params.filter(({ key }) => key !== "path"), path] };
  }
  return { name: sink?.name ?? "out", kind: inferred ?? "ndjson", params: [path], line: 1, columns: {} };
}

function schemaOf({ kind }: End): ParamSchema {
  const schemas: Readonly<Record<string, ParamSchema>> = sinkSchemas;
  return Object.hasOwn(schemas, kind) ? schemas[kind]! : {};
}

function param(key: string, value: string): ParamText {
  return { key, value, line: 1, keyColumn: 1, valueColumn: 1 };
}
