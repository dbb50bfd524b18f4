/** A JSON text taken apart as text: what one value says stays as it was written, with all its digits. */
import { Failure } from "../../base/errors.ts";
import { endOfString, unquoted } from "./json-check.ts";

/** The values of an array, unread; a single value counts as one of them. Fails with `protobuf.json` where it is no array, as far as that is seen without reading them. */
export function* elementsOfJson(text: string): Generator<string> {
  const start = text.search(/\S/);
  if (text[start] !== "[") return yield text;
  let isFirst = true;
  for (const { end, from, isLast } of pieces(text, start)) {
    const element = text.slice(from, end);
    const isBlank = element.trim() === "";
    if (isBlank && isFirst && isLast) return;
    if (isBlank) throw invalid("a value is missing in an array; one between two commas");
    isFirst = false;
    yield element;
  }
}

/** The members of an object and the texts of their values. Of a text that has been parsed: nothing is checked again. */
export function membersOfJson(text: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  for (const { end, from } of pieces(text, text.indexOf("{"))) {
    const quote = text.indexOf('"', from);
    if (quote < 0 || quote >= end) break; // it has none
    const close = endOfString(text, quote);
    members.set(unquoted(text, quote, close), text.slice(text.indexOf(":", close) + 1, end).trim());
  }
  return members;
}

interface Piece {
  readonly from: number;
  /** Behind it. */
  readonly end: number;
  readonly isLast: boolean;
}

/** What stands between the commas of the array or object that opens there. */
function* pieces(text: string, open: number): Generator<Piece> {
  let from = open + 1;
  let level = 0;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (char === '"') at = endOfString(text, at);
    else if (char === "{" || char === "[") level++;
    else if (char === "," && level === 0) {
      yield { from, end: at, isLast: false };
      from = at + 1;
    } else if (char === "}" || char === "]") {
      if (level-- > 0) continue;
      if (char !== (text[open] === "[" ? "]" : "}") || text.slice(at + 1).trim() !== "")
        throw invalid("an array does not end where its text ends; that");
      return yield { from, end: at, isLast: true };
    }
  }
  throw invalid("an array does not end; its end");
}

function invalid(why: string): Failure {
  return new Failure("protobuf.json", `reading JSON failed: ${why} is required`);
}
