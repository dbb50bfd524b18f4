/**
 * The fields of a command as they were encoded, read by position and checked one by one: form and bounds, so that what comes out is a
 * command that the structures can carry out without looking again. What is wrong is thrown as `data.malformed`, which whoever applies
 * turns into the same refusal on every node.
 */
import { Failure } from "../../base/errors.ts";
import { KEY_CHARS_MAX, NAME_CHARS_MAX, VALUE_BYTES_MAX, type Value } from "../words/index.ts";

/** A character takes three bytes at most. */
const UTF8_BYTES_MAX = 3;

export class Fields {
  readonly #what: string;
  readonly #fields: readonly unknown[];
  #at = 0;

  constructor(what: string, fields: unknown) {
    if (!Array.isArray(fields)) throw malformed(what, fields, "a list of fields");
    this.#what = what;
    this.#fields = fields;
  }

  /** Behind the last one there may be none. */
  end(): void {
    if (this.#at < this.#fields.length) throw this.#wrong("its end", this.#fields[this.#at], "nothing more");
  }

  name(field: string): string {
    return this.#text(field, 1, NAME_CHARS_MAX);
  }

  key(field = "key"): string {
    return this.#text(field, 0, KEY_CHARS_MAX);
  }

  optionalKey(field: string): string | undefined {
    return this.#isAbsent() ? this.#skip() : this.key(field);
  }

  optionalName(field: string): string | undefined {
    return this.#isAbsent() ? this.#skip() : this.name(field);
  }

  /** Bytes are copied: what was decoded may be a view of a whole page of the log. */
  value(field = "value"): Value {
    const value = this.#next();
    if (typeof value === "string") {
      if (value.length * UTF8_BYTES_MAX <= VALUE_BYTES_MAX || Buffer.byteLength(value) <= VALUE_BYTES_MAX) return value;
    } else if (value instanceof Uint8Array) {
      if (value.length <= VALUE_BYTES_MAX) return value.slice();
    } else throw this.#wrong(field, value, "text or bytes");
    throw this.#wrong(field, value, `text or bytes of at most ${VALUE_BYTES_MAX} bytes`);
  }

  optionalValue(field: string): Value | undefined {
    return this.#isAbsent() ? this.#skip() : this.value(field);
  }

  whole(field: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.#next();
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) return value + 0;
    throw this.#wrong(field, value, `a whole number from ${min} to ${max}`);
  }

  optionalWhole(field: string, min: number, max?: number): number | undefined {
    return this.#isAbsent() ? this.#skip() : this.whole(field, min, max);
  }

  flag(field: string): boolean {
    const value = this.#next();
    if (typeof value === "boolean") return value;
    throw this.#wrong(field, value, "true or false");
  }

  oneOf<Word extends string>(field: string, words: readonly Word[]): Word {
    const value = this.#next();
    const word = words.find((each) => each === value);
    if (word === undefined) throw this.#wrong(field, value, `one of ${words.join(", ")}`);
    return word;
  }

  /** The list's own fields, each read by `read`. */
  list<Item>(field: string, min: number, max: number, read: (fields: Fields) => Item): Item[] {
    const list = this.#next();
    if (!Array.isArray(list) || list.length < min || list.length > max) {
      throw this.#wrong(field, list, `a list of ${min} to ${max}`);
    }
    const fields = new Fields(`${this.#what} ${field}`, list);
    return list.map(() => read(fields));
  }

  /** Fields within a field. */
  nested<Item>(field: string, read: (fields: Fields) => Item): Item {
    const fields = new Fields(`${this.#what} ${field}`, this.#next());
    const item = read(fields);
    fields.end();
    return item;
  }

  #text(field: string, min: number, max: number): string {
    const value = this.#next();
    if (typeof value === "string" && value.length >= min && value.length <= max) return value;
    throw this.#wrong(field, value, `text of ${min} to ${max} characters`);
  }

  #next(): unknown {
    return this.#fields[this.#at++];
  }

  #isAbsent(): boolean {
    const value = this.#fields[this.#at];
    return value === undefined || value === null;
  }

  #skip(): undefined {
    this.#at++;
    return undefined;
  }

  #wrong(field: string, value: unknown, wanted: string): Failure {
    return malformed(`${this.#what}: ${field}`, value, wanted);
  }
}

export function malformed(what: string, value: unknown, wanted: string): Failure {
  return new Failure("data.malformed", `reading ${what}: it is ${shortOf(value)}, ${wanted} is required`);
}

/** The same on every node, and short whatever was sent. */
function shortOf(value: unknown): string {
  if (typeof value === "string")
    return value.length > 40 ? `text of ${value.length} characters` : JSON.stringify(value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "number" || typeof value === "boolean" || value === null) return String(value);
  return typeof value === "undefined" ? "missing" : `a ${typeof value}`;
}
