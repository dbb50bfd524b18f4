import { expect, test } from "bun:test";
import fc from "fast-check";
import { seededRandom } from "../../../../src/base/random.ts";
import { createBalancer } from "../../../../src/protocol/balance/index.ts";
import {
  HEDGE_SAMPLES_MIN,
  type LeaseInput,
  type LeaseOptions,
  type LeaseRules,
  LeaseTable,
} from "../../../../src/protocol/lease/index.ts";
import { LeaseOracle } from "../../../sim/scenarios/lease-oracle.ts";

const OPTIONS: LeaseOptions = {
  leaseMs: 100,
  workerWindow: (capacity) => capacity,
  hedge: { quantile: 0.9, factor: 1.2, minMs: 1, maxMs: 60, maxShare: 0.25 },
};
const WORKERS = ["a", "b", "c", "d"];

/** What happens, before it is known which leases there will be. */
type Move =
  | { readonly type: "worker" | "heard" | "lost"; readonly id: string; readonly share: number }
  | { readonly type: "drain" | "suspend"; readonly id: string; readonly share: number }
  | { readonly type: "offer"; readonly pinned: boolean; readonly mayHedge: boolean; readonly share: number }
  | { readonly type: "withdraw" | "done" | "again" | "fail" | "elsewhere" | "wait"; readonly share: number };

const share = fc.double({ min: 0, max: 0.999, noNaN: true });
const id = fc.constantFrom(...WORKERS);
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom("worker", "lost"), id, share }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("heard"), id, share }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("drain", "suspend"), id, share }) },
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constant("offer"), pinned: fc.boolean(), mayHedge: fc.boolean(), share }),
  },
  { weight: 8, arbitrary: fc.record({ type: fc.constant("done"), share }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom("wait", "elsewhere"), share }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("withdraw", "again", "fail"), share }) },
) as fc.Arbitrary<Move>;

