/**
 * Path templates of google.api.http: `/v1/{name=shelves/*}/books/{book.id}:move`. `*` is one segment, `**` all that is left; a variable
 * without a pattern is one segment. Read once, strictly.
 */
import { Failure } from "../../base/errors.ts";

export interface PathTemplate {
  readonly segments: readonly Segment[];
  readonly variables: readonly PathVariable[];
  readonly verb: string;
}

export type Segment =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "one" }
  | { readonly kind: "rest" };

export interface PathVariable {
  /** `book.id` */
  readonly field: string;
  /** Indexes of segments, `to` excluded. A `rest` segment takes whatever is left. */
  readonly from: number;
  readonly to: number;
  /** More than one segment may be in it: an encoded slash stays encoded. */
  readonly isMultiple: boolean;
}

const FIELD_PATH = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;
const LITERAL = /^[^{}*/?#\s]+$/;

export function parseTemplate(text: string): PathTemplate {
  const fail = (why: string): Failure =>
    new Failure(
      "protobuf.template",
      `reading the path template ${JSON.stringify(text)} failed: ${why}; a template of google.api.http is required`,
    );
  if (!text.startsWith("/")) throw fail("it does not begin with /");
  const segments: Segment[] = [];
  const variables: PathVariable[] = [];
  const { body, verb } = splitVerb(text);
  for (const piece of splitPieces(body.slice(1))) {
    const match = /^\{([^=}]+)(?:=([^}]+))?\}$/.exec(piece);
    if (match === null) {
      segments.push(segmentOf(piece, fail));
      continue;
    }
    const field = match[1]!;
    if (!FIELD_PATH.test(field)) throw fail(`${field} is no path of fields`);
    const inner = (match[2] ?? "*").split("/").map((one) => segmentOf(one, fail));
    const from = segments.length;
    segments.push(...inner);
    variables.push({ field, from, to: segments.length, isMultiple: inner.length > 1 || inner[0]?.kind === "rest" });
  }
  const rest = segments.findIndex(({ kind }) => kind === "rest");
  if (rest >= 0 && rest !== segments.length - 1) throw fail("** is not at the end");
  return { segments, variables, verb };
}

function segmentOf(text: string, fail: (why: string) => Failure): Segment {
  if (text === "*") return { kind: "one" };
  if (text === "**") return { kind: "rest" };
  if (!LITERAL.test(text)) throw fail(`${JSON.stringify(text)} is no segment`);
  return { kind: "literal", text };
}

function splitVerb(text: string): { body: string; verb: string } {
  const colon = text.lastIndexOf(":");
  if (colon < 0 || colon < text.lastIndexOf("/") || colon < text.lastIndexOf("}")) return { body: text, verb: "" };
  return { body: text.slice(0, colon), verb: text.slice(colon + 1) };
}

/** At slashes that are not in braces. */
function splitPieces(text: string): string[] {
  const pieces: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === "{") depth++;
    else if (char === "}") depth--;
    else if (char === "/" && depth === 0) {
      pieces.push(text.slice(start, at));
      start = at + 1;
    }
  }
  pieces.push(text.slice(start));
  return pieces;
}
