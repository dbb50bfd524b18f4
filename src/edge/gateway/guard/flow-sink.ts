/**
 * A reply that is masked while it flows: short pieces at once, longer ones in turns. While something waits to be masked, or the client takes no
 * more, the sender is held back. What cannot be masked breaks the reply off: its beginning is with the client already, the rest is not.
 */
import { type Failure, toFailure } from "../../../base/errors.ts";
import { finishAtOnce, type InTurns } from "../../../base/turns.ts";
import { type BodySink, CancelHearingSink, type HeaderList, KeptBytes } from "../../../wire/http/index.ts";
import type { HeldBytes } from "./held-bodies.ts";
import type { MaskJob } from "./mask-job.ts";
import type { MaskWork } from "./mask-work.ts";
import { AT_ONCE_BYTES, bodiesFull } from "./whole-body.ts";

const EMPTY = new Uint8Array(0);

/** What masks bytes as they come. */
export interface Flow {
  /** Throws what cannot be masked; what was ready before can be taken still. */
  feed(chunk: Uint8Array, isLast: boolean): InTurns<void>;
  /** What can go on since it was last asked. */
  take(): readonly Uint8Array[];
  /** Bytes, about, that wait for what comes behind them. */
  readonly held: number;
  /** Values hidden so far. */
  readonly count: number;
}

export interface FlowEvents {
  masked(count: number): void;
  /** The reply is broken off because of it. */
  refused(failure: Failure): void;
  /** Throws what cannot be masked. */
  trailers(trailers: HeaderList): HeaderList;
}

export interface FlowPorts {
  readonly work: MaskWork;
  readonly held: HeldBytes;
  readonly events: FlowEvents;
}

export class FlowSink extends CancelHearingSink {
  #onReady: (() => void) | undefined;
  readonly #flow: Flow;
  readonly #ports: FlowPorts;
  /** Small pieces are joined: each by itself would cost many times its size. */
  #queue = new KeptBytes();
  #queuedBytes = 0;
  #ending: { readonly trailers: HeaderList | undefined } | undefined;
  #job: MaskJob | undefined;
  /** The one behind takes no more at the moment. */
  #isFull = false;
  /** The writer was told to wait. */
  #isAwaited = false;
  #isLastFed = false;
  #isOver = false;
  /** Over, and the writer has not heard of it. */
  #isDropped = false;

  constructor(inner: BodySink, flow: Flow, ports: FlowPorts) {
    super(inner);
    this.#flow = flow;
    this.#ports = ports;
    inner.onReady = () => {
      this.#isFull = false;
      this.#next();
    };
  }

  override get onReady(): (() => void) | undefined {
    return this.#onReady;
  }

  override set onReady(callback: (() => void) | undefined) {
    this.#onReady = callback;
  }

