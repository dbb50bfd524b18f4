/** Bodies on their way: piped, collected. All of them keep the manners of `BodySink`: who is full says so and calls when ready. */
import { Failure } from "../../../base/errors.ts";
import { type BodySink, type BodySource, gather, type HeaderList, KeptBytes } from "../../../wire/http/index.ts";
import { PIPE_BYTES_MAX } from "./limits.ts";

/** What is written into it comes out of it, also when it is written first and started later. */
export class BodyPipe implements BodySink, BodySource {
  readonly length = undefined;
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  #sink: BodySink | undefined;
  readonly #waiting = new KeptBytes();
  #end: { readonly trailers: HeaderList | undefined } | undefined;
  #abort: Failure | undefined;
  #isCancelled = false;

  write(chunk: Uint8Array): boolean {
    if (this.#isCancelled) return true;
    if (this.#sink !== undefined) return this.#sink.write(chunk);
    this.#waiting.push(chunk);
    return this.#waiting.size < PIPE_BYTES_MAX;
  }

  end(trailers?: HeaderList): void {
    if (this.#isCancelled) return;
    if (this.#sink !== undefined) this.#sink.end(trailers);
    else this.#end = { trailers };
  }

  abort(cause: Failure): void {
    if (this.#isCancelled) return;
    if (this.#sink !== undefined) this.#sink.abort(cause);
    else this.#abort = cause;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    sink.onReady = () => this.onReady?.();
    sink.onCancel = (cause) => this.cancel(cause);
    const wasFull = this.#waiting.size >= PIPE_BYTES_MAX;
    const goesOn = this.#waiting.size === 0 || sink.write(this.#waiting.takeAll());
    if (this.#abort !== undefined) sink.abort(this.#abort);
    else if (this.#end !== undefined) sink.end(this.#end.trailers);
    else if (wasFull && goesOn) this.onReady?.();
  }

  cancel(cause: Failure): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#waiting.takeAll();
    if (this.#end === undefined && this.#abort === undefined) this.onCancel?.(cause);
  }
}

/** The whole body, at most `bytesMax`; `done` is called once. Without a body at once: nothing is started. */
export function collectBody(source: BodySource, bytesMax: number, done: (whole: Uint8Array | Failure) => void): void {
  if (source.length === 0) return done(EMPTY);
  gather(source, bytesMax, (outcome) => done(outcome instanceof Failure ? outcome : outcome.bytes));
}

export const EMPTY = new Uint8Array(0);
