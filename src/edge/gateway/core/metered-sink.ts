/** The reply's body on its way to the client: counted, and its end told to the passage, however it ends. */
import type { Failure } from "../../../base/errors.ts";
import { type BodySink, CancelHearingSink, type HeaderList } from "../../../wire/http/index.ts";
import type { ReplyWay } from "./words.ts";

export class MeteredSink extends CancelHearingSink {
  readonly #passage: ReplyWay;

  constructor(passage: ReplyWay, inner: BodySink) {
    super(inner);
    this.#passage = passage;
  }

  override write(chunk: Uint8Array): boolean {
    this.#passage.sentBytes += chunk.byteLength;
    return this.inner.write(chunk);
  }

  override end(trailers?: HeaderList): void {
    this.inner.end(trailers);
    this.#passage.end();
  }

  override abort(cause: Failure): void {
    const passage = this.#passage;
    passage.why ??= cause.code;
    passage.detail ??= cause.message;
    this.inner.abort(cause);
    passage.end();
  }

  /** The client went, or what came was not what the head had told. */
  protected override cancelled(cause: Failure): void {
    super.cancelled(cause);
    this.#passage.lose(cause);
  }
}