  override write(chunk: Uint8Array): boolean {
    if (this.#isOver) return false;
    this.#isAwaited = false;
    const isIdle = this.#job === undefined && this.#queue.size === 0 && !this.#isFull;
    if (isIdle && chunk.byteLength + this.#flow.held <= AT_ONCE_BYTES) this.#maskNow(chunk, false);
    else {
      this.#queue.push(chunk);
      this.#queuedBytes += chunk.byteLength;
      if (this.#holds()) this.#next();
    }
    if (this.#isOver) return false;
    this.#isAwaited = this.#job !== undefined || this.#queue.size > 0 || this.#isFull;
    return !this.#isAwaited;
  }

  override end(trailers?: HeaderList): void {
    if (this.#isOver) return;
    this.#ending = { trailers };
    if (this.#queue.size > 0 || this.#job !== undefined) this.#next();
    else this.#finish(trailers);
  }

  override abort(cause: Failure): void {
    if (this.#isOver) return;
    this.#stop();
    this.inner.abort(cause);
  }

  protected override cancelled(cause: Failure): void {
    if (this.#isOver && !this.#isDropped) return;
    this.drop();
    super.cancelled(cause);
  }

  /** What cannot go on. */
  refuse(failure: Failure): void {
    if (this.#isOver) return;
    this.#stop();
    const { onCancel } = this;
    const isEnded = this.#ending !== undefined;
    this.#ports.events.refused(failure);
    this.inner.abort(failure);
    if (!isEnded) onCancel?.(failure);
  }

  /** The passage has ended: nobody waits for anything of it. */
  drop(): void {
    if (this.#isOver) return;
    this.#isDropped = true;
    this.#stop();
  }

  #stop(): void {
    this.#isOver = true;
    this.#queue = new KeptBytes();
    this.#job?.cancel();
    this.#ports.held.free();
  }

  /** False: it holds too much, and is over. */
  #holds(): boolean {
    const isHeld = this.#ports.held.to(this.#queuedBytes + this.#flow.held);
    if (!isHeld) this.refuse(bodiesFull());
    return isHeld;
  }

  #maskNow(chunk: Uint8Array, isLast: boolean): void {
    let failure: Failure | undefined;
    const before = this.#flow.count;
    try {
      finishAtOnce(this.#flow.feed(chunk, isLast));
    } catch (thrown) {
      failure = toFailure(thrown, "gateway.defect");
    }
    this.#fed(before, failure);
  }

  #fed(before: number, failure: Failure | undefined): void {
    const count = this.#flow.count - before;
    if (count > 0) this.#ports.events.masked(count);
    for (const bytes of joined(this.#flow.take())) {
      if (this.#isOver) return;
      this.#isFull = !this.inner.write(bytes);
    }
    if (failure !== undefined) this.refuse(failure);
    else if (!this.#isOver) this.#holds();
  }

  /** The next piece that waits, when there is nothing to wait for; then the end, or more from the writer. */
  #next(): void {
    while (!this.#isOver && this.#job === undefined && !this.#isFull) {
      const chunk = this.#queue.shift();
      if (chunk === undefined) return this.#allFed();
      this.#feed(chunk, false);
    }
  }

  #allFed(): void {
    if (this.#ending !== undefined) return this.#finish(this.#ending.trailers);
    if (!this.#isAwaited) return;
    this.#isAwaited = false;
    this.#onReady?.();
  }

  #finish(trailers: HeaderList | undefined): void {
    if (!this.#isLastFed) {
      this.#isLastFed = true;
      this.#feed(EMPTY, true);
    }
    if (this.#isOver || this.#job !== undefined) return;
    let masked = trailers;
    try {
      masked = trailers && this.#ports.events.trailers(trailers);
    } catch (thrown) {
      return this.refuse(toFailure(thrown, "gateway.defect"));
    }
    this.#stop();
    this.inner.end(masked);
  }

  #feed(chunk: Uint8Array, isLast: boolean): void {
    if (chunk.byteLength + this.#flow.held <= AT_ONCE_BYTES) {
      this.#queuedBytes -= chunk.byteLength;
      return this.#maskNow(chunk, isLast);
    }
    const before = this.#flow.count;
    this.#job = this.#ports.work.run(this.#flow.feed(chunk, isLast), (outcome) => {
      this.#job = undefined;
      this.#queuedBytes -= chunk.byteLength;
      this.#fed(before, outcome instanceof Error ? outcome : undefined);
      if (this.#isLastFed) this.#finish(this.#ending?.trailers);
      else this.#next();
    });
  }
}

/** Many small ones as few: each written by itself has a frame of its own, and is kept by itself when it has to wait. */
function* joined(pieces: readonly Uint8Array[]): Iterable<Uint8Array> {
  if (pieces.length < 2) return yield* pieces;
  const kept = new KeptBytes();
  for (const piece of pieces) kept.push(piece);
  for (let bytes = kept.shift(); bytes !== undefined; bytes = kept.shift()) yield bytes;
}
