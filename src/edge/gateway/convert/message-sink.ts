/**
 * The receiving end of a body that is taken apart as it comes: its messages are told one by one, and whoever takes them may ask for a pause, or
 * have enough. Its end is told once, and nothing behind it: the end, or what broke it. A subclass knows what a message is.
 */
import { type Failure, toFailure } from "../../../base/errors.ts";
import type { BodySink, HeaderList } from "../../../wire/http/index.ts";

export abstract class MessageSink implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  readonly #faultCode: string;
  #isDone = false;
  #goesOn = true;

  /** What is thrown and has no code of its own gets this one. */
  constructor(faultCode: string) {
    this.#faultCode = faultCode;
  }

  /** Takes out what is whole, while it is not done; may throw. */
  protected abstract take(chunk: Uint8Array): void;

  /** Behind the last piece; may throw. */
  protected abstract takeRest(): void;

  protected abstract ended(trailers: HeaderList | undefined): void;

  protected abstract broken(failure: Failure): void;

  protected get isDone(): boolean {
    return this.#isDone;
  }

  /** What the one who took a message said: false is no more for now, until `resume`. What one piece of the body held still comes. */
  protected taken(goesOn: boolean): void {
    if (!goesOn) this.#goesOn = false;
  }

  /** False: it was done before. */
  protected close(): boolean {
    if (this.#isDone) return false;
    this.#isDone = true;
    return true;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isDone) return true;
    try {
      this.take(chunk);
    } catch (thrown) {
      const failure = toFailure(thrown, this.#faultCode);
      this.stop(failure);
      this.broken(failure);
    }
    return this.#goesOn || this.#isDone;
  }

  end(trailers?: HeaderList): void {
    if (this.#isDone) return;
    this.onCancel = undefined; // there is nothing left to cancel, whatever the rest brings
    try {
      this.takeRest();
    } catch (thrown) {
      if (this.close()) this.broken(toFailure(thrown, this.#faultCode));
      return;
    }
    if (this.close()) this.ended(trailers);
  }

  abort(cause: Failure): void {
    if (this.close()) this.broken(cause);
  }

  resume(): void {
    if (this.#goesOn || this.#isDone) return;
    this.#goesOn = true;
    this.onReady?.();
  }

  /** Nothing more is wanted; nothing more is told. */
  stop(cause: Failure): void {
    if (this.close()) this.onCancel?.(cause);
  }
}
