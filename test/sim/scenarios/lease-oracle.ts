/**
 * What a table of leases must never do, judged from what goes in and what comes out. The oracle holds only what is beyond
 * doubt: as soon as a lease, a worker or a place may be otherwise for a right table too, it makes no claim about it. So it needs
 * none of the table's timing, and does not repeat its mistakes.
 */
import {
  FAILURES_MAX,
  type Item,
  type LeaseEffect,
  type LeaseInput,
  type LeaseOptions,
  ORPHANS_MAX,
} from "../../../src/protocol/lease/index.ts";

interface SeenWorker {
  readonly window: number;
  heardMs: number;
  /** When it answered for a lease, be it one of an earlier life. */
  answeredMs: number;
  isDraining: boolean;
  suspendedUntilMs: number;
}

interface SeenLease {
  readonly id: number;
  readonly item: number;
  readonly worker: string;
  /** Beyond doubt the worker is to do it. */
  isActive: boolean;
  /** Its place may be taken: it was given to the worker that is there now, and nothing has ended it for sure. */
  isHeld: boolean;
  isCancelled: boolean;
  /** How often its worker has answered for it. */
  answers: number;
}

interface SeenItem {
  readonly item: Item;
  readonly failedOn: Set<string>;
  readonly leases: Set<number>;
  failures: number;
  /** It may have failed more often. */
  isDoubtful: boolean;
}

type Effect<Type extends LeaseEffect["type"]> = Extract<LeaseEffect, { type: Type }>;

/** What is known of so many of the newest leases is kept: results come later than that only for what is long over. */
const LEASES_KEPT = 4_096;

export class LeaseOracle {
  readonly #options: LeaseOptions;
  readonly #fail: (message: string) => void;
  readonly #workers = new Map<string, SeenWorker>();
  readonly #items = new Map<number, SeenItem>();
  readonly #leases = new Map<number, SeenLease>();
  /** Those that may be active or held. */
  readonly #placed = new Map<string, Set<SeenLease>>();
  /** Items that this step has ended. */
  #over: SeenItem[] = [];
  #lastLease: number;
  #nowMs = 0;
  /** When the table's node was last too late for its own deadline. */
  #sleptMs = Number.NEGATIVE_INFINITY;

  /** `fail` is told what is wrong; it throws. */
  constructor(options: LeaseOptions, fail: (message: string) => void) {
    this.#options = options;
    this.#fail = fail;
    this.#lastLease = (options.firstLease ?? 1) - 1;
  }

  /** One step of the table. `deadlineMs`: what it had asked for before. */
  see(input: LeaseInput, effects: readonly LeaseEffect[], nowMs: number, deadlineMs: number | undefined): void {
    this.#nowMs = nowMs;
    if (deadlineMs !== undefined && nowMs > deadlineMs) this.#sleptMs = nowMs;
    this.#over = [];
    for (const [id, { heardMs }] of this.#workers) if (!this.#isFresh(heardMs)) this.#doubt(id);
    this.#hear(input);
    for (const effect of effects) this.#judge(effect, input);
    this.#judgeOver();
    this.#judgeIdle();
  }

  get open(): number {
    return this.#items.size;
  }

  #isFresh(heardMs: number): boolean {
    return this.#nowMs < heardMs + this.#options.leaseMs;
  }

