/**
 * Messages to bytes: plain MessagePack that any reader can read, and nothing but what the value itself holds. What has no
 * exact counterpart is refused with `link.unencodable`, not sent as something else: typed arrays other than bytes, class
 * instances, functions, symbols, cycles. The bounds of the other side's decoder are kept here, so that a message too deep or
 * too long costs its sender that message only. msgpackr was used before: it sends odd values as others, and typed arrays with
 * bytes of earlier messages of other links in them. A getter may run while a value is read: no length is taken on trust.
 */
import { Failure, messageOf } from "../../base/errors.ts";
import { tooLarge } from "./failures.ts";
import { DEPTH_MAX, ELEMENTS_MAX, PAYLOAD_BYTES_MAX } from "./limits.ts";

/** A frame begins with the length of its array: 1 or 3 bytes, written when it is known. */
const HEADER_BYTES = 3;
const FIRST_BYTES = 1024;
/** A buffer that has grown beyond it is not kept: few of many links send large frames at a time. */
const KEPT_BYTES_MAX = 256 * 1024;
/** What a number, a date or the head of anything takes at most. */
const ATOM_BYTES_MAX = 16;
/** Below it a loop is faster than a call. */
const SHORT_CHARS = 24;
/** Up to it three bytes for each character are set aside; beyond it the text is measured first. */
const UNMEASURED_CHARS_MAX = 0x5555;
/** Kind, id, topic and traceparent around a payload, and what is set aside for a text. */
const SLACK_BYTES = 128 * 1024;

const INT64 = 2n ** 63n;
const UINT64 = 2n ** 64n;
const NANOSECONDS_A_MS = 1e6;

/** Missing in the types; the byte count is given back. */
interface Utf8 {
  utf8Write(text: string, from: number, sizeBytes: number): number;
}

type Bytes = Buffer & Utf8;

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object;
/** A subclass may say what it likes. */
const byteLength = Object.getOwnPropertyDescriptor(typedArray, "byteLength")!.get!;

export function byteLengthOf(bytes: Uint8Array): number {
  return byteLength.call(bytes) as number; // the getter of every typed array
}

/** A message is an array whose elements are values. */
export type Message = readonly unknown[];

