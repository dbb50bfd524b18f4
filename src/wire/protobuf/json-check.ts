/**
 * What is seen of a JSON text before anybody makes values of it: how deep it goes, how much it holds, and whether a member stands twice. A deep text,
 * or one of a million tiny members, costs whoever parses it a thousand times what it cost to send. One pass, in turns; whether the text is JSON at
 * all its parser says.
 */
import { Failure } from "../../base/errors.ts";
import type { InTurns } from "../../base/turns.ts";
import { ELEMENT_WEIGHT, JSON_NESTING_MAX, MEMBER_WEIGHT, NAMES_LISTED_MAX, NESTED_WEIGHT, PACE } from "./limits.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** `valuesMax`: in members. Fails with `protobuf.json` and `protobuf.too_many_values`. */
export function* checkJson(text: string, valuesMax: number): InTurns<void> {
  const open: (Names | undefined)[] = [];
  let names: Names | undefined;
  let weightLeft = valuesMax * MEMBER_WEIGHT;
  let isName = false;
  let nextYield = PACE;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfString(text, at);
      if (isName) names?.add(text, at, end);
      isName = false;
      at = end;
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      if (open.length >= JSON_NESTING_MAX) throw tooDeep();
      open.push(names);
      isName = code === OPEN_OBJECT;
      names = isName ? new Names() : undefined;
      weightLeft -= NESTED_WEIGHT;
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      names = open.pop();
      isName = false;
    } else if (code === COMMA) {
      isName = names !== undefined;
      weightLeft -= ELEMENT_WEIGHT;
    } else if (code === COLON) {
      weightLeft -= MEMBER_WEIGHT - ELEMENT_WEIGHT;
    }
    if (weightLeft < 0) throw tooMany(valuesMax);
    if (at < nextYield) continue;
    yield;
    nextYield = at + PACE;
  }
}

/** Where its closing quote is; behind the text where there is none. */
export function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end >= 0 && isEscaped(text, start, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

function isEscaped(text: string, start: number, quote: number): boolean {
  let from = quote;
  while (from - 1 > start && text.charCodeAt(from - 1) === BACKSLASH) from--;
  return (quote - from) % 2 === 1;
}

/** What a text in quotes says; where it is no JSON, what stands there. */
export function unquoted(text: string, start: number, end: number): string {
  const plain = text.slice(start + 1, end);
  if (!plain.includes("\\")) return plain;
  try {
    return String(JSON.parse(`"${plain}"`));
  } catch {
    return plain; // no JSON: whoever parses the text says so
  }
}

/** Of the members of one object; most have few. */
class Names {
  readonly #few: string[] = [];
  #many: Set<string> | undefined;

  add(text: string, start: number, end: number): void {
    const name = unquoted(text, start, end);
    if (this.#many?.has(name) ?? this.#few.includes(name)) throw twice(name);
    if (this.#many !== undefined) this.#many.add(name);
    else if (this.#few.push(name) > NAMES_LISTED_MAX) this.#many = new Set(this.#few);
  }
}

const NAME_CHARS_SHOWN = 100;

function twice(name: string): Failure {
  const shown = JSON.stringify(name.slice(0, NAME_CHARS_SHOWN));
  return new Failure(
    "protobuf.json",
    `reading JSON failed: there is a duplicate member ${shown}; names that differ are required`,
  );
}

function tooDeep(): Failure {
  return new Failure(
    "protobuf.json",
    `reading JSON failed: it is nested more than ${JSON_NESTING_MAX} levels deep; fewer are required`,
  );
}

function tooMany(valuesMax: number): Failure {
  return new Failure(
    "protobuf.too_many_values",
    `reading JSON failed: one message holds more values than ${valuesMax} members; fewer, or several messages, are required`,
  );
}
