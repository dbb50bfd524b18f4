/**
 * Streams whose reply is whole while their client still sends. How long that is let be begins once for each stream, when its own reply has
 * left for the socket, whatever else the connection waits for later: a reset before would take the reply from clients that read both at
 * once, and time that began anew with each stop of a slow download would never end. It keeps no timer.
 */

/** Behind a whole reply the rest of a request is dropped so long: whoever still sends then has seen the reply, or never will. */
const LINGER_MS = 2_000;
/** A reply waits so long for the socket at most: a megabyte to a phone with a bad net takes seconds. */
const LEAVE_MS = 15_000;

const NEVER = Number.POSITIVE_INFINITY;

export class Lingering<T> {
  /** Until when; replies that nobody has pulled yet. In each of the three the first one is the oldest. */
  readonly #replied = new Map<T, number>();
  /** Pulled, and waiting for the socket. */
  readonly #leaving = new Map<T, number>();
  readonly #left = new Map<T, number>();

  /** A reply has come to its end. Gives when to look again at the latest. */
  add(stream: T, nowMs: number): number {
    this.#replied.set(stream, nowMs + LEAVE_MS);
    return nowMs + LINGER_MS;
  }

  delete(stream: T): void {
    for (const streams of [this.#replied, this.#leaving, this.#left]) if (streams.delete(stream)) return;
  }

  /** All that was said so far was given to the socket. */
  written(hasLeft: boolean, nowMs: number): void {
    if (this.#replied.size === 0) return;
    for (const [stream, dueMs] of this.#replied) {
      if (hasLeft) this.#left.set(stream, nowMs + LINGER_MS);
      else this.#leaving.set(stream, dueMs);
    }
    this.#replied.clear();
  }

  /** The socket has taken all that it was given. Gives when to look again at the latest. */
  drained(nowMs: number): number {
    if (this.#leaving.size === 0) return NEVER;
    for (const stream of this.#leaving.keys()) this.#left.set(stream, nowMs + LINGER_MS);
    this.#leaving.clear();
    return nowMs + LINGER_MS;
  }

  /** Tells of those that had their time; each is to be deleted. Gives when to look again. */
  sweep(nowMs: number, end: (stream: T) => void): number {
    let nextMs = NEVER;
    for (const streams of [this.#left, this.#leaving, this.#replied]) {
      for (const [stream, dueMs] of streams) {
        if (dueMs > nowMs) {
          nextMs = Math.min(nextMs, dueMs);
          break;
        }
        end(stream);
      }
    }
    return nextMs;
  }
}
