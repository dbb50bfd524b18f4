/**
 * gRPC's framing: each message behind a flag and its length. The reader takes pieces of any size, gives whole messages, bounds them before
 * it keeps a byte of them, and inflates within bounds. Messages that lie in one piece are not copied.
 */
import { gunzipSync } from "node:zlib";
import { Failure, messageOf } from "../../base/errors.ts";
import { INFLATE_FREE_BYTES, INFLATE_RATIO_MAX } from "./limits.ts";

export const FRAME_HEAD_BYTES = 5;

const EMPTY: Uint8Array = new Uint8Array(0);

/** `grpc-encoding` that is understood here. */
export type MessageEncoding = "identity" | "gzip";

export const ACCEPTED_ENCODINGS = "identity,gzip";

/** Undefined: not understood; the call ends UNIMPLEMENTED. */
export function encodingOf(name: string | undefined): MessageEncoding | undefined {
  if (name === undefined || name === "identity") return "identity";
  return name === "gzip" ? "gzip" : undefined;
}

export function frameMessage(message: Uint8Array, flag = 0): Uint8Array {
  const framed = new Uint8Array(FRAME_HEAD_BYTES + message.length);
  framed[0] = flag;
  framed[1] = message.length >>> 24;
  framed[2] = message.length >>> 16;
  framed[3] = message.length >>> 8;
  framed[4] = message.length;
  framed.set(message, FRAME_HEAD_BYTES);
  return framed;
}

export interface FrameLimits {
  /** Of one message, inflated. */
  readonly messageBytesMax: number;
}

/** Fails with `grpc.message_too_large`, `grpc.frame`, `grpc.encoding`. After a failure it is of no use any more. */
export class FrameReader {
  readonly #limits: FrameLimits;
  readonly #encoding: MessageEncoding;
  readonly #onMessage: (message: Uint8Array) => void;
  readonly #head = new Uint8Array(FRAME_HEAD_BYTES);
  #headBytes = 0;
  #length = 0;
  /** A message that does not lie in one piece: it grows with what has come, not with what was announced. */
  #message = EMPTY;
  #messageBytes = 0;

  constructor(limits: FrameLimits, encoding: MessageEncoding, onMessage: (message: Uint8Array) => void) {
    this.#limits = limits;
    this.#encoding = encoding;
    this.#onMessage = onMessage;
  }

  /** In the middle of a frame. */
  get isOpen(): boolean {
    return this.#headBytes > 0;
  }

  write(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length || this.#isWhole()) {
      if (this.#headBytes < FRAME_HEAD_BYTES) {
        this.#head[this.#headBytes++] = chunk[at++]!;
        if (this.#headBytes === FRAME_HEAD_BYTES) this.#readHead();
        continue;
      }
      const taken = Math.min(this.#length - this.#messageBytes, chunk.length - at);
      this.#take(chunk.subarray(at, at + taken));
      at += taken;
      if (this.#isWhole()) this.#deliver();
    }
  }

  #isWhole(): boolean {
    return this.#headBytes === FRAME_HEAD_BYTES && this.#messageBytes === this.#length;
  }

  /** A piece by itself is copied: it would keep all that came with it. */
  #take(piece: Uint8Array): void {
    const needed = this.#messageBytes + piece.length;
    if (this.#messageBytes === 0 && needed === this.#length) this.#message = piece;
    else if (piece.length > 0) {
      if (needed > this.#message.length) {
        const grown = new Uint8Array(Math.min(this.#length, Math.max(needed, this.#message.length * 2)));
        grown.set(this.#message.subarray(0, this.#messageBytes));
        this.#message = grown;
      }
      this.#message.set(piece, this.#messageBytes);
    }
    this.#messageBytes = needed;
  }

  #readHead(): void {
    const [flag, a, b, c, d] = this.#head as unknown as [number, number, number, number, number];
    this.#length = a * 0x1000000 + ((b << 16) | (c << 8) | d);
    if (flag > 1) throw new Failure("grpc.frame", `reading a frame failed: its flag is ${flag}; 0 or 1 is required`);
    if (this.#length > this.#limits.messageBytesMax) throw tooLarge(this.#length, this.#limits.messageBytesMax);
  }

  #deliver(): void {
    const flag = this.#head[0]!;
    const message = this.#message;
    this.#headBytes = 0;
    this.#length = 0;
    this.#message = EMPTY;
    this.#messageBytes = 0;
    if (flag !== 1) return this.#onMessage(message);
    if (this.#encoding === "identity") {
      throw new Failure(
        "grpc.frame",
        "reading a frame failed: it is compressed and no grpc-encoding was named; one is required",
      );
    }
    this.#onMessage(inflate(message, this.#limits.messageBytesMax));
  }
}

function inflate(message: Uint8Array, bytesMax: number): Uint8Array {
  const maxOutputLength = Math.min(bytesMax, Math.max(INFLATE_FREE_BYTES, message.length * INFLATE_RATIO_MAX));
  try {
    return gunzipSync(message, { maxOutputLength });
  } catch (thrown) {
    if ((thrown as { code?: unknown }).code === "ERR_BUFFER_TOO_LARGE")
      throw tooLarge(maxOutputLength + 1, maxOutputLength);
    throw new Failure("grpc.encoding", `inflating a message failed: ${messageOf(thrown)}; gzip is required`, {
      cause: thrown,
    });
  }
}

function tooLarge(bytes: number, max: number): Failure {
  return new Failure(
    "grpc.message_too_large",
    `reading a message failed: it has ${bytes} bytes or more; at most ${max} are required`,
  );
}
