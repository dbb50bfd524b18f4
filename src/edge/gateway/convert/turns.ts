/**
 * Conversions that take long, a slice of each in turn, so that nobody else waits for them: one slice between two looks at the sockets. What is short is
 * done at once. Who has several to do (the messages of a stream) has them done in their order.
 */
import type { Clock } from "../../../base/clock.ts";
import { type Failure, toFailure } from "../../../base/errors.ts";
import { finishAtOnce, type InTurns } from "../../../base/turns.ts";
import { AT_ONCE_BYTES, AT_ONCE_MS, MESSAGE_COST_BYTES, SLICE_MS } from "./limits.ts";

export class Turns {
  readonly clock: Pick<Clock, "after" | "monotonic">;
  readonly #waiting = new Set<OrderedWork>();
  #isTimed = false;

  constructor(clock: Pick<Clock, "after" | "monotonic">) {
    this.clock = clock;
  }

  add(work: OrderedWork): void {
    this.#waiting.add(work);
    this.#time();
  }

  remove(work: OrderedWork): void {
    this.#waiting.delete(work);
  }

  #time(): void {
    if (this.#isTimed || this.#waiting.size === 0) return;
    this.#isTimed = true;
    this.clock.after(0, () => {
      this.#isTimed = false;
      const [next] = this.#waiting;
      if (next === undefined) return;
      this.#waiting.delete(next);
      if (next.goOn(this.clock.monotonic() + SLICE_MS)) this.#waiting.add(next);
      this.#time();
    });
  }
}

export interface OrderedEvents {
  /** Nothing waits any more; not where all was done at once. */
  onIdle(): void;
  /** What a work threw; those behind it are dropped. */
  onFailed(failure: Failure): void;
}

export class OrderedWork {
  readonly #turns: Turns;
  readonly #faultCode: string;
  readonly #events: OrderedEvents;
  readonly #queue: InTurns<void>[] = [];
  #spentBytes = 0;
  #spentFromMs = Number.NEGATIVE_INFINITY;

  /** What is thrown and has no code of its own gets this one. */
  constructor(turns: Turns, faultCode: string, events: OrderedEvents) {
    this.#turns = turns;
    this.#faultCode = faultCode;
    this.#events = events;
  }

  get isIdle(): boolean {
    return this.#queue.length === 0;
  }

  /** `bytes`: how much there is to convert. False: it waits, or one before it; nothing more is wanted until `onIdle`. */
  add(bytes: number, work: InTurns<void>): boolean {
    if (this.isIdle && this.#isShort(bytes)) {
      try {
        finishAtOnce(work);
      } catch (thrown) {
        this.#events.onFailed(toFailure(thrown, this.#faultCode));
      }
      return true;
    }
    this.#queue.push(work);
    this.#turns.add(this);
    return false;
  }

  /** Many short ones in a row are as long as a long one. */
  #isShort(bytes: number): boolean {
    const now = this.#turns.clock.monotonic();
    if (now - this.#spentFromMs >= AT_ONCE_MS) {
      this.#spentFromMs = now;
      this.#spentBytes = 0;
    }
    this.#spentBytes += bytes + MESSAGE_COST_BYTES;
    return this.#spentBytes <= AT_ONCE_BYTES;
  }

  /** Nothing of it is wanted any more. */
  stop(): void {
    this.#queue.length = 0;
    this.#turns.remove(this);
  }

  /** False: there is nothing left to do. */
  goOn(endMs: number): boolean {
    try {
      while (!this.isIdle) {
        if (this.#queue[0]!.next().done === true) this.#queue.shift();
        if (this.#turns.clock.monotonic() >= endMs) break;
      }
    } catch (thrown) {
      this.#queue.length = 0;
      this.#events.onFailed(toFailure(thrown, this.#faultCode));
      return false;
    }
    if (!this.isIdle) return true;
    this.#events.onIdle();
    return !this.isIdle;
  }
}
