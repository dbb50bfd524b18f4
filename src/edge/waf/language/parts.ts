/** Pieces of rules: variables with their selectors, texts with macros, ranges of ids. */
import { Failure } from "../../../base/errors.ts";
import { type Bytes, Regex } from "../match/index.ts";
import { UNSUPPORTED_VARIABLES, VARIABLES } from "./variables.ts";
import type { IdRange, MacroPart, Selector, Target, Template } from "./words.ts";

export function invalid(what: string, required: string): Failure {
  return new Failure("waf.rule_invalid", `read ${what}; required: ${required}`);
}

/** What ModSecurity knows and this engine does not do. */
export function unsupported(what: string, reason: string): Failure {
  return new Failure("waf.unsupported", `read ${what}: ${reason}`);
}

/** Whether the file is wrong; else it is right, and only this engine does not do it. */
export function isFaulty({ code }: Failure): boolean {
  return !code.endsWith("unsupported") && code !== "waf.regex_too_large";
}

/** Keys of these do not care for case; they are kept in lower case. */
const LOWER_KEYS: ReadonlySet<string> = new Set([
  "TX",
  "IP",
  "GLOBAL",
  "SESSION",
  "USER",
  "RESOURCE",
  "ENV",
  "REQUEST_HEADERS",
  "RESPONSE_HEADERS",
]);

export function constant(text: Bytes): Template {
  return { text, parts: text === "" ? [] : [text], isDynamic: false };
}

/** `%{…}` that names nothing stays text. */
export function parseTemplate(text: Bytes): Template {
  if (!text.includes("%{")) return constant(text);
  const parts: (Bytes | MacroPart)[] = [];
  let from = 0;
  for (const match of text.matchAll(/%\{([A-Za-z_]+)(?:[.:]([^}]*))?\}/g)) {
    if (match.index > from) parts.push(text.slice(from, match.index));
    parts.push(macro(match[1]!, match[2]));
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push(text.slice(from));
  return { text, parts, isDynamic: parts.some((part) => typeof part !== "string") };
}

function macro(name: string, key: Bytes | undefined): MacroPart {
  const collection = name.toUpperCase();
  return { collection, key: key !== undefined && LOWER_KEYS.has(collection) ? key.toLowerCase() : key };
}

/** A target as a rule lists it: `isExcluded` for `!ARGS:x`. */
export interface ListedTarget {
  readonly target: Target;
  readonly isExcluded: boolean;
}

/** Cut at bars (and commas, where `isCommaList`) outside of quotes and regular expressions. */
export function splitTargets(text: Bytes, isCommaList = false): Bytes[] {
  const pieces: Bytes[] = [];
  let from = 0;
  let at = 0;
  while (at < text.length) {
    const char = text[at]!;
    if (char === ":" && (text[at + 1] === "/" || text[at + 1] === "'") && !/XML$/i.test(text.slice(from, at)))
      at = selectorEnd(text, at + 1);
    else if (char === "|" || (isCommaList && char === ",")) {
      pieces.push(text.slice(from, at));
      at += 1;
      from = at;
    } else at += 1;
  }
  pieces.push(text.slice(from));
  return pieces.map((piece) => piece.trim()).filter((piece) => piece !== "");
}

function selectorEnd(text: Bytes, from: number): number {
  const mark = text[from]!;
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === mark) return at + 1;
  }
  return text.length;
}

/** Throws `waf.rule_invalid` and what `Regex.compile` throws. */
export function listedTarget(text: Bytes): ListedTarget {
  const isExcluded = text.startsWith("!");
  return { target: compileTarget(isExcluded ? text.slice(1) : text), isExcluded };
}

/** Of an XML body: all its text, and all values of attributes. */
const XPATHS: ReadonlySet<string> = new Set(["/*", "//@*"]);

/** `ARGS`, `&ARGS:x`, `TX:/^a/`, `XML:/*`. Throws `waf.variable_unknown`, `waf.variable_unsupported` and what `Regex.compile` throws. */
export function compileTarget(text: Bytes): Target {
  const isCount = text.startsWith("&");
  const bare = (isCount ? text.slice(1) : text).trim();
  const mark = /[:.]/.exec(bare)?.index ?? bare.length;
  const collection = bare.slice(0, mark).toUpperCase();
  if (!VARIABLES.has(collection)) throw unknownVariable(text, collection);
  const key = bare.slice(mark + 1);
  if (collection === "XML" && key !== "" && !XPATHS.has(key))
    throw new Failure("waf.variable_unsupported", `read the variable "${text}": paths into XML are /* and //@* only`);
  return { collection, isCount, selector: key === "" ? undefined : selector(collection, key), text };
}

function unknownVariable(text: Bytes, collection: string): Failure {
  const reason = Object.hasOwn(UNSUPPORTED_VARIABLES, collection) ? UNSUPPORTED_VARIABLES[collection] : undefined;
  if (reason !== undefined) return new Failure("waf.variable_unsupported", `read the variable "${text}": ${reason}`);
  return new Failure("waf.variable_unknown", `read the variable "${text}": there is no ${collection} here`);
}

function selector(collection: string, written: Bytes): Selector {
  if (collection === "XML") return { kind: "xpath", path: written };
  const key = written.length > 1 && written.startsWith("'") && written.endsWith("'") ? written.slice(1, -1) : written;
  if (key.length > 1 && key.startsWith("/") && key.endsWith("/")) {
    const text = key.slice(1, -1).replaceAll("\\/", "/");
    return { kind: "regex", regex: Regex.compile(text, { isCaseless: true }), text };
  }
  return { kind: "key", key };
}

/** `942100`, `942100-942199`, several with blanks or commas between. */
export function parseIds(text: Bytes): IdRange[] {
  const pieces = text.split(/[\s,]+/).filter((piece) => piece !== "");
  if (pieces.length === 0) throw invalid("an empty list of rule ids", "an id or a range");
  return pieces.map((piece) => {
    const match = /^([0-9]{1,15})(?:-([0-9]{1,15}))?$/.exec(piece);
    if (match === null) throw invalid(`the rule id "${piece}"`, "a number or a range such as 942100-942199");
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (last < first) throw invalid(`the rule ids "${piece}"`, "a range that begins with its lower end");
    return { first, last };
  });
}

export function includesId(ranges: readonly IdRange[], id: number): boolean {
  return ranges.some(({ first, last }) => id >= first && id <= last);
}
