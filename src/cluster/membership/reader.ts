/**
 * Reads msgpack of the few forms that gossip is made of (whole and other numbers, texts, booleans, nil, arrays), each value
 * against its bound as it is read. Nothing is allocated for what is announced but not there; maps, binaries and extensions
 * are refused, so nothing can build code or nest. Throws `Malformed`; the codec's doors catch it.
 */
export class Malformed extends Error {}

export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The length of an array, 0 to `max`. */
  array(max: number, what: string): number {
    const token = this.#byte();
    let length = -1;
    if (token >= 0x90 && token < 0xa0) length = token - 0x90;
    else if (token === 0xdc) length = this.#bytes.readUInt16BE(this.#take(2));
    if (length < 0 || length > max || length > this.#bytes.length - this.#at) throw new Malformed(`${what}: no array`);
    return length;
  }

  /** An array of exactly this length. */
  tuple(length: number, what: string): void {
    if (this.array(length, what) !== length) throw new Malformed(`${what}: not ${length} elements`);
  }

  text(max: number, what: string, min = 0): string {
    const token = this.#byte();
    let length = -1;
    if (token >= 0xa0 && token < 0xc0) length = token - 0xa0;
    else if (token === 0xd9) length = this.#byte();
    else if (token === 0xda) length = this.#bytes.readUInt16BE(this.#take(2));
    // A character takes at most three bytes for each of its UTF-16 units.
    if (length < 0 || length > max * 3) throw new Malformed(`${what}: no text`);
    const from = this.#take(length);
    const text = this.#bytes.toString("utf8", from, this.#at);
    if (text.length < min || text.length > max) throw new Malformed(`${what}: ${text.length} characters`);
    return text;
  }

  whole(max: number, what: string): number {
    const value = this.number(what);
    if (!Number.isSafeInteger(value) || value < 0 || value > max) throw new Malformed(`${what}: ${value}`);
    return value;
  }

  number(what: string): number {
    const token = this.#byte();
    if (token < 0x80) return token;
    if (token >= 0xe0) return token - 0x100;
    const value = this.#longNumber(token);
    if (!Number.isFinite(value)) throw new Malformed(`${what}: no number`);
    return value;
  }

  #longNumber(token: number): number {
    switch (token) {
      case 0xca:
        return this.#bytes.readFloatBE(this.#take(4));
      case 0xcb:
        return this.#bytes.readDoubleBE(this.#take(8));
      case 0xcc:
        return this.#byte();
      case 0xcd:
        return this.#bytes.readUInt16BE(this.#take(2));
      case 0xce:
        return this.#bytes.readUInt32BE(this.#take(4));
      case 0xd0:
        return this.#bytes.readInt8(this.#take(1));
      case 0xd1:
        return this.#bytes.readInt16BE(this.#take(2));
      case 0xd2:
        return this.#bytes.readInt32BE(this.#take(4));
      default:
        return Number.NaN;
    }
  }

  flag(what: string): boolean {
    const token = this.#byte();
    if (token !== 0xc2 && token !== 0xc3) throw new Malformed(`${what}: no boolean`);
    return token === 0xc3;
  }

  /** Takes a nil if one is next. */
  nil(): boolean {
    if (this.#bytes[this.#at] !== 0xc0) return false;
    this.#at++;
    return true;
  }

  #byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  #take(length: number): number {
    const from = this.#at;
    if (length > this.#bytes.length - from) throw new Malformed("cut off");
    this.#at += length;
    return from;
  }
}
