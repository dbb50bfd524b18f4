/** A request's body on its way through: counted, and no longer than its route allows. */
import { Failure } from "../../../base/errors.ts";
import { type BodySink, type BodySource, type HeaderList, PassingSink } from "../../../wire/http/index.ts";
import { refusalOf } from "./failures.ts";
import type { Passage } from "./words.ts";

export class BoundedBody implements BodySource {
  readonly length: number | undefined;
  readonly #passage: Passage;
  readonly #inner: BodySource;
  readonly #bytesMax: number;

  constructor(passage: Passage, inner: BodySource, bytesMax: number) {
    this.length = inner.length;
    this.#passage = passage;
    this.#inner = inner;
    this.#bytesMax = bytesMax;
  }

  start(sink: BodySink): void {
    this.#inner.start(new BoundedSink(this.#passage, sink, this.#bytesMax));
  }

  cancel(cause: Failure): void {
    this.#inner.cancel(cause);
  }
}

class BoundedSink extends PassingSink {
  readonly #passage: Passage;
  readonly #bytesMax: number;
  #isOver = false;

  constructor(passage: Passage, inner: BodySink, bytesMax: number) {
    super(inner);
    this.#passage = passage;
    this.#bytesMax = bytesMax;
  }

  override write(chunk: Uint8Array): boolean {
    if (this.#isOver) return false;
    const passage = this.#passage;
    passage.receivedBytes += chunk.byteLength;
    if (passage.receivedBytes <= this.#bytesMax) return this.inner.write(chunk);
    this.#refuse(new Failure("gateway.body_too_large", `the body has more than ${this.#bytesMax} bytes`));
    return false;
  }

  /** The client gets its answer, where it has none yet; the upstream sees that the request is not whole; no more is read. */
  #refuse(cause: Failure): void {
    this.#isOver = true;
    const { onCancel } = this;
    this.#passage.break(cause, refusalOf(cause));
    this.inner.abort(cause);
    onCancel?.(cause);
  }

  override end(trailers?: HeaderList): void {
    if (!this.#isOver) this.inner.end(trailers);
  }

  override abort(cause: Failure): void {
    if (!this.#isOver) this.inner.abort(cause);
  }
}
