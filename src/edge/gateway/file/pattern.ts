/** The pattern of a route line: `[METHOD[,METHOD] ][host]/path`, its pieces between slashes in normal form. */
import { nearMiss } from "../../../base/near-miss.ts";
import { type LineContext, quoted, type Span } from "../../../work/lines/index.ts";
import { isPathFault, normalizePath } from "../route/index.ts";
import type { PathPiece, RouteMatch } from "../words/index.ts";
import { MAX_PIECES } from "./limits.ts";
import { parseHostName, percentEncoded, type Word, wordsOf } from "./line-words.ts";

/** Of the registry of methods, those that go to a resource; a route without methods takes every method. */
const METHODS = [
  ..."GET HEAD POST PUT PATCH DELETE OPTIONS TRACE QUERY PURGE LINK UNLINK REPORT SEARCH".split(" "),
  ..."PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK MKCALENDAR CHECKIN CHECKOUT".split(" "),
] as const;
const PATTERN_FORM =
  "[METHOD[,METHOD] ][host]/path, such as /api/*, GET /users/{id} or GET,POST api.example.com/v1/{rest*}";
const PIECE_FORM = "a text, {name} for one whole piece, or at the end * or {name*} for all that is left";
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** What `*` is called in templates. */
export const REST_NAME = "rest";

export type MatchPattern = Pick<RouteMatch, "text" | "methods" | "host" | "path">;

export function parsePattern(span: Span, context: LineContext): MatchPattern {
  const words = wordsOf(context.line.text, span);
  const text = words.map((word) => word.text).join(" ");
  const last = words.at(-1);
  if (last === undefined || words.length > 2) {
    const message = last === undefined ? "the route has no pattern" : `${quoted(text)} has ${words.length} words`;
    context.fault(span.start, { code: "bad_pattern", message, allowed: PATTERN_FORM });
    return { text, methods: [], path: [] };
  }
  const methods = words.length === 2 ? parseMethods(words[0]!, context) : [];
  const slash = last.text.indexOf("/");
  if (slash < 0) {
    const message = `${quoted(last.text)} has no path`;
    context.fault(last.at, { code: "bad_pattern", message, allowed: PATTERN_FORM });
    return { text, methods, path: [] };
  }
  const host = slash === 0 ? undefined : parsePatternHost(last, slash, context);
  const path = parsePath({ text: last.text.slice(slash), at: last.at + slash }, context);
  return { text, methods, path, ...(host !== undefined && { host }) };
}

function parseMethods(word: Word, context: LineContext): string[] {
  const methods: string[] = [];
  let at = word.at;
  for (const method of word.text.split(",")) {
    if (!(METHODS as readonly string[]).includes(method)) {
      const suggestion = nearMiss(method, METHODS);
      const message = `${quoted(method)} is not a method`;
      context.fault(at, { code: "unknown_method", message, allowed: METHODS.join(", "), suggestion });
    } else if (methods.includes(method)) {
      context.fault(at, { code: "repeated_method", message: `${method} is given twice`, allowed: "each method once" });
    } else methods.push(method);
    at += method.length + 1;
  }
  return methods;
}

/** Hosts are written in lower case: the blank was forgotten. */
function refuseMethodAsHost(method: string, at: number, path: string, context: LineContext): undefined {
  const message = `${method} is a method, and no blank stands behind it`;
  const allowed = `a blank between method and path; a host that is called so is ${method.toLowerCase()}`;
  context.fault(at, { code: "bad_host", message, allowed, suggestion: `${method} ${path}` });
}

function parsePatternHost(word: Word, slash: number, context: LineContext): string | undefined {
  const { at } = word;
  const text = word.text.slice(0, slash);
  const rest = word.text.slice(slash);
  const lower = text.toLowerCase().replace(/\.$/, "");
  const isWildcard = lower.startsWith("*.");
  const host = parseHostName(isWildcard ? lower.slice(2) : lower);
  if ((METHODS as readonly string[]).includes(text)) return refuseMethodAsHost(text, at, rest, context);
  if (host !== undefined && !(isWildcard && host.includes(":"))) return isWildcard ? `*.${host}` : host;
  const message = text === "*" ? "* is not a host" : `${quoted(text)} is not a host`;
  const allowed = "a name such as api.example.com or *.example.com, without a port; left out, every host";
  context.fault(at, { code: "bad_host", message, allowed });
  return undefined;
}

function parsePath(path: Word, context: LineContext): PathPiece[] {
  const texts = path.text.slice(1).split("/");
  if (texts.length > MAX_PIECES) {
    const message = `the path has ${texts.length} pieces`;
    context.fault(path.at, { code: "bad_path", message, allowed: `at most ${MAX_PIECES}` });
    return [];
  }
  const pieces: PathPiece[] = [];
  let at = path.at + 1;
  for (const [index, text] of texts.entries()) {
    const piece = parsePiece(text, index === texts.length - 1);
    if ("kind" in piece) pieces.push(piece);
    else context.fault(at, { code: "bad_path", message: piece.problem, allowed: piece.allowed ?? PIECE_FORM });
    at += text.length + 1;
  }
  refuseRepeatedNames(pieces, path, context);
  return pieces;
}

interface Problem {
  readonly problem: string;
  readonly allowed?: string;
}

function parsePiece(text: string, isLast: boolean): PathPiece | Problem {
  if (text === "*") return isLast ? { kind: "rest", name: REST_NAME } : { problem: "a * stands before the end" };
  const name = /^\{([^{}*]*)(\*?)\}$/.exec(text);
  if (name) {
    if (!NAME.test(name[1]!))
      return {
        problem: `${quoted(name[1]!)} is no name of a parameter`,
        allowed: "letters, digits and _, a letter or _ first",
      };
    if (name[2] === "") return { kind: "param", name: name[1]! };
    return isLast ? { kind: "rest", name: name[1]! } : { problem: `${text} stands before the end` };
  }
  if (text.includes("?")) return { problem: "a pattern has no query", allowed: "the option query.NAME=VALUE" };
  if (/[{}*]/.test(text)) return { problem: `${quoted(text)} is only in part a parameter` };
  if (text === "")
    return isLast ? { kind: "literal", text } : { problem: "two slashes in a row: paths are matched without" };
  return literal(text);
}

/** As requests are matched: in normal form. */
function literal(text: string): PathPiece | Problem {
  const encoded = percentEncoded(text);
  const path = normalizePath(`/${encoded}`);
  if (isPathFault(path)) return { problem: `${quoted(text)}: ${path.fault}` };
  const isDots = path === "/" || path === "/..";
  return isDots
    ? { problem: `${quoted(text)} never is in a path: dots are resolved before matching` }
    : { kind: "literal", text: path.slice(1) };
}

function refuseRepeatedNames(pieces: readonly PathPiece[], path: Word, context: LineContext): void {
  const seen = new Set<string>();
  for (const piece of pieces) {
    if (piece.kind === "literal") continue;
    if (seen.has(piece.name)) {
      const message = `the parameter ${quoted(piece.name)} is there twice${piece.name === REST_NAME ? " (* is called rest)" : ""}`;
      context.fault(path.at, { code: "repeated_parameter", message, allowed: "each name once" });
    }
    seen.add(piece.name);
  }
}
