/**
 * Who works on which item: a table of leases as a machine. Items wait, oldest first; workers hold at most their window of
 * them; a worker that goes silent, is lost or forgets a lease has it taken back, and the item waits again at once. The first
 * result wins, whoever brings it: also one from a worker that had been given up, while the item is still open. Whatever comes
 * later is late by its lease's number. An item that is out for too long is given to a second worker as well (hedged).
 * Not here: items' contents, links, which of several candidates is best (the balancer), what happens to an item that failed.
 */
import { assert } from "../../base/errors.ts";
import type { Machine } from "../../base/machine.ts";
import type { LeaseBalancer } from "./balancer.ts";
import { describeWorker, type LeaseCounts, type LeaseWorker } from "./counts.ts";
import { LeaseBook } from "./lease-book.ts";
import type { Item, LeaseEffect, LeaseInput } from "./messages.ts";
import { assertValidLease, FAILURES_MAX, LATE_SHARE, type LeaseOptions } from "./options.ts";
import { Placement } from "./placement.ts";
import { type Entry, type Group, type Lease, newEntry, Worker } from "./records.ts";
import { type LeaseRules, leaseRules } from "./rules.ts";
import { Waiting } from "./waiting.ts";

type Input<Type extends LeaseInput["type"]> = Extract<LeaseInput, { type: Type }>;

export class LeaseTable implements Machine<LeaseInput, LeaseEffect> {
  readonly #options: LeaseOptions;
  readonly #balancer: LeaseBalancer;
  readonly #rules: LeaseRules;
  readonly #placement: Placement;
  readonly #waiting: Waiting;
  readonly #book: LeaseBook;
  /** Open items. */
  readonly #entries = new Map<number, Entry>();
  #nowMs = Number.NEGATIVE_INFINITY;
  #nextDeadlineMs: number | undefined;
  #effects: LeaseEffect[] = [];

  constructor(options: LeaseOptions, balancer: LeaseBalancer, rules: Partial<LeaseRules> = {}) {
    assertValidLease(options);
    this.#options = options;
    this.#balancer = balancer;
    this.#rules = { ...leaseRules, ...rules };
    this.#placement = new Placement(this.#rules);
    this.#waiting = new Waiting(this.#rules.precedes);
    this.#book = new LeaseBook(options, balancer, this.#rules);
  }

  get nextDeadlineMs(): number | undefined {
    return this.#nextDeadlineMs;
  }

  counts(): LeaseCounts {
    return {
      open: this.#entries.size,
      waiting: this.#waiting.size,
      underWay: this.#underWay,
      hedged: this.#book.hedged,
      hedgeDelayMs: this.#book.hedging?.delayMs,
      ...this.#book.counts,
    };
  }

  workers(): readonly LeaseWorker[] {
    return [...this.#placement.workers.values()].map((worker) => describeWorker(worker, this.#nowMs));
  }

  step(input: LeaseInput, nowMs: number): readonly LeaseEffect[] {
    assert(nowMs >= this.#nowMs, () => `time went back from ${this.#nowMs} to ${nowMs} ms`);
    this.#nowMs = nowMs;
    this.#effects = this.#book.begin(nowMs);
    this.#passTime();
    this.#take(input);
    this.#giveOut();
    this.#nextDeadlineMs = this.#earliest();
    return this.#effects;
  }

  get #underWay(): number {
    return this.#entries.size - this.#waiting.size;
  }

  #take(input: LeaseInput): void {
    switch (input.type) {
      case "worker":
        return this.#enter(input);
      case "heard":
        return this.#hear(input);
      case "lost":
        return this.#leave(input);
      case "drain":
        return this.#drain(input);
      case "suspend":
        return this.#suspend(input);
      case "offer":
        return this.#offer(input.item);
      case "withdraw":
        return this.#withdraw(input.item);
      case "done":
        return this.#done(input.lease);
      case "failed":
        return this.#failed(input);
    }
  }

  // Workers

