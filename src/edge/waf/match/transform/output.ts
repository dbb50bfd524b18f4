/** Bytes written one by one, then taken as a byte string. Most are written into the same memory: it is copied out of it when it is taken. */
import type { Bytes } from "../bytes.ts";

/** Shorter runs are copied byte by byte: a native call costs more. */
const COPY_BYTES_MIN = 24;

/** Larger ones have memory of their own: values of that size are rare, and this is never given back. */
const SPARE_BYTES = 65_536;

export class Output {
  /** For the next one; undefined: one has it. */
  static #spare: Buffer | undefined;
  #buffer: Buffer;
  #size = 0;

  constructor(sizeBytes: number) {
    if (sizeBytes > SPARE_BYTES) this.#buffer = Buffer.allocUnsafe(sizeBytes);
    else {
      this.#buffer = Output.#spare ?? Buffer.allocUnsafeSlow(SPARE_BYTES);
      Output.#spare = undefined;
    }
  }

  get size(): number {
    return this.#size;
  }

  get last(): number {
    return this.#size === 0 ? -1 : this.#buffer[this.#size - 1]!;
  }

  put(byte: number): void {
    if (this.#size === this.#buffer.length) this.#grow();
    this.#buffer[this.#size] = byte;
    this.#size += 1;
  }

  /** Copies `text[from..to)`. */
  copy(text: Bytes, from: number, to: number): void {
    const length = to - from;
    while (this.#size + length > this.#buffer.length) this.#grow();
    if (length > COPY_BYTES_MIN) this.#buffer.write(text.slice(from, to), this.#size, "latin1");
    else for (let at = 0; at < length; at += 1) this.#buffer[this.#size + at] = text.charCodeAt(from + at);
    this.#size += length;
  }

  /** Forgets the last bytes. */
  drop(count: number): void {
    this.#size -= count;
  }

  /** Once, at the end. */
  take(): Bytes {
    const taken = this.#buffer.toString("latin1", 0, this.#size);
    this.#giveBack();
    return taken;
  }

  #giveBack(): void {
    if (this.#buffer.length === SPARE_BYTES) Output.#spare = this.#buffer;
  }

  #grow(): void {
    const buffer = Buffer.allocUnsafe(this.#buffer.length * 2 + 16);
    this.#buffer.copy(buffer);
    this.#giveBack();
    this.#buffer = buffer;
  }
}

export const HEX_DIGITS = "0123456789abcdef";

/** The value of a hexadecimal digit, or -1. */
export function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

/** The byte of two hexadecimal digits at `at`, or -1. */
export function hexPair(text: Bytes, at: number): number {
  const high = at < text.length ? hexDigit(text.charCodeAt(at)) : -1;
  const low = at + 1 < text.length ? hexDigit(text.charCodeAt(at + 1)) : -1;
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/** C's isspace. */
export function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

/**
 * The byte that four hexadecimal digits stand for, as ModSecurity takes them without a code page: the lower one; full-width forms
 * (`ff01` to `ff5e`) become the ASCII that they look like. -1: there are no four digits.
 */
export function wideByte(text: Bytes, at: number): number {
  const high = hexPair(text, at);
  const low = hexPair(text, at + 2);
  if (high < 0 || low < 0) return -1;
  return high === 0xff && low > 0 && low < 0x5f ? low + 0x20 : low;
}
