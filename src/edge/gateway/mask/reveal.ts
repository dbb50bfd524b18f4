/**
 * The way back from `encrypt`: finds `enc:v1:…` in any text (a record, a log, a form) and puts there what it stands for. The field that a value
 * was encrypted for is authenticated and does not stand beside it, so names are tried: where the text is JSON the place of the value and
 * its ends, then those that were handed in. What fits no name is left as it is, and told.
 *
 * Texts are bytes, one to a character: what is not encrypted stays byte for byte as it was, whatever charset it is in.
 */
import type { MaskPlan } from "../words/index.ts";
import { isJsonPathFault, parseJsonPath } from "./json-path.ts";
import { decryptValue, type MaskKeys } from "./secrets.ts";

/** Of one value, in a message. */
const SHOWN_CHARS = 24;
/** Deeper places are of no field that a path of 32 steps names. */
const ENDS_MAX = 64;
/** Of one value that stands in many places. */
const PLACES_MAX = 256;
/** Letters that stand right behind a value look like a part of it. */
const TAIL_CHARS_MAX = 16;

/** Colons are escaped in forms and queries. Longer than any that is whole, so that one that was cut is known too. */
const ENCRYPTED =
  /(?<open>(?<!\\)")?enc(?<colon>:|%3a)v1(?::|%3a)(?<id>[\w.-]{1,64})(?::|%3a)(?<payload>[\w-]*)(?<close>")?/gi;

export interface Revealed {
  readonly text: string;
  /** How many values were decrypted. */
  readonly count: number;
  /** Of each that was not: its beginning, and why. */
  readonly hidden: readonly string[];
}

export class Revealer {
  readonly #keys: readonly MaskKeys[];
  readonly #names: readonly string[];

  /** `names`: of fields, to be tried one after the other. */
  constructor(keys: readonly MaskKeys[], names: readonly string[]) {
    this.#keys = keys;
    this.#names = [...new Set(names)];
  }

  /** Of a line, or a whole document. */
  reveal(text: string): Revealed {
    if (!/enc(?::|%3a)v1/i.test(text)) return { text, count: 0, hidden: [] };
    const parsed = parse(text);
    const places = parsed === undefined ? undefined : placesIn(parsed);
    const hidden: string[] = [];
    let count = 0;
    const plain = text.replaceAll(ENCRYPTED, (...found) => {
      const whole = found[0] as string; // as String.replaceAll calls it: the match first, its groups last
      const { close = "", colon, id, open = "", payload } = found.at(-1) as Readonly<Record<string, string>>;
      const token = whole.slice(open.length, whole.length - close.length);
      const decrypted = this.#decrypted(id!, payload!, places?.get(token) ?? []);
      if (decrypted === undefined) {
        hidden.push(`${token.slice(0, SHOWN_CHARS)}…: ${this.#why(id!)}`);
        return whole;
      }
      count++;
      const { json, tail } = decrypted;
      if (open !== "" && close !== "" && tail === "") return bytesOf(json); // all of a text: the value as it was
      return `${open}${bytesOf(within(json, colon !== ":", parsed !== undefined))}${tail}${close}`;
    });
    return { text: plain, count, hidden };
  }

  #decrypted(id: string, payload: string, places: readonly string[]): Decrypted | undefined {
    const names = [...places, ...this.#names];
    for (let tailChars = 0; tailChars <= Math.min(TAIL_CHARS_MAX, payload.length); tailChars++) {
      const end = payload.length - tailChars;
      for (const keys of this.#keysOf(id)) {
        for (const name of names) {
          const json = decryptValue(keys, id, name, payload.slice(0, end));
          if (json !== undefined) return { json, tail: payload.slice(end) };
        }
      }
    }
    return undefined;
  }

  /** One of another name may be one that was given a name of its own. */
  #keysOf(id: string): readonly MaskKeys[] {
    const own = this.#keys.filter((keys) => keys.id === id);
    return own.length > 0 ? own : this.#keys;
  }

  #why(id: string): string {
    if (this.#keys.some((keys) => keys.id === id))
      return "no name of a field that is known fits, or it was changed or cut";
    const known = this.#keys.map((keys) => keys.id).join(", ");
    return `it was encrypted with the key ${id}, or is changed or cut; known are ${known}`;
  }
}

interface Decrypted {
  readonly json: string;
  /** What stood right behind it. */
  readonly tail: string;
}

/** What masks call the values that they encrypt, as far as a file can tell: a path for any depth names the end of a place only. */
export function encryptedNames(plans: readonly MaskPlan[]): readonly string[] {
  return plans
    .filter(({ action }) => action === "encrypt")
    .flatMap(({ id, what }) => {
      if (what.kind === "pattern") return [what.name];
      if (what.kind === "regex") return [id];
      const path = parseJsonPath(what.text);
      if (isJsonPathFault(path)) return [];
      const steps = path.slice(path.findLastIndex(({ kind }) => kind === "deep") + 1);
      return [joined(steps.map((step) => (step.kind === "name" ? step.name : "[]")))];
    });
}

/** Names of places as masks make them: `card.number`, `items[].iban`. */
function joined(parts: readonly string[]): string {
  return parts.reduce((name, part) => (part === "[]" ? `${name}[]` : name === "" ? part : `${name}.${part}`), "");
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

interface Standing {
  readonly value: unknown;
  /** Undefined: the document. */
  readonly above: Standing | undefined;
  readonly part: string;
}

/** By encrypted value: where it stands, and the ends of that, for it may have been put into another document since. Deep documents need no stack. */
function placesIn(document: object): ReadonlyMap<string, readonly string[]> {
  const places = new Map<string, string[]>();
  const left: Standing[] = [{ value: document, above: undefined, part: "" }];
  for (let standing = left.pop(); standing !== undefined; standing = left.pop()) {
    const { value } = standing;
    if (typeof value === "string") {
      if (!/^enc:v1:/i.test(value)) continue;
      const known = places.get(value) ?? [];
      if (known.length < PLACES_MAX) places.set(value, [...known, ...endsOf(standing)]);
    } else if (Array.isArray(value)) {
      for (const each of value) left.push({ value: each, above: standing, part: "[]" });
    } else if (typeof value === "object" && value !== null) {
      for (const [name, each] of Object.entries(value)) left.push({ value: each, above: standing, part: name });
    }
  }
  return places;
}

/** The whole first. */
function endsOf(standing: Standing): readonly string[] {
  const parts: string[] = [];
  for (let at: Standing = standing; at.above !== undefined && parts.length < ENDS_MAX; at = at.above) {
    parts.unshift(Buffer.from(at.part, "latin1").toString("utf8"));
  }
  return parts.map((_, from) => joined(parts.slice(from)));
}

/** A value as it is written into a longer text. */
function within(json: string, isEscaped: boolean, isJson: boolean): string {
  const value: unknown = JSON.parse(json); // it was authenticated
  const text = typeof value === "string" ? value : json;
  if (isEscaped) return encodeURIComponent(text.toWellFormed());
  const inJson = JSON.stringify(text).slice(1, -1);
  if (isJson) return inJson;
  return inJson.replaceAll(/\\(["\\])/g, "$1"); // a line stays a line
}

function bytesOf(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
