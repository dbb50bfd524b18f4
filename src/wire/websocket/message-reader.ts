/**
 * Bytes into messages, strictly: reserved bits are 0, a client masks and a server does not, control frames are short and whole, the
 * pieces of a message follow each other, texts are UTF-8, lengths are written in their shortest form, and a message that would be too
 * large is refused by the head of its frame, before it comes.
 */
import { isUtf8 } from "node:buffer";
import { KeptBytes } from "../http/index.ts";
import { CLOSE, isCloseCode, OPCODE } from "./frames.ts";
import { CONTROL_BYTES_MAX, FRAGMENTS_MAX } from "./limits.ts";
import { maskBytes } from "./mask.ts";

export interface MessageTaker {
  onMessage(data: Uint8Array, isText: boolean): void;
  onPing(payload: Uint8Array): void;
  onPong(payload: Uint8Array): void;
  /** `code` 1005: none was given. Nothing more is read. */
  onCloseFrame(code: number, reason: string): void;
  /** Nothing more is read. */
  onFault(code: number, text: string): void;
}

export interface MessageLimits {
  readonly messageBytesMax: number;
}

const HEAD_BYTES_MAX = 14;
const EMPTY = new Uint8Array(0);

export class MessageReader {
  readonly #taker: MessageTaker;
  readonly #isMasked: boolean;
  readonly #bytesMax: number;
  #isOver = false;
  #isHalted = false;
  /** The head of a frame, while it is not whole. */
  readonly #head = new Uint8Array(HEAD_BYTES_MAX);
  #headBytes = 0;
  // The frame that is being read.
  #isInPayload = false;
  #opcode = 0;
  #isFinal = false;
  readonly #mask = new Uint8Array(4);
  #payload: Uint8Array = EMPTY;
  #payloadLength = 0;
  #payloadBytes = 0;
  // The message that is being read.
  readonly #message = new KeptBytes();
  #pieces = 0;
  #messageOpcode = 0;

  /** `isMasked`: the peer is a client. */
  constructor(taker: MessageTaker, isMasked: boolean, limits: MessageLimits) {
    this.#taker = taker;
    this.#isMasked = isMasked;
    this.#bytesMax = limits.messageBytesMax;
  }

  /** Stops behind the frame that is being told. */
  halt(): void {
    this.#isHalted = true;
  }

  /** Nothing more is read, ever. */
  stop(): void {
    this.#isOver = true;
  }

  /** The chunk is ours, and is changed. Gives back how much of it was read: less after `halt`. */
  read(chunk: Uint8Array): number {
    this.#isHalted = false;
    let at = 0;
    while (at < chunk.length && !this.#isOver && !this.#isHalted)
      at = this.#isInPayload ? this.#takePayload(chunk, at) : this.#takeHead(chunk, at);
    return this.#isOver ? chunk.length : at;
  }

  #fault(code: number, text: string): void {
    this.#isOver = true;
    this.#taker.onFault(code, text);
  }

