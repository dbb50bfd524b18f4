/**
 * Sinks that stand before another one and hand on to it whatever they do not change: a subclass says only what it does differently. The
 * callbacks of the writer lie where the one behind calls them: passing on makes no closure, and costs no call that would not be there.
 */
import type { Failure } from "../../base/errors.ts";
import type { BodySink, HeaderList } from "./words.ts";

export abstract class PassingSink implements BodySink {
  protected readonly inner: BodySink;

  constructor(inner: BodySink) {
    this.inner = inner;
  }

  get onReady(): (() => void) | undefined {
    return this.inner.onReady;
  }

  set onReady(callback: (() => void) | undefined) {
    this.inner.onReady = callback;
  }

  get onCancel(): ((cause: Failure) => void) | undefined {
    return this.inner.onCancel;
  }

  set onCancel(callback: ((cause: Failure) => void) | undefined) {
    this.inner.onCancel = callback;
  }

  write(chunk: Uint8Array): boolean {
    return this.inner.write(chunk);
  }

  end(trailers?: HeaderList): void {
    this.inner.end(trailers);
  }

  abort(cause: Failure): void {
    this.inner.abort(cause);
  }
}

/** One that has to know by itself when the receiver wants no more, whether the writer asks for it or not. */
export abstract class CancelHearingSink extends PassingSink {
  #onCancel: ((cause: Failure) => void) | undefined;

  constructor(inner: BodySink) {
    super(inner);
    inner.onCancel = (cause) => this.cancelled(cause);
  }

  override get onCancel(): ((cause: Failure) => void) | undefined {
    return this.#onCancel;
  }

  override set onCancel(callback: ((cause: Failure) => void) | undefined) {
    this.#onCancel = callback;
  }

  /** The receiver wants no more: the writer is told. */
  protected cancelled(cause: Failure): void {
    this.#onCancel?.(cause);
  }
}
