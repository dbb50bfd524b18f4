/** A connection that has left HTTP, on its way through: both directions counted; the passage ends when both are over, or one broke. */
import type { Failure } from "../../../base/errors.ts";
import {
  type BodySink,
  type BodySource,
  CancelHearingSink,
  type HeaderList,
  type RawStream,
} from "../../../wire/http/index.ts";
import type { ReplyWay } from "./words.ts";

export function meteredRaw(passage: ReplyWay, raw: RawStream): RawStream {
  const ends = new TunnelEnds(passage);
  const incoming = new Direction(ends, (bytes) => {
    passage.receivedBytes += bytes;
  });
  const outgoing = new Direction(ends, (bytes) => {
    passage.sentBytes += bytes;
  });
  const source: BodySource = {
    length: raw.source.length,
    start: (sink) => raw.source.start(new CountingSink(incoming, sink)),
    cancel(cause) {
      raw.source.cancel(cause);
      incoming.over(cause);
    },
  };
  return { source, sink: new CountingSink(outgoing, raw.sink) };
}

class TunnelEnds {
  readonly #passage: ReplyWay;
  #open = 2;
  #isOrderly = false;

  constructor(passage: ReplyWay) {
    this.#passage = passage;
  }

  /** Once one side has said good-bye, that the other one is cut off is no fault. */
  over(cause: Failure | undefined): void {
    this.#open--;
    this.#isOrderly ||= cause === undefined;
    if (cause !== undefined && !this.#isOrderly) {
      this.#passage.why ??= cause.code;
      this.#passage.detail ??= cause.message;
      this.#open = 0;
    }
    if (this.#open <= 0) this.#passage.end();
  }
}

/** Tells how many bytes go one way, and once that nothing more does. */
class Direction {
  readonly count: (bytes: number) => void;
  readonly #ends: TunnelEnds;
  #isOver = false;

  constructor(ends: TunnelEnds, count: (bytes: number) => void) {
    this.#ends = ends;
    this.count = count;
  }

  over(cause: Failure | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ends.over(cause);
  }
}

class CountingSink extends CancelHearingSink {
  readonly #direction: Direction;

  constructor(direction: Direction, inner: BodySink) {
    super(inner);
    this.#direction = direction;
  }

  override write(chunk: Uint8Array): boolean {
    this.#direction.count(chunk.byteLength);
    return this.inner.write(chunk);
  }

  override end(trailers?: HeaderList): void {
    this.inner.end(trailers);
    this.#direction.over(undefined);
  }

  override abort(cause: Failure): void {
    this.inner.abort(cause);
    this.#direction.over(cause);
  }

  protected override cancelled(cause: Failure): void {
    super.cancelled(cause);
    this.#direction.over(cause);
  }
}
