import { expect, test } from "bun:test";
import { type LockOptions, Locks } from "../../../../src/data/lock/index.ts";
import type { LockReply } from "../../../../src/data/words/index.ts";
import { restored, sentPieces, stateOf } from "../../../support/data-copies.ts";

/** With a clock, and commands in short. */
class Rig {
  locks: Locks;
  nowMs = 0;
  #index = 0;

  constructor(options: LockOptions = {}) {
    this.locks = new Locks(options);
  }

  acquire(lock: string, holder: string, ttlMs = 1_000, waits = true): LockReply {
    const answer = this.locks.acquire({ type: "lock.acquire", lock, holder, ttlMs, waits }, this.#moment());
    if (!answer.ok) throw new Error(answer.code);
    return answer.reply;
  }

  release(lock: string, holder: string): unknown {
    return this.locks.release({ type: "lock.release", lock, holder }, this.#moment());
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.locks.advance(this.#moment());
  }

  #moment(): { nowMs: number; index: number } {
    return { nowMs: this.nowMs, index: ++this.#index };
  }
}

test("acquire() gives rising tokens over all locks, after release, expiry and restore too", () => {
  const rig = new Rig();
  const tokens: number[] = [];
  const note = (reply: LockReply): unknown => reply.state === "held" && tokens.push(reply.token);
  note(rig.acquire("a", "x"));
  note(rig.acquire("b", "x"));
  rig.release("a", "x");
  note(rig.acquire("a", "y"));
  rig.pass(5_000);
  expect(rig.locks.list(10, rig.nowMs)).toEqual([]);
  rig.locks = restored(rig.locks, new Locks());
  note(rig.acquire("a", "x"));
  expect(tokens).toEqual([1, 2, 3, 4]);
});

test("acquire() answers with the same token and a longer lease when its holder asks again", () => {
  const rig = new Rig();
  rig.acquire("a", "x", 1_000);
  rig.pass(600);
  expect(rig.acquire("a", "x", 500)).toEqual({ state: "held", token: 1, ttlMs: 500 });
  expect(rig.acquire("a", "x", 100)).toEqual({ state: "held", token: 1, ttlMs: 500 });
});

test("advance() passes the lock to the first waiter whose time is not over, and tells", () => {
  const told: string[] = [];
  const rig = new Rig({ changed: (lock) => told.push(lock) });
  rig.acquire("a", "x", 1_000);
  rig.acquire("a", "slept", 500);
  expect(rig.acquire("a", "y", 2_000)).toMatchObject({ state: "waiting", ahead: 2, holder: "x" });
  expect(rig.locks.nextDueMs).toBe(500);
  rig.pass(1_000);
  expect(told).toEqual(["a"]);
  expect(rig.locks.show("a", rig.nowMs)).toEqual({ lock: "a", holder: "y", token: 2, ttlMs: 2_000, waiting: [] });
});

test("acquire() refuses with data.full when the line or all lines are full, but never who is in one", () => {
  const rig = new Rig({ claimsMax: 4, waitersMax: 2 });
  rig.acquire("a", "x");
  rig.acquire("a", "y");
  rig.acquire("a", "z");
  expect(() => rig.acquire("a", "w")).toThrow("data.full");
  rig.acquire("b", "x");
  expect(() => rig.acquire("b", "w")).toThrow("data.full");
  expect(() => rig.acquire("c", "w")).toThrow("data.full");
  expect(rig.acquire("a", "z").state).toBe("waiting");
  expect(rig.acquire("b", "x").state).toBe("held");
});

test("advance() leaves a pinned lock with its holder, and passes it on when it is no more pinned", () => {
  const pinned = new Set(["a"]);
  const rig = new Rig({ isPinned: (lock) => pinned.has(lock) });
  rig.acquire("a", "x", 1_000);
  rig.acquire("a", "y", 9_000);
  rig.pass(2_000);
  expect(rig.locks.show("a", rig.nowMs)).toMatchObject({ holder: "x", ttlMs: 0 });
  expect(rig.release("a", "x")).toMatchObject({ ok: false, code: "data.locked", retryable: true });
  expect(rig.locks.nextDueMs).toBe(9_000);
  pinned.clear();
  expect(rig.locks.nextDueMs).toBe(1_000);
  rig.pass(0);
  expect(rig.locks.show("a", rig.nowMs)).toMatchObject({ holder: "y", token: 2 });
});

test("capture() gives the state at its call when commands are applied while pieces are taken", () => {
  const rig = new Rig();
  rig.acquire("a", "x");
  rig.acquire("a", "y");
  const before = stateOf(rig.locks);
  const pieces = rig.locks.capture();
  rig.release("a", "x");
  rig.acquire("b", "x");
  expect(JSON.stringify([...pieces])).toBe(before);
});

test("restore() fails with data.snapshot and keeps what there is when a piece is none of a capture", () => {
  const rig = new Rig();
  rig.acquire("a", "x");
  rig.acquire("a", "y");
  const [head, rows] = sentPieces(rig.locks) as [number[], unknown[]];
  const claim = ["x", 1_000, 1_000, 1];
  const bad: unknown[][] = [
    [],
    [["1", 1], rows],
    [[0, 2], rows],
    [[1, 1], rows],
    [head, [...rows, ...rows]],
    [head, [["a", 1, []]]],
    [head, [["a", 0, [claim]]]],
    [head, [["a", 1, [claim, claim]]]],
    [head, [["a", 1, [["x", 1_000, 1_000]]]]],
    [head, [["a", 1, [["x", -1, 1_000, 1]]]]],
  ];
  const before = stateOf(rig.locks);
  for (const pieces of bad) {
    expect(() => rig.locks.restore(pieces)).toThrow(expect.objectContaining({ code: "data.snapshot" }));
  }
  expect(stateOf(rig.locks)).toBe(before);
});
