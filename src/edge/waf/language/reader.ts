/**
 * Files cut into directives: comments and blank lines go, a backslash at the end joins lines, arguments are words or quoted. What a
 * directive means is not known here.
 */
import type { Bytes } from "../match/index.ts";

export interface Directive {
  /** As written. */
  readonly name: string;
  readonly args: readonly Bytes[];
  readonly file: string;
  /** Where it begins, from 1. */
  readonly line: number;
  /** A quote that is not closed. */
  readonly fault?: string | undefined;
}

/** A directive on more lines is no file of a person. */
const LINES_JOINED_MAX = 2_000;

/** One at a time: files are long, and who reads them may want to be interrupted. */
export function* readDirectives(text: Bytes, file: string): Generator<Directive, void, void> {
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at += 1) {
    const first = at;
    let logical = bare(lines[at]!);
    if (logical.trim() === "" || logical.trimStart().startsWith("#")) continue;
    while (logical.endsWith("\\") && at + 1 < lines.length && at - first < LINES_JOINED_MAX) {
      at += 1;
      logical = logical.slice(0, -1) + bare(lines[at]!);
    }
    yield directive(logical.trim(), file, first + 1);
  }
}

function bare(line: Bytes): Bytes {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

function directive(text: Bytes, file: string, line: number): Directive {
  const words: Bytes[] = [];
  let fault: string | undefined;
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at]!)) {
      at += 1;
      continue;
    }
    const quote = text[at] === '"' || (text[at] === "'" && words.length > 0) ? text[at]! : "";
    const end = quote === "" ? wordEnd(text, at) : quoteEnd(text, at + 1, quote);
    if (end < 0) {
      fault = `a quotation mark ${quote} is not closed`;
      words.push(text.slice(at + 1));
      break;
    }
    words.push(quote === "" ? text.slice(at, end) : unquoted(text.slice(at + 1, end), quote));
    at = end + quote.length;
  }
  return { name: words[0] ?? "", args: words.slice(1), file, line, fault };
}

function wordEnd(text: Bytes, from: number): number {
  let at = from;
  while (at < text.length && !/\s/.test(text[at]!)) at += 1;
  return at;
}

/** A backslash keeps the next character from ending the text. */
function quoteEnd(text: Bytes, from: number, quote: string): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === quote) return at;
  }
  return -1;
}

/** `\"` is a quotation mark; every other backslash is the argument's own. */
function unquoted(text: Bytes, quote: string): Bytes {
  return text.includes(`\\${quote}`) ? text.replaceAll(`\\${quote}`, quote) : text;
}

/** One of a list of actions: `setvar:'tx.x=1'`. */
export interface RawAction {
  /** Lower case. */
  readonly name: string;
  readonly value: Bytes | undefined;
}

/** Cut at commas outside of single quotes. */
export function readActions(text: Bytes): RawAction[] {
  const actions: RawAction[] = [];
  let from = 0;
  let isQuoted = false;
  for (let at = 0; at <= text.length; at += 1) {
    const char = text[at];
    if (char === "\\") at += 1;
    else if (char === "'") isQuoted = !isQuoted;
    else if (char === undefined || (char === "," && !isQuoted)) {
      const action = rawAction(text.slice(from, at));
      if (action !== undefined) actions.push(action);
      from = at + 1;
    }
  }
  if (from < text.length) {
    const action = rawAction(text.slice(from));
    if (action !== undefined) actions.push(action);
  }
  return actions;
}

/** Whether a single quote of a list of actions is not closed. */
export function isQuoteOpen(text: Bytes): boolean {
  return text.replaceAll(/\\./gs, "").split("'").length % 2 === 0;
}

function rawAction(piece: Bytes): RawAction | undefined {
  const text = piece.trim();
  if (text === "") return undefined;
  const colon = text.indexOf(":");
  if (colon < 0) return { name: text.toLowerCase(), value: undefined };
  const value = text.slice(colon + 1).trim();
  const isQuoted = value.length >= 2 && value.startsWith("'") && value.endsWith("'");
  return {
    name: text.slice(0, colon).trim().toLowerCase(),
    value: isQuoted ? value.slice(1, -1).replaceAll("\\'", "'") : value,
  };
}
