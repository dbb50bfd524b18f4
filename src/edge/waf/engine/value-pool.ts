/**
 * Short values that come again in many requests (names of fields, headers, small numbers), with what is already known of them: their
 * transformed forms, and which patterns do not match them. Bounded: two generations, the older one goes when the younger is full. A value
 * is kept when it is met again, not when it is met, so values that come once cost a look into a small table only.
 */
import type { Bytes } from "../match/index.ts";
import { kindsOf } from "../match/index.ts";
import { Found } from "./found.ts";
import { POOLED_BYTES_MAX, POOLED_VALUES_MAX } from "./limits.ts";
import { Value } from "./value.ts";

/** What decoders change: values with these may have many forms, and keeping them would take much memory. */
const DECODED = kindsOf("%+&\\\0\x80");
/** Of the table of what was met: a power of two, some times as many as are kept. */
const MET_SLOTS = 65_536;

export class ValuePool {
  #young = new Map<Bytes, Value>();
  #old = new Map<Bytes, Value>();
  /** By hash: a part of the hash of what was met there last. */
  readonly #met = new Uint16Array(MET_SLOTS);
  #lists = 0;
  readonly #blanks = new Map<string, readonly [Found]>();
  /** Of the empty text, which most variables of most requests are. */
  readonly nothing = new Value("");

  /** A number for a list of values, never given before. */
  nextList(): number {
    this.#lists += 1;
    return this.#lists;
  }

  /** A variable of that name that is empty: the same for all transactions. Names are those of variables, so they are few. */
  blank(name: string): readonly [Found] {
    let blank = this.#blanks.get(name);
    if (blank === undefined) {
      blank = [new Found(name, undefined, this.nothing)];
      this.#blanks.set(name, blank);
    }
    return blank;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(value: Bytes): Value | undefined {
    const young = this.#young.get(value);
    if (young !== undefined) return young;
    const old = this.#old.get(value);
    if (old !== undefined) this.#keep(value, old);
    return old;
  }

  /** The subject of a value that is not here; from now on it is, when it was met before. */
  admit(value: Bytes): Value {
    const hash = hashOf(value);
    const slot = hash & (MET_SLOTS - 1);
    const mark = (hash >>> 16) | 1;
    if (this.#met[slot] !== mark) {
      this.#met[slot] = mark;
      return new Value(value);
    }
    // A copy: a slice would keep the whole body that it was cut from.
    const own = Buffer.from(value, "latin1").toString("latin1");
    const subject = new Value(own);
    if ((subject.kinds & DECODED) === 0) this.#keep(own, subject);
    return subject;
  }

  static takes(value: Bytes): boolean {
    return value.length <= POOLED_BYTES_MAX;
  }

  #keep(value: Bytes, subject: Value): void {
    if (this.#young.size >= POOLED_VALUES_MAX) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(value, subject);
  }
}

/** FNV-1a. */
function hashOf(value: Bytes): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < value.length; at += 1) hash = Math.imul(hash ^ value.charCodeAt(at), 0x01000193);
  return hash ^ (hash >>> 15);
}
