/**
 * A body whose beginning is looked at before it goes on: whole where it is short enough, else as many bytes as are looked at, and the rest
 * behind them as it comes. It is the sink of the body that comes and the source of the one that goes on. What it keeps goes on no faster than
 * it is taken, and counts as held until then.
 */
import type { Failure } from "../../../base/errors.ts";
import { type BodySink, type BodySource, type HeaderList, KeptBytes } from "../../../wire/http/index.ts";
import type { HeldBytes } from "./held-bodies.ts";
import { PIECE_BYTES } from "./held-source.ts";

export interface Peeked {
  readonly bytes: Uint8Array;
  /** Nothing comes behind these bytes. */
  readonly isWhole: boolean;
  /** Trailers come behind them. */
  readonly hasTrailers: boolean;
  /** No more could be held. */
  readonly isFull: boolean;
}

/** `done` is called once: with what there is, or with what broke the body before that. The body goes on from what is given back. */
export function peek(
  source: BodySource,
  bytesMax: number,
  held: HeldBytes,
  done: (outcome: Peeked | Failure) => void,
): BodySource {
  const body = new PeekedBody(source, bytesMax, held, done);
  source.start(body);
  return body;
}

class PeekedBody implements BodySink, BodySource {
  readonly length: number | undefined;
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  readonly #source: BodySource;
  readonly #bytesMax: number;
  #done: ((outcome: Peeked | Failure) => void) | undefined;
  readonly #held: HeldBytes;
  readonly #kept = new KeptBytes();
  /** Taken out of what is kept, to be looked at. */
  #bytes: Uint8Array | undefined;
  /** Where it goes on to. */
  #next: BodySink | undefined;
  /** Nothing is kept any more: what comes goes straight on. */
  #isThrough = false;
  #takesMore = false;
  #isEnded = false;
  #isUnwanted = false;
  #trailers: HeaderList | undefined;
  #broken: Failure | undefined;

  constructor(source: BodySource, bytesMax: number, held: HeldBytes, done: (outcome: Peeked | Failure) => void) {
    this.length = source.length;
    this.#source = source;
    this.#bytesMax = bytesMax;
    this.#held = held;
    this.#done = done;
  }

  // The sink of what comes.

  write(chunk: Uint8Array): boolean {
    if (this.#isThrough) return this.#next!.write(chunk);
    if (this.#isUnwanted) return false;
    this.#kept.push(chunk);
    const isFull = !this.#held.to(this.#keptBytes);
    if (this.#done && !isFull && this.#kept.size <= this.#bytesMax) return true;
    this.#tell(false, isFull);
    return this.#takesMore; // it may have gone on within the call
  }

  end(trailers?: HeaderList): void {
    this.#isEnded = true;
    this.#trailers = trailers;
    if (this.#isThrough) this.#next!.end(trailers);
    else this.#tell(true, false);
  }

  abort(cause: Failure): void {
    this.#broken = cause;
    this.#drop();
    const done = this.#done;
    this.#done = undefined;
    this.#next?.abort(cause);
    done?.(cause);
  }

  #tell(isWhole: boolean, isFull: boolean): void {
    const done = this.#done;
    if (!done) return; // told before, and it has not gone on yet
    this.#done = undefined;
    this.#bytes = this.#kept.takeAll();
    const hasTrailers = this.#trailers !== undefined && this.#trailers.length > 0;
    done({ bytes: this.#bytes, isWhole, hasTrailers, isFull });
  }

  #drop(): void {
    this.#bytes = undefined;
    this.#kept.takeAll();
    this.#held.free();
  }

  get #keptBytes(): number {
    return (this.#bytes?.byteLength ?? 0) + this.#kept.size;
  }

  // The source of what goes on.

  start(sink: BodySink): void {
    if (this.#broken) return sink.abort(this.#broken);
    this.#next = sink;
    sink.onReady = () => (this.#isThrough ? this.onReady?.() : this.#goOn(sink));
    sink.onCancel = (cause) => {
      this.#isUnwanted = true;
      this.#drop();
      this.onCancel?.(cause);
    };
    this.#goOn(sink);
  }

  /** As much of what is kept as is taken. */
  #goOn(sink: BodySink): void {
    let takesMore = true;
    for (let piece = this.#shift(); piece !== undefined; piece = this.#shift()) {
      takesMore = sink.write(piece);
      this.#held.to(this.#keptBytes);
      if (!takesMore && this.#keptBytes > 0) return;
    }
    if (this.#isUnwanted || this.#broken) return;
    this.#drop();
    this.#isThrough = true;
    this.#takesMore = takesMore;
    if (this.#isEnded) sink.end(this.#trailers);
    else if (takesMore) this.onReady?.();
  }

  #shift(): Uint8Array | undefined {
    const bytes = this.#bytes;
    if (bytes === undefined || bytes.byteLength === 0) return this.#kept.shift();
    this.#bytes = bytes.subarray(PIECE_BYTES);
    return bytes.subarray(0, PIECE_BYTES);
  }

  cancel(cause: Failure): void {
    this.#isUnwanted = true;
    this.#drop();
    this.#source.cancel(cause);
  }
}
