/**
 * HPACK, read: a block of fields becomes calls with names and values. Whatever the fields are, a block is read to its end, for the
 * table has to stay what the peer thinks it is; only what is no HPACK ends it, and with it the connection.
 */
import { ENTRY_BYTES } from "../limits.ts";
import { HpackEntry, isGoodValue, KIND, kindOfName } from "./entry.ts";
import { huffmanDecode } from "./huffman.ts";
import { STATIC_COUNT, STATIC_ENTRIES } from "./static-table.ts";

export interface FieldTaker {
  /** `kind`: one of `KIND`. */
  field(name: string, value: string, kind: number): void;
}

/** Numbers beyond it have no meaning here: no string and no table is that large. Four bytes after the first one are enough. */
const INTEGER_SHIFT_MAX = 21;

// A method of Buffer that works on any Uint8Array, and the fastest way from bytes to text.
const latin1Slice = (Buffer.prototype as unknown as { latin1Slice(from: number, to: number): string }).latin1Slice;

export class HpackDecoder {
  readonly #bytesMax: number;
  /** Entries in a ring: the newest lies at `#newest`. */
  readonly #ring: (HpackEntry | undefined)[];
  readonly #mask: number;
  #newest = -1;
  #count = 0;
  #size = 0;
  #sizeMax: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #scratch = new Uint8Array(256);
  #fault: string | undefined;

  /** `bytesMax`: of the table, as our settings told the peer. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#sizeMax = bytesMax;
    let slots = 1;
    while (slots * ENTRY_BYTES < bytesMax) slots *= 2;
    this.#ring = new Array(slots).fill(undefined);
    this.#mask = slots - 1;
  }

  /** Of the dynamic table, as RFC 7541 counts it. */
  get size(): number {
    return this.#size;
  }

  /** Gives back what is wrong with the block; after that the decoder is of no use any more. */
  decode(bytes: Uint8Array, from: number, to: number, taker: FieldTaker): string | undefined {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
    this.#fault = undefined;
    let mayResize = true;
    while (this.#at < to && this.#fault === undefined) {
      const first = bytes[this.#at]!;
      if (first >= 0x80) this.#indexed(taker);
      else if (first >= 0x40) this.#literal(taker, 6, true);
      else if (first < 0x20) this.#literal(taker, 4, false);
      else if (mayResize) {
        this.#resize();
        continue;
      } else this.#fault = "the table's size changes within a block";
      mayResize = false;
    }
    this.#bytes = this.#scratch;
    return this.#fault;
  }

  #indexed(taker: FieldTaker): void {
    const entry = this.#entry(this.#integer(7));
    if (entry !== undefined) taker.field(entry.name, entry.value, entry.kind);
  }

  #literal(taker: FieldTaker, prefix: number, isKept: boolean): void {
    const index = this.#integer(prefix);
    let name: string;
    let kind: number;
    if (index === 0) {
      name = this.#string();
      kind = kindOfName(name);
    } else {
      const entry = this.#entry(index);
      if (entry === undefined) return;
      name = entry.name;
      kind = entry.kind === KIND.badValue ? kindOfName(name) : entry.kind;
    }
    const value = this.#string();
    if (this.#fault !== undefined) return;
    if (kind < KIND.hop && !isGoodValue(value)) kind = KIND.badValue;
    if (isKept) this.#insert(new HpackEntry(name, value, kind));
    taker.field(name, value, kind);
  }

  #entry(index: number): HpackEntry | undefined {
    if (this.#fault !== undefined) return undefined;
    if (index > 0 && index <= STATIC_COUNT) return STATIC_ENTRIES[index];
    const age = index - STATIC_COUNT - 1;
    if (index === 0 || age >= this.#count) {
      this.#fault = `index ${index} in tables of ${STATIC_COUNT + this.#count} fields`;
      return undefined;
    }
    return this.#ring[(this.#newest - age) & this.#mask];
  }

  #insert(entry: HpackEntry): void {
    this.#shrink(this.#sizeMax - entry.size);
    if (entry.size > this.#sizeMax) return; // it has emptied the table, and does not come in itself
    this.#newest = (this.#newest + 1) & this.#mask;
    this.#ring[this.#newest] = entry;
    this.#count++;
    this.#size += entry.size;
  }

  #resize(): void {
    const size = this.#integer(5);
    if (size > this.#bytesMax) this.#fault = `a table of ${size} bytes, at most ${this.#bytesMax} are allowed`;
    if (this.#fault !== undefined) return;
    this.#sizeMax = size;
    this.#shrink(size);
  }

  /** Drops the oldest entries until the others have no more than that many bytes. */
  #shrink(sizeMax: number): void {
    while (this.#count > 0 && this.#size > sizeMax) {
      const oldest = (this.#newest - this.#count + 1) & this.#mask;
      this.#size -= this.#ring[oldest]!.size;
      this.#ring[oldest] = undefined;
      this.#count--;
    }
  }

  #integer(prefix: number): number {
    const max = (1 << prefix) - 1;
    let value = this.#bytes[this.#at++]! & max;
    if (value < max) return value;
    for (let shift = 0; this.#at < this.#end; shift += 7) {
      const byte = this.#bytes[this.#at++]!;
      if (shift > INTEGER_SHIFT_MAX) {
        this.#fault = "a number of more than 28 bits";
        return 0;
      }
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    this.#fault = "it ends within a number";
    return 0;
  }

  #string(): string {
    if (this.#fault !== undefined) return "";
    if (this.#at >= this.#end) {
      this.#fault = "it ends before a string";
      return "";
    }
    const isHuffman = this.#bytes[this.#at]! >= 0x80;
    const length = this.#integer(7);
    const from = this.#at;
    if (this.#fault !== undefined) return "";
    if (length > this.#end - from) {
      this.#fault = `a string of ${length} bytes where ${this.#end - from} are left`;
      return "";
    }
    this.#at = from + length;
    return isHuffman ? this.#huffman(from, length) : latin1Slice.call(this.#bytes, from, from + length);
  }

  #huffman(from: number, length: number): string {
    const room = Math.ceil((length * 8) / 5);
    if (this.#scratch.length < room) this.#scratch = new Uint8Array(room * 2);
    const end = huffmanDecode(this.#bytes, from, from + length, this.#scratch);
    if (end >= 0) return latin1Slice.call(this.#scratch, 0, end);
    this.#fault = "a string that is no Huffman code";
    return "";
  }
}
