/**
 * A request of the other side, while it is served here. It gets one end, whoever gives it first: the answer, the deadline, or
 * the caller's leaving. A stream is written as far as its reader gives credit.
 */
import { Failure, toFailure } from "../../base/errors.ts";
import { cancelled, deadlineExceeded, failureText, tooLarge } from "./failures.ts";
import { END, ERROR, ITEM, RESULT, type RequestParts } from "./frames.ts";
import { MESSAGE_BYTES_MAX, STREAM_WINDOW_BYTES } from "./limits.ts";
import type { Outbox } from "./outbox.ts";
import { costOf } from "./stream-reader.ts";

export interface IncomingPorts {
  readonly outbox: Outbox;
  /** Its one end has been sent. */
  over(id: number): void;
  readonly nowMs: () => number;
}

export class Incoming {
  readonly id: number;
  readonly parts: RequestParts;
  readonly #ports: IncomingPorts;
  /** On the clock of this process; infinity once a stream has begun to flow. */
  dueMs: number;
  #isOver = false;
  #failure: Failure | undefined;
  #abort: AbortController | undefined;
  #credit = STREAM_WINDOW_BYTES;
  #granted: (() => void) | undefined;

  constructor(id: number, parts: RequestParts, dueMs: number, ports: IncomingPorts) {
    this.id = id;
    this.parts = parts;
    this.dueMs = dueMs;
    this.#ports = ports;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get leftMs(): number {
    return Math.max(0, this.dueMs - this.#ports.nowMs());
  }

  /** Aborts when nobody waits for the answer any more. Made for who asks. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#failure !== undefined && !this.#abort.signal.aborted) this.#abort.abort(this.#failure);
    return this.#abort.signal;
  }

  answer(body: string | Uint8Array): void {
    if (this.#isOver) return;
    if (this.#ports.outbox.send(RESULT, this.id, body)) this.#finish();
    else this.fail(tooLarge("the answer", MESSAGE_BYTES_MAX));
  }

  fail(thrown: unknown): void {
    if (this.#isOver) return;
    const failure = toFailure(thrown, "service.failed");
    if (!this.#ports.outbox.send(ERROR, this.id, failureText(failure)))
      this.#ports.outbox.send(ERROR, this.id, failureText(new Failure(failure.code, "(too large to be told)")));
    this.#finish();
  }

  cancel(): void {
    this.#giveUp(cancelled("the call"));
  }

  expire(): void {
    this.#giveUp(deadlineExceeded("the call", this.parts.timeoutMs));
  }

  /** The other side is gone: nobody is told. */
  abandon(): void {
    this.#isOver = true;
    this.#failure = cancelled("the call");
    this.#abort?.abort(this.#failure);
    this.#granted?.();
  }

  credit(bytes: number): void {
    this.#credit += bytes;
    if (this.#credit > 0) this.#granted?.();
  }

  /** Until its end, or until nobody reads any more: then the source is told. Fails with what the source or `encode` throws. */
  async write<T>(
    source: AsyncIterable<T> | Iterable<T>,
    encode: (item: T) => string | Uint8Array | Promise<string | Uint8Array>,
  ): Promise<void> {
    const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    let isDone = false;
    try {
      while (await this.#mayWrite()) {
        const step = await iterator.next();
        isDone = step.done === true;
        if (step.done) return this.#end();
        const body = encode(step.value);
        if (this.#isOver || !this.#item(body instanceof Promise ? await body : body)) return;
      }
    } finally {
      if (!isDone) await iterator.return?.();
    }
  }

  #item(body: string | Uint8Array): boolean {
    if (this.#isOver) return false;
    if (!this.#ports.outbox.send(ITEM, this.id, body)) {
      this.fail(tooLarge("an item", MESSAGE_BYTES_MAX));
      return false;
    }
    this.dueMs = Number.POSITIVE_INFINITY;
    this.#credit -= costOf(body);
    return true;
  }

  #end(): void {
    if (this.#isOver) return;
    this.#ports.outbox.send(END, this.id, "");
    this.#finish();
  }

  async #mayWrite(): Promise<boolean> {
    while (!this.#isOver && this.#credit <= 0) {
      await new Promise<void>((resolve) => {
        this.#granted = resolve;
      });
    }
    return !this.#isOver;
  }

  #giveUp(failure: Failure): void {
    if (this.#isOver) return;
    this.#failure = failure;
    this.fail(failure);
    this.#abort?.abort(failure);
    this.#granted?.();
  }

  #finish(): void {
    this.#isOver = true;
    this.#ports.over(this.id);
  }
}
