import { describe, expect, test } from "bun:test";
import { ORPHANS_MAX } from "../../../../src/protocol/lease/index.ts";
import { Drill, LEASE_MS } from "./drill.ts";

describe("giving out", () => {
  test("step() gives the oldest item first when items wait", () => {
    const drill = new Drill();
    for (const id of [5, 3, 9, 4]) drill.offer(id);
    expect(drill.worker("a", 3)).toEqual([
      "assign 1: 3 to a try 1 last",
      "assign 2: 4 to a try 1 last",
      "assign 3: 5 to a try 1 last",
    ]);
    expect(drill.done(2)).toEqual(["complete 4 by 2 of a in 0", "assign 4: 9 to a try 1 last"]);
  });

  test("step() lets no worker hold more than its window", () => {
    const drill = new Drill({ workerWindow: (capacity) => capacity * 2 });
    drill.worker("a", 1);
    drill.worker("b", 2);
    for (let id = 1; id <= 10; id++) drill.offer(id);
    expect(drill.table.workers().map(({ active, window }) => [active, window])).toEqual([
      [2, 2],
      [4, 4],
    ]);
    expect(drill.table.counts()).toMatchObject({ waiting: 4, underWay: 6 });
  });

  test("step() gives a worker one place at least when its window comes out below one", () => {
    const drill = new Drill({ workerWindow: (capacity) => capacity * 0.1 });
    drill.worker("a", 1);
    expect(drill.offer(1)).toEqual(["assign 1: 1 to a try 1 last"]);
  });

  test("step() gives a pinned item to its owner only, and lets others go past it when the owner is full", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.worker("b");
    expect(drill.offer(1, { pinned: "a" })).toEqual(["assign 1: 1 to a try 1 last"]);
    expect(drill.offer(2, { pinned: "a" })).toEqual([]);
    expect(drill.offer(3)).toEqual(["assign 2: 3 to b try 1"]);
    expect(drill.done(1)).toEqual(["complete 1 by 1 of a in 0", "assign 3: 2 to a try 1 last"]);
  });

  test("step() leaves items waiting when the balancer chooses nobody, and asks again later", () => {
    let isWilling = false;
    const drill = new Drill({}, { pick: ([first]) => (isWilling ? first!.id : undefined) });
    drill.worker("a", 2);
    expect(drill.offer(1)).toEqual([]);
    isWilling = true;
    expect(drill.heard("a")).toEqual(["assign 1: 1 to a try 1 last"]);
  });

  test("step() refuses a balancer's choice who is no candidate", () => {
    const drill = new Drill({}, { pick: () => "nobody" });
    drill.worker("a");
    expect(() => drill.offer(1)).toThrow("the balancer chose nobody");
  });

  test("step() tells the balancer key, load and what is under way", () => {
    const seen: unknown[] = [];
    const drill = new Drill(
      {},
      {
        pick: (candidates, choice) => {
          seen.push(
            candidates.map(({ id, load, outstanding, weight }) => [id, weight, outstanding, load?.cpu]),
            choice,
          );
          return candidates.at(-1)?.id;
        },
        started: (id) => seen.push(`started ${id}`),
        ended: (id, { durationMs, ok }) => seen.push(`ended ${id} ${ok} ${durationMs}`),
        forget: (id) => seen.push(`forget ${id}`),
      },
    );
    drill.worker("a", 2);
    drill.feed({ type: "worker", id: "b", capacity: 2, weight: 3 });
    drill.feed({ type: "heard", id: "b", load: { cpu: 0.5, memory: 0, queue: 0, capacity: 2, atMs: 0 } });
    drill.offer(1, { key: "k" });
    drill.pass(7);
    drill.done(1);
    drill.offer(2);
    drill.lost("b");
    expect(seen.slice(0, 8)).toEqual([
      [
        ["a", 1, 0, undefined],
        ["b", 3, 0, 0.5],
      ],
      { key: "k" },
      "started b",
      "ended b true 7",
      [
        ["a", 1, 0, undefined],
        ["b", 3, 0, 0.5],
      ],
      {},
      "started b",
      "ended b false 0",
    ]);
    expect(seen).toContain("forget b");
  });

  test("step() refuses an item whose number is open, and takes the number again once it is not", () => {
    const drill = new Drill();
    drill.offer(1);
    expect(() => drill.offer(1)).toThrow("item 1 was offered while it is open");
    drill.feed({ type: "withdraw", item: 1 });
    drill.worker("a");
    expect(drill.offer(1)).toEqual(["assign 1: 1 to a try 1 last"]);
  });

  test("step() numbers leases from where it is told to", () => {
    const drill = new Drill({ firstLease: 4_096 });
    drill.worker("a", 2);
    expect([...drill.offer(1), ...drill.offer(2)].map((effect) => effect.split(":")[0])).toEqual([
      "assign 4096",
      "assign 4097",
    ]);
  });
});

