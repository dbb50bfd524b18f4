/**
 * Rounds of messages: a number that grows, rides on what a leader sends and comes back with the answers, and when each began. An
 * answer to a round says that its sender knew this leader after that moment: reads are confirmed by it, and leases counted from it.
 */

/** Messages of a millisecond share a round: a finer lease is worth nothing. */
const ROUND_MS = 1;
/** Older ones than this many are of no use for a lease any more, however fast reads come. */
const ROUNDS_MAX = 8_192;

export class Rounds {
  /** When the rounds from `#first` on began. */
  #begins: number[] = [];
  #first: number;

  constructor(last: number) {
    this.#first = last + 1;
  }

  get current(): number {
    return this.#first + this.#begins.length - 1;
  }

  /** The round of a message that is sent now. */
  now(nowMs: number): number {
    const beganMs = this.#begins.at(-1);
    return beganMs !== undefined && nowMs - beganMs < ROUND_MS ? this.current : this.begin(nowMs);
  }

  /** A new one: nothing that was sent before has its number. */
  begin(nowMs: number): number {
    if (this.#begins.length >= ROUNDS_MAX) {
      this.#begins = this.#begins.slice(ROUNDS_MAX / 2);
      this.#first += ROUNDS_MAX / 2;
    }
    this.#begins.push(nowMs);
    return this.current;
  }

  /** Long ago when it is not remembered. */
  beganMs(round: number): number {
    return this.#begins[round - this.#first] ?? Number.NEGATIVE_INFINITY;
  }
}