export class Encoder {
  readonly #bytesMax: number;
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES) as Bytes; // Bun's buffers have it, as Node's do
  #view = new DataView(this.#bytes.buffer, 0, FIRST_BYTES);
  #at = HEADER_BYTES;
  #limit = 0;
  #elementsLeft = 0;
  #count = 0;

  /** Values beyond `bytesMax` are `link.too_large`, before they take memory. */
  constructor(bytesMax = PAYLOAD_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** Messages of the frame so far. */
  get count(): number {
    return this.#count;
  }

  /** Of the frame so far. */
  get sizeBytes(): number {
    return this.#at;
  }

  /** Puts a message into the frame and gives its size. When it throws, the frame is as before. */
  add(message: Message): number {
    const from = this.#at;
    this.#write(() => {
      this.#arrayHead(message.length);
      for (let index = 0; index < message.length; index++) this.#value(message[index], 0);
    });
    this.#count++;
    return this.#at - from;
  }

  /** Puts a message that was encoded before. */
  addEncoded(message: Uint8Array): void {
    this.#limit = Number.POSITIVE_INFINITY;
    this.#raw(message, message.byteLength);
    this.#count++;
  }

  /** Takes the last message back. */
  takeBack(sizeBytes: number): void {
    this.#at -= sizeBytes;
    this.#count--;
  }

  /** The frame, good until the next call; a new one begins. */
  finish(): Uint8Array {
    const [bytes, end, count] = [this.#bytes, this.#at, this.#count];
    const from = count < 0x10 ? HEADER_BYTES - 1 : 0;
    if (count < 0x10) bytes[from] = 0x90 | count;
    else [bytes[0], bytes[1], bytes[2]] = [0xdc, count >> 8, count & 0xff];
    this.#at = HEADER_BYTES;
    this.#count = 0;
    if (bytes.length > KEPT_BYTES_MAX) this.#adopt(Buffer.allocUnsafeSlow(FIRST_BYTES) as Bytes); // as above
    return bytes.subarray(from, end);
  }

  /** One value for itself, a copy. The frame stays as it is. */
  encode(value: unknown): Uint8Array {
    return this.#apart(() => this.#value(value, 0));
  }

  /** One message for itself, a copy. The frame stays as it is. */
  encodeMessage(message: Message): Uint8Array {
    return this.#apart(() => {
      this.#arrayHead(message.length);
      for (const each of message) this.#value(each, 0);
    });
  }

  #apart(write: () => void): Uint8Array {
    const from = this.#at;
    this.#write(write);
    const bytes = new Uint8Array(this.#bytes.subarray(from, this.#at)); // Buffer's own slice would be a view
    this.#at = from;
    return bytes;
  }

  #write(write: () => void): void {
    const from = this.#at;
    this.#limit = from + this.#bytesMax + SLACK_BYTES;
    this.#elementsLeft = ELEMENTS_MAX;
    try {
      write();
    } catch (thrown) {
      this.#at = from;
      if (thrown instanceof Failure && thrown.code === "link.too_large") throw thrown;
      throw new Failure("link.unencodable", `the payload cannot be encoded: ${messageOf(thrown)}`, { cause: thrown });
    }
  }

  #value(value: unknown, depth: number): void {
    if (this.#at + ATOM_BYTES_MAX > this.#bytes.length) this.#room(ATOM_BYTES_MAX);
    switch (typeof value) {
      case "string":
        return this.#text(value);
      case "number":
        return this.#number(value);
      case "object":
        return value === null ? this.#byte(0xc0) : this.#object(value, depth);
      case "boolean":
        return this.#byte(value ? 0xc3 : 0xc2);
      case "undefined":
        this.#byte(0xd4);
        this.#byte(0);
        return this.#byte(0);
      case "bigint":
        return this.#bigint(value);
      default:
        throw new TypeError(`a ${typeof value} is no data`);
    }
  }

  #object(value: object, depth: number): void {
    if (Array.isArray(value)) return this.#array(value, depth);
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype === Object.prototype) return this.#record(value, depth);
    if (value instanceof Uint8Array && !(value instanceof Uint8ClampedArray)) return this.#binary(value);
    if (value instanceof Date) return this.#date(value);
    if (value instanceof Map) return this.#map(value, depth);
    // Objects without a prototype, and plain ones of another realm.
    if (!isTagged(value) && (prototype === null || Object.getPrototypeOf(prototype) === null)) {
      return this.#record(value, depth);
    }
    throw new TypeError(unfit(value));
  }

  #number(value: number): void {
    if (Number.isInteger(value) && value >= -0x80000000 && value <= 0xffffffff && !Object.is(value, -0)) {
      return value >= 0 ? this.#unsigned(value) : this.#negative(value);
    }
    this.#byte(0xcb);
    this.#view.setFloat64(this.#at, value);
    this.#at += 8;
  }

  #unsigned(value: number): void {
    if (value < 0x80) return this.#byte(value);
    if (value < 0x100) return this.#head8(0xcc, value);
    if (value < 0x10000) return this.#head16(0xcd, value);
    this.#head32(0xce, value);
  }

  #negative(value: number): void {
    if (value >= -0x20) return this.#byte(0x100 + value);
    if (value >= -0x80) return this.#head8(0xd0, value & 0xff);
    if (value >= -0x8000) return this.#head16(0xd1, value & 0xffff);
    this.#head32(0xd2, value >>> 0);
  }

  #bigint(value: bigint): void {
    if (value >= UINT64 || value < -INT64) throw new RangeError("a bigint does not fit into 64 bits");
    this.#byte(value < INT64 ? 0xd3 : 0xcf);
    if (value < INT64) this.#view.setBigInt64(this.#at, value);
    else this.#view.setBigUint64(this.#at, value);
    this.#at += 8;
  }

  /** UTF-8; half of a surrogate pair becomes U+FFFD, as in all of the web's interfaces. */
  #text(text: string): void {
    const chars = text.length;
    if (chars > UNMEASURED_CHARS_MAX) return this.#longText(text);
    const expected = textHeadBytes(chars);
    const most = ATOM_BYTES_MAX + chars * 3;
    if (this.#at + most > this.#bytes.length) this.#room(most);
    const bytes = this.#bytes;
    const from = this.#at + expected;
    let size = chars < SHORT_CHARS ? writeAscii(bytes, from, text) : -1;
    if (size < 0) size = bytes.utf8Write(text, from, most - ATOM_BYTES_MAX);
    const needed = textHeadBytes(size);
    if (needed !== expected) bytes.copyWithin(this.#at + needed, from, from + size);
    this.#textHead(size);
    this.#at += size;
  }

  #longText(text: string): void {
    const size = Buffer.byteLength(text);
    this.#room(ATOM_BYTES_MAX + size);
    this.#textHead(size);
    this.#at += this.#bytes.utf8Write(text, this.#at, size);
  }

  #textHead(size: number): void {
    if (size < 0x20) this.#byte(0xa0 | size);
    else if (size < 0x100) this.#head8(0xd9, size);
    else if (size < 0x10000) this.#head16(0xda, size);
    else this.#head32(0xdb, size);
  }

  #binary(bytes: Uint8Array): void {
    const size = byteLengthOf(bytes);
    this.#room(ATOM_BYTES_MAX + size);
    if (size < 0x100) this.#head8(0xc4, size);
    else if (size < 0x10000) this.#head16(0xc5, size);
    else this.#head32(0xc6, size);
    this.#raw(bytes, size);
  }

  #raw(bytes: Uint8Array, size: number): void {
    this.#room(size);
    this.#bytes.set(bytes, this.#at);
    this.#at += size;
  }

  #array(array: readonly unknown[], depth: number): void {
    const { length } = array;
    this.#enter(length, depth);
    this.#arrayHead(length);
    for (let index = 0; index < length; index++) this.#value(array[index], depth + 1);
  }

  #record(record: object, depth: number): void {
    const keys = Object.keys(record);
    this.#enter(keys.length, depth);
    this.#mapHead(keys.length);
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!;
      this.#text(key);
      this.#value((record as Record<string, unknown>)[key], depth + 1); // one of its own keys
    }
  }

  /** It arrives as an object. */
  #map(map: ReadonlyMap<unknown, unknown>, depth: number): void {
    const { size } = map;
    this.#enter(size, depth);
    this.#mapHead(size);
    let count = 0;
    for (const [key, value] of map) {
      if (typeof key !== "string") throw new TypeError(`a key of a Map is a ${typeof key}; text is required`);
      this.#text(key);
      this.#value(value, depth + 1);
      count++;
    }
    if (count !== size) throw new TypeError("a Map has changed while it was read");
  }

  #date(date: Date): void {
    const ms = Date.prototype.getTime.call(date);
    if (Number.isNaN(ms)) throw new RangeError("an invalid Date is no time");
    const seconds = Math.floor(ms / 1000);
    const nanoseconds = (ms - seconds * 1000) * NANOSECONDS_A_MS;
    this.#head8(0xc7, 12);
    this.#byte(0xff);
    this.#view.setUint32(this.#at, nanoseconds);
    this.#view.setBigInt64(this.#at + 4, BigInt(seconds));
    this.#at += 12;
  }

  #enter(length: number, depth: number): void {
    if (depth >= DEPTH_MAX) throw new RangeError(`it is nested deeper than ${DEPTH_MAX}, or holds itself`);
    this.#elementsLeft -= length;
    if (this.#elementsLeft < 0) throw new RangeError(`it has more than ${ELEMENTS_MAX} elements`);
  }

  #arrayHead(length: number): void {
    if (length < 0x10) this.#byte(0x90 | length);
    else if (length < 0x10000) this.#head16(0xdc, length);
    else this.#head32(0xdd, length);
  }

  #mapHead(length: number): void {
    if (length < 0x10) this.#byte(0x80 | length);
    else if (length < 0x10000) this.#head16(0xde, length);
    else this.#head32(0xdf, length);
  }

  #byte(byte: number): void {
    this.#bytes[this.#at++] = byte;
  }

  #head8(token: number, value: number): void {
    this.#bytes[this.#at++] = token;
    this.#bytes[this.#at++] = value;
  }

  #head16(token: number, value: number): void {
    this.#bytes[this.#at++] = token;
    this.#bytes[this.#at++] = value >> 8;
    this.#bytes[this.#at++] = value & 0xff;
  }

  #head32(token: number, value: number): void {
    this.#bytes[this.#at++] = token;
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  #room(sizeBytes: number): void {
    const needed = this.#at + sizeBytes;
    if (needed <= this.#bytes.length) return;
    if (needed > this.#limit) throw tooLarge("the payload", `more than ${this.#bytesMax}`, this.#bytesMax);
    let length = this.#bytes.length;
    while (length < needed) length *= 2;
    const grown = Buffer.allocUnsafeSlow(length) as Bytes; // as above
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#adopt(grown);
  }

  #adopt(bytes: Bytes): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

function textHeadBytes(size: number): number {
  if (size < 0x20) return 1;
  if (size < 0x100) return 2;
  return size < 0x10000 ? 3 : 5;
}

/** Its size, or -1 when it is not plain ASCII. */
function writeAscii(bytes: Uint8Array, from: number, text: string): number {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0x80) return -1;
    bytes[from + index] = code;
  }
  return text.length;
}

/** Buffers and views, sets, promises and the like say what they are; plain objects do not. */
function isTagged(value: object): boolean {
  return ArrayBuffer.isView(value) || Object.prototype.toString.call(value) !== "[object Object]";
}

function unfit(value: object): string {
  const name = (value.constructor as { readonly name?: unknown } | undefined)?.name;
  const what = typeof name === "string" && name !== "" ? name : Object.prototype.toString.call(value);
  if (ArrayBuffer.isView(value)) {
    return `a ${what} has no form of its own; send its bytes: new Uint8Array(it.buffer, it.byteOffset, it.byteLength)`;
  }
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer)
    return `an object of type ${what} has no form of its own; send new Uint8Array(it)`;
  return `an instance of ${what} is no plain data; plain objects, arrays, Map, Date and Uint8Array are`;
}
