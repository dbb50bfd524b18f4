/**
 * The body that comes on a stream, of a request or of a reply: held only as far as the stream's window allows, for a byte is given back to the
 * window when it has been taken. Who has the stream says what comes, and hears how it goes; time is his matter.
 */
import { assert, type Failure } from "../../base/errors.ts";
import { type BodySink, type BodySource, type HeaderList, KeptBytes } from "../http/index.ts";
import type { Http2Connection } from "./connection.ts";
import type { Http2Stream } from "./stream.ts";

/** Who has the stream. */
export interface IncomingOwner {
  /** It goes to a sink from now on. */
  onBodyStarted(): void;
  /** The sink has taken what there was, and wants more. */
  onBodyTaken(): void;
  /** The sink has all of it. */
  onBodyEnded(): void;
  /** Nobody wants (more of) it: what still comes is dropped, and the stream's window stays shut. */
  onBodyUnwanted(cause: Failure): void;
}

export class IncomingBody<T> implements BodySource {
  readonly length: number | undefined;
  readonly #connection: Http2Connection<T>;
  readonly #stream: Http2Stream<T>;
  readonly #owner: IncomingOwner;
  #sink: BodySink | undefined = undefined;
  #held: KeptBytes | undefined = undefined;
  /** Taken by the sink, which then said that it is enough: not given back to the window yet. */
  #owed = 0;
  #isStarted = false;
  #isFull = false;
  #isUnwanted = false;
  #isReceived: boolean;
  #trailers: HeaderList | undefined = undefined;
  #broken: Failure | undefined = undefined;

  readonly #isWhole: boolean;

  /**
   * `isEnded`: its head was all there is. `isWhole`: its length is only believed at its end. What comes behind it breaks the stream (RFC 9113,
   * 8.1.1), and the sink must not have taken it for whole by then: so its last bytes wait for the end, and one of length 0 has none.
   */
  constructor(
    connection: Http2Connection<T>,
    stream: Http2Stream<T>,
    owner: IncomingOwner,
    isEnded: boolean,
    isWhole = false,
  ) {
    this.#connection = connection;
    this.#stream = stream;
    this.#owner = owner;
    this.#isReceived = isEnded;
    this.#isWhole = isWhole;
    const isTold = stream.bytesLeft > 0 || (stream.bytesLeft === 0 && !isWhole);
    this.length = isEnded ? 0 : isTold ? stream.bytesLeft : undefined;
  }

  /** The peer has sent all of it. */
  get isReceived(): boolean {
    return this.#isReceived;
  }

  /** Some of it waits for a sink. */
  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** The sink would take more, and nothing is there: it is the peer's turn. */
  get isAwaited(): boolean {
    if (this.#sink === undefined || this.#isFull || this.#isReceived) return false;
    return this.#held === undefined || this.#isLast;
  }

  // The source.

  start(sink: BodySink): void {
    assert(!this.#isStarted, "the body of a stream was started twice");
    this.#isStarted = true;
    if (this.#broken !== undefined) return sink.abort(this.#broken);
    if (this.#isUnwanted) return;
    this.#sink = sink;
    if (this.#isReceived && this.#held === undefined) return this.#end();
    sink.onReady = () => this.#flow();
    sink.onCancel = (cause) => this.cancel(cause);
    this.#owner.onBodyStarted();
    this.#flow();
  }

  cancel(cause: Failure): void {
    if (this.#isUnwanted) return;
    this.drop();
    this.#owner.onBodyUnwanted(cause);
  }

  // The stream.

  received(chunk: Uint8Array): void {
    if (this.#isUnwanted) return;
    if (!this.#isLast && this.#sink !== undefined && !this.#isFull && this.#held === undefined)
      return this.#pass(chunk);
    this.#held ??= new KeptBytes();
    this.#held.push(chunk);
  }

  /** All bytes are here, and the end is not. */
  get #isLast(): boolean {
    return this.#isWhole && !this.#isReceived && this.#stream.bytesLeft === 0;
  }

  receivedEnd(trailers: HeaderList | undefined): void {
    this.#isReceived = true;
    this.#trailers = trailers;
    if (this.#held === undefined) this.#end();
    else if (this.#sink !== undefined && !this.#isFull) this.#flow();
  }

  /** The rest does not come, or is of no use any more. */
  break(cause: Failure): void {
    this.#broken = cause;
    this.#held = undefined;
    this.#connection.unwanted(this.#stream);
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.abort(cause);
  }

  /** As `cancel`, by whoever has the stream. */
  drop(): void {
    this.#isUnwanted = true;
    this.#sink = undefined;
    this.#held = undefined;
    this.#connection.unwanted(this.#stream);
  }

  #flow(): void {
    this.#isFull = false;
    this.#repay();
    const held = this.#held;
    if (held !== undefined) {
      if (this.#isLast) return;
      while (!this.#isFull) {
        const piece = held.shift();
        if (piece === undefined) break;
        this.#pass(piece);
        if (this.#held !== held) return; // within the call the body was given up, or broke
      }
      if (held.size > 0) return;
      this.#held = undefined;
    }
    if (this.#isReceived) this.#end();
  }

  #pass(chunk: Uint8Array): void {
    this.#owed += chunk.byteLength;
    if (!this.#sink!.write(chunk)) this.#isFull = true;
    else this.#repay();
  }

  #repay(): void {
    const owed = this.#owed;
    this.#owed = 0;
    if (owed > 0) this.#connection.consumed(this.#stream, owed);
    if (this.#sink !== undefined) this.#owner.onBodyTaken();
  }

  #end(): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    this.#sink = undefined;
    this.#repay();
    sink.end(this.#trailers);
    this.#owner.onBodyEnded();
  }
}