  #takeHead(chunk: Uint8Array, from: number): number {
    let at = from;
    const head = this.#head;
    while (at < chunk.length) {
      head[this.#headBytes++] = chunk[at++]!;
      if (this.#headBytes >= 2 && this.#headBytes === headBytes(head)) {
        this.#headBytes = 0;
        this.#beginFrame();
        return at;
      }
    }
    // What can be refused by the first two bytes does not wait for more of them.
    if (this.#headBytes >= 2) this.#checkStart(head[0]!, head[1]!);
    return at;
  }

  #beginFrame(): void {
    const head = this.#head;
    if (!this.#checkStart(head[0]!, head[1]!)) return;
    const length = lengthOf(head);
    if (length < 0) return this.#fault(CLOSE.protocol, "a length that is not written in its shortest form");
    if (!this.#checkLength(length)) return;
    if (this.#isMasked) {
      const at = headBytes(head) - 4;
      this.#mask.set(head.subarray(at, at + 4));
    }
    this.#isInPayload = true;
    this.#payloadLength = length;
    this.#payloadBytes = 0;
    this.#payload = EMPTY;
    if (length === 0) this.#endFrame(EMPTY);
  }

  /** What the first two bytes tell. */
  #checkStart(first: number, second: number): boolean {
    this.#isFinal = (first & 0x80) !== 0;
    this.#opcode = first & 0x0f;
    const fault = this.#startFault(first, second);
    if (fault !== undefined) this.#fault(CLOSE.protocol, fault);
    return fault === undefined;
  }

  #startFault(first: number, second: number): string | undefined {
    const opcode = this.#opcode;
    if (first & 0x70) return "a reserved bit is set";
    if (((second & 0x80) !== 0) !== this.#isMasked)
      return this.#isMasked ? "a frame without a mask" : "a frame with a mask";
    if (opcode >= OPCODE.close) {
      if (opcode > OPCODE.pong) return `a frame of kind ${opcode}`;
      if (!this.#isFinal) return "a control frame in pieces";
      return (second & 0x7f) > CONTROL_BYTES_MAX ? "a control frame of more than 125 bytes" : undefined;
    }
    if (opcode > OPCODE.binary) return `a frame of kind ${opcode}`;
    if ((opcode === OPCODE.continuation) !== (this.#messageOpcode !== 0))
      return opcode === OPCODE.continuation ? "a continuation of nothing" : "a message within a message";
    return undefined;
  }

  #checkLength(length: number): boolean {
    if (this.#opcode >= OPCODE.close) return true;
    if (this.#message.size + length > this.#bytesMax)
      this.#fault(CLOSE.tooBig, `a message of more than ${this.#bytesMax} bytes`);
    else if (this.#pieces >= FRAGMENTS_MAX) this.#fault(CLOSE.policy, `a message in more than ${FRAGMENTS_MAX} pieces`);
    return !this.#isOver;
  }

  #takePayload(chunk: Uint8Array, at: number): number {
    const taken = Math.min(chunk.length - at, this.#payloadLength - this.#payloadBytes);
    const isWhole = taken === this.#payloadLength;
    const end = at + taken;
    if (this.#isMasked) maskBytes(chunk, at, end, this.#mask, this.#payloadBytes);
    if (isWhole) {
      this.#endFrame(chunk.subarray(at, end));
      return end;
    }
    this.#gather(chunk.subarray(at, end));
    if (this.#payloadBytes === this.#payloadLength) this.#endFrame(this.#payload.subarray(0, this.#payloadLength));
    return end;
  }

  /** The place for a payload grows with what has come: a head alone gets no memory. */
  #gather(piece: Uint8Array): void {
    const needed = this.#payloadBytes + piece.length;
    if (needed > this.#payload.length) {
      const grown = new Uint8Array(Math.min(this.#payloadLength, Math.max(needed, this.#payload.length * 2)));
      grown.set(this.#payload.subarray(0, this.#payloadBytes));
      this.#payload = grown;
    }
    this.#payload.set(piece, this.#payloadBytes);
    this.#payloadBytes = needed;
  }

  #endFrame(payload: Uint8Array): void {
    this.#isInPayload = false;
    this.#payload = EMPTY;
    if (this.#opcode < OPCODE.close) this.#endDataFrame(payload);
    else if (this.#opcode === OPCODE.ping) this.#taker.onPing(payload);
    else if (this.#opcode === OPCODE.pong) this.#taker.onPong(payload);
    else this.#close(payload);
  }

  #endDataFrame(payload: Uint8Array): void {
    if (this.#opcode !== OPCODE.continuation) this.#messageOpcode = this.#opcode;
    if (!this.#isFinal) {
      this.#message.push(payload);
      this.#pieces++;
      return;
    }
    const isText = this.#messageOpcode === OPCODE.text;
    let whole = payload;
    if (this.#pieces > 0) {
      this.#message.push(payload);
      whole = this.#message.takeAll();
    }
    this.#messageOpcode = 0;
    this.#pieces = 0;
    if (isText && !isUtf8(whole)) this.#fault(CLOSE.badData, "a text that is not UTF-8");
    else this.#taker.onMessage(whole, isText);
  }

  #close(payload: Uint8Array): void {
    if (payload.length === 0) {
      this.#isOver = true;
      return this.#taker.onCloseFrame(CLOSE.none, "");
    }
    const code = (payload[0]! << 8) | (payload[1] ?? 0);
    if (payload.length === 1 || !isCloseCode(code))
      return this.#fault(CLOSE.protocol, "a close without a code that may be sent");
    const reason = payload.subarray(2);
    if (!isUtf8(reason)) return this.#fault(CLOSE.badData, "a reason that is not UTF-8");
    this.#isOver = true;
    this.#taker.onCloseFrame(code, new TextDecoder().decode(reason));
  }
}

/** Of the whole head, as its second byte tells. */
function headBytes(head: Uint8Array): number {
  const length = head[1]! & 0x7f;
  return 2 + (length === 126 ? 2 : length === 127 ? 8 : 0) + (head[1]! & 0x80 ? 4 : 0);
}

/** -1: there is a shorter way to write it, or it is no length at all. */
function lengthOf(head: Uint8Array): number {
  const short = head[1]! & 0x7f;
  if (short < 126) return short;
  let length = 0;
  const bytes = short === 126 ? 2 : 8;
  for (let at = 2; at < 2 + bytes; at++) length = length * 256 + head[at]!;
  if (length < (bytes === 2 ? 126 : 65_536)) return -1;
  return length;
}
