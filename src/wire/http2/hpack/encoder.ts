/**
 * HPACK, written. A field goes into the table when it is seen for the second time (names that the static table lacks at once): values
 * that change with each message would only push out the others. Secrets never go in: a connection to an upstream carries the
 * requests of many clients, and none of them shall find out another one's token by the length of what is sent.
 */
import { ENCODER_NAMES_MAX, ENTRY_BYTES, INDEXED_BYTES_MAX } from "../limits.ts";
import type { Output } from "../output.ts";
import { KIND, kindOfName } from "./entry.ts";
import { huffmanEncode, huffmanLength } from "./huffman.ts";
import { STATIC_COUNT, STATIC_NAMES, STATIC_VALUES } from "./static-table.ts";

const SECRET: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "cookie", "set-cookie"]);

const INDEXED = 0x80;
const LITERAL_KEPT = 0x40;
const LITERAL = 0x00;
const LITERAL_SECRET = 0x10;
const RESIZE = 0x20;

/** What the encoder knows of a name. */
class NameNotes {
  readonly name: string;
  readonly staticIndex: number;
  readonly staticValues: ReadonlyMap<string, number> | undefined;
  readonly isSecret: boolean;
  /** Of one hop, or no name at all: never written. */
  readonly isRefused: boolean;
  /** Value → number of the entry. */
  readonly values = new Map<string, number>();
  /** Number of the youngest entry with this name. */
  youngest = -1;
  /** The last two values that are in no table. */
  seen: string | undefined = undefined;
  seenBefore: string | undefined = undefined;

  constructor(name: string) {
    this.name = name;
    this.staticIndex = STATIC_NAMES.get(name) ?? 0;
    this.staticValues = STATIC_VALUES.get(name);
    this.isSecret = SECRET.has(name);
    const kind = kindOfName(name);
    this.isRefused = kind === KIND.hop || kind === KIND.badName || kind === KIND.unknownPseudo;
  }
}

interface KeptEntry {
  readonly notes: NameNotes;
  readonly value: string;
}

export class HpackEncoder {
  readonly #bytesMax: number;
  readonly #names = new Map<string, NameNotes>();
  /** Entries by number, the oldest first; the number of the first one is `#oldest`. */
  #entries: KeptEntry[] = [];
  #oldest = 0;
  #first = 0;
  #size = 0;
  #sizeMax: number;
  /** The smallest size and the last one that the peer has not been told of. */
  #resizeMin = -1;

  /** `bytesMax`: of the table, however large a one the peer would allow. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#sizeMax = bytesMax;
  }

  /** Of the dynamic table. */
  get size(): number {
    return this.#size;
  }

  /** What the peer allows from now on. */
  allow(bytes: number): void {
    const size = Math.min(bytes, this.#bytesMax);
    if (size === this.#sizeMax) return;
    this.#resizeMin = this.#resizeMin < 0 ? size : Math.min(this.#resizeMin, size);
    this.#sizeMax = size;
    this.#shrink(this.#resizeMin);
  }

  /** Before the first field of each block. */
  begin(out: Output): void {
    if (this.#resizeMin < 0) return;
    if (this.#resizeMin < this.#sizeMax) writeInteger(out, RESIZE, 5, this.#resizeMin);
    writeInteger(out, RESIZE, 5, this.#sizeMax);
    this.#resizeMin = -1;
  }

  /** Fields of one hop and names that are none are left out. */
  field(out: Output, name: string, value: string): void {
    const notes = this.#names.get(name) ?? this.#note(name);
    if (notes.isRefused) return;
    if (notes.isSecret) return this.#literal(out, LITERAL_SECRET, 4, notes, value);
    const index = notes.staticValues?.get(value) ?? this.#indexOf(notes.values.get(value));
    if (index !== undefined) writeInteger(out, INDEXED, 7, index);
    else if (this.#isWorthKeeping(notes, value)) {
      this.#literal(out, LITERAL_KEPT, 6, notes, value);
      this.#insert(notes, value);
    } else this.#literal(out, LITERAL, 4, notes, value);
  }

  #note(name: string): NameNotes {
    const notes = new NameNotes(name);
    if (this.#names.size < ENCODER_NAMES_MAX) this.#names.set(name, notes);
    return notes;
  }

  #isWorthKeeping(notes: NameNotes, value: string): boolean {
    const size = notes.name.length + value.length;
    if (size > INDEXED_BYTES_MAX || size + ENTRY_BYTES > this.#sizeMax) return false;
    if (value === notes.seen || value === notes.seenBefore) return true;
    const isNewName = notes.staticIndex === 0 && notes.seen === undefined;
    notes.seenBefore = notes.seen;
    notes.seen = value;
    return isNewName && this.#names.size < ENCODER_NAMES_MAX;
  }

  #indexOf(number: number | undefined): number | undefined {
    if (number === undefined || number < 0) return undefined;
    return STATIC_COUNT + this.#oldest + (this.#entries.length - this.#first) - number;
  }

  #literal(out: Output, pattern: number, prefix: number, notes: NameNotes, value: string): void {
    const index = notes.staticIndex > 0 ? notes.staticIndex : (this.#indexOf(notes.youngest) ?? 0);
    writeInteger(out, pattern, prefix, index);
    const isKept = pattern === LITERAL_KEPT;
    if (index === 0) writeString(out, notes.name, isKept);
    writeString(out, value, isKept);
  }

  #insert(notes: NameNotes, value: string): void {
    const size = notes.name.length + value.length + ENTRY_BYTES;
    this.#shrink(this.#sizeMax - size);
    const number = this.#oldest + this.#entries.length - this.#first;
    this.#entries.push({ notes, value });
    this.#size += size;
    notes.values.set(value, number);
    notes.youngest = number;
  }

  #shrink(sizeMax: number): void {
    while (this.#size > sizeMax) {
      const { notes, value } = this.#entries[this.#first++]!;
      const number = this.#oldest++;
      this.#size -= notes.name.length + value.length + ENTRY_BYTES;
      if (notes.values.get(value) === number) notes.values.delete(value);
      if (notes.youngest === number) notes.youngest = -1;
    }
    if (this.#first > 64 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
}

function writeInteger(out: Output, pattern: number, prefix: number, value: number): void {
  out.ensure(6);
  const { bytes } = out;
  const max = (1 << prefix) - 1;
  if (value < max) {
    bytes[out.at++] = pattern | value;
    return;
  }
  bytes[out.at++] = pattern | max;
  let left = value - max;
  for (; left >= 0x80; left >>>= 7) bytes[out.at++] = left | 0x80;
  bytes[out.at++] = left;
}

/** What is kept is sent once and pays for being short; the rest is sent as it is, which is faster. */
function writeString(out: Output, text: string, isKept: boolean): void {
  const { length } = text;
  const short = isKept ? huffmanLength(text) : length;
  if (short < length) {
    writeInteger(out, 0x80, 7, short);
    out.ensure(short);
    out.at = huffmanEncode(text, out.bytes, out.at);
    return;
  }
  writeInteger(out, 0, 7, length);
  out.ensure(length);
  const { bytes, at } = out;
  for (let index = 0; index < length; index++) bytes[at + index] = text.charCodeAt(index);
  out.at = at + length;
}
