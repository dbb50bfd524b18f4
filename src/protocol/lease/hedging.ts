/**
 * When a lease has been out for too long: the quantile of recent durations times a factor, learned from those that brought a
 * result (Dean and Barroso, "The Tail at Scale": hedged requests). Losers are not counted: that would make the tail the
 * measure of the tail. Not here: whether there is anybody to do it as well, and how many may be hedged.
 */
import type { HedgeOptions } from "./options.ts";
import type { Lease } from "./records.ts";

/** A quantile of fewer durations than this says nothing. */
export const HEDGE_SAMPLES_MIN = 20;
/** Durations that count as recent: the 95th percentile of so many has a dozen above it. */
const RECENT = 256;
/** So many new ones before the quantile is computed again: sorting is cheap, but not for each batch. */
const REFRESH_EVERY = 16;

export class Hedging {
  readonly #options: HedgeOptions;
  readonly #durations = new Float64Array(RECENT);
  /** By number, in the order of `watchedMs`: those due are the first ones. */
  readonly #watched = new Map<number, Lease>();
  #samples = 0;
  #delayMs: number | undefined;

  constructor(options: HedgeOptions) {
    this.#options = options;
  }

  /** Undefined until enough is known. */
  get delayMs(): number | undefined {
    return this.#delayMs;
  }

  record(durationMs: number): void {
    this.#durations[this.#samples++ % RECENT] = durationMs;
    if (this.#samples >= HEDGE_SAMPLES_MIN && (this.#samples % REFRESH_EVERY === 0 || this.#delayMs === undefined)) {
      this.#delayMs = this.#learned();
    }
  }

  /** Its delay runs from now, unless it does so already. */
  watch(lease: Lease, nowMs: number): void {
    if (this.#watched.has(lease.id)) return;
    lease.watchedMs = nowMs;
    this.#watched.set(lease.id, lease);
  }

  unwatch(lease: Lease): void {
    this.#watched.delete(lease.id);
  }

  /** Those that have been out too long, the longest first. */
  due(nowMs: number): readonly Lease[] {
    const due: Lease[] = [];
    for (const lease of this.#watched.values()) {
      if (this.#dueMs(lease) > nowMs) break;
      due.push(lease);
    }
    return due;
  }

  /** When the next one is due; those that are due wait for room, not for time. */
  nextDueMs(nowMs: number): number {
    for (const lease of this.#watched.values()) {
      const dueMs = this.#dueMs(lease);
      if (dueMs > nowMs) return dueMs;
    }
    return Number.POSITIVE_INFINITY;
  }

  #dueMs(lease: Lease): number {
    return lease.watchedMs + (this.#delayMs ?? Number.POSITIVE_INFINITY);
  }

  #learned(): number {
    const { factor, maxMs, minMs, quantile } = this.#options;
    const recent = this.#durations.slice(0, Math.min(this.#samples, RECENT)).sort();
    const at = Math.min(recent.length - 1, Math.floor(quantile * recent.length));
    return Math.min(maxMs, Math.max(minMs, recent[at]! * factor));
  }
}
