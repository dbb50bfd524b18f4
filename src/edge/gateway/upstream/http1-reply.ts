/** The body of one reply of an HTTP/1 connection. It outlives its part on the connection: what is asked of it later touches no later reply. */
import { assert, type Failure } from "../../../base/errors.ts";
import type { BodySink, BodySource, HeaderList } from "../../../wire/http/index.ts";

/** The connection, as the body sees it. */
export interface ReplyFlow {
  /** Somebody takes bytes (again). */
  flow(reply: Http1Reply): void;
  /** Nobody wants what is still to come. */
  drop(reply: Http1Reply, cause: Failure): void;
}

export class Http1Reply implements BodySource {
  readonly length: number | undefined;
  #flow: ReplyFlow | undefined;
  #sink: BodySink | undefined;
  #trailers: HeaderList | undefined;
  #broken: Failure | undefined;

  constructor(length: number | undefined, flow: ReplyFlow) {
    this.length = length;
    this.#flow = flow;
  }

  get isStarted(): boolean {
    return this.#sink !== undefined;
  }

  start(sink: BodySink): void {
    assert(this.#sink === undefined, "a body is started once");
    this.#sink = sink;
    if (this.#broken !== undefined) return sink.abort(this.#broken);
    if (this.#flow === undefined) return sink.end(this.#trailers);
    sink.onReady = () => this.#flow?.flow(this);
    sink.onCancel = (cause) => this.cancel(cause);
    this.#flow.flow(this);
  }

  cancel(cause: Failure): void {
    const flow = this.#flow;
    this.#flow = undefined;
    flow?.drop(this, cause);
  }

  /** False: enough for now. */
  push(bytes: Uint8Array): boolean {
    return this.#sink!.write(bytes);
  }

  finish(trailers: HeaderList | undefined): void {
    if (this.#flow === undefined) return; // it was cancelled
    this.#flow = undefined;
    this.#trailers = trailers;
    this.#sink?.end(trailers);
  }

  abort(cause: Failure): void {
    if (this.#flow === undefined) return;
    this.#flow = undefined;
    this.#broken = cause;
    this.#sink?.abort(cause);
  }
}
