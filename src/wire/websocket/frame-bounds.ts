/** Where frames begin and end in bytes that pass by and are not looked into: only between two of them may somebody else put one of their own. */
import { OPCODE } from "./frames.ts";

const OPCODE_BITS = 0x0f;
const MASKED = 0x80;
const LENGTH_BITS = 0x7f;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

export class FrameBounds {
  /** Of a frame's head, as far as it has come. */
  readonly #head: number[] = [];
  /** Of its payload, still to come. */
  #left = 0;
  #isClosed = false;

  /** Nothing of a frame is owed, and none has said that it was the last. */
  get isBetween(): boolean {
    return this.#left === 0 && this.#head.length === 0 && !this.#isClosed;
  }

  follow(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left === 0) this.#take(bytes[at++]!);
      else {
        const size = Math.min(this.#left, bytes.length - at);
        this.#left -= size;
        at += size;
      }
    }
  }

  #take(byte: number): void {
    const head = this.#head;
    head.push(byte);
    if (head.length < 2) return;
    const short = head[1]! & LENGTH_BITS;
    const lengthBytes = short === LENGTH_16 ? 2 : short === LENGTH_64 ? 8 : 0;
    if (head.length < 2 + lengthBytes + (head[1]! & MASKED ? 4 : 0)) return;
    const long = head.slice(2, 2 + lengthBytes).reduce((sum, each) => sum * 256 + each, 0);
    this.#left = lengthBytes === 0 ? short : long;
    this.#isClosed ||= (head[0]! & OPCODE_BITS) === OPCODE.close;
    head.length = 0;
  }
}
