/** The body of a request of HTTP/1 as a source: nothing of it is read before somebody wants it, and never faster than it is taken. */
import { assert, type Failure } from "../../../base/errors.ts";
import type { BodySink, BodySource, HeaderList } from "../../../wire/http/index.ts";

/** The connection, as its request's body sees it. */
export interface BodyOwner {
  /** Somebody wants the body: bytes may flow (again). */
  flow(): void;
  /** Nobody wants the rest. */
  discard(): void;
}

type State = "unread" | "flowing" | "full" | "unwanted" | "over";

export class Http1Body implements BodySource {
  readonly length: number | undefined;
  readonly #owner: BodyOwner;
  #state: State = "unread";
  #isStarted = false;
  #sink: BodySink | undefined;
  #broken: Failure | undefined;

  constructor(length: number | undefined, owner: BodyOwner) {
    this.length = length;
    this.#owner = owner;
  }

  /** Bytes would have a taker now. */
  get flows(): boolean {
    return this.#state === "flowing" || this.#state === "unwanted";
  }

  /** Nobody has asked for it, or nobody wants it any more. */
  get isUnwanted(): boolean {
    return this.#state === "unread" || this.#state === "unwanted";
  }

  start(sink: BodySink): void {
    assert(!this.#isStarted, "the body of a request was started twice");
    this.#isStarted = true;
    if (this.#broken) return sink.abort(this.#broken); // the client was gone before
    if (this.#state !== "unread") return;
    this.#state = "flowing";
    this.#sink = sink;
    sink.onReady = () => this.#ready();
    sink.onCancel = () => this.#unwant();
    this.#owner.flow();
  }

  cancel(_cause: Failure): void {
    this.#unwant();
  }

  /** False: hold it. */
  take(bytes: Uint8Array): boolean {
    if (this.#state === "unwanted" || this.#state === "over") return true;
    if (this.#sink!.write(bytes)) return true;
    if (this.#state !== "flowing") return true; // it was cancelled within the call
    this.#state = "full";
    return false;
  }

  /** The reply is over, and nobody has asked for it. */
  giveUp(): void {
    if (this.#state === "unread") this.#state = "unwanted";
  }

  end(trailers: HeaderList | undefined): void {
    this.#finish()?.end(trailers);
  }

  abort(cause: Failure): void {
    this.#broken = cause;
    this.#finish()?.abort(cause);
  }

  #ready(): void {
    if (this.#state !== "full") return;
    this.#state = "flowing";
    this.#owner.flow();
  }

  #unwant(): void {
    if (this.#state === "over" || this.#state === "unwanted") return;
    this.#state = "unwanted";
    this.#sink = undefined;
    this.#owner.discard();
  }

  #finish(): BodySink | undefined {
    const sink = this.#sink;
    this.#sink = undefined;
    this.#state = "over";
    return sink;
  }
}
