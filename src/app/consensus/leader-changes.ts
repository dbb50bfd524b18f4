/** How quickly leaders follow each other, and how long the next one had better only lead. Pure. */

/** What is looked back on. */
const WINDOW_MS = 15_000;
/** Two may come of one death: the first one elected may be behind. */
const FREE = 3;
const PAUSE_MS = 250;
const PAUSE_MS_MAX = 4_000;

export class LeaderChanges {
  #term = 0;
  #timesMs: number[] = [];

  /** Somebody leads in this term. */
  led(term: number, nowMs: number): void {
    if (term <= this.#term) return;
    this.#term = term;
    this.#timesMs.push(nowMs);
    this.#timesMs = this.#timesMs.filter((atMs) => nowMs - atMs < WINDOW_MS);
  }

  pauseMs(nowMs: number): number {
    const recent = this.#timesMs.filter((atMs) => nowMs - atMs < WINDOW_MS).length;
    return recent <= FREE ? 0 : Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** (recent - FREE - 1));
  }
}
