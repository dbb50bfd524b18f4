/** A table of leases under a test's hand: time that the test moves, a balancer without a mind of its own, effects as short words. */
import {
  type Item,
  type LeaseBalancer,
  type LeaseEffect,
  type LeaseInput,
  type LeaseOptions,
  LeaseTable,
} from "../../../../src/protocol/lease/index.ts";

export const LEASE_MS = 1_000;

/** The one with the fewest leases, the first of several. */
export const fewest: LeaseBalancer = {
  pick: (candidates) => candidates.toSorted((left, right) => left.outstanding - right.outstanding)[0]?.id,
};

export class Drill {
  readonly table: LeaseTable;
  nowMs = 0;

  constructor(options: Partial<LeaseOptions> = {}, balancer: LeaseBalancer = fewest) {
    this.table = new LeaseTable({ leaseMs: LEASE_MS, workerWindow: (capacity) => capacity, ...options }, balancer);
  }

  /** Effects in short words, as of now. */
  feed(input: LeaseInput): string[] {
    return this.table.step(input, this.nowMs).map(shorten);
  }

  worker(id: string, capacity = 1, leases?: readonly number[]): string[] {
    return this.feed({ type: "worker", id, capacity, weight: 1, ...(leases && { leases }) });
  }

  offer(id: number, item: Partial<Item> = {}): string[] {
    return this.feed({ type: "offer", item: { id, order: id, mayHedge: false, ...item } });
  }

  heard(id: string, leases?: readonly number[]): string[] {
    return this.feed({ type: "heard", id, ...(leases && { leases }) });
  }

  lost(id: string): string[] {
    return this.feed({ type: "lost", id, reason: "link closed" });
  }

  done(lease: number): string[] {
    return this.feed({ type: "done", lease });
  }

  failed(lease: number, elsewhere: boolean): string[] {
    return this.feed({ type: "failed", lease, code: "plugin.crash", reason: "boom", elsewhere });
  }

  /** Time passes; the machine is ticked whenever it asks for it, as the pump does. */
  pass(ms: number): string[] {
    const untilMs = this.nowMs + ms;
    const effects: string[] = [];
    for (let ticks = 0; (this.table.nextDeadlineMs ?? Infinity) <= untilMs; ticks++) {
      if (ticks > 1_000) throw new Error(`a deadline of ${this.table.nextDeadlineMs} again and again`);
      this.nowMs = Math.max(this.nowMs, this.table.nextDeadlineMs!);
      effects.push(...this.feed({ type: "tick" }));
    }
    this.nowMs = untilMs;
    return effects;
  }

  /** As `pass`, while these workers report every 100 ms. */
  passHeard(ms: number, ...workers: readonly string[]): string[] {
    const effects: string[] = [];
    for (let passed = 0; passed < ms; passed += 100) {
      effects.push(...this.pass(Math.min(100, ms - passed)));
      for (const worker of workers) effects.push(...this.heard(worker));
    }
    return effects;
  }
}

export function shorten(effect: LeaseEffect): string {
  switch (effect.type) {
    case "assign": {
      const marks = `${effect.isHedge ? " hedge" : ""}${effect.isLastResort ? " last" : ""}`;
      return `assign ${effect.lease}: ${effect.item} to ${effect.worker} try ${effect.attempt}${marks}`;
    }
    case "cancel":
      return `cancel ${effect.lease} at ${effect.worker}`;
    case "complete":
      return `complete ${effect.item} by ${effect.lease} of ${effect.worker} in ${effect.durationMs}`;
    case "late":
      return `late ${effect.lease}${effect.item === undefined ? "" : ` for ${effect.item} of ${effect.worker}`}`;
    case "fail":
      return `fail ${effect.item}: ${effect.code}: ${effect.reason}`;
    case "pinnedLost":
      return `pinned lost ${effect.item} of ${effect.worker}: ${effect.reason}`;
  }
}
