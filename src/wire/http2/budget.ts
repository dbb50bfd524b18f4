/** What a peer may do of something that costs us more than it costs him: so much at once, so much more with time and with honest work. */

export class Budget {
  readonly #max: number;
  readonly #perMs: number;
  #left: number;
  #sinceMs: number | undefined;

  constructor(max: number, perSecond: number) {
    this.#max = max;
    this.#left = max;
    this.#perMs = perSecond / 1000;
  }

  /** False: it is used up. */
  spend(nowMs: number): boolean {
    if (this.#left < 1) this.#refill(nowMs);
    else this.#sinceMs ??= nowMs;
    this.#left--;
    return this.#left >= 0;
  }

  earn(amount: number): void {
    if (this.#left < this.#max) this.#left = Math.min(this.#max, this.#left + amount);
  }

  #refill(nowMs: number): void {
    const sinceMs = this.#sinceMs ?? nowMs;
    this.#sinceMs = nowMs;
    this.#left = Math.min(this.#max, this.#left + Math.max(0, nowMs - sinceMs) * this.#perMs);
  }
}
