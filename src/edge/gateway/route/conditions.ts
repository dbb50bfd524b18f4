/** What a route asks for beside host, path and method: headers, query, content type. */
import { headerOf, type RequestHead } from "../../../wire/http/index.ts";
import type { FieldMatch, RouteMatch } from "../words/index.ts";

export interface Condition {
  readonly kind: "header" | "query" | "content_type";
  readonly name: string;
  readonly how: FieldMatch["how"];
  readonly value: string;
  /** As people write it. */
  readonly text: string;
}

export interface Conditions {
  readonly fields: readonly Condition[];
  /** One of them is enough; none: any. */
  readonly types: readonly Condition[];
}

export function compileConditions(match: RouteMatch): Conditions {
  const field =
    (kind: "header" | "query") =>
    (each: FieldMatch): Condition => ({
      ...each,
      kind,
      text: `${kind}.${each.name}=${writtenValue(each)}`,
    });
  return {
    fields: [...match.headers.map(field("header")), ...match.query.map(field("query"))],
    types: match.contentTypes.map(typeCondition),
  };
}

function writtenValue({ how, value }: FieldMatch): string {
  if (how === "present") return "*";
  if (how === "absent") return "!";
  return how === "prefix" ? `${value}*` : value;
}

function typeCondition(text: string): Condition {
  const lower = text.toLowerCase();
  const isPrefix = lower.endsWith("*");
  const value = isPrefix ? lower.slice(0, -1) : lower;
  return {
    kind: "content_type",
    name: "content-type",
    how: isPrefix ? "prefix" : "exact",
    value,
    text: `content_type=${lower}`,
  };
}

/**
 * The first condition that does not hold; undefined: all do. `announced`: headers of a request that a preflight asks for, whose values, as
 * its content type, are not known yet: what may hold does.
 */
export function firstFailed(
  conditions: Conditions,
  head: RequestHead,
  query: string,
  announced?: ReadonlySet<string>,
): Condition | undefined {
  const { fields, types } = conditions;
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index]!;
    if (field.kind === "query") {
      if (!queryHolds(field, query)) return field;
    } else if (announced?.has(field.name)) {
      if (field.how === "absent") return field;
    } else if (!headerHolds(field, head.headers)) return field;
  }
  if (types.length === 0 || announced !== undefined) return undefined;
  const type = mediaType(headerOf(head.headers, "content-type") ?? "");
  for (let index = 0; index < types.length; index++) if (valueHolds(types[index]!, type)) return undefined;
  return types[0];
}

function mediaType(value: string): string {
  const end = value.indexOf(";");
  return (end < 0 ? value : value.slice(0, end)).trim().toLowerCase();
}

function valueHolds({ how, value }: Condition, actual: string): boolean {
  if (how === "exact") return actual === value;
  return how === "present" || (how === "prefix" && actual.startsWith(value));
}

/** Of several fields of one name any may hold; `absent` wants none of them. */
function headerHolds(condition: Condition, headers: readonly string[]): boolean {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== condition.name) continue;
    if (condition.how === "absent") return false;
    if (valueHolds(condition, headers[at + 1]!)) return true;
  }
  return condition.how === "absent";
}

function queryHolds(condition: Condition, query: string): boolean {
  for (let from = 0; from < query.length; ) {
    const next = query.indexOf("&", from);
    const end = next < 0 ? query.length : next;
    const equals = query.indexOf("=", from);
    const split = equals < 0 || equals > end ? end : equals;
    if (split > from && decodeField(query.slice(from, split)) === condition.name) {
      if (condition.how === "absent") return false;
      if (valueHolds(condition, decodeField(query.slice(split + 1, end)))) return true;
    }
    from = end + 1;
  }
  return condition.how === "absent";
}

/** As forms write it; what does not decode stands for itself. */
function decodeField(text: string): string {
  const plain = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!plain.includes("%")) return plain;
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain; // a broken escape: the condition is about another value then
  }
}
