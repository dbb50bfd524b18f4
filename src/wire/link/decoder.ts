/**
 * MessagePack, read strictly, for bytes that a stranger may have sent. Depth and lengths are bounded before anything is
 * built; of the extensions only the standard time and msgpackr's `undefined` are known, so that nothing on the wire makes
 * code, errors, patterns or classes; a key `__proto__` becomes an own property and never a prototype. The encoder is
 * msgpackr; its decoder would take several more extensions, one of which compiles functions, and offers no way to refuse
 * them. Integers of 64 bits come out as bigint, as they went in.
 */
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

export class Decoder {
  readonly #keys = new Array<string>(KEYS_REMEMBERED).fill("");
  #bytes = Buffer.alloc(0) as Bytes; // Bun's buffers have it, as Node's do
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #end = 0;
  #elementsLeft = 0;

  /** An array at the top: its elements, and how many bytes each took. Throws `link.malformed`. */
  decodeFrame(bytes: Uint8Array): { readonly values: readonly unknown[]; readonly sizes: readonly number[] } {
    this.#open(bytes);
    const count = this.#arrayLength();
    const values = new Array<unknown>(count);
    const sizes = new Array<number>(count);
    for (let index = 0; index < count; index++) {
      const from = this.#at;
      values[index] = this.#value(1);
      sizes[index] = this.#at - from;
    }
    if (this.#at !== this.#end) throw malformed(`${this.#end - this.#at} bytes follow the last message of a frame`);
    return { values, sizes };
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
      default:
        throw malformed(`byte 0x${token.toString(16)} begins no value that is taken`);
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
    throw malformed(`a key begins with byte 0x${token.toString(16)}; text is required`);
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

  /** A view of the frame: whoever keeps it keeps the frame. */
  #binary(length: number): Uint8Array {
    const from = this.#take(length);
    const { buffer, byteOffset } = this.#bytes;
    return new Uint8Array(buffer, byteOffset + from, length);
  }

  #extension(length: number): unknown {
    const type = this.#byte();
    const from = this.#take(length);
    if (type === EXT_UNDEFINED && length === 1) return undefined;
    if (type !== EXT_TIME) throw malformed(`extension ${type} is not taken`);
    if (length === 4) return new Date(this.#view.getUint32(from) * 1000);
    if (length === 8) {
      const high = this.#view.getUint32(from);
      const seconds = (high & 3) * 2 ** 32 + this.#view.getUint32(from + 4);
      return new Date(seconds * 1000 + Math.floor((high >>> 2) / NANOSECONDS_A_MS));
    }
    if (length !== 12) throw malformed(`a time of ${length} bytes; 4, 8 or 12 are required`);
    const ms = Math.floor(this.#view.getUint32(from) / NANOSECONDS_A_MS);
    return new Date(Number(this.#view.getBigInt64(from + 4)) * 1000 + ms);
  }

  #deeper(depth: number): void {
    if (depth >= DEPTH_MAX) throw malformed(`values are nested deeper than ${DEPTH_MAX}`);
  }

  /** Each element takes some bytes, so that a length beyond what is left cannot be true. */
  #fits(length: number, bytesEach: number): number {
    if (length * bytesEach > this.#end - this.#at) {
      throw malformed(`${length} elements are announced where ${this.#end - this.#at} bytes are left`);
    }
    this.#elementsLeft -= length;
    if (this.#elementsLeft < 0) throw malformed(`a frame or payload has more than ${ELEMENTS_MAX} elements`);
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
