/**
 * Reads messages of HTTP/1 one at a time: a head, its body, its end. Fed with the chunks of a connection; it says how much of each it has
 * used. It stops behind a message, and wherever whoever listens calls `halt`: the rest of the chunk is fed again later.
 */
import { assert } from "../../base/errors.ts";
import { BodyReader, bufferOf } from "./body-reader.ts";
import { HttpFault } from "./fault.ts";
import { FieldLines, type HeadLimits, type StartLine } from "./field-lines.ts";
import type { HeaderList } from "./words.ts";

/** Who listens. None of the calls may throw. */
export interface BodyEvents {
  onData(bytes: Uint8Array): void;
  /** Behind each message, also one without a body. */
  onEnd(trailers: HeaderList | undefined): void;
  /** It is no HTTP; nothing more is read. */
  onFault(fault: HttpFault): void;
}

/** A view makes the runtime move the chunk out of its own memory, which costs more than to copy as little as this. */
const COPIED_BYTES_MAX = 1_000;

type Phase = "head" | "body" | "done" | "broken";

export abstract class MessageReader implements StartLine {
  abstract readonly startBytesMax: number;
  protected readonly limits: HeadLimits;
  readonly #body: BodyReader;
  readonly #events: BodyEvents;
  readonly #skipsEmpty: boolean;
  #lines: FieldLines;
  #phase: Phase = "head";
  #isHalted = false;

  constructor(limits: HeadLimits, events: BodyEvents, skipsEmpty: boolean) {
    this.limits = limits;
    this.#events = events;
    this.#skipsEmpty = skipsEmpty;
    this.#body = new BodyReader(limits);
    this.#lines = new FieldLines(limits, this, skipsEmpty);
  }

  abstract onStart(line: string): void;
  abstract startTooLong(): HttpFault;

  /** The head is whole: what it says of the body's length. */
  protected abstract framing(lines: FieldLines): number;
  /** Tells the head; false: another head follows (interim replies). */
  protected abstract tell(): boolean;

  /** Nothing of a message has come. */
  get isIdle(): boolean {
    return this.#phase === "head" && this.#lines.isUntouched;
  }

  get isDone(): boolean {
    return this.#phase === "done";
  }

  /** Bytes of the body that are still to come; undefined: it is not known. */
  get left(): number | undefined {
    return this.#phase === "body" ? this.#body.left : 0;
  }

  /** Bytes used, those before `from` among them. Fewer than there are: halted, broken, or the message is over and `next` has to be called. */
  feed(bytes: Uint8Array, from = 0): number {
    const chunk = bufferOf(bytes);
    this.#isHalted = false;
    let at = from;
    try {
      while (at < chunk.length && !this.#isHalted) {
        if (this.#phase === "head") at = this.#readHead(chunk, at);
        else if (this.#phase === "body") at = this.#readBody(chunk, at);
        else break;
      }
    } catch (thrown) {
      if (!(thrown instanceof HttpFault)) throw thrown;
      this.#phase = "broken";
      this.#events.onFault(thrown);
    }
    return at;
  }

  /** Within a call to whoever listens: `feed` returns behind it. */
  halt(): void {
    this.#isHalted = true;
  }

  /** Behind a message: another one may come. */
  next(): void {
    assert(this.#phase === "done", "the message before is not over");
    this.#phase = "head";
    this.#lines = new FieldLines(this.limits, this, this.#skipsEmpty);
  }

  /** The connection has ended: that ends a body of unknown length, and cuts short what else was begun. */
  finish(): void {
    if (this.#phase === "body" && this.#body.isUntilClose) return this.#end();
    if (this.#phase === "broken" || this.#phase === "done" || this.isIdle) return;
    const where = this.#phase === "head" ? "head" : "body";
    this.#phase = "broken";
    this.#events.onFault(
      new HttpFault(400, "http.cut_short", `cut_in_${where}`, `the connection ended within a message's ${where}`),
    );
  }

  #readHead(chunk: Buffer, from: number): number {
    const at = this.#lines.feed(chunk, from);
    if (!this.#lines.isComplete) return at;
    const length = this.framing(this.#lines);
    this.#body.begin(length);
    this.#phase = "body";
    if (!this.tell()) {
      this.#phase = "done";
      this.next();
    } else if (length === 0) this.#end();
    return at;
  }

  #readBody(chunk: Buffer, from: number): number {
    const at = this.#body.skip(chunk, from);
    const size = at < chunk.length ? this.#body.take(chunk, at) : 0;
    if (size > 0) this.#events.onData(pieceOf(chunk, at, size));
    if (this.#body.isDone) this.#end();
    return at + size;
  }

  #end(): void {
    if (this.#phase !== "body") return;
    this.#phase = "done";
    this.#events.onEnd(this.#body.trailers);
  }
}

function pieceOf(chunk: Buffer, at: number, size: number): Uint8Array {
  if (size === chunk.length) return chunk;
  if (size > COPIED_BYTES_MAX) return chunk.subarray(at, at + size);
  const piece = new Uint8Array(size);
  chunk.copy(piece, 0, at, at + size);
  return piece;
}
