/**
 * Bytes into frames, however they are cut. DATA is passed on in the pieces in which it comes; other frames are whole. Only a frame that
 * ends in a later chunk is copied.
 */
import { FLAG, FRAME, FRAME_HEAD_BYTES, PREFACE } from "./frames.ts";
import { FRAME_BYTES_MAX } from "./limits.ts";

export interface FrameTaker {
  /** Nothing more is read once it is over. */
  readonly isOver: boolean;
  /** Any frame but DATA; its payload lies in `bytes` from `at` to `end`, for this call only. */
  onFrame(type: number, flags: number, id: number, bytes: Uint8Array, at: number, end: number): void;
  /** A frame of DATA begins; `length` with padding. False: it is of no interest, its pieces are dropped. */
  onDataFrame(flags: number, id: number, length: number): void;
  onDataPiece(chunk: Uint8Array): void;
  /** The frame is whole; `padding` of its bytes, with the one that says how many, were no data. */
  onDataFrameEnd(padding: number): void;
  /** The padding is longer than the frame. */
  onBadPadding(): void;
  onTooLarge(length: number, type: number): void;
  onBadPreface(): void;
}

export class FrameReader {
  readonly #taker: FrameTaker;
  #prefaceAt: number;
  /** A frame that is not whole yet. */
  #carry: Uint8Array | undefined;
  #carried = 0;
  /** Of the frame of DATA that is being read. */
  #isData = false;
  #dataLeft = 0;
  #paddingLeft = 0;
  #padding = 0;
  #needsPadding = false;

  /** `hasPreface`: the peer is a client. */
  constructor(taker: FrameTaker, hasPreface: boolean) {
    this.#taker = taker;
    this.#prefaceAt = hasPreface ? 0 : PREFACE.length;
  }

  /** Something has begun and is not whole: the preface, or a frame that is no DATA. */
  get isMidFrame(): boolean {
    return this.#carried > 0 || this.#prefaceAt < PREFACE.length;
  }

