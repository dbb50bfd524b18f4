/** The other way round: the HTTP request that a message is, by a rule of google.api.http. What the path takes is not told again. */
import { type DescMessage, type JsonValue, type Message, type Registry, toJson } from "@bufbuild/protobuf";
import { Failure } from "../../base/errors.ts";
import { fieldNamed } from "./field-names.ts";
import type { JsonObject } from "./json.ts";
import { jsonText, shortenFloats } from "./json-numbers.ts";
import type { HttpRule } from "./methods.ts";
import { type PathTemplate, type PathVariable, parseTemplate } from "./path-template.ts";

export interface RuleRequest {
  readonly httpMethod: string;
  /** Path and query. */
  readonly target: string;
  /** Undefined: none. */
  readonly json: string | undefined;
}

/** Fails with `protobuf.rule` where a field of the path is empty or does not fit its pattern. */
export function requestOfMessage(rule: HttpRule, desc: DescMessage, message: Message, registry: Registry): RuleRequest {
  const hasMinusZero = shortenFloats(desc, message);
  const json = toJson(desc, message, { registry });
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new Failure(
      "protobuf.rule",
      `converting a ${desc.typeName} failed: its JSON is no object; one with fields is required`,
    );
  }
  const rest: JsonObject = structuredClone(json);
  const path = expand(parseTemplate(rule.template), desc, rest, rule.template);
  const httpMethod = rule.httpMethod === "*" ? "POST" : rule.httpMethod;
  if (rule.body === "*") return { httpMethod, target: path, json: jsonText(rest, hasMinusZero) };
  const body = rule.body === "" ? undefined : fieldNamed(desc, rule.body)?.jsonName;
  const value = body === undefined ? undefined : rest[body];
  if (body !== undefined) delete rest[body];
  const query = queryOf(rest, "");
  const target = query.length === 0 ? path : `${path}?${query.join("&")}`;
  return { httpMethod, target, json: body === undefined ? undefined : jsonText(value ?? {}, hasMinusZero) };
}

function expand(template: PathTemplate, desc: DescMessage, rest: JsonObject, text: string): string {
  const pieces: string[] = template.segments.map((segment) => (segment.kind === "literal" ? segment.text : ""));
  // From the last one on, so that the places of those before stay right.
  for (const variable of [...template.variables].reverse()) {
    const value = takeField(desc, rest, variable.field);
    pieces.splice(variable.from, variable.to - variable.from, ...segmentsOf(template, variable, value, text));
  }
  if (pieces.some((piece) => piece === ""))
    throw new Failure(
      "protobuf.rule",
      `making the path ${text} failed: a part of it has no value; all of them are required`,
    );
  return `/${pieces.join("/")}${template.verb === "" ? "" : `:${template.verb}`}`;
}

function segmentsOf(template: PathTemplate, variable: PathVariable, value: string, text: string): string[] {
  const pattern = template.segments.slice(variable.from, variable.to);
  const given = variable.isMultiple ? value.split("/") : [value];
  const endsInRest = pattern[pattern.length - 1]?.kind === "rest";
  const fits =
    (endsInRest ? given.length >= pattern.length : given.length === pattern.length) &&
    // A dot segment would lead to another path.
    given.every((piece, at) => piece !== "" && piece !== "." && piece !== ".." && matches(pattern[at], piece));
  if (!fits)
    throw new Failure(
      "protobuf.rule",
      `making the path ${text} failed: ${variable.field} is ${JSON.stringify(value)}; a value of its pattern is required`,
    );
  return given.map(encodeURIComponent);
}

function matches(segment: PathTemplate["segments"][number] | undefined, piece: string): boolean {
  return segment === undefined || segment.kind !== "literal" || segment.text === piece;
}

/** The field's value as text; it is gone from `rest`. */
function takeField(desc: DescMessage, rest: JsonObject, path: string): string {
  let type: DescMessage | undefined = desc;
  let place: JsonObject = rest;
  const levels = path.split(".");
  for (const [at, level] of levels.entries()) {
    const field: ReturnType<typeof fieldNamed> = type === undefined ? undefined : fieldNamed(type, level);
    const value: JsonValue | undefined = field === undefined ? undefined : place[field.jsonName];
    if (field === undefined || value === undefined || value === null) return "";
    if (at === levels.length - 1) {
      delete place[field.jsonName];
      return typeof value === "object" ? "" : String(value);
    }
    if (typeof value !== "object" || Array.isArray(value)) return "";
    type = field.message;
    place = value;
  }
  return "";
}

function queryOf(json: JsonObject, prefix: string): string[] {
  return Object.entries(json).flatMap(([name, value]) =>
    parametersOf(prefix === "" ? name : `${prefix}.${name}`, value),
  );
}

function parametersOf(name: string, value: JsonValue): string[] {
  if (value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item) => parametersOf(name, item));
  if (typeof value === "object") return queryOf(value, name);
  return [`${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`];
}
