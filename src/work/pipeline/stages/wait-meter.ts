/** How long somebody has waited, all waits together and those under way included: two additions a wait, nothing in between. */
import type { Clock } from "../../../base/clock.ts";

export class WaitMeter {
  readonly #clock: Pick<Clock, "monotonic">;
  #waiting = 0;
  #totalMs = 0;
  #settledMs: number;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
    this.#settledMs = clock.monotonic();
  }

  get totalMs(): number {
    this.#settle();
    return this.#totalMs;
  }

  begin(): void {
    this.#settle();
    this.#waiting++;
  }

  end(): void {
    this.#settle();
    this.#waiting--;
  }

  async during<T>(wait: Promise<T>): Promise<T> {
    this.begin();
    try {
      return await wait;
    } finally {
      this.end();
    }
  }

  #settle(): void {
    const nowMs = this.#clock.monotonic();
    this.#totalMs += this.#waiting * (nowMs - this.#settledMs);
    this.#settledMs = nowMs;
  }
}
