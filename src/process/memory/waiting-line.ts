/**
 * Who waits for a slot, first come, first served, bounded. Leaving takes the waiter's ear off its signal, so that a
 * signal which lives for hours does not collect listeners.
 */
import { Failure } from "../../base/errors.ts";
import type { Lease } from "./lease.ts";

export interface Waiter {
  readonly sizeBytes: number;
  readonly owner: string;
  readonly sinceMs: number;
  readonly signal: AbortSignal | undefined;
  onAbort?: () => void;
  resolve(lease: Lease): void;
  reject(reason: Failure): void;
}

export class WaitingLine {
  readonly #lengthMax: number;
  #waiters: Waiter[] = [];

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  get length(): number {
    return this.#waiters.length;
  }

  get head(): Waiter | undefined {
    return this.#waiters[0];
  }

  join(waiter: Waiter): void {
    if (this.#waiters.length >= this.#lengthMax) {
      const message = `wait for shared memory: ${this.#waiters.length} are waiting already, at most ${this.#lengthMax} may`;
      throw new Failure("memory.too_many_waiters", message, { retryable: true });
    }
    this.#waiters.push(waiter);
  }

  /** Takes out the waiters that match, and returns them in their order. */
  leave(matches: (waiter: Waiter) => boolean): Waiter[] {
    const left = this.#waiters.filter(matches);
    this.#waiters = this.#waiters.filter((waiter) => !left.includes(waiter));
    for (const waiter of left) {
      if (waiter.onAbort) waiter.signal?.removeEventListener("abort", waiter.onAbort);
    }
    return left;
  }
}