  read(chunk: Uint8Array): void {
    let at = this.#prefaceAt < PREFACE.length ? this.#preface(chunk) : 0;
    while (at < chunk.length && !this.#taker.isOver) {
      if (this.#isData) at = this.#data(chunk, at);
      else if (this.#carried > 0 || chunk.length - at < FRAME_HEAD_BYTES) at = this.#carryOn(chunk, at);
      else at = this.#frame(chunk, at);
    }
  }

  #preface(chunk: Uint8Array): number {
    let at = 0;
    while (at < chunk.length && this.#prefaceAt < PREFACE.length)
      if (chunk[at++] !== PREFACE[this.#prefaceAt++]) {
        this.#taker.onBadPreface();
        return chunk.length;
      }
    return at;
  }

  /** A frame that begins in this chunk, with its whole head. */
  #frame(chunk: Uint8Array, at: number): number {
    const length = lengthAt(chunk, at);
    const type = chunk[at + 3]!;
    if (length > FRAME_BYTES_MAX) return this.#tooLarge(length, type, chunk);
    const body = at + FRAME_HEAD_BYTES;
    if (type === FRAME.data) {
      this.#beginData(chunk[at + 4]!, idAt(chunk, at), length);
      return body;
    }
    if (chunk.length - body < length) return this.#carryOn(chunk, at);
    this.#taker.onFrame(type, chunk[at + 4]!, idAt(chunk, at), chunk, body, body + length);
    return body + length;
  }

  #tooLarge(length: number, type: number, chunk: Uint8Array): number {
    this.#taker.onTooLarge(length, type);
    return chunk.length;
  }

  /** Gathers first the head, then the rest of a frame that came in pieces. */
  #carryOn(chunk: Uint8Array, at: number): number {
    if (this.#carried < FRAME_HEAD_BYTES) {
      const next = this.#gather(chunk, at, FRAME_HEAD_BYTES);
      if (this.#carried < FRAME_HEAD_BYTES) return next;
      return this.#carriedHead(chunk, next);
    }
    const whole = FRAME_HEAD_BYTES + lengthAt(this.#carry!, 0);
    const next = this.#gather(chunk, at, whole);
    if (this.#carried === whole) this.#carriedFrame(whole);
    return next;
  }

  #carriedHead(chunk: Uint8Array, next: number): number {
    const carry = this.#carry!;
    const length = lengthAt(carry, 0);
    if (length > FRAME_BYTES_MAX) return this.#tooLarge(length, carry[3]!, chunk);
    if (carry[3] === FRAME.data) {
      this.#carried = 0;
      this.#beginData(carry[4]!, idAt(carry, 0), length);
    } else if (length === 0) this.#carriedFrame(FRAME_HEAD_BYTES);
    return next;
  }

  #carriedFrame(whole: number): void {
    const carry = this.#carry!;
    this.#carried = 0;
    if (carry.length > CARRY_KEPT_MAX) this.#carry = undefined;
    this.#taker.onFrame(carry[3]!, carry[4]!, idAt(carry, 0), carry, FRAME_HEAD_BYTES, whole);
  }

  #gather(chunk: Uint8Array, at: number, upTo: number): number {
    const taken = Math.min(upTo - this.#carried, chunk.length - at);
    if (this.#carry === undefined || this.#carry.length < upTo) {
      const grown = new Uint8Array(Math.max(upTo, CARRY_FIRST));
      if (this.#carry !== undefined) grown.set(this.#carry.subarray(0, this.#carried));
      this.#carry = grown;
    }
    for (let index = 0; index < taken; index++) this.#carry[this.#carried + index] = chunk[at + index]!;
    this.#carried += taken;
    return at + taken;
  }

  #beginData(flags: number, id: number, length: number): void {
    this.#isData = true;
    this.#dataLeft = length;
    this.#paddingLeft = 0;
    this.#padding = 0;
    this.#needsPadding = (flags & FLAG.padded) !== 0;
    this.#taker.onDataFrame(flags, id, length);
    if (length > 0) return;
    if (this.#needsPadding) this.#taker.onBadPadding(); // no room for the byte that says how much
    this.#endData();
  }

  #data(chunk: Uint8Array, at: number): number {
    let next = at;
    if (this.#needsPadding) {
      this.#takePadding(chunk[next++]!);
    } else if (this.#dataLeft > 0) {
      next = Math.min(chunk.length, at + this.#dataLeft);
      this.#dataLeft -= next - at;
      this.#taker.onDataPiece(pieceOf(chunk, at, next));
    } else {
      next = Math.min(chunk.length, at + this.#paddingLeft);
      this.#paddingLeft -= next - at;
    }
    if (this.#dataLeft === 0 && this.#paddingLeft === 0) this.#endData();
    return next;
  }

  #takePadding(padding: number): void {
    this.#needsPadding = false;
    this.#dataLeft -= 1 + padding;
    if (this.#dataLeft < 0) this.#taker.onBadPadding();
    this.#dataLeft = Math.max(0, this.#dataLeft);
    this.#paddingLeft = padding;
    this.#padding = padding + 1;
  }

  #endData(): void {
    this.#isData = false;
    if (!this.#taker.isOver) this.#taker.onDataFrameEnd(this.#padding);
  }
}

const CARRY_FIRST = 256;
/** A carry that was needed for a large frame is not kept for the next one. */
const CARRY_KEPT_MAX = 1024;

/** Smaller ones are cheaper to copy than to cut out. */
const CUT_BYTES_MIN = 1_000;
/** Whoever keeps a piece keeps the chunk that it is cut out of: no more than so many times its size. */
const CHUNK_SHARE = 8;

function pieceOf(chunk: Uint8Array, from: number, to: number): Uint8Array {
  const size = to - from;
  if (size === chunk.length) return chunk;
  const piece = chunk.subarray(from, to);
  return size < CUT_BYTES_MIN || size * CHUNK_SHARE < chunk.length ? new Uint8Array(piece) : piece;
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
}

/** The reserved bit is ignored. */
function idAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at + 5]! & 0x7f) << 24) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 8) | bytes[at + 8]!;
}
