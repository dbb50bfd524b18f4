/** Bodies that are whole: bytes in memory as a source, and a source gathered into memory, up to a bound. */
import { Failure } from "../../base/errors.ts";
import { KeptBytes } from "./kept-bytes.ts";
import type { BodySink, BodySource, HeaderList } from "./words.ts";

/** There is none. */
export const NO_BODY: BodySource = {
  length: 0,
  start: (sink) => sink.end(),
  cancel: () => {},
};

/** Given whole, in one piece. */
export class BytesSource implements BodySource {
  readonly length: number;
  readonly #bytes: Uint8Array;
  readonly #trailers: HeaderList | undefined;

  constructor(bytes: Uint8Array, trailers?: HeaderList) {
    this.#bytes = bytes;
    this.length = bytes.byteLength;
    this.#trailers = trailers;
  }

  start(sink: BodySink): void {
    if (this.length > 0) sink.write(this.#bytes); // it may say that it is full: nothing more comes
    sink.end(this.#trailers);
  }

  cancel(): void {}
}

export interface Gathered {
  readonly bytes: Uint8Array;
  readonly trailers: HeaderList | undefined;
}

/** Takes a whole body into memory. `done` is called once: with the body, or with `gateway.body_too_large` or what broke it. */
export class GatheringSink implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  readonly #bytesMax: number;
  readonly #kept = new KeptBytes();
  #done: ((outcome: Gathered | Failure) => void) | undefined;

  constructor(bytesMax: number, done: (outcome: Gathered | Failure) => void) {
    this.#bytesMax = bytesMax;
    this.#done = done;
  }

  write(chunk: Uint8Array): boolean {
    if (!this.#done) return false;
    const size = this.#kept.size + chunk.byteLength;
    if (size <= this.#bytesMax) {
      this.#kept.push(chunk);
      return true;
    }
    const failure = tooLarge(size, this.#bytesMax);
    this.#finish(failure);
    this.onCancel?.(failure);
    return false;
  }

  end(trailers?: HeaderList): void {
    this.#finish({ bytes: this.#kept.takeAll(), trailers });
  }

  abort(cause: Failure): void {
    this.#finish(cause);
  }

  #finish(outcome: Gathered | Failure): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(outcome);
  }
}

/** The whole body, up to that many bytes; a length that is told and too large fails at once. */
export function gather(source: BodySource, bytesMax: number, done: (outcome: Gathered | Failure) => void): void {
  if (source.length !== undefined && source.length > bytesMax) {
    const failure = tooLarge(source.length, bytesMax);
    source.cancel(failure);
    done(failure);
    return;
  }
  source.start(new GatheringSink(bytesMax, done));
}

function tooLarge(bytes: number, bytesMax: number): Failure {
  return new Failure("gateway.body_too_large", `the body has ${bytes} bytes or more; at most ${bytesMax} are allowed`, {
    data: { bytesMax },
  });
}
