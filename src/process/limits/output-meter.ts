/**
 * How much a host may print and how much of it is shown: bytes a second, over which it is killed; lines a second, over
 * which they are counted instead. Pure: the time comes in. A budget fills up continuously and holds one second's worth.
 */

/** More lines a second than this push everything else off any screen; a log file of them fills 10 GiB a day. */
export const LINES_PER_SECOND = 1_000;

const SECOND_MS = 1_000;

export class OutputMeter {
  readonly #bytes: Budget;
  readonly #lines: Budget;
  #leftOut = 0;

  constructor(bytesPerSecond: number, nowMs: number, linesPerSecond = LINES_PER_SECOND) {
    this.#bytes = new Budget(bytesPerSecond, nowMs);
    this.#lines = new Budget(linesPerSecond, nowMs);
  }

  /** False when the host has printed too much. */
  takeBytes(bytes: number, nowMs: number): boolean {
    return this.#bytes.take(bytes, nowMs);
  }

  /** Whether the next line is shown; else it is counted. */
  takeLine(nowMs: number): boolean {
    const shown = this.#lines.take(1, nowMs);
    if (!shown) this.#leftOut++;
    return shown;
  }

  leaveOut(lines: number): void {
    this.#leftOut += lines;
  }

  get leftOut(): number {
    return this.#leftOut;
  }

  /** Lines left out since the last call. */
  takeLeftOut(): number {
    const count = this.#leftOut;
    this.#leftOut = 0;
    return count;
  }
}

class Budget {
  readonly #perSecond: number;
  #left: number;
  #atMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#left = perSecond;
    this.#atMs = nowMs;
  }

  /** Takes nothing when there is not enough. */
  take(amount: number, nowMs: number): boolean {
    this.#left = Math.min(this.#perSecond, this.#left + ((nowMs - this.#atMs) * this.#perSecond) / SECOND_MS);
    this.#atMs = nowMs;
    if (this.#left < amount) return false;
    this.#left -= amount;
    return true;
  }
}
