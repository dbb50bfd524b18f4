/** Parameters of a plugin task: JSON values, or texts as in a pipeline file, become what the plugin's schema declares. */
import { resolve } from "node:path";
import { Failure } from "../../base/errors.ts";
import type { ParamSchema } from "../../sdk/index.ts";
import { convertParams, type Fault, formatFault, type ParamText } from "../pipeline/file/index.ts";
import type { Json, JsonObject } from "./types.ts";

/** Fails with `task.plugin.params`, naming every fault. */
export function convertTaskParams(library: string, params: JsonObject, schema: ParamSchema): JsonObject {
  const { faults, values } = convert(library, params, schema);
  if (faults.length === 0) return values as JsonObject; // texts, numbers, booleans and lists of texts
  const said = faults.map((fault) => formatFault(fault)).join("; ");
  throw new Failure("task.plugin.params", `params of ${said}`, { data: { untouched: true } });
}

/** What is wrong before references are filled in: parameters that hold one are not judged. */
export function findParamFaults(library: string, params: JsonObject, schema: ParamSchema): readonly Fault[] {
  const open = new Set(Object.keys(params).filter((name) => hasReference(params[name]!)));
  const known = Object.fromEntries(Object.entries(params).filter(([name]) => !open.has(name)));
  const judged = Object.fromEntries(Object.entries(schema).filter(([name]) => !open.has(name)));
  const unknown = [...open].filter((name) => !Object.hasOwn(schema, name)).map((name) => [name, ""] as const);
  return convert(library, { ...known, ...Object.fromEntries(unknown) }, judged).faults;
}

export function hasReference(value: Json): boolean {
  return JSON.stringify(value).includes("${");
}

function convert(library: string, params: JsonObject, schema: ParamSchema) {
  const texts = Object.entries(params).map(([key, value]): ParamText => {
    return { key, value: textOf(value), line: 1, keyColumn: 1, valueColumn: 1 };
  });
  const place = { file: library, line: 1, column: 1, field: "params", owner: "the plugin" };
  return convertParams(texts, schema, (path) => resolve(path), place);
}

function textOf(value: Json): string {
  if (Array.isArray(value)) return value.map(textOf).join(";");
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The value of a parameter whose name ends in `_env` is the name of a variable that the plugin reads. */
export function variablesNamedBy(params: JsonObject, schema: ParamSchema = {}): readonly string[] {
  const defaults = Object.entries(schema).map(([key, spec]) => [key, spec.default] as const);
  const all = { ...Object.fromEntries(defaults), ...params };
  return Object.entries(all).flatMap(([key, value]) =>
    key.endsWith("_env") && typeof value === "string" ? [value] : [],
  );
}