  #hear(input: LeaseInput): void {
    switch (input.type) {
      case "worker":
        this.#enter(input.id, input.capacity);
        return this.#name(input.id, input.leases ?? []);
      case "heard":
        return this.#report(input.id, input.leases);
      case "lost":
        this.#lose(input.id);
        this.#workers.delete(input.id);
        return;
      case "drain":
        return this.#change(input.id, (worker) => {
          worker.isDraining = input.on;
        });
      case "suspend":
        return this.#change(input.id, (worker) => {
          worker.suspendedUntilMs = input.untilMs;
        });
      case "offer":
        this.#items.set(input.item.id, {
          item: input.item,
          failedOn: new Set(),
          leases: new Set(),
          failures: 0,
          isDoubtful: false,
        });
        return;
      case "withdraw":
        return this.#end(input.item);
      case "done":
        return this.#answer(input.lease);
      case "failed":
        if (input.elsewhere) this.#noteFailure(input.lease);
        this.#answer(input.lease);
    }
  }

  #enter(id: string, capacity: number): void {
    this.#lose(id);
    const window = Math.max(1, Math.floor(this.#options.workerWindow(capacity)));
    this.#workers.set(id, {
      window,
      heardMs: this.#nowMs,
      answeredMs: -Infinity,
      isDraining: false,
      suspendedUntilMs: -Infinity,
    });
  }

  #change(id: string, change: (worker: SeenWorker) => void): void {
    const worker = this.#workers.get(id);
    if (worker !== undefined) change(worker);
  }

  #report(id: string, leases: readonly number[] | undefined): void {
    this.#change(id, (worker) => {
      worker.heardMs = this.#nowMs;
    });
    if (leases === undefined) return;
    for (const seen of this.#of(id)) {
      if (leases.includes(seen.id)) continue;
      seen.isActive = false;
      if (seen.isCancelled) seen.isHeld = false;
    }
    this.#name(id, leases);
  }

  /** What a worker names may be its own again. */
  #name(id: string, leases: readonly number[]): void {
    for (const lease of leases) {
      const seen = this.#leases.get(lease);
      if (seen?.worker !== id) continue;
      seen.isHeld = true;
      this.#place(seen);
    }
  }

  #answer(lease: number): void {
    const seen = this.#leases.get(lease);
    if (seen === undefined) return;
    [seen.isActive, seen.isHeld] = [false, false];
    seen.answers++;
    this.#change(seen.worker, (worker) => {
      worker.answeredMs = this.#nowMs;
    });
  }

  /** Of a lease that was taken back it does not count; where that is in doubt, nothing is claimed of the item's failures. */
  #noteFailure(lease: number): void {
    const seen = this.#leases.get(lease);
    const found = seen?.answers === 0 ? this.#items.get(seen.item) : undefined;
    if (!found?.leases.has(lease)) return;
    if (!seen!.isActive) {
      found.isDoubtful ||= seen!.isHeld;
      return;
    }
    found.failures++;
    found.failedOn.add(seen!.worker);
  }

  /** The table may, or may not, have taken its leases back. */
  #doubt(worker: string): void {
    for (const seen of this.#of(worker)) seen.isActive = false;
  }

  #lose(worker: string): void {
    for (const seen of this.#of(worker)) [seen.isActive, seen.isHeld] = [false, false];
  }

  #end(item: number): void {
    const found = this.#items.get(item);
    if (found !== undefined) this.#over.push(found);
    this.#items.delete(item);
  }

  #place(seen: SeenLease): void {
    const placed = this.#placed.get(seen.worker);
    if (placed === undefined) this.#placed.set(seen.worker, new Set([seen]));
    else placed.add(seen);
  }

  *#of(worker: string): Iterable<SeenLease> {
    const placed = this.#placed.get(worker);
    for (const seen of placed ?? []) {
      if (seen.isActive || seen.isHeld) yield seen;
      else placed!.delete(seen);
    }
  }

  #count(worker: string, which: "isActive" | "isHeld"): number {
    let count = 0;
    for (const seen of this.#of(worker)) if (seen[which]) count++;
    return count;
  }

  #judge(effect: LeaseEffect, input: LeaseInput): void {
    switch (effect.type) {
      case "assign":
        return this.#assign(effect);
      case "cancel":
        return this.#cancel(effect);
      case "complete":
        return this.#complete(effect, input);
      case "fail":
        return this.#failItem(effect, input);
      case "pinnedLost": {
        const found = this.#items.get(effect.item);
        if (found?.item.pinned !== effect.worker) this.#fail(`item ${effect.item} is no open one of ${effect.worker}`);
        return this.#end(effect.item);
      }
      case "late":
        return this.#late(effect, input);
    }
  }

  #assign(effect: Effect<"assign">): void {
    const { attempt, isHedge, item: id, lease, worker: name } = effect;
    const found = this.#items.get(id);
    const worker = this.#workers.get(name);
    if (lease <= this.#lastLease) this.#fail(`lease ${lease} comes after ${this.#lastLease}`);
    this.#lastLease = lease;
    if (found === undefined) return this.#fail(`item ${id} is given out, and it is not open`);
    if (worker === undefined) return this.#fail(`item ${id} is given to ${name}, who is not there`);
    if (attempt !== found.leases.size + 1)
      this.#fail(`item ${id} has had ${found.leases.size} leases, not ${attempt - 1}`);
    if (worker.isDraining || worker.suspendedUntilMs > this.#nowMs)
      this.#fail(`${name} is given work, and must not be`);
    const lastMs = Math.max(worker.heardMs, worker.answeredMs, this.#sleptMs);
    if (this.#nowMs > lastMs + 2 * this.#options.leaseMs) this.#fail(`${name} is given work, and says nothing`);
    if (this.#count(name, "isActive") >= worker.window) this.#fail(`${name} holds more than ${worker.window} leases`);
    if (found.item.pinned !== undefined && found.item.pinned !== name) this.#fail(`item ${id} is not for ${name}`);
    this.#judgeSecond(found, effect);
    this.#judgeChoice(found, effect);
    if (!isHedge) this.#judgeOrder(found);
    found.leases.add(lease);
    const seen = { id: lease, item: id, worker: name, isActive: true, isHeld: true, isCancelled: false, answers: 0 };
    this.#leases.set(lease, seen);
    this.#place(seen);
    this.#leases.delete(lease - LEASES_KEPT);
    if (isHedge) this.#judgeShare();
  }

  #judgeSecond({ item, leases }: SeenItem, { isHedge, worker }: Effect<"assign">): void {
    const active = [...leases].map((lease) => this.#leases.get(lease)).filter((seen) => seen?.isActive);
    if (active.length > (isHedge ? 1 : 0)) this.#fail(`item ${item.id} is under way ${active.length} times already`);
    if (!isHedge) return;
    if (!item.mayHedge || item.pinned !== undefined) this.#fail(`item ${item.id} must not be hedged`);
    if (active.some((seen) => seen!.worker === worker)) this.#fail(`item ${item.id} is hedged on the same worker`);
  }

  /** Who has failed it gets it only when there is nobody else, and is told so. */
  #judgeChoice(found: SeenItem, { isLastResort, worker }: Effect<"assign">): void {
    const { failedOn, failures, item } = found;
    if (item.pinned !== undefined || found.isDoubtful) return;
    const fresh = [...this.#workers].filter(([id]) => !failedOn.has(id));
    const isOpen = ([, { heardMs, isDraining, suspendedUntilMs }]: [string, SeenWorker]): boolean =>
      this.#isFresh(heardMs) && !isDraining && suspendedUntilMs <= this.#nowMs;
    if (failedOn.has(worker) && fresh.some(isOpen)) this.#fail(`item ${item.id} is given again to ${worker}`);
    const others = fresh.filter(([id]) => id !== worker);
    if (isLastResort && failures + 1 < FAILURES_MAX && others.some(isOpen)) {
      this.#fail(`item ${item.id} at ${worker} is no last resort`);
    }
    if (!isLastResort && others.every(([, each]) => each.isDraining || each.suspendedUntilMs > this.#nowMs)) {
      this.#fail(`item ${item.id} at ${worker} is a last resort`);
    }
  }

  #judgeOrder({ failedOn, isDoubtful, item }: SeenItem): void {
    if (isDoubtful || failedOn.size > 0 || item.pinned !== undefined) return;
    for (const other of this.#items.values()) {
      if (other.item.order < item.order && this.#waits(other)) {
        this.#fail(`item ${item.id} goes before ${other.item.id}, which is older`);
      }
    }
  }

  #judgeShare(): void {
    const { hedge } = this.#options;
    let [hedged, open] = [0, 0];
    for (const item of this.#items.values()) {
      const active = [...item.leases].filter((lease) => this.#leases.get(lease)?.isActive).length;
      if (!this.#waits(item)) open++;
      if (active > 1) hedged++;
    }
    if (hedge === undefined || hedged > Math.max(1, open * hedge.maxShare)) {
      this.#fail(`${hedged} of ${open} items are hedged`);
    }
  }

  /** Open for anybody, and nobody has it for sure. */
  #waits({ failedOn, isDoubtful, item, leases }: SeenItem): boolean {
    if (isDoubtful || failedOn.size > 0 || item.pinned !== undefined) return false;
    for (const lease of leases) if (this.#leases.get(lease)?.isHeld !== false) return false;
    return true;
  }

  #cancel({ lease, worker }: Effect<"cancel">): void {
    const seen = this.#leases.get(lease);
    if (seen === undefined) return;
    if (seen.worker !== worker) this.#fail(`lease ${lease} of ${seen.worker} is cancelled at ${worker}`);
    if (seen.isActive && this.#items.get(seen.item)?.leases.has(lease)) this.#fail(`lease ${lease} is wanted`);
    [seen.isActive, seen.isCancelled] = [false, true];
  }

  #complete({ item, lease, worker }: Effect<"complete">, input: LeaseInput): void {
    const found = this.#items.get(item);
    if (input.type !== "done" || input.lease !== lease) this.#fail(`item ${item} is complete, and no result has come`);
    if (!found?.leases.has(lease)) return this.#fail(`item ${item} is completed by lease ${lease}, and is not open`);
    const seen = this.#leases.get(lease);
    if (seen?.worker !== worker) this.#fail(`lease ${lease} is not of ${worker}`);
    if (seen!.answers > 1) this.#fail(`item ${item} is completed by a second answer of lease ${lease}`);
    this.#end(item);
  }

  #failItem({ item }: Effect<"fail">, input: LeaseInput): void {
    const found = this.#items.get(item);
    if (input.type !== "failed" || !found?.leases.has(input.lease))
      return this.#fail(`item ${item} fails for no reason`);
    if (input.elsewhere && !found.isDoubtful && found.failures < FAILURES_MAX) {
      this.#fail(`item ${item} fails, and others may do it`);
    }
    this.#end(item);
  }

  /** The result of an open item is dropped only when too much has happened to it since. */
  #late({ lease }: Effect<"late">, input: LeaseInput): void {
    const seen = this.#leases.get(lease);
    if (input.type !== "done" || seen?.answers !== 1) return;
    const found = this.#items.get(seen.item);
    if (found?.leases.has(lease) && this.#isKnown(found)) {
      this.#fail(`the result of lease ${lease} for item ${seen.item} is dropped`);
    }
  }

  /** So little has happened to it that the table knows all its leases. */
  #isKnown({ leases }: SeenItem): boolean {
    return leases.size <= ORPHANS_MAX;
  }

  #judgeOver(): void {
    for (const { item, leases } of this.#over) {
      const wanted = [...leases].find((lease) => this.#leases.get(lease)?.isActive);
      if (wanted !== undefined) this.#fail(`item ${item.id} is over, and lease ${wanted} is not cancelled`);
    }
  }

  /** Nobody is idle while something waits for anybody. */
  #judgeIdle(): void {
    const waiting = [...this.#items.values()].find((item) => this.#waits(item));
    if (waiting === undefined) return;
    for (const [id, { heardMs, isDraining, suspendedUntilMs, window }] of this.#workers) {
      if (!this.#isFresh(heardMs) || isDraining || suspendedUntilMs > this.#nowMs) continue;
      if (this.#count(id, "isHeld") < window) this.#fail(`item ${waiting.item.id} waits, and ${id} has room`);
    }
  }
}
