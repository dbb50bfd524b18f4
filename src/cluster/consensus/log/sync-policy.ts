/**
 * Whether to sync at once or aside. At once is the quicker way (no thread is woken and waited for), but the event loop stands still; on a
 * disk that takes milliseconds that costs more than it wins. Decided by an average of what syncs have taken.
 */
import { Histogram } from "../../../base/histogram.ts";
import { SYNC_AVERAGE_SHARE, SYNC_QUICK_MS, SYNC_SLOW_MS } from "./limits.ts";

export class SyncPolicy {
  readonly #histogram = new Histogram();
  #averageMs = 0;
  #lastMs = 0;
  #isAside = false;

  get isAside(): boolean {
    return this.#isAside;
  }

  get lastMs(): number {
    return this.#lastMs;
  }

  get histogram(): Histogram {
    return this.#histogram;
  }

  record(ms: number): void {
    this.#lastMs = Math.max(0, ms);
    this.#histogram.record(this.#lastMs);
    this.#averageMs += (this.#lastMs - this.#averageMs) * SYNC_AVERAGE_SHARE;
    this.#isAside = this.#averageMs > (this.#isAside ? SYNC_QUICK_MS : SYNC_SLOW_MS);
  }
}
