/**
 * MessagePack, read strictly, for bytes that a stranger may have sent. Depth and lengths are bounded before anything is
 * built; of the extensions only the standard time and msgpackr's `undefined` are known, so that nothing on the wire makes
 * code, errors, patterns or classes; a key `__proto__` becomes an own property and never a prototype. msgpackr's decoder would
 * take several more extensions, one of which compiles functions, and offers no way to refuse them. Integers of 64 bits come
 * out as bigint, as they went in. A value that is not taken though its borders are known costs its own message only.
 */
import { Failure } from "../../base/errors.ts";
import { malformed } from "./failures.ts";
import { DEPTH_MAX, ELEMENTS_MAX } from "./limits.ts";

const KEY_BYTES_MAX = 32;
/** Keys come again and again; a power of two, for a mask picks the place. */
const KEYS_REMEMBERED = 1024;
const EXT_TIME = 0xff;
const EXT_UNDEFINED = 0;
const NANOSECONDS_A_MS = 1e6;

/** Missing in the types: `toString` without looking at its arguments, which takes twice as long for a short text. */
interface Utf8 {
  utf8Slice(from: number, to: number): string;
}

type Bytes = Buffer & Utf8;

/** Stands where a value would: its borders are known, but it is not taken. */
export class Undecodable {
  readonly why: Failure;

  constructor(why: Failure) {
    this.why = new Failure("link.undecodable", why.message);
  }
}

/** Not taken, and yet its borders could be found. */
class Unreadable extends Failure {
  constructor(what: string) {
    super("link.malformed", what);
  }
}

export class Decoder {
  readonly #keys = new Array<string>(KEYS_REMEMBERED).fill("");
  #bytes = Buffer.alloc(0) as Bytes; // Bun's buffers have it, as Node's do
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #end = 0;
  #elementsLeft = 0;

  /**
   * An array of messages: each with how many bytes it took, and with `Undecodable` for its elements that are not taken. Throws
   * `link.malformed` when the borders of anything cannot be found.
   */
  decodeFrame(bytes: Uint8Array): { readonly values: readonly unknown[]; readonly sizes: readonly number[] } {
    this.#open(bytes);
    const count = this.#arrayLength();
    const values = new Array<unknown>(count);
    const sizes = new Array<number>(count);
    for (let index = 0; index < count; index++) {
      const from = this.#at;
      values[index] = this.#message(from);
      sizes[index] = this.#at - from;
    }
    if (this.#at !== this.#end) throw malformed(`${this.#end - this.#at} bytes follow the last message of a frame`);
    return { values, sizes };
  }

  /** An array whose elements are values; their depth counts from here. */
  #message(from: number): unknown {
    try {
      return this.#value(-1);
    } catch (thrown) {
      if (!(thrown instanceof Unreadable)) throw thrown;
      this.#at = from;
      return this.#messageByParts();
    }
  }

  #messageByParts(): readonly unknown[] {
    const length = this.#arrayLength();
    const elements: unknown[] = [];
    for (let index = 0; index < length; index++) elements.push(this.#valueOrUndecodable());
    return elements;
  }

