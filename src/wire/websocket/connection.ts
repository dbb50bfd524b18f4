/**
 * A WebSocket over a connection that has left HTTP, either side of it: messages in and out, pings answered, and one orderly end. Extensions
 * are never agreed on. It waits for nothing: how long a peer may be silent, or leave a close unanswered, is its owner's matter.
 */
import { Failure } from "../../base/errors.ts";
import type { BodySink, HeaderList, RawStream } from "../http/index.ts";
import { CLOSE, isCloseCode, OPCODE, writeFrame } from "./frames.ts";
import { CONTROL_BYTES_MAX, REASON_BYTES_MAX } from "./limits.ts";
import { MessageReader, type MessageTaker } from "./message-reader.ts";

export interface WebSocketOptions {
  readonly side: "server" | "client";
  readonly messageBytesMax: number;
  /** A client's: four bytes that nobody can foresee, for each frame. */
  readonly mask?: (() => Uint8Array) | undefined;
}

export interface WebSocketHandler {
  /** A whole message; a text is UTF-8. The bytes are the handler's. */
  onMessage(data: Uint8Array, isText: boolean): void;
  /** `send` said false, and now there is room. */
  onReady(): void;
  onPong?(payload: Uint8Array): void;
  /** Our close is on its way: the peer has to answer it, and somebody has to wait for that. Once. */
  onClosing?(): void;
  /** The peer's side of the connection is over, too: nothing is left to wait for. Once, before or after `onClose`. */
  onGone?(): void;
  /**
   * It is over; the last call. `code`: of the peer's close (1005: it gave none), of ours when the peer broke the rules, 1006 when the connection
   * ended without a close. `isClean`: both sides have said good-bye.
   */
  onClose(code: number, reason: string, isClean: boolean): void;
}

const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();

export class WebSocketConnection implements BodySink, MessageTaker {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  readonly #sink: BodySink;
  readonly #handler: WebSocketHandler;
  readonly #mask: (() => Uint8Array) | undefined;
  readonly #reader: MessageReader;
  /** Came while nobody took it. */
  #held: Uint8Array[] = [];
  /** By its owner. */
  #isPaused = false;
  /** What we wrote is not on its way yet. */
  #isBlocked = false;
  /** While blocked: the last ping that is to be answered, for older ones need no answer. */
  #pongLeft: Uint8Array | undefined;
  #owesReady = false;
  #isReading = false;
  #isCloseSent = false;
  #isEnded = false;
  #isOver = false;
  #heardBytes = 0;

