/**
 * Turns parameter texts into the values that a schema declares. One converter for settings, sources, sinks, plugins and
 * the fields of a stage line, so that every value follows the same rules and every fault reads the same. Total: what is
 * wrong comes back as faults with places, all of them at once. Keys are unique; the parser has seen to that.
 */

import { nearMiss } from "../../base/near-miss.ts";
import { DURATION_FORM, parseDurationMs, parseSizeBytes, SIZE_FORM } from "../../base/units.ts";
import type { ParamSchema, ParamSpec } from "../../sdk/index.ts";
import { type Fault, FaultCollector, type FaultDraft, type Place, quoted } from "./faults.ts";
import type { ParamText } from "./line.ts";
import { formatDuration, formatSize } from "./units-text.ts";

export type ParamValue = string | number | boolean | readonly string[];

/** Where the parameters stand: a missing required one has no place of its own. */
export interface ParamsPlace extends Place {
  readonly file: string;
  /** What faults call the parameters: `parameters.KEY`, `set.KEY`. */
  readonly field: string;
  /** First half of the codes; left out: PIPELINE_FAMILY. */
  readonly family?: string | undefined;
  /** Whose parameters they are, as in `the plugin of stage "validation"`. */
  readonly owner: string;
}

/** Finds a file that a parameter names; gives its absolute path. */
export type ResolvePath = (path: string, need: "present" | "any") => string | undefined;

export interface Converted {
  /** Own properties only, one for each parameter that was given or has a default. */
  readonly values: Readonly<Record<string, ParamValue>>;
  readonly faults: readonly Fault[];
}

export function convertParams(
  params: readonly ParamText[],
  schema: ParamSchema,
  resolvePath: ResolvePath,
  place: ParamsPlace,
): Converted {
  const faults = new FaultCollector(place.file, place.family);
  const values = new Map<string, ParamValue>();
  for (const given of params) {
    const at = { line: given.line, column: given.valueColumn };
    const spec = Object.hasOwn(schema, given.key) ? schema[given.key] : undefined;
    if (spec === undefined) {
      const keyAt = { line: given.line, column: given.keyColumn };
      faults.add(keyAt, `${place.field}.${given.key}`, unknownParam(given.key, schema, place.owner));
      continue;
    }
    const result = convertValue(given.value, spec, resolvePath);
    if ("fault" in result) faults.add(at, `${place.field}.${given.key}`, result.fault);
    else values.set(given.key, result.value);
  }
  const given = new Set(params.map((text) => text.key));
  for (const [key, spec] of Object.entries(schema)) {
    if (given.has(key)) continue;
    if (spec.default !== undefined)
      values.set(key, spec.default as ParamValue); // a schema's default is of its own kind
    else if (spec.required) faults.add(place, `${place.field}.${key}`, missingParam(key, spec, place.owner));
  }
  return { values: Object.fromEntries(values), faults: faults.list() };
}

export type ConvertedValue = { readonly value: ParamValue } | { readonly fault: FaultDraft };

/** One text under one spec. */
export function convertValue(text: string, spec: ParamSpec, resolvePath: ResolvePath): ConvertedValue {
  switch (spec.kind) {
    case "string":
      return inRange(text, text.length, text, spec);
    case "integer":
      return numeric(text, /^[+-]?\d{1,16}$/.test(text) ? Number(text) : undefined, spec, Number.isSafeInteger);
    case "number":
      return numeric(text, NUMBER.test(text) ? Number(text) : undefined, spec, Number.isFinite);
    case "duration":
      return numeric(text, parseDurationMs(text), spec, Number.isSafeInteger);
    case "size":
      return numeric(text, parseSizeBytes(text), spec, Number.isSafeInteger);
    case "boolean":
      return BOOLEANS.has(text) ? { value: text === "true" } : illTyped(text, spec, booleanMeant(text));
    case "choice":
      if (spec.choices?.includes(text)) return { value: text };
      return illTyped(text, spec, nearMiss(text, spec.choices ?? []));
    case "list":
      return listOf(text, spec);
    case "path": {
      const path = text === "" ? undefined : resolvePath(text, "present");
      return path === undefined ? illTyped(text, spec) : { value: path };
    }
    case "paths":
      return pathsOf(text, spec, resolvePath);
    case "file": {
      const path = text === "" ? undefined : resolvePath(text, "any");
      return path === undefined ? illTyped(text, spec) : { value: path };
    }
  }
}

/** What the spec allows, in words. */
export function allowedText(spec: ParamSpec): string {
  const range = rangeText(spec);
  switch (spec.kind) {
    case "string":
      return textAllowed(spec, range);
    case "integer":
      return `a whole number${range}`;
    case "number":
      return `a number${range}`;
    case "duration":
      return range === "" ? DURATION_FORM : `${DURATION_FORM},${range}`;
    case "size":
      return range === "" ? SIZE_FORM : `${SIZE_FORM},${range}`;
    case "boolean":
      return "true or false";
    case "choice":
      return (spec.choices ?? []).join(", ");
    case "list":
      return range === "" ? "items separated by ;" : `items separated by ;,${range} of them`;
    case "path":
      return "a file that exists, seen from the working directory or from the file that names it";
    case "paths":
      return "files that exist, seen from the working directory or from the file that names it, separated by ;";
    case "file":
      return "the path of a file, seen from the working directory";
  }
}

