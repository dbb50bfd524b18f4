/** Calls that came while no process could take them: they wait a short time, in the order of their coming, and no more than a few. */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import { WAIT_MS_MAX, WAITING_MAX } from "./limits.ts";
import { overloaded, unavailable } from "./refusals.ts";

interface Waiting<T> {
  settle(result: T | Failure): void;
}

export class WaitingCalls<T extends object> {
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting<T>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Somebody who takes the call, and what is left of its time. */
  wait(title: string, timeoutMs: number, signal: AbortSignal | undefined): Promise<{ taker: T; leftMs: number }> {
    if (signal?.aborted) return Promise.reject(cancelled(title));
    if (this.#waiting.size >= WAITING_MAX) {
      return Promise.reject(
        overloaded(`${title}: no process of it serves, and ${WAITING_MAX} calls wait for one already`),
      );
    }
    const { promise, reject, resolve } = Promise.withResolvers<{ taker: T; leftMs: number }>();
    const beganMs = this.#clock.monotonic();
    const waitMs = Math.min(WAIT_MS_MAX, timeoutMs);
    const aborted = (): void => waiting.settle(cancelled(title));
    const late = unavailableFor(title, waitMs);
    const timer = this.#clock.after(waitMs, () => waiting.settle(late));
    const waiting: Waiting<T> = {
      settle: (result) => {
        this.#waiting.delete(waiting);
        timer.cancel();
        signal?.removeEventListener("abort", aborted);
        if (result instanceof Failure) return reject(result);
        resolve({ taker: result, leftMs: Math.max(0, timeoutMs - (this.#clock.monotonic() - beganMs)) });
      },
    };
    signal?.addEventListener("abort", aborted, { once: true });
    this.#waiting.add(waiting);
    return promise;
  }

  /** Hands out those who can take calls, until there is none or nobody waits. */
  serve(next: () => T | undefined): void {
    for (const waiting of this.#waiting) {
      const taker = next();
      if (!taker) return;
      waiting.settle(taker);
    }
  }

  fail(failure: Failure): void {
    for (const waiting of this.#waiting) waiting.settle(failure);
  }
}

function unavailableFor(title: string, waitMs: number): Failure {
  return unavailable(`${title}: no process of it has come up within ${waitMs} ms`);
}

function cancelled(title: string): Failure {
  return new Failure("rpc.cancelled", `${title}: the caller has gone`);
}
