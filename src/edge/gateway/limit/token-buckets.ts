/**
 * Token buckets by key, as the generic cell rate algorithm (GCRA, ITU-T I.371): one number a key, the time at which its bucket
 * will be full. A bucket that is full again is as good as none, so it may go. Where all places are taken by buckets that are not, the one
 * of a few that is nearest to full goes, and no key that comes after it starts any fuller than it was: a flood of keys resets no bucket.
 */
import type { LimitPlan } from "../words/index.ts";

/** How many places are looked at for one that may go. */
const SWEEP_PLACES = 8;
const INITIAL_PLACES = 64;
/** Times are doubles of milliseconds: sums of them differ from what they should be by less. */
const ROUNDING_MS = 1e-6;

export interface BucketCounts {
  readonly keys: number;
  /** Buckets that had to go before they were full again; since the start. */
  readonly evicted: number;
}

export class TokenBuckets {
  readonly plan: LimitPlan;
  /** For others to be told; called with each token that is taken here. */
  onTaken: ((key: string) => void) | undefined;
  /** Between two tokens. */
  readonly intervalMs: number;
  /** From empty to full. */
  readonly #fillMs: number;
  readonly #places = new Map<string, number>();
  #keys: (string | undefined)[] = [];
  #fullAt = new Float64Array(INITIAL_PLACES);
  #hand = 0;
  /** The key asked for last and its place: a request asks several times. */
  #lastKey: string | undefined;
  #lastPlace: number | undefined;
  /** No key that is not here is fuller than a bucket that is full at this time. */
  #floorMs = Number.NEGATIVE_INFINITY;
  #evicted = 0;

  constructor(plan: LimitPlan) {
    this.plan = plan;
    this.intervalMs = plan.windowMs / plan.limit;
    this.#fillMs = this.intervalMs * Math.max(1, plan.burst);
  }

  /** Milliseconds until there is a token; 0: now. */
  look(key: string, nowMs: number): number {
    const waitMs = this.#debtMs(key, nowMs) + this.intervalMs - this.#fillMs;
    return waitMs <= ROUNDING_MS ? 0 : waitMs;
  }

  take(key: string, nowMs: number): void {
    this.#put(key, nowMs + this.#debtMs(key, nowMs) + this.intervalMs, nowMs);
    this.onTaken?.(key);
  }

  /** What others let through. It may leave less than nothing, down to `debtTokensMax`. */
  debit(key: string, tokens: number, debtTokensMax: number, nowMs: number): void {
    const debtMs = this.#debtMs(key, nowMs);
    const mostMs = this.#fillMs + debtTokensMax * this.intervalMs;
    this.#put(key, nowMs + Math.max(debtMs, Math.min(debtMs + tokens * this.intervalMs, mostMs)), nowMs);
  }

  remaining(key: string, nowMs: number): number {
    return Math.max(0, Math.floor((this.#fillMs - this.#debtMs(key, nowMs) + ROUNDING_MS) / this.intervalMs));
  }

  /** Until the bucket is full. */
  resetMs(key: string, nowMs: number): number {
    return this.#debtMs(key, nowMs);
  }

  counts(): BucketCounts {
    return { keys: this.#places.size, evicted: this.#evicted };
  }

  #debtMs(key: string, nowMs: number): number {
    const place = this.#placeOf(key);
    const debtMs = (place === undefined ? this.#floorMs : this.#fullAt[place]!) - nowMs;
    return Math.max(debtMs, 0);
  }

  #put(key: string, fullAtMs: number, nowMs: number): void {
    const place = this.#placeOf(key) ?? this.#enter(key, nowMs);
    this.#fullAt[place] = fullAtMs;
  }

  #placeOf(key: string): number | undefined {
    if (key === this.#lastKey) return this.#lastPlace;
    this.#lastKey = key;
    this.#lastPlace = this.#places.get(key);
    return this.#lastPlace;
  }

  #enter(key: string, nowMs: number): number {
    const used = this.#keys.length;
    const place =
      used < Math.min(INITIAL_PLACES, this.plan.keysMax) || !this.#mayReuse(nowMs) ? this.#append() : this.#hand;
    const former = this.#keys[place];
    if (former !== undefined) this.#places.delete(former);
    this.#keys[place] = key;
    this.#places.set(key, place);
    this.#lastKey = key;
    this.#lastPlace = place;
    return place;
  }

  /** Leaves the hand at the place whose bucket goes; false when there is still room for another and none here is full. */
  #mayReuse(nowMs: number): boolean {
    const used = this.#keys.length;
    let best = this.#hand;
    let bestMs = Number.POSITIVE_INFINITY;
    for (let step = 1; step <= SWEEP_PLACES; step++) {
      const place = (this.#hand + step) % used;
      if (this.#fullAt[place]! >= bestMs) continue;
      best = place;
      bestMs = this.#fullAt[place]!;
      if (bestMs <= nowMs) break;
    }
    this.#hand = best;
    if (bestMs <= nowMs) return true;
    if (used < this.plan.keysMax) {
      this.#hand = (best + SWEEP_PLACES) % used;
      return false;
    }
    this.#evicted++;
    if (bestMs > this.#floorMs) this.#floorMs = bestMs;
    return true;
  }

  #append(): number {
    const place = this.#keys.length;
    if (place === this.#fullAt.length) {
      const larger = new Float64Array(2 * place);
      larger.set(this.#fullAt);
      this.#fullAt = larger;
    }
    this.#keys.push(undefined);
    return place;
  }
}