describe("loss of workers", () => {
  test("step() offers the leases of a lost worker again at once", () => {
    const drill = new Drill();
    drill.worker("a", 2);
    drill.offer(1);
    drill.offer(2);
    drill.worker("b", 1);
    expect(drill.lost("a")).toEqual(["assign 3: 1 to b try 2 last"]);
    expect(drill.done(3)).toEqual(["complete 1 by 3 of b in 0", "assign 4: 2 to b try 2 last"]);
    expect(drill.table.counts().takenBack).toBe(2);
  });

  test("step() takes the leases of a worker that has said nothing for leaseMs, and gives it none until it is heard", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.offer(1);
    expect(drill.pass(LEASE_MS - 1)).toEqual([]);
    expect(drill.heard("a", [1])).toEqual([]);
    expect(drill.pass(LEASE_MS - 1)).toEqual([]);
    expect(drill.table.workers()[0]).toMatchObject({ active: 1, isSilent: false });
    expect(drill.pass(1)).toEqual([]);
    expect(drill.table.workers()[0]).toMatchObject({ active: 0, isSilent: true });
    expect(drill.heard("a")).toEqual(["assign 2: 1 to a try 2 last"]);
  });

  test("step() takes a late result of a worker that was given up while the item is open, and cancels the others", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.offer(1);
    drill.pass(LEASE_MS);
    expect(drill.worker("b")).toEqual(["assign 2: 1 to b try 2 last"]);
    expect(drill.done(1)).toEqual([`complete 1 by 1 of a in ${LEASE_MS}`, "cancel 2 at b"]);
    expect(drill.done(2)).toEqual(["late 2 for 1 of b"]);
    expect(drill.done(2)).toEqual(["late 2"]);
    expect(drill.table.counts()).toMatchObject({ completed: 1, late: 2, open: 0 });
  });

  test("step() takes a late result while the item waits for somebody", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.offer(1);
    drill.lost("a");
    expect(drill.done(1)).toEqual(["complete 1 by 1 of a in 0"]);
    expect(drill.table.counts()).toMatchObject({ waiting: 0, open: 0 });
  });

  test("step() drops a result by its lease when the item was done meanwhile", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.offer(1);
    drill.lost("a");
    drill.worker("b");
    expect(drill.done(2)).toEqual(["complete 1 by 2 of b in 0"]);
    expect(drill.done(1)).toEqual(["late 1"]);
    expect(drill.failed(1, true)).toEqual(["late 1"]);
  });

  test("step() lets a worker go on with what it names when it comes back and nobody else has the item", () => {
    const drill = new Drill();
    drill.worker("a", 2);
    drill.offer(1);
    drill.offer(2);
    drill.lost("a");
    expect(drill.worker("a", 2, [1, 2])).toEqual([]);
    expect(drill.table.workers()[0]).toMatchObject({ active: 2 });
    expect(drill.table.counts()).toMatchObject({ resumed: 2, assigned: 2 });
    expect(drill.done(1)).toEqual(["complete 1 by 1 of a in 0"]);
  });

  test("step() lets a silent worker go on with what it names when it is heard again", () => {
    const drill = new Drill();
    drill.worker("a", 3);
    for (const id of [1, 2, 3]) drill.offer(id);
    drill.pass(LEASE_MS);
    expect(drill.heard("a", [3, 1])).toEqual(["assign 4: 2 to a try 2 last"]);
    expect(drill.done(3)).toEqual([`complete 3 by 3 of a in ${LEASE_MS}`]);
    expect(drill.done(2)).toEqual([`complete 2 by 2 of a in ${LEASE_MS}`, "cancel 4 at a"]);
  });

  test("step() gives a new life of a worker its items anew when it names none", () => {
    const drill = new Drill();
    drill.worker("a", 2);
    drill.offer(1);
    expect(drill.worker("a", 2)).toEqual(["assign 2: 1 to a try 2 last"]);
  });

  test("step() cancels what a worker names and nobody wants any more", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.offer(1);
    drill.lost("a");
    drill.worker("b");
    drill.done(2);
    expect(drill.worker("a", 1, [1, 77])).toEqual(["cancel 1 at a", "cancel 77 at a"]);
  });

  test("step() tells a worker that is back that an item was done elsewhere", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.worker("b");
    drill.offer(1);
    drill.pass(LEASE_MS / 2);
    drill.heard("b");
    drill.pass(LEASE_MS / 2);
    drill.heard("a");
    expect(drill.done(2)).toEqual(["complete 1 by 2 of b in 0", "cancel 1 at a"]);
  });

  test("step() takes a lease back when reports leave it out for long enough, and not before", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.offer(1);
    drill.pass(400);
    expect(drill.heard("a", [])).toEqual([]); // Crossed the assignment, for all that is known.
    drill.pass(LEASE_MS / 2 - 1);
    expect(drill.heard("a", [])).toEqual([]);
    drill.pass(1);
    expect(drill.heard("a", [])).toEqual(["assign 2: 1 to a try 2 last"]);
  });

  test("step() begins to count anew when a report names the lease again", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.offer(1);
    drill.heard("a", []);
    drill.pass(400);
    drill.heard("a", [1]);
    drill.pass(400);
    expect(drill.heard("a", [])).toEqual([]);
    expect(drill.table.workers()[0]!.active).toBe(1);
  });

  test("step() keeps a worker that reports without naming leases", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.offer(1);
    expect(drill.passHeard(5 * LEASE_MS, "a")).toEqual([]);
  });

  test("step() remembers few taken back leases of one item", () => {
    const drill = new Drill();
    drill.offer(1);
    for (let life = 0; life <= ORPHANS_MAX; life++) {
      drill.worker("a");
      drill.lost("a");
    }
    expect(drill.done(1)).toEqual(["late 1"]);
    expect(drill.done(2)).toEqual(["complete 1 by 2 of a in 0"]);
  });

  test("step() gives workers their time again, once, when it is called long after its deadline", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.offer(1);
    drill.nowMs = LEASE_MS * 3;
    drill.feed({ type: "tick" });
    expect(drill.table.workers()[0]!.isSilent).toBe(false);
    expect(drill.table.nextDeadlineMs).toBe(LEASE_MS * 4);
    drill.nowMs = LEASE_MS * 6;
    drill.feed({ type: "tick" });
    expect(drill.table.workers()[0]!.isSilent).toBe(true);
  });

  test("step() ignores what it hears of workers that it does not know", () => {
    const drill = new Drill();
    expect(drill.heard("x", [1])).toEqual([]);
    expect(drill.lost("x")).toEqual([]);
    expect(drill.feed({ type: "drain", id: "x", on: true })).toEqual([]);
    expect(drill.feed({ type: "suspend", id: "x", untilMs: 5, reason: "" })).toEqual([]);
    expect(drill.feed({ type: "withdraw", item: 5 })).toEqual([]);
    expect(drill.table.nextDeadlineMs).toBeUndefined();
  });
});

test("nextDeadlineMs is in the future after each step", () => {
  const drill = new Drill();
  drill.worker("a");
  drill.offer(1);
  drill.feed({ type: "withdraw", item: 1 });
  for (const ms of [10, 500, 490, 1, 2_000]) {
    drill.pass(ms);
    expect(drill.table.nextDeadlineMs ?? Infinity).toBeGreaterThan(drill.nowMs);
  }
});
