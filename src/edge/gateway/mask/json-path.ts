/**
 * The subset of JSON path (RFC 9535) that says which fields to mask: `$.card.number`, `$..email`, `$.items[*].iban`, `$.list[0]`,
 * `$['odd name']`. No filters, slices or negative indexes.
 */
export type PathStep =
  /** A member by name. */
  | { readonly kind: "name"; readonly name: string }
  /** An item by its place, from 0. */
  | { readonly kind: "index"; readonly index: number }
  /** Every member or item. */
  | { readonly kind: "each" }
  /** Whatever comes next may stand at any depth. */
  | { readonly kind: "deep" };

export type JsonPath = readonly PathStep[];

export interface JsonPathFault {
  /** From 0. */
  readonly at: number;
  readonly fault: string;
}

export const JSON_PATH_FORM = "$.name, $..name, $.list[*].name, $.list[0], $['odd name']";
/** Deeper ones are no paths that people write. */
const STEPS_MAX = 32;

const STEP =
  /(\.\.)?(?:\.?([A-Za-z_\u0080-\uffff][\w\u0080-\uffff-]*)|\.?(\*)|\[(\*)\]|\[(\d{1,9})\]|\['((?:[^'\\]|\\['\\])*)'\]|\["((?:[^"\\]|\\["\\])*)"\])/uy;

export function parseJsonPath(text: string): JsonPath | JsonPathFault {
  if (!text.startsWith("$")) return { at: 0, fault: "a JSON path begins with $" };
  const steps: PathStep[] = [];
  let at = 1;
  while (at < text.length) {
    STEP.lastIndex = at;
    const match = STEP.exec(text);
    if (match === null || isBareName(match))
      return { at, fault: `${JSON.stringify(text.slice(at, at + 20))} is no step of a JSON path` };
    if (match[1] !== undefined) steps.push({ kind: "deep" });
    steps.push(stepOf(match));
    at += match[0].length;
  }
  if (steps.length === 0) return { at: 0, fault: "$ alone is the whole body" };
  return steps.length <= STEPS_MAX
    ? steps
    : { at: 0, fault: `the path has ${steps.length} steps, at most ${STEPS_MAX} are allowed` };
}

/** `$name` and `$..` before nothing: a name needs a dot or two before it. */
function isBareName(match: RegExpExecArray): boolean {
  const isNamed = match[2] !== undefined || match[3] !== undefined;
  const hasOneDot = match[0][match[1]?.length ?? 0] === ".";
  return isNamed ? (match[1] !== undefined) === hasOneDot : false;
}

function stepOf([, , name, star, each, index, single, double]: RegExpExecArray): PathStep {
  if (star !== undefined || each !== undefined) return { kind: "each" };
  if (index !== undefined) return { kind: "index", index: Number(index) };
  return { kind: "name", name: name ?? (single ?? double ?? "").replace(/\\(.)/g, "$1") };
}

export function isJsonPathFault(result: JsonPath | JsonPathFault): result is JsonPathFault {
  return !Array.isArray(result);
}