class Play {
  readonly table: LeaseTable;
  readonly #oracle = new LeaseOracle(OPTIONS, (message) => {
    throw new Error(message);
  });
  readonly #given = new Map<number, string>();
  readonly #used: number[] = [];
  #nowMs = 0;
  #items = 0;

  constructor(rules: Partial<LeaseRules> = {}) {
    this.table = new LeaseTable(OPTIONS, createBalancer("LEAST_CONNECTIONS", { random: seededRandom(1) }), rules);
  }

  make(move: Move): void {
    if (move.type === "wait") return this.#wait(move.share * 80);
    const input = this.#inputOf(move);
    if (input !== undefined) this.feed(input);
  }

  feed(input: LeaseInput): void {
    const deadlineMs = this.table.nextDeadlineMs;
    const effects = this.table.step(input, this.#nowMs);
    this.#oracle.see(input, effects, this.#nowMs, deadlineMs);
    for (const effect of effects) {
      if (effect.type === "assign") this.#given.set(effect.lease, effect.worker);
    }
    const { completed, failed, offered, open, pinnedLost, underWay, waiting, withdrawn } = this.table.counts();
    expect(offered).toBe(open + completed + failed + withdrawn + pinnedLost);
    expect(open).toBe(underWay + waiting);
    expect(this.#oracle.open).toBe(open);
    expect(this.table.nextDeadlineMs ?? Infinity).toBeGreaterThan(this.#nowMs);
  }

  /** Enough durations are known to hedge by. */
  warmUp(): void {
    this.feed({ type: "worker", id: "a", capacity: 1, weight: 1 });
    for (let lease = 1; lease <= HEDGE_SAMPLES_MIN; lease++) {
      this.feed({ type: "offer", item: { id: this.#items++, order: 0, mayHedge: false } });
      this.#nowMs += 2;
      this.feed({ type: "done", lease });
    }
    this.#given.clear();
  }

  /** All workers are there and do what they are given: then nothing is left. */
  finish(): void {
    for (const worker of WORKERS) this.feed({ type: "worker", id: worker, capacity: 2, weight: 1 });
    for (const [lease] of this.#given) this.feed({ type: "done", lease });
    expect(this.table.counts()).toMatchObject({ open: 0, waiting: 0, hedged: 0 });
    for (const { active } of this.table.workers()) expect(active).toBe(0);
  }

  #wait(ms: number): void {
    const untilMs = this.#nowMs + ms;
    while ((this.table.nextDeadlineMs ?? Infinity) <= untilMs) {
      this.#nowMs = this.table.nextDeadlineMs!;
      this.feed({ type: "tick" });
    }
    this.#nowMs = untilMs;
  }

  #inputOf(move: Exclude<Move, { type: "wait" }>): LeaseInput | undefined {
    switch (move.type) {
      case "worker":
        return {
          type: "worker",
          id: move.id,
          capacity: 1 + Math.floor(move.share * 3),
          weight: 1,
          ...this.#named(move),
        };
      case "heard":
        return { type: "heard", id: move.id, ...this.#named(move) };
      case "lost":
        return { type: "lost", id: move.id, reason: "link closed" };
      case "drain":
        return { type: "drain", id: move.id, on: move.share < 0.5 };
      case "suspend":
        return { type: "suspend", id: move.id, untilMs: this.#nowMs + move.share * 100, reason: "crash loop" };
      case "offer":
        return { type: "offer", item: this.#item(move) };
      case "withdraw":
        return { type: "withdraw", item: Math.floor(move.share * this.#items) };
      default:
        return this.#answer(move);
    }
  }

  #item({ mayHedge, pinned, share }: Extract<Move, { type: "offer" }>) {
    const order = Math.floor(share * 50);
    const owner = pinned && share < 0.3 ? { pinned: WORKERS[Math.floor(share * 13) % WORKERS.length]! } : {};
    return { id: this.#items++, order, mayHedge, ...owner };
  }

  /** All, half or none of what it was given, or no word about it. */
  #named({ id, share }: { readonly id: string; readonly share: number }): { leases?: number[] } {
    if (share < 0.2) return {};
    const own = [...this.#given].flatMap(([lease, worker]) => (worker === id ? [lease] : []));
    return { leases: share < 0.3 ? [] : share < 0.5 ? own.filter((lease) => lease % 2 === 0) : own };
  }

  #answer({ share, type }: Move): LeaseInput | undefined {
    const leases = type === "again" ? this.#used : [...this.#given.keys()];
    const lease = leases[Math.floor(share * leases.length)];
    if (lease === undefined) return undefined;
    this.#given.delete(lease);
    this.#used.push(lease);
    if (type === "done" || type === "again") return { type: "done", lease };
    return { type: "failed", lease, code: "plugin.crash", reason: "boom", elsewhere: type === "elsewhere" };
  }
}

test("LeaseTable keeps to what the oracle demands when anything happens in any order, and ends empty", () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 200, size: "max" }), (moves) => {
      const play = new Play();
      play.warmUp();
      for (const each of moves) play.make(each);
      play.finish();
    }),
    { numRuns: 500 },
  );
});

for (const [bug, rules] of Object.entries<Partial<LeaseRules>>({
  "more leases than the window": { hasRoom: (held, window) => held <= window },
  "a result of a cancelled lease counts": { accepts: () => true },
  "leases of the lost are not offered again": { offersAgain: false },
  "losers are not cancelled": { cancelsLosers: false },
  "the same worker again": { avoids: () => false },
  "newest first": {
    precedes: (left, right) => left.order > right.order || (left.order === right.order && left.id < right.id),
  },
  "what must not be hedged is": { mayHedge: () => true },
})) {
  test(`LeaseOracle notices when the table has the bug: ${bug}`, () => {
    const outcome = fc.check(
      fc.property(fc.array(move, { minLength: 60, maxLength: 250, size: "max" }), (moves) => {
        const play = new Play(rules);
        play.warmUp();
        for (const each of moves) play.make(each);
        play.finish();
      }),
      { numRuns: 1_000, endOnFailure: true, seed: 1 },
    );
    expect(outcome.failed).toBe(true);
  });
}
