/**
 * The words of one line: separated by blanks; a word in double quotes is a JSON text and may hold anything. `#` at the beginning of a
 * word starts a comment. A cursor takes them one by one, and what is wrong is a fault at its very place.
 */
import { DURATION_FORM, parseDurationMs } from "../../../base/units.ts";
import { KEY_CHARS_MAX, NAME_CHARS_MAX } from "../../../data/words/index.ts";

export interface Word {
  readonly text: string;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  readonly isQuoted: boolean;
}

/** Thrown by whatever reads a line, and caught by whoever reads the file. */
export class LineFault extends Error {
  readonly code: string;
  readonly column: number;
  readonly field: string;
  readonly allowed: string;
  readonly suggestion: string | undefined;

  constructor(
    code: string,
    place: { readonly column: number; readonly field: string },
    message: string,
    { allowed, suggestion }: { readonly allowed: string; readonly suggestion?: string | undefined },
  ) {
    super(message);
    this.code = `txn.file.${code}`;
    this.column = place.column;
    this.field = place.field;
    this.allowed = allowed;
    this.suggestion = suggestion;
  }
}

const WORD = /[^\s"][^\s]*/y;
/** As JSON has it, without looking at what is escaped. */
const QUOTED = /"(?:[^"\\]|\\.)*"/y;
const QUOTED_CHARS_SHOWN = 60;

export function wordsOf(line: string): Word[] {
  const words: Word[] = [];
  for (let at = 0; at < line.length; ) {
    if (/\s/.test(line[at]!)) {
      at++;
      continue;
    }
    if (line[at] === "#") break;
    const form = line[at] === '"' ? QUOTED : WORD;
    form.lastIndex = at;
    const found = form.exec(line)?.[0];
    if (found === undefined) throw unclosed(at + 1);
    words.push(wordOf(found, at + 1));
    at += found.length;
    if (form === QUOTED && at < line.length && !/\s/.test(line[at]!)) {
      const message = `${JSON.stringify(line[at])} stands behind the closing quote`;
      throw new LineFault("quotes", { column: at + 1, field: "text" }, message, { allowed: "a blank" });
    }
  }
  return words;
}

function wordOf(found: string, column: number): Word {
  if (!found.startsWith('"')) return { text: found, column, isQuoted: false };
  try {
    return { text: JSON.parse(found) as string, column, isQuoted: true }; // a JSON text that begins with a quote is a string
  } catch {
    const allowed = 'a JSON text, such as "a\\nb"';
    throw new LineFault("quotes", { column, field: "text" }, `${found} is no JSON text`, { allowed });
  }
}

function unclosed(column: number): LineFault {
  const place = { column, field: "text" };
  return new LineFault("quotes", place, "the quote is not closed on this line", {
    allowed: '\\n in "…" for a line end',
  });
}

export class Cursor {
  readonly #words: readonly Word[];
  /** Where the line ends, for words that are missing. */
  readonly #endColumn: number;
  #at = 0;

  constructor(words: readonly Word[], line: string) {
    this.#words = words;
    this.#endColumn = line.trimEnd().length + 1;
  }

  text(field: string, allowed = "a text"): string {
    return this.#next(field, allowed).text;
  }

  name(field: string): string {
    return this.#bounded(field, NAME_CHARS_MAX);
  }

  key(field = "key"): string {
    return this.#bounded(field, KEY_CHARS_MAX);
  }

  wholeNumber(field: string, min = Number.MIN_SAFE_INTEGER): number {
    const allowed = min === 0 ? "a whole number from 0 on" : "a whole number";
    const word = this.#next(field, allowed);
    const value = /^[+-]?\d{1,16}$/.test(word.text) ? Number(word.text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= min) return value;
    throw this.#wrong("number", word, field, allowed);
  }

  durationMs(field: string): number {
    const word = this.#next(field, DURATION_FORM);
    const ms = parseDurationMs(word.text);
    if (ms !== undefined) return ms;
    throw this.#wrong("duration", word, field, DURATION_FORM);
  }

  oneOf<Choice extends string>(field: string, choices: readonly Choice[]): Choice {
    const word = this.#next(field, choices.join(", "));
    const found = choices.find((choice) => choice === word.text);
    if (found !== undefined) return found;
    throw this.#wrong("choice", word, field, choices.join(", "));
  }

  /** Takes the word if it is this one. */
  takes(word: string): boolean {
    const next = this.#words[this.#at];
    if (next?.isQuoted !== false || next.text !== word) return false;
    this.#at++;
    return true;
  }

  optionalKey(field: string): string | undefined {
    return this.#at < this.#words.length ? this.key(field) : undefined;
  }

  end(allowed: string): void {
    const word = this.#words[this.#at];
    if (word) throw this.#wrong("too_much", word, "line", allowed);
  }

  #bounded(field: string, charsMax: number): string {
    const allowed = `1 to ${charsMax} characters`;
    const word = this.#next(field, allowed);
    if (word.text.length >= 1 && word.text.length <= charsMax) return word.text;
    throw this.#wrong("length", word, field, allowed);
  }

  #next(field: string, allowed: string): Word {
    const word = this.#words[this.#at++];
    if (word) return word;
    throw new LineFault("missing", { column: this.#endColumn, field }, `the ${field} is missing`, { allowed });
  }

  #wrong(code: string, { column, text }: Word, field: string, allowed: string): LineFault {
    const shown = JSON.stringify(text.slice(0, QUOTED_CHARS_SHOWN).toWellFormed());
    return new LineFault(code, { column, field }, `${shown} is not right here`, { allowed });
  }
}
