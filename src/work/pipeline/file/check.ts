/**
 * The second look at a parsed file: parameters under the schemas of those who read them. The schemas are handed in: ends
 * bring theirs, a plugin's comes from its host.
 */

import { nearMiss } from "../../../base/near-miss.ts";
import type { ParamSchema } from "../../../sdk/index.ts";
import {
  convertParams,
  type Fault,
  FaultCollector,
  makeFault,
  type ParamsPlace,
  quoted,
  type ResolvePath,
} from "../../lines/index.ts";
import { FALLBACK_PREFIX, reservedParams } from "./fields.ts";
import type { End, PipelineFile, StageSpec } from "./types.ts";

export interface PipelineSchemas {
  readonly sources: Readonly<Record<string, ParamSchema>>;
  readonly sinks: Readonly<Record<string, ParamSchema>>;
  /** By stage name; a stage without an entry is not checked. */
  readonly pluginSchemas?: ReadonlyMap<string, ParamSchema>;
  /** Schemas of the fallback libraries, by stage name. */
  readonly fallbackSchemas?: ReadonlyMap<string, ParamSchema>;
  /** Finds the files that parameters of kind `path` name; without it they are taken as they are. */
  readonly resolvePath?: ResolvePath;
}

export function checkPipeline(file: PipelineFile, schemas: PipelineSchemas): Fault[] {
  const faults = new FaultCollector(file.fileName);
  const resolvePath = schemas.resolvePath ?? ((path: string) => path);
  if (file.source) faults.addAll(checkEnd("source", file.source, schemas.sources, file, resolvePath));
  if (file.sink) faults.addAll(checkEnd("sink", file.sink, schemas.sinks, file, resolvePath));
  for (const stage of file.stages) {
    const schema = schemas.pluginSchemas?.get(stage.name);
    if (schema) faults.addAll(checkStage(file, stage, schema, resolvePath));
    const fallbackSchema = schemas.fallbackSchemas?.get(stage.name);
    if (stage.fallback && fallbackSchema) {
      const place = {
        ...placeOf(file, stage),
        field: "parameters.fallback",
        owner: `the fallback of stage ${quoted(stage.name)}`,
      };
      faults.addAll(convertParams(stage.fallback.params, fallbackSchema, resolvePath, place).faults);
    }
  }
  return faults.list();
}

/** Where a stage's or an end's parameters stand, for `convertParams`. */
export function placeOf(file: PipelineFile, line: StageSpec | End): ParamsPlace {
  const owner = "kind" in line ? `${quoted(line.name)} (${line.kind})` : `the plugin of stage ${quoted(line.name)}`;
  const column = line.columns.parameters ?? line.columns.library ?? 1;
  return { file: file.fileName, line: line.line, column, field: "parameters", owner };
}

function checkEnd(
  role: "source" | "sink",
  end: End,
  schemas: Readonly<Record<string, ParamSchema>>,
  file: PipelineFile,
  resolvePath: ResolvePath,
): readonly Fault[] {
  const schema = Object.hasOwn(schemas, end.kind) ? schemas[end.kind] : undefined;
  if (schema) return convertParams(end.params, schema, resolvePath, placeOf(file, end)).faults;
  const kinds = Object.keys(schemas);
  const meant = nearMiss(end.kind, kinds);
  const place = { line: end.line, column: end.columns.library ?? 1 };
  return [
    makeFault(file.fileName, place, "library", {
      code: `pipeline.config.unknown_${role}`,
      message: `${quoted(end.kind)} is not a kind of ${role}`,
      allowed: kinds.map((kind) => `${role}:${kind}`).join(", "),
      suggestion: meant && `${role}:${meant}`,
    }),
  ];
}

function checkStage(
  file: PipelineFile,
  stage: StageSpec,
  schema: ParamSchema,
  resolvePath: ResolvePath,
): readonly Fault[] {
  const place = placeOf(file, stage);
  const taken = Object.keys(schema).filter(
    (key) => Object.hasOwn(reservedParams, key) || key.startsWith(FALLBACK_PREFIX),
  );
  const clashes = taken.map((key) =>
    makeFault(file.fileName, { line: stage.line, column: stage.columns.library ?? 1 }, "library", {
      code: "pipeline.config.reserved_parameter",
      message: `${place.owner} declares the parameter ${quoted(key)}, which the engine reads`,
      allowed: "any other name",
    }),
  );
  return [...clashes, ...convertParams(stage.params, schema, resolvePath, place).faults];
}