  /** The stream's bytes may come within this call. */
  constructor(stream: RawStream, handler: WebSocketHandler, options: WebSocketOptions) {
    const { mask, messageBytesMax, side } = options;
    this.#sink = stream.sink;
    this.#handler = handler;
    this.#mask = side === "client" ? mask : undefined;
    this.#reader = new MessageReader(this, side === "server", { messageBytesMax });
    this.#sink.onReady = () => this.#unblock();
    this.#sink.onCancel = () => this.#finish(CLOSE.abnormal, "", false);
    stream.source.start(this);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** What has come from the peer, pings and pongs too: as long as it grows, the peer lives. */
  get heardBytes(): number {
    return this.#heardBytes;
  }

  /** It is not the peer that is waited for: we hold it back, or it has not yet taken what we wrote. */
  get isHeld(): boolean {
    return this.#isPaused || this.#isBlocked;
  }

  // Out.

  /** A message. False: enough is waiting, go on at `onReady`. After `close` it is dropped. */
  send(data: Uint8Array | string, isText = typeof data === "string"): boolean {
    if (this.#isCloseSent || this.#isOver) return false;
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    const isTaken = this.#frame(isText ? OPCODE.text : OPCODE.binary, bytes);
    if (!isTaken) this.#owesReady = true;
    return isTaken;
  }

  /** At most 125 bytes. */
  ping(payload: Uint8Array = EMPTY): void {
    if (!this.#isCloseSent && !this.#isOver) this.#frame(OPCODE.ping, payload.subarray(0, CONTROL_BYTES_MAX));
  }

  /** Says good-bye; `onClose` follows when the peer has answered, or the connection ends. A reason is cut to 123 bytes. */
  close(code: number = CLOSE.normal, reason = ""): void {
    if (this.#isOver) return;
    this.#sayClose(code, reason);
  }

  /** At once, without a word. */
  destroy(cause: Failure): void {
    if (this.#isOver) return;
    this.#sink.abort(cause);
    this.#finish(CLOSE.abnormal, cause.message, false);
  }

  /**
   * The peer is waited for no longer. Our side ends in order, for the peer may still be reading what was written before; what it sends is not
   * heard any more, and its own side ends too where only that was left open.
   */
  giveUp(cause: Failure): void {
    if (!this.#isOver) {
      this.#finish(CLOSE.abnormal, cause.message, false);
      this.#sink.end();
    }
    if (!this.#isEnded) this.#unwanted(cause);
  }

  #sayClose(code: number, reason: string): void {
    if (this.#isCloseSent) return;
    this.#isCloseSent = true;
    this.#handler.onClosing?.();
    if (!isCloseCode(code)) {
      this.#frame(OPCODE.close, EMPTY);
      return;
    }
    const text = cutText(encoder.encode(reason), REASON_BYTES_MAX);
    const payload = new Uint8Array(2 + text.length);
    payload[0] = code >>> 8;
    payload[1] = code;
    payload.set(text, 2);
    this.#frame(OPCODE.close, payload);
  }

  #frame(opcode: number, payload: Uint8Array): boolean {
    const isTaken = this.#sink.write(writeFrame(opcode, payload, this.#mask?.()));
    if (!isTaken) this.#isBlocked = true;
    return isTaken;
  }

  #unblock(): void {
    if (this.#isOver) return;
    this.#isBlocked = false;
    const payload = this.#pongLeft;
    this.#pongLeft = undefined;
    if (payload !== undefined && !this.#isCloseSent) this.#frame(OPCODE.pong, payload);
    if (this.#owesReady && !this.#isBlocked) {
      this.#owesReady = false;
      this.#handler.onReady();
    }
    this.#readOn();
  }

  // In.

  /** No more messages until `resume`: the peer is held back. */
  pause(): void {
    this.#isPaused = true;
    this.#reader.halt();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#readOn();
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return this.#refuse();
    this.#heardBytes += chunk.length;
    this.#held.push(chunk);
    this.#read();
    return this.#held.length === 0;
  }

  /** A peer that goes on after the end: nobody hears it. */
  #refuse(): boolean {
    this.#unwanted(new Failure("websocket.over", "bytes came after the end of a WebSocket"));
    return false;
  }

  #unwanted(cause: Failure): void {
    const { onCancel } = this;
    this.onCancel = undefined;
    onCancel?.(cause);
  }

  #read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#held.length > 0 && !this.#isPaused && !this.#isOver) {
      const chunk = this.#held[0]!;
      const read = this.#reader.read(chunk);
      if (read < chunk.length) this.#held[0] = chunk.subarray(read);
      else this.#held.shift();
    }
    this.#isReading = false;
    if (this.#isEnded && this.#held.length === 0) this.#finish(CLOSE.abnormal, "", false);
  }

  /** What was held is read; then more may come. */
  #readOn(): void {
    if (this.#isReading || this.#held.length === 0 || this.#isOver) return;
    this.#read();
    if (this.#held.length === 0 && !this.#isEnded) this.onReady?.();
  }

  end(_trailers?: HeaderList): void {
    this.#peerEnded();
    if (this.#held.length === 0) this.#finish(CLOSE.abnormal, "", false);
  }

  abort(cause: Failure): void {
    this.#peerEnded();
    this.#finish(CLOSE.abnormal, cause.message, false);
  }

  #peerEnded(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#handler.onGone?.();
  }

  onMessage(data: Uint8Array, isText: boolean): void {
    if (!this.#isCloseSent) this.#handler.onMessage(data, isText);
  }

  /** While what we wrote is not taken, answers do not pile up: only the last one is kept (RFC 6455, 5.5.3). */
  onPing(payload: Uint8Array): void {
    if (this.#isCloseSent) return;
    if (this.#isBlocked) this.#pongLeft = payload.slice();
    else this.#frame(OPCODE.pong, payload);
  }

  onPong(payload: Uint8Array): void {
    this.#handler.onPong?.(payload);
  }

  onCloseFrame(code: number, reason: string): void {
    this.#sayClose(code, reason);
    this.#sink.end();
    this.#finish(code, reason, true);
  }

  onFault(code: number, text: string): void {
    this.#sayClose(code, text);
    this.#sink.end();
    this.#finish(code, text, false);
  }

  #finish(code: number, reason: string, isClean: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#held = [];
    this.#reader.stop();
    this.#handler.onClose(code, reason, isClean);
  }
}

/** No more than that many bytes, and no character in two. */
function cutText(text: Uint8Array, bytesMax: number): Uint8Array {
  if (text.length <= bytesMax) return text;
  let end = bytesMax;
  while (end > 0 && (text[end]! & 0xc0) === 0x80) end--;
  return text.subarray(0, end);
}