function textAllowed(spec: ParamSpec, range: string): string {
  if (spec.min === 1 && spec.max === undefined) return "a text that is not empty";
  return range === "" ? "any text" : `text of${range} characters`;
}

/** The same in fewer words, where the forms of times and sizes have been explained. */
export function allowedBriefly(spec: ParamSpec): string {
  if (spec.kind === "duration") return `a time${rangeText(spec)}`;
  return spec.kind === "size" ? `a size${rangeText(spec)}` : allowedText(spec);
}

const NUMBER = /^[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,4})?$/;
const BOOLEANS = new Set(["true", "false"]);

function numeric(
  text: string,
  value: number | undefined,
  spec: ParamSpec,
  valid: (value: number) => boolean,
): ConvertedValue {
  return value === undefined || !valid(value) ? illTyped(text, spec) : inRange(value, value, text, spec);
}

function inRange(value: ParamValue, measure: number, text: string, spec: ParamSpec): ConvertedValue {
  if (measure >= (spec.min ?? Number.NEGATIVE_INFINITY) && measure <= (spec.max ?? Number.POSITIVE_INFINITY)) {
    return { value };
  }
  const message = `${quoted(text)} is out of range`;
  return { fault: { code: "out_of_range", message, allowed: allowedText(spec) } };
}

/** Items between `;`; `\;` keeps the semicolon. No text is the empty list. */
function listOf(text: string, spec: ParamSpec): ConvertedValue {
  if (text === "") return inRange([], 0, text, spec);
  const items = text.split(/(?<!\\);/).map((item) => item.replaceAll("\\;", ";").trim());
  const empty = items.indexOf("");
  if (empty < 0) return inRange(items, items.length, text, spec);
  const message = `item ${empty + 1} of ${quoted(text)} is empty`;
  return { fault: { code: "empty_item", message, allowed: allowedText(spec) } };
}

function pathsOf(text: string, spec: ParamSpec, resolvePath: ResolvePath): ConvertedValue {
  const list = listOf(text, spec);
  if ("fault" in list) return list;
  const names = list.value as readonly string[]; // what a list gives
  const missing = names.find((name) => resolvePath(name, "present") === undefined);
  return missing === undefined
    ? { value: names.map((name) => resolvePath(name, "present")!) }
    : illTyped(missing, { ...spec, kind: "path" });
}

function illTyped(text: string, spec: ParamSpec, suggestion?: string): ConvertedValue {
  const message =
    spec.kind === "path" ? `${quoted(text)} was not found` : `${quoted(text)} is not ${KIND_NAMES[spec.kind]}`;
  const code = spec.kind === "path" ? "path_not_found" : `not_a_${spec.kind}`;
  return { fault: { code, message, allowed: allowedText(spec), suggestion } };
}

const KIND_NAMES: Readonly<Record<Exclude<ParamSpec["kind"], "path">, string>> = {
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  duration: "a time",
  size: "a size",
  list: "a list",
  paths: "a list of files",
  file: "a path",
  choice: "one of the choices",
};

function booleanMeant(text: string): string | undefined {
  const word = text.toLowerCase();
  if (["yes", "on", "1", "y"].includes(word)) return "true";
  if (["no", "off", "0", "n"].includes(word)) return "false";
  return nearMiss(text, BOOLEANS);
}

function unknownParam(key: string, schema: ParamSchema, owner: string): FaultDraft {
  const names = Object.keys(schema);
  const allowed = names.length === 0 ? "none" : `one of ${names.join(", ")}`;
  const message = `${owner} has no parameter ${quoted(key)}`;
  return { code: "unknown_parameter", message, allowed, suggestion: nearMiss(key, names) };
}

function missingParam(key: string, spec: ParamSpec, owner: string): FaultDraft {
  const message = `${owner} needs the parameter ${key} (${spec.describe})`;
  return { code: "missing_parameter", message, allowed: allowedText(spec) };
}

function rangeText(spec: ParamSpec): string {
  const show = (bound: number): string => formatBound(bound, spec);
  if (spec.min !== undefined && spec.max !== undefined) return ` from ${show(spec.min)} to ${show(spec.max)}`;
  if (spec.min !== undefined) return ` at least ${show(spec.min)}`;
  return spec.max === undefined ? "" : ` at most ${show(spec.max)}`;
}

function formatBound(bound: number, spec: ParamSpec): string {
  if (spec.kind === "duration") return formatDuration(bound);
  return spec.kind === "size" ? formatSize(bound) : String(bound);
}