  #enter({ capacity, id, leases, weight }: Input<"worker">): void {
    assert(weight > 0, `worker ${id} has the weight ${weight}, above 0 is required`);
    const { workers } = this.#placement;
    const before = workers.get(id);
    if (before !== undefined) this.#loseAll(before, "it has started anew");
    const window = Math.max(1, Math.floor(this.#options.workerWindow(capacity)));
    const worker = new Worker({ id, capacity, weight, window });
    workers.set(id, worker);
    this.#sign(worker);
    if (leases !== undefined) this.#resume(worker, leases);
  }

  #hear({ id, leases, load }: Input<"heard">): void {
    const worker = this.#placement.workers.get(id);
    if (worker === undefined) return;
    this.#sign(worker);
    if (load !== undefined) worker.load = load;
    if (leases === undefined) return;
    this.#compare(worker, new Set(leases));
    this.#resume(worker, leases);
  }

  #leave({ id, reason }: Input<"lost">): void {
    const worker = this.#placement.workers.get(id);
    if (worker === undefined) return;
    this.#loseAll(worker, reason);
    this.#placement.workers.delete(id);
    this.#balancer.forget?.(id);
  }

  #drain({ id, on }: Input<"drain">): void {
    const worker = this.#placement.workers.get(id);
    if (worker !== undefined) worker.isDraining = on;
  }

  #suspend({ id, reason, untilMs }: Input<"suspend">): void {
    const worker = this.#placement.workers.get(id);
    if (worker !== undefined) worker.suspended = { untilMs, reason };
  }

  /** It has given a sign of life. */
  #sign(worker: Worker): void {
    worker.heardMs = this.#nowMs;
    worker.silentAtMs = this.#nowMs + this.#rules.silentMs(this.#options.leaseMs);
    worker.isForgiven = false;
    worker.isSilent = false;
  }

  #loseAll(worker: Worker, reason: string): void {
    for (const lease of worker.leases.values()) {
      if (lease.state === "cancelled") this.#book.forget(lease);
      else this.#takeBack(lease, reason);
    }
    for (const entry of [...this.#waiting.pinnedTo(worker.id)]) this.#losePinned(entry, worker.id, reason);
  }

  /** What a report says of the leases that the worker should know. */
  #compare(worker: Worker, named: ReadonlySet<number>): void {
    const forgottenMs = this.#rules.forgottenMs(this.#options.leaseMs);
    for (const lease of worker.leases.values()) {
      const isNamed = named.has(lease.id);
      if (lease.state === "cancelled") {
        if (isNamed) this.#book.hold(lease);
        else this.#book.forget(lease);
      } else if (isNamed) {
        lease.unnamedSinceMs = undefined;
      } else {
        lease.unnamedSinceMs ??= this.#nowMs;
        if (this.#nowMs < lease.unnamedSinceMs + forgottenMs) continue;
        this.#takeBack(lease, "it does not know the lease any more");
      }
    }
  }

  /** Leases that it still works on: one taken back is its own again if nobody else has the item; unwanted ones are cancelled. */
  #resume(worker: Worker, named: readonly number[]): void {
    for (const id of named) {
      const lease = this.#book.get(id);
      if (lease === undefined || lease.state === "cancelled") this.#book.tellCancel(id, worker.id);
      else if (lease.state === "orphaned" && lease.worker.id === worker.id) this.#giveBack(lease, worker);
    }
  }

  #giveBack(lease: Lease, worker: Worker): void {
    if (lease.entry.group === undefined || !this.#placement.hasRoom(worker)) return;
    this.#waiting.remove(lease.entry);
    this.#book.giveBack(lease, worker);
  }

  #takeBack(lease: Lease, reason: string): void {
    const { entry, worker } = lease;
    if (entry.item.pinned === undefined) {
      this.#book.orphan(lease);
      this.#goOn(entry);
    } else {
      this.#book.takeBack(lease);
      this.#losePinned(entry, worker.id, reason);
    }
  }

  // Items

  #offer(item: Item): void {
    assert(!this.#entries.has(item.id), `item ${item.id} was offered while it is open`);
    this.#book.counts.offered++;
    const entry = newEntry(item);
    this.#entries.set(item.id, entry);
    const owner = item.pinned === undefined ? undefined : this.#placement.workers.get(item.pinned);
    if (item.pinned === undefined || owner?.isSilent === false) this.#waiting.add(entry);
    else this.#losePinned(entry, item.pinned, owner === undefined ? "it is not there" : "it says nothing");
  }

  #withdraw(id: number): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#book.counts.withdrawn++;
    this.#close(entry);
  }

  #done(id: number): void {
    const lease = this.#book.get(id);
    if (lease === undefined) return this.#book.late(id);
    this.#hearOf(lease);
    if (this.#rules.accepts(lease.state)) return this.#complete(lease);
    this.#book.forget(lease);
    this.#book.late(id, lease);
  }

  #complete(lease: Lease): void {
    const { entry, id, isHedge, sinceMs, state, worker } = lease;
    const { counts, hedging } = this.#book;
    const durationMs = this.#nowMs - sinceMs;
    counts.completed++;
    if (isHedge) counts.hedgeWins++;
    if (state === "active") {
      hedging?.record(durationMs);
      this.#book.tellEnd(lease, true);
    }
    this.#effects.push({ type: "complete", item: entry.item.id, lease: id, worker: worker.id, durationMs });
    this.#book.forget(lease);
    this.#close(entry);
  }

  #failed({ code, elsewhere, lease: id, reason }: Input<"failed">): void {
    const lease = this.#book.get(id);
    if (lease === undefined) return this.#book.late(id);
    this.#hearOf(lease);
    this.#book.forget(lease);
    if (lease.state === "cancelled") return this.#book.late(id, lease);
    if (lease.state === "active") this.#book.tellEnd(lease, !elsewhere);
    if (!elsewhere) this.#fail(lease.entry, code, reason);
    else if (lease.state === "active") this.#failOver(lease, code, reason); // Of one taken back it says nothing new.
  }

  /** It is given up only by a worker that knew that nobody else would be asked. */
  #failOver({ entry, isLastResort, worker }: Lease, code: string, reason: string): void {
    this.#book.counts.failedElsewhere++;
    entry.failures++;
    entry.failedOn.add(worker.id);
    if (isLastResort && entry.failures >= FAILURES_MAX && entry.active.length === 0) {
      return this.#fail(entry, code, `it failed ${entry.failures} times, at last on ${worker.id}: ${reason}`);
    }
    this.#waiting.remove(entry); // It waits among others now: somebody more has failed it.
    this.#goOn(entry);
  }

  #fail(entry: Entry, code: string, reason: string): void {
    this.#book.counts.failed++;
    this.#effects.push({ type: "fail", item: entry.item.id, code, reason });
    this.#close(entry);
  }

  #losePinned(entry: Entry, worker: string, reason: string): void {
    this.#book.counts.pinnedLost++;
    this.#effects.push({ type: "pinnedLost", item: entry.item.id, worker, reason });
    this.#close(entry);
  }

  /** One of its leases is gone and it is still open: another one is all it has, or it waits. */
  #goOn(entry: Entry): void {
    if (entry.active.length === 1) this.#book.watch(entry.active[0]!);
    else if (entry.active.length === 0 && entry.group === undefined && this.#rules.offersAgain)
      this.#waiting.add(entry);
  }

  /** It is not open any more: whoever still works on it may stop. */
  #close(entry: Entry): void {
    this.#entries.delete(entry.item.id);
    this.#waiting.remove(entry);
    if (this.#rules.cancelsLosers) for (const lease of [...entry.active]) this.#book.cancel(lease);
    for (const lease of [...entry.orphans]) {
      const { id, worker } = lease;
      this.#book.forget(lease);
      if (this.#placement.workers.get(worker.id)?.isSilent === false) this.#book.tellCancel(id, worker.id);
    }
  }

  /** Whoever answers for a lease is alive, unless that is an earlier life's. */
  #hearOf({ worker }: Lease): void {
    if (this.#placement.workers.get(worker.id) === worker) this.#sign(worker);
  }

  // Giving out

  #giveOut(): void {
    const open = this.#placement.open(this.#nowMs);
    this.#hedge(open);
    const refused = new Set<Group>();
    while (open.some((worker) => this.#placement.hasRoom(worker)) && this.#giveOutOldest(open, refused));
  }

  /** Hedges go first: their items are older than those that wait. */
  #hedge(open: readonly Worker[]): void {
    const { hedge } = this.#options;
    if (hedge === undefined || !open.some((worker) => this.#placement.hasRoom(worker))) return;
    const most = this.#rules.hedgesMax(this.#underWay, hedge.maxShare);
    if (this.#book.hedged >= most) return;
    for (const { entry } of this.#book.hedging!.due(this.#nowMs)) {
      if (this.#book.hedged >= most) return;
      this.#assign(entry, this.#placement.seconds(entry, open), open);
    }
  }

  /** Of all items that somebody can take now. False: there is none. */
  #giveOutOldest(open: readonly Worker[], refused: Set<Group>): boolean {
    let oldest: Group | undefined;
    let candidates: readonly Worker[] = [];
    for (const group of this.#waiting.groups()) {
      if (refused.has(group) || (oldest !== undefined && !this.#waiting.isBefore(group, oldest))) continue;
      const able = this.#placement.candidates(group, open);
      if (able.length > 0) [oldest, candidates] = [group, able];
    }
    if (oldest === undefined) return false;
    if (!this.#assign(oldest.entries[0]!, candidates, open)) refused.add(oldest);
    return true;
  }

  #assign(entry: Entry, candidates: readonly Worker[], open: readonly Worker[]): boolean {
    const chosen = this.#pick(entry.item, candidates);
    if (chosen === undefined) return false;
    this.#waiting.remove(entry);
    this.#book.give(entry, chosen, this.#placement.isLastResort(entry, chosen, open));
    return true;
  }

  #pick({ key, pinned }: Item, candidates: readonly Worker[]): Worker | undefined {
    if (pinned !== undefined || candidates.length === 0) return candidates[0];
    const id = this.#balancer.pick(candidates, key === undefined ? {} : { key }, this.#nowMs);
    const chosen = candidates.find((worker) => worker.id === id);
    assert(id === undefined || chosen !== undefined, `the balancer chose ${id}, who is no candidate`);
    return chosen;
  }

  // Time

  #passTime(): void {
    this.#forgive();
    for (const worker of this.#placement.workers.values()) {
      if (worker.isSilent || this.#nowMs < worker.silentAtMs) continue;
      worker.isSilent = true;
      this.#loseAll(worker, `it has said nothing for ${Math.round(this.#nowMs - worker.heardMs)} ms`);
    }
    this.#book.passTime();
  }

  /** This node slept past its own deadline: what the workers said meanwhile is about to be read. They get that time again, once. */
  #forgive(): void {
    const lateMs = this.#nowMs - (this.#nextDeadlineMs ?? this.#nowMs);
    if (lateMs < LATE_SHARE * this.#options.leaseMs) return;
    const untilMs = this.#nowMs + Math.min(lateMs, this.#options.leaseMs);
    for (const worker of this.#placement.workers.values()) {
      if (worker.isSilent || worker.isForgiven || worker.silentAtMs >= untilMs) continue;
      worker.isForgiven = true;
      worker.silentAtMs = untilMs;
    }
  }

  #earliest(): number | undefined {
    const { hedging, nextDeadlineMs } = this.#book;
    let earliestMs = Math.min(nextDeadlineMs, hedging?.nextDueMs(this.#nowMs) ?? Number.POSITIVE_INFINITY);
    for (const { isSilent, silentAtMs, suspended } of this.#placement.workers.values()) {
      if (!isSilent) earliestMs = Math.min(earliestMs, silentAtMs);
      if (suspended !== undefined && suspended.untilMs > this.#nowMs)
        earliestMs = Math.min(earliestMs, suspended.untilMs);
    }
    return earliestMs === Number.POSITIVE_INFINITY ? undefined : earliestMs;
  }
}