  #valueOrUndecodable(): unknown {
    const from = this.#at;
    try {
      this.#elementsLeft = ELEMENTS_MAX;
      return this.#value(0);
    } catch (thrown) {
      if (!(thrown instanceof Unreadable)) throw thrown;
      this.#at = from;
      this.#skip();
      return new Undecodable(thrown);
    }
  }

  /** To the end of the value, whatever is in it. */
  #skip(): void {
    for (let left = 1; left > 0; left--) {
      const token = this.#byte();
      if (token < 0x80 || token >= 0xe0) continue;
      if (token < 0x90) left += 2 * (token - 0x80);
      else if (token < 0xa0) left += token - 0x90;
      else if (token < 0xc0) this.#take(token - 0xa0);
      else left += this.#skipLong(token);
    }
  }

  /** How many values are in it. */
  #skipLong(token: number): number {
    if (token === 0xc1) throw malformed("byte 0xc1 begins no value");
    if (token === 0xdc || token === 0xdd) return this.#unsigned(token === 0xdc ? 2 : 4);
    if (token === 0xde || token === 0xdf) return 2 * this.#unsigned(token === 0xde ? 2 : 4);
    if (token >= 0xd9) this.#skipCounted(token - 0xd9, 0);
    else if (token >= 0xd4) this.#take(1 + 2 ** (token - 0xd4));
    else if (token >= 0xd0) this.#take(2 ** (token - 0xd0));
    else if (token >= 0xcc) this.#take(2 ** (token - 0xcc));
    else if (token >= 0xca) this.#take(token === 0xca ? 4 : 8);
    else if (token >= 0xc7) this.#skipCounted(token - 0xc7, 1);
    else if (token >= 0xc4) this.#skipCounted(token - 0xc4, 0);
    return 0;
  }

  /** Bytes whose number is told in 1, 2 or 4 bytes, and so many more. */
  #skipCounted(power: number, more: number): void {
    this.#take((power === 0 ? this.#byte() : this.#unsigned(power === 1 ? 2 : 4)) + more);
  }

  /** One value and nothing behind it. */
  decode(bytes: Uint8Array): unknown {
    this.#open(bytes);
    const value = this.#value(0);
    if (this.#at !== this.#end) throw malformed(`${this.#end - this.#at} bytes follow a value`);
    return value;
  }

  #open(bytes: Uint8Array): void {
    const { buffer, byteOffset, byteLength } = bytes;
    this.#bytes = (bytes instanceof Buffer ? bytes : Buffer.from(buffer, byteOffset, byteLength)) as Bytes; // as above
    this.#view = new DataView(buffer, byteOffset, byteLength);
    this.#at = 0;
    this.#end = byteLength;
    this.#elementsLeft = ELEMENTS_MAX;
  }

  #arrayLength(): number {
    const token = this.#byte();
    if (token >= 0x90 && token < 0xa0) return this.#fits(token - 0x90, 1);
    if (token === 0xdc) return this.#fits(this.#unsigned(2), 1);
    if (token === 0xdd) return this.#fits(this.#unsigned(4), 1);
    throw malformed(`a frame begins with byte ${token}; an array of messages is required`);
  }

  #value(depth: number): unknown {
    const token = this.#byte();
    if (token < 0x80) return token;
    if (token < 0x90) return this.#map(token - 0x80, depth);
    if (token < 0xa0) return this.#array(token - 0x90, depth);
    if (token < 0xc0) return this.#knownText(token - 0xa0); // topics and names come again
    if (token >= 0xe0) return token - 0x100;
    return token < 0xca ? this.#constantOrBytes(token) : this.#numberOrLong(token, depth);
  }

  #constantOrBytes(token: number): unknown {
    switch (token) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#binary(this.#byte());
      case 0xc5:
        return this.#binary(this.#unsigned(2));
      case 0xc6:
        return this.#binary(this.#unsigned(4));
      case 0xc7:
        return this.#extension(this.#byte());
      case 0xc1:
        throw malformed("byte 0xc1 begins no value");
      default:
        throw new Unreadable("an extension of more than 255 bytes is not taken");
    }
  }

  #numberOrLong(token: number, depth: number): unknown {
    switch (token) {
      case 0xca:
        return this.#view.getFloat32(this.#take(4));
      case 0xcb:
        return this.#view.getFloat64(this.#take(8));
      case 0xcc:
        return this.#byte();
      case 0xcd:
        return this.#unsigned(2);
      case 0xce:
        return this.#unsigned(4);
      case 0xcf:
        return this.#view.getBigUint64(this.#take(8));
      case 0xd0:
        return this.#view.getInt8(this.#take(1));
      case 0xd1:
        return this.#view.getInt16(this.#take(2));
      case 0xd2:
        return this.#view.getInt32(this.#take(4));
      case 0xd3:
        return this.#view.getBigInt64(this.#take(8));
      case 0xd9:
        return this.#text(this.#byte());
      case 0xda:
        return this.#text(this.#unsigned(2));
      case 0xdb:
        return this.#text(this.#unsigned(4));
      case 0xdc:
        return this.#array(this.#unsigned(2), depth);
      case 0xdd:
        return this.#array(this.#unsigned(4), depth);
      case 0xde:
        return this.#map(this.#unsigned(2), depth);
      case 0xdf:
        return this.#map(this.#unsigned(4), depth);
      default:
        return this.#extension(2 ** (token - 0xd4)); // 0xd4 to 0xd8: 1, 2, 4, 8 and 16 bytes
    }
  }

  #array(length: number, depth: number): unknown[] {
    this.#deeper(depth);
    const array = new Array<unknown>(this.#fits(length, 1));
    for (let index = 0; index < length; index++) array[index] = this.#value(depth + 1);
    return array;
  }

  #map(length: number, depth: number): Record<string, unknown> {
    this.#deeper(depth);
    this.#fits(length, 2);
    const object: Record<string, unknown> = {};
    for (let index = 0; index < length; index++) {
      const key = this.#key();
      const value = this.#value(depth + 1);
      if (key !== "__proto__") object[key] = value;
      else Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
    }
    return object;
  }

  #key(): string {
    const token = this.#byte();
    if (token >= 0xa0 && token < 0xc0) return this.#knownText(token - 0xa0);
    if (token === 0xd9) return this.#text(this.#byte());
    if (token === 0xda) return this.#text(this.#unsigned(2));
    if (token === 0xdb) return this.#text(this.#unsigned(4));
    if (token < 0x80) return String(token);
    throw new Unreadable(`a key begins with byte 0x${token.toString(16)}; text is required`);
  }

  /** The text as it was made the last time, where it is plain ASCII and still remembered. */
  #knownText(length: number): string {
    const from = this.#take(length);
    if (length === 0 || length > KEY_BYTES_MAX) return this.#bytes.utf8Slice(from, this.#at);
    const bytes = this.#bytes;
    const mixed = (bytes[from]! * 31 + bytes[from + (length >> 1)]!) * 31 + bytes[from + length - 1]! + length * 97;
    const place = mixed & (KEYS_REMEMBERED - 1);
    const known = this.#keys[place]!;
    if (known.length === length && isText(bytes, from, known)) return known;
    const text = bytes.utf8Slice(from, this.#at);
    this.#keys[place] = text;
    return text;
  }

  #text(length: number): string {
    const from = this.#take(length);
    return this.#bytes.utf8Slice(from, this.#at);
  }

  /** A copy, unless it makes up most of the frame: whoever keeps a view keeps all of the frame. */
  #binary(length: number): Uint8Array {
    const from = this.#take(length);
    const { buffer, byteOffset } = this.#bytes;
    const view = new Uint8Array(buffer, byteOffset + from, length);
    return length * 2 < this.#end ? view.slice() : view;
  }

  #extension(length: number): unknown {
    const type = this.#byte();
    const from = this.#take(length);
    if (type === EXT_UNDEFINED && length === 1) return undefined;
    if (type !== EXT_TIME) throw new Unreadable(`extension ${type} is not taken`);
    if (length === 4) return new Date(this.#view.getUint32(from) * 1000);
    if (length === 8) {
      const high = this.#view.getUint32(from);
      const seconds = (high & 3) * 2 ** 32 + this.#view.getUint32(from + 4);
      return new Date(seconds * 1000 + Math.floor((high >>> 2) / NANOSECONDS_A_MS));
    }
    if (length !== 12) throw new Unreadable(`a time of ${length} bytes; 4, 8 or 12 are required`);
    const ms = Math.floor(this.#view.getUint32(from) / NANOSECONDS_A_MS);
    return new Date(Number(this.#view.getBigInt64(from + 4)) * 1000 + ms);
  }

  #deeper(depth: number): void {
    if (depth >= DEPTH_MAX) throw new Unreadable(`values are nested deeper than ${DEPTH_MAX}`);
  }

  /** Each element takes some bytes, so that a length beyond what is left cannot be true. */
  #fits(length: number, bytesEach: number): number {
    if (length * bytesEach > this.#end - this.#at) {
      throw malformed(`${length} elements are announced where ${this.#end - this.#at} bytes are left`);
    }
    this.#elementsLeft -= length;
    if (this.#elementsLeft < 0) throw new Unreadable(`a frame or payload has more than ${ELEMENTS_MAX} elements`);
    return length;
  }

  #byte(): number {
    if (this.#at >= this.#end) throw malformed("a value is cut off");
    return this.#bytes[this.#at++]!;
  }

  #unsigned(size: 2 | 4): number {
    const from = this.#take(size);
    return size === 2 ? this.#view.getUint16(from) : this.#view.getUint32(from);
  }

  /** Where the next `length` bytes begin. */
  #take(length: number): number {
    const from = this.#at;
    if (length > this.#end - from) throw malformed(`${length} bytes are announced where ${this.#end - from} are left`);
    this.#at = from + length;
    return from;
  }
}

function isText(bytes: Buffer, from: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (bytes[from + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}
