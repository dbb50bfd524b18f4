/**
 * A master of the simulation: a source of items, the table of leases under an oracle's eyes, and an ordered sink that outlives
 * it. What the sink has not taken when it is killed, its next life offers again.
 */
import {
  type Item,
  type LeaseBalancer,
  type LeaseCounts,
  type LeaseEffect,
  type LeaseInput,
  type LeaseOptions,
  type LeaseRules,
  LeaseTable,
} from "../../../src/protocol/lease/index.ts";
import { Violation } from "../run/index.ts";
import type { Port, Process } from "../world/index.ts";
import { contentOf, type LeaseMessage } from "./lease-messages.ts";
import { LeaseOracle } from "./lease-oracle.ts";

/** What became of an item: its result, or that it failed for good. */
export type Fate = number | "failed";

export interface Sink {
  /** Items 0 to here, without it, are in. */
  readonly next: number;
  /** In the order of items, each once. */
  take(item: number, fate: Fate): void;
}

export interface MasterPlan {
  readonly items: number;
  /** So many are offered and not in the sink, at most. */
  readonly openMax: number;
  readonly options: LeaseOptions;
  readonly rules: Partial<LeaseRules>;
  readonly balancer: LeaseBalancer;
  readonly sink: Sink;
  /** A broken link is told to the table at once; otherwise it finds out by silence. */
  readonly tellsLost: boolean;
  pinnedTo(item: number): number | undefined;
  send(port: Port<LeaseMessage>, to: number, message: LeaseMessage): void;
}

export class LeaseMasterProcess implements Process<LeaseMessage> {
  readonly table: LeaseTable;
  readonly #port: Port<LeaseMessage>;
  readonly #plan: MasterPlan;
  readonly #oracle: LeaseOracle;
  /** The life of each worker that the table knows. */
  readonly #lives = new Map<number, number>();
  readonly #results = new Map<number, number>();
  /** Those whose turn in the sink has not come. */
  readonly #fates = new Map<number, Fate>();
  readonly #effects: LeaseEffect[] = [];
  #offered: number;
  #isBusy = false;

  constructor(port: Port<LeaseMessage>, plan: MasterPlan) {
    this.#port = port;
    this.#plan = plan;
    this.table = new LeaseTable(plan.options, plan.balancer, plan.rules);
    this.#oracle = new LeaseOracle(plan.options, (message) => {
      throw new Violation(message);
    });
    this.#offered = plan.sink.next;
    this.#offerMore(port.clock.monotonic());
  }

  get counts(): LeaseCounts {
    return this.table.counts();
  }

  get wakeAtMs(): number | undefined {
    return this.table.nextDeadlineMs;
  }

  wake(nowMs: number): void {
    if (this.table.nextDeadlineMs !== undefined && nowMs >= this.table.nextDeadlineMs)
      this.feed({ type: "tick" }, nowMs);
  }

  receive(from: number, message: LeaseMessage, _via: unknown, nowMs: number): void {
    switch (message.type) {
      case "hello":
        return this.#meet(from, message, nowMs);
      case "report":
        if (message.life === this.#lives.get(from)) {
          return this.feed({ type: "heard", id: nameOf(from), leases: message.leases }, nowMs);
        }
        if ((this.#lives.get(from) ?? 0) < message.life) this.#plan.send(this.#port, from, { type: "who" });
        return;
      case "done":
        this.#results.set(message.lease, message.result);
        return this.feed({ type: "done", lease: message.lease }, nowMs);
      case "failed":
        return this.feed({ ...message, code: "sim.crash", reason: "crash" }, nowMs);
    }
  }

  undelivered(to: number, _message: LeaseMessage, nowMs: number): void {
    if (!this.#plan.tellsLost || !this.#lives.delete(to)) return;
    this.feed({ type: "lost", id: nameOf(to), reason: "its link broke" }, nowMs);
  }

  /** As the pump does: effects of an input that an effect leads to come after those that are there. */
  feed(input: LeaseInput, nowMs: number): void {
    const deadlineMs = this.table.nextDeadlineMs;
    const effects = this.table.step(input, nowMs);
    this.#oracle.see(input, effects, nowMs, deadlineMs);
    this.#effects.push(...effects);
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (let effect = this.#effects.shift(); effect !== undefined; effect = this.#effects.shift()) {
      this.#carryOut(effect, nowMs);
    }
    this.#isBusy = false;
  }

  #meet(from: number, { capacity, leases, life }: Extract<LeaseMessage, { type: "hello" }>, nowMs: number): void {
    const known = this.#lives.get(from) ?? 0;
    if (life < known) return;
    this.#lives.set(from, life);
    const id = nameOf(from);
    this.feed(
      life === known ? { type: "heard", id, leases } : { type: "worker", id, capacity, weight: 1, leases },
      nowMs,
    );
  }

  #carryOut(effect: LeaseEffect, nowMs: number): void {
    switch (effect.type) {
      case "assign": {
        const { isLastResort, item, lease, worker } = effect;
        const message: LeaseMessage = { type: "give", lease, content: contentOf(item), isLastResort };
        return this.#plan.send(this.#port, indexOf(worker), message);
      }
      case "cancel":
        return this.#plan.send(this.#port, indexOf(effect.worker), { type: "stop", lease: effect.lease });
      case "complete":
        return this.#finish(effect.item, this.#results.get(effect.lease)!, nowMs);
      case "fail":
        return this.#finish(effect.item, "failed", nowMs);
      case "late":
        this.#results.delete(effect.lease);
        return;
      case "pinnedLost":
        return this.#offer(effect.item, nowMs, false);
    }
  }

  #finish(item: number, fate: Fate, nowMs: number): void {
    if (this.#fates.has(item) || item < this.#plan.sink.next) throw new Violation(`item ${item} ends a second time`);
    this.#fates.set(item, fate);
    const { sink } = this.#plan;
    for (let next = this.#fates.get(sink.next); next !== undefined; next = this.#fates.get(sink.next)) {
      this.#fates.delete(sink.next);
      sink.take(sink.next, next);
    }
    this.#offerMore(nowMs);
  }

  #offerMore(nowMs: number): void {
    while (this.#offered < Math.min(this.#plan.items, this.#plan.sink.next + this.#plan.openMax)) {
      this.#offer(this.#offered++, nowMs, true);
    }
  }

  #offer(item: number, nowMs: number, mayPin: boolean): void {
    const owner = mayPin ? this.#plan.pinnedTo(item) : undefined;
    const pinned = owner === undefined ? {} : { pinned: nameOf(owner) };
    const offered: Item = { id: item, order: item, mayHedge: item % 7 !== 0, ...pinned };
    this.feed({ type: "offer", item: offered }, nowMs);
  }
}

export function nameOf(index: number): string {
  return `w${index}`;
}

export function indexOf(name: string): number {
  return Number(name.slice(1));
}
