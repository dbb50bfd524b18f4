/** What a pool counts: enough to see who is short of memory, for how long, and whether dead processes leave any behind. */
export interface PoolStatistics {
  readonly sizeBytes: number;
  /** In whole blocks, as the allocator sees it. */
  readonly usedBytes: number;
  readonly usedBytesMax: number;
  readonly leases: number;
  readonly leasesTotal: number;
  /** Leases taken back from dead owners. */
  readonly reclaimed: number;
  readonly waiters: number;
  readonly waitersMax: number;
  readonly waitsTotal: number;
  /** Time of the waits that ended in a lease. */
  readonly waitMsTotal: number;
  /** `tryLease` calls that got nothing. */
  readonly misses: number;
  /** Requests larger than can ever be met. */
  readonly refused: number;
}

type Current = Pick<PoolStatistics, "sizeBytes" | "usedBytes" | "leases" | "waiters">;

export class Statistics {
  reclaimed = 0;
  misses = 0;
  refused = 0;
  waitMsTotal = 0;
  #usedBytesMax = 0;
  #leasesTotal = 0;
  #waitersMax = 0;
  #waitsTotal = 0;

  leased(usedBytes: number): void {
    this.#leasesTotal++;
    this.#usedBytesMax = Math.max(this.#usedBytesMax, usedBytes);
  }

  waited(waiters: number): void {
    this.#waitsTotal++;
    this.#waitersMax = Math.max(this.#waitersMax, waiters);
  }

  report(current: Current): PoolStatistics {
    const { reclaimed, misses, refused, waitMsTotal } = this;
    const totals = { usedBytesMax: this.#usedBytesMax, leasesTotal: this.#leasesTotal, waitsTotal: this.#waitsTotal };
    return { ...current, ...totals, waitersMax: this.#waitersMax, reclaimed, misses, refused, waitMsTotal };
  }
}
