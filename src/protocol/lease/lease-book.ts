/**
 * The leases that have been given out and what becomes of each: active → orphaned, cancelled, or gone; orphaned → active again.
 * It keeps all that hangs on a lease in step: the worker's places, the item's leases, the hedges' delays, the balancer's view.
 * Why a lease changes is not known here: the table decides.
 */
import type { LeaseBalancer } from "./balancer.ts";
import { zeroes } from "./counts.ts";
import { Hedging } from "./hedging.ts";
import type { LeaseEffect } from "./messages.ts";
import { type LeaseOptions, ORPHANS_MAX } from "./options.ts";
import type { Entry, Lease, Worker } from "./records.ts";
import type { LeaseRules } from "./rules.ts";

export class LeaseBook {
  readonly counts = zeroes();
  readonly hedging: Hedging | undefined;
  readonly #options: LeaseOptions;
  readonly #balancer: LeaseBalancer;
  readonly #rules: LeaseRules;
  /** Active, orphaned and cancelled ones. */
  readonly #leases = new Map<number, Lease>();
  /** Cancelled ones, in the order in which their places become free at the latest. */
  readonly #stopping = new Map<number, Lease>();
  /** Items with two active leases. */
  readonly #hedged = new Set<Entry>();
  #nextLease: number;
  #nowMs = Number.NEGATIVE_INFINITY;
  #effects: LeaseEffect[] = [];

  constructor(options: LeaseOptions, balancer: LeaseBalancer, rules: LeaseRules) {
    this.#options = options;
    this.#balancer = balancer;
    this.#rules = rules;
    this.hedging = options.hedge && new Hedging(options.hedge);
    this.#nextLease = options.firstLease ?? 1;
  }

  get hedged(): number {
    return this.#hedged.size;
  }

  /** When the next place of a cancelled lease becomes free. */
  get nextDeadlineMs(): number {
    const [next] = this.#stopping.values();
    return next?.heldUntilMs ?? Number.POSITIVE_INFINITY;
  }

  get(id: number): Lease | undefined {
    return this.#leases.get(id);
  }

  /** The list of this step's effects, which the caller goes on filling. */
  begin(nowMs: number): LeaseEffect[] {
    this.#nowMs = nowMs;
    this.#effects = [];
    return this.#effects;
  }

  /** Places whose time is over are free, whatever their workers say. */
  passTime(): void {
    for (const lease of this.#stopping.values()) {
      if (lease.heldUntilMs > this.#nowMs) break;
      this.forget(lease);
    }
  }

  give(entry: Entry, worker: Worker, isLastResort: boolean): void {
    const isHedge = entry.active.length > 0;
    const lease = this.#create(entry, worker, { isHedge, isLastResort });
    entry.attempts++;
    this.counts.assigned++;
    if (isHedge) this.counts.hedges++;
    this.#effects.push({
      type: "assign",
      lease: lease.id,
      item: entry.item.id,
      worker: worker.id,
      attempt: entry.attempts,
      isHedge,
      isLastResort,
    });
    this.#activate(lease, worker);
  }

  /** An orphaned one, to the worker that still works on it. */
  giveBack(lease: Lease, worker: Worker): void {
    this.counts.resumed++;
    remove(lease.entry.orphans, lease);
    lease.unnamedSinceMs = undefined;
    this.#activate(lease, worker);
  }

  /** Its worker may have lost it; should it bring a result all the same, while the item is open, that is welcome. */
  orphan(lease: Lease): void {
    const { entry } = lease;
    this.takeBack(lease);
    lease.state = "orphaned";
    this.#leases.set(lease.id, lease);
    entry.orphans.push(lease);
    if (entry.orphans.length > ORPHANS_MAX) this.#leases.delete(entry.orphans.shift()!.id);
  }

  takeBack(lease: Lease): void {
    this.counts.takenBack++;
    this.tellEnd(lease, false);
    this.forget(lease);
  }

  /** It keeps its place until the worker has stopped: a slow one is not given more work for being relieved of some. */
  cancel(lease: Lease): void {
    this.counts.cancelled++;
    lease.state = "cancelled";
    this.hedging?.unwatch(lease);
    this.hold(lease);
    this.tellEnd(lease, true);
    this.tellCancel(lease.id, lease.worker.id);
  }

  tellCancel(id: number, worker: string): void {
    this.#effects.push({ type: "cancel", lease: id, worker });
  }

  /** The worker has not stopped yet. */
  hold(lease: Lease): void {
    lease.heldUntilMs = this.#nowMs + this.#options.leaseMs;
    this.#stopping.delete(lease.id);
    this.#stopping.set(lease.id, lease);
  }

  /** Takes it out of everything that knows it. */
  forget(lease: Lease): void {
    const { entry, id, worker } = lease;
    this.#leases.delete(id);
    this.#stopping.delete(id);
    worker.leases.delete(id);
    this.hedging?.unwatch(lease);
    remove(entry.active, lease);
    remove(entry.orphans, lease);
    if (entry.active.length < 2) this.#hedged.delete(entry);
  }

  late(id: number, lease?: Lease): void {
    this.counts.late++;
    const known = lease !== undefined && { item: lease.entry.item.id, worker: lease.worker.id };
    this.#effects.push({ type: "late", lease: id, ...known });
  }

  watch(lease: Lease): void {
    if (this.#rules.mayHedge(lease.entry.item)) this.hedging?.watch(lease, this.#nowMs);
  }

  tellEnd({ sinceMs, worker }: Lease, ok: boolean): void {
    this.#balancer.ended?.(worker.id, { ok, durationMs: this.#nowMs - sinceMs }, this.#nowMs);
  }

  #create(entry: Entry, worker: Worker, marks: Pick<Lease, "isHedge" | "isLastResort">): Lease {
    return {
      id: this.#nextLease++,
      entry,
      ...marks,
      sinceMs: this.#nowMs,
      worker,
      state: "active",
      watchedMs: this.#nowMs,
      unnamedSinceMs: undefined,
      heldUntilMs: Number.POSITIVE_INFINITY,
    };
  }

  #activate(lease: Lease, worker: Worker): void {
    const { entry } = lease;
    lease.state = "active";
    lease.worker = worker;
    worker.leases.set(lease.id, lease);
    this.#leases.set(lease.id, lease);
    entry.active.push(lease);
    this.#balancer.started?.(worker.id, this.#nowMs);
    if (entry.active.length === 1) return this.watch(lease);
    this.#hedged.add(entry);
    for (const each of entry.active) this.hedging?.unwatch(each);
  }
}

function remove<Value>(values: Value[], value: Value): void {
  const at = values.indexOf(value);
  if (at >= 0) values.splice(at, 1);
}
