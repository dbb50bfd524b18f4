/**
 * What a gateway and a host of rules say to each other: a length, a kind, an id, and what follows. A request is laid out flat, so that the
 * host hands its bytes to Lua as they are; everything else is JSON.
 */
import { FRAME_BYTES_MAX } from "./limits.ts";

/** Gateway → host. */
export const LOAD = 1;
export const DECIDE = 2;
/** Host → gateway. */
export const HELLO = 3;
export const LOADED = 4;
export const DECIDED = 5;
export const FAILED = 6;

export const PROTOCOL = 1;
const LENGTH_BYTES = 4;
/** Kind and id. */
const HEADER_BYTES = 5;
export const FRAME_BYTES_MIN = LENGTH_BYTES + HEADER_BYTES;

/** A whole frame; `body` follows its header. */
export function frameOf(kind: number, id: number, body: string | Uint8Array): Buffer {
  const bytes = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
  const frame = Buffer.allocUnsafe(FRAME_BYTES_MIN + bytes);
  writeHeader(frame, kind, id, bytes);
  if (typeof body === "string") frame.write(body, FRAME_BYTES_MIN);
  else frame.set(body, FRAME_BYTES_MIN);
  return frame;
}

export function writeHeader(frame: Buffer, kind: number, id: number, bodyBytes: number): void {
  frame.writeUInt32LE(HEADER_BYTES + bodyBytes, 0);
  frame[LENGTH_BYTES] = kind;
  frame.writeUInt32LE(id, LENGTH_BYTES + 1);
}

export type FrameHandler = (kind: number, id: number, body: Buffer) => void;

/** Cuts what comes in into frames. One that is too long breaks the stream: `push` says false, and nothing more is read. */
export class FrameReader {
  readonly #handler: FrameHandler;
  #held: Buffer | undefined;
  #isBroken = false;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  push(chunk: Buffer): boolean {
    if (this.#isBroken) return false;
    const bytes = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = undefined;
    let at = 0;
    while (bytes.length - at >= FRAME_BYTES_MIN) {
      const length = bytes.readUInt32LE(at);
      if (length < HEADER_BYTES || length > FRAME_BYTES_MAX) {
        this.#isBroken = true;
        return false;
      }
      const end = at + LENGTH_BYTES + length;
      if (bytes.length < end) break;
      const kind = bytes[at + LENGTH_BYTES]!;
      const id = bytes.readUInt32LE(at + LENGTH_BYTES + 1);
      const body = bytes.subarray(at + FRAME_BYTES_MIN, end);
      at = end;
      this.#handler(kind, id, body);
    }
    if (at < bytes.length) this.#held = Buffer.from(bytes.subarray(at));
    return true;
  }
}
