import { expect, test } from "bun:test";
import fc from "fast-check";
import { Locks } from "../../../../src/data/lock/index.ts";
import type { Answer, LockReply, LockView } from "../../../../src/data/words/index.ts";
import { restored, stateOf } from "../../../support/data-copies.ts";
import { NaiveLocks } from "./naive-locks.ts";

const lock = fc.constantFrom("a", "b", "c");
const holder = fc.constantFrom("x", "y", "z", "w");
/** A token around those that are given at all. */
const token = fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined });
const ttlMs = fc.constantFrom(10, 20, 50);

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constant("acquire" as const), lock, holder, ttlMs, waits: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("keep" as const), lock, holder, token }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant("release" as const), lock, holder, token }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant("pass" as const), ms: fc.constantFrom(1, 10, 25) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restore" as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("pin" as const), lock }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Pair {
  readonly naive = new NaiveLocks();
  locks = this.#fresh();
  #index = 0;
  #nowMs = 0;
  #tokenLast = 0;

  take(each: Step): void {
    const moment = { nowMs: this.#nowMs, index: ++this.#index };
    this.locks.advance(moment);
    this.naive.advance(this.#nowMs);
    const { naive, locks } = this;
    if (each.type === "acquire") {
      const expected = naive.acquire(each.lock, each.holder, each.ttlMs, each.waits);
      this.#compare(locks.acquire({ ...each, type: "lock.acquire" }, moment), expected);
    } else if (each.type === "keep") {
      const current = each.token ?? locks.show(each.lock, 0)?.token ?? 1;
      const expected = naive.keep(each.lock, each.holder, current);
      this.#compare(locks.keep({ ...each, type: "lock.keep", token: current }, moment), expected);
    } else if (each.type === "release") {
      const expected = naive.release(each.lock, each.holder, each.token);
      this.#compare(locks.release({ ...each, type: "lock.release" }, moment), expected);
    } else if (each.type === "pass") this.#nowMs += each.ms;
    else if (each.type === "restore") this.#restore();
    else if (!naive.pinned.delete(each.lock)) naive.pinned.add(each.lock);
    expect(this.locks.list(10, this.#nowMs)).toEqual(this.#listed());
    for (const view of this.locks.list(10, 0)) expect(this.locks.isHeld(view.lock, view.token)).toBe(true);
  }

  #listed(): LockView[] {
    const before = this.naive.nowMs;
    this.naive.nowMs = this.#nowMs;
    const list = this.naive.list();
    this.naive.nowMs = before;
    return list;
  }

  #compare(answer: Answer<LockReply>, expected: LockReply | undefined): void {
    if (expected === undefined) expect(answer).toMatchObject({ ok: false, code: "data.locked", retryable: true });
    else expect(answer).toEqual({ ok: true, reply: expected });
    if (expected?.state === "held") this.#tokenLast = Math.max(this.#tokenLast, expected.token);
  }

  #restore(): void {
    const copy = restored(this.locks, this.#fresh());
    expect(stateOf(copy)).toBe(stateOf(this.locks));
    expect(copy.sizeBytes).toBe(this.locks.sizeBytes);
    this.locks = copy;
  }

  #fresh(): Locks {
    return new Locks({ isPinned: (name) => this.naive.pinned.has(name) });
  }
}

test("Locks do as a naive list does when holders, time, pins and snapshots come at random", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
      const pair = new Pair();
      for (const each of steps) pair.take(each);
    }),
    { numRuns: 300 },
  );
});
