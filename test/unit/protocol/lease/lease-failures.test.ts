import { describe, expect, test } from "bun:test";
import { FAILURES_MAX, HEDGE_SAMPLES_MIN } from "../../../../src/protocol/lease/index.ts";
import { Drill, LEASE_MS } from "./drill.ts";

describe("pinned items", () => {
  test("step() says which items are lost with their owner, whether they wait or are under way", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.worker("b");
    drill.offer(1, { pinned: "a" });
    drill.offer(2, { pinned: "a" });
    expect(drill.lost("a")).toEqual(["pinned lost 1 of a: link closed", "pinned lost 2 of a: link closed"]);
    expect(drill.done(1)).toEqual(["late 1"]);
    expect(drill.table.counts()).toMatchObject({ open: 0, pinnedLost: 2 });
  });

  test("step() says so at once when the owner is not there, and when it says nothing", () => {
    const drill = new Drill();
    expect(drill.offer(1, { pinned: "a" })).toEqual(["pinned lost 1 of a: it is not there"]);
    drill.worker("a");
    drill.offer(2, { pinned: "a" });
    expect(drill.pass(LEASE_MS)).toEqual(["pinned lost 2 of a: it has said nothing for 1000 ms"]);
    expect(drill.offer(3, { pinned: "a" })).toEqual(["pinned lost 3 of a: it says nothing"]);
  });

  test("step() says so when the owner has forgotten it", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.offer(1, { pinned: "a" });
    drill.heard("a", []);
    drill.pass(LEASE_MS / 2);
    expect(drill.heard("a", [])).toEqual(["pinned lost 1 of a: it does not know the lease any more"]);
  });
});

describe("failures", () => {
  test("step() fails an item at once when nobody else may do better, and cancels its other lease", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.offer(1);
    expect(drill.failed(1, false)).toEqual(["fail 1: plugin.crash: boom"]);
    expect(drill.table.counts()).toMatchObject({ failed: 1, open: 0 });
  });

  test("step() gives a failed item to those that have not failed it, and to the last of them as the last resort", () => {
    const drill = new Drill();
    for (const id of ["a", "b", "c"]) drill.worker(id);
    drill.offer(1);
    expect(drill.failed(1, true)).toEqual(["assign 2: 1 to b try 2"]);
    expect(drill.failed(2, true)).toEqual(["assign 3: 1 to c try 3 last"]);
    expect(drill.failed(3, true)).toEqual(["assign 4: 1 to a try 4 last"]);
  });

  test("step() lets a failed item wait for a free other rather than give it to the same worker, and others go past", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.worker("b");
    for (const id of [1, 2, 3]) drill.offer(id);
    expect(drill.failed(1, true)).toEqual(["assign 3: 3 to a try 1"]);
    expect(drill.done(2)).toEqual(["complete 2 by 2 of b in 0", "assign 4: 1 to b try 2 last"]);
  });

  test("step() counts suspended and draining workers out when it looks for a last resort", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.worker("b");
    drill.worker("c");
    drill.feed({ type: "drain", id: "b", on: true });
    drill.feed({ type: "suspend", id: "c", untilMs: 500, reason: "crash loop" });
    expect(drill.offer(1)).toEqual(["assign 1: 1 to a try 1 last"]);
    drill.pass(500);
    drill.done(1);
    expect(drill.offer(2)).toEqual(["assign 2: 2 to a try 1"]);
  });

  test("step() fails an item after FAILURES_MAX failures, of which the last one was the last resort", () => {
    const drill = new Drill();
    for (let each = 0; each <= FAILURES_MAX; each++) drill.worker(`w${each}`);
    let effects = drill.offer(1);
    for (let lease = 1; lease < FAILURES_MAX; lease++) {
      expect(effects[0]).not.toContain("last");
      effects = drill.failed(lease, true);
    }
    expect(effects[0]).toContain("last");
    expect(drill.failed(FAILURES_MAX, true)).toEqual([
      `fail 1: plugin.crash: it failed ${FAILURES_MAX} times, at last on w${FAILURES_MAX - 1}: boom`,
    ]);
  });
});

test("step() does not count a failure of a lease that was taken back already, such as that of its broken link", () => {
  const drill = new Drill();
  drill.worker("a");
  drill.offer(1);
  drill.lost("a");
  expect(drill.failed(1, true)).toEqual([]);
  drill.worker("b");
  expect(drill.worker("a")).toEqual([]);
  expect(drill.failed(2, true)).toEqual(["assign 3: 1 to a try 3 last"]);
});

test("step() goes on past FAILURES_MAX failures while nobody knew to be the last resort", () => {
  const drill = new Drill({ hedge: { quantile: 0.5, factor: 1, minMs: 10, maxMs: 10, maxShare: 1 } });
  for (let each = 0; each < 2 * FAILURES_MAX; each++) drill.worker(`w${each}`);
  for (let lease = 1; lease <= HEDGE_SAMPLES_MIN; lease++) {
    drill.offer(lease);
    drill.done(lease);
  }
  let [, lease] = [drill.offer(100, { mayHedge: true }), HEDGE_SAMPLES_MIN + 1];
  for (let failures = 0; failures < FAILURES_MAX - 2; failures++) drill.failed(lease++, true);
  drill.pass(10);
  expect(drill.failed(lease++, true)).toEqual([]);
  expect(drill.failed(lease++, true)).toEqual([expect.stringMatching(/^assign \d+: 100 to w\d+ try 9 last$/)]);
  expect(drill.failed(lease, true)).toEqual([expect.stringContaining(`it failed ${FAILURES_MAX + 1} times`)]);
});

describe("draining and suspending", () => {
  test("step() gives a draining worker nothing, lets it finish, and takes it in again", () => {
    const drill = new Drill();
    drill.worker("a", 2);
    drill.offer(1);
    drill.feed({ type: "drain", id: "a", on: true });
    expect(drill.offer(2)).toEqual([]);
    expect(drill.table.workers()[0]).toMatchObject({ active: 1, isDraining: true });
    expect(drill.done(1)).toEqual(["complete 1 by 1 of a in 0"]);
    expect(drill.table.workers()[0]).toMatchObject({ active: 0, stopping: 0 });
    expect(drill.feed({ type: "drain", id: "a", on: false })).toEqual(["assign 2: 2 to a try 1 last"]);
  });

  test("step() gives a suspended worker nothing until its time is over, and asks to be woken then", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.feed({ type: "suspend", id: "a", untilMs: 300, reason: "crash loop" });
    expect(drill.offer(1)).toEqual([]);
    expect(drill.table.nextDeadlineMs).toBe(300);
    expect(drill.table.workers()[0]!.suspended).toEqual({ untilMs: 300, reason: "crash loop" });
    expect(drill.pass(300)).toEqual(["assign 1: 1 to a try 1 last"]);
  });
});

describe("withdrawing", () => {
  test("step() cancels what is under way for an item that is withdrawn, and keeps its place until the worker has stopped", () => {
    const drill = new Drill();
    drill.worker("a");
    drill.offer(1);
    drill.offer(2);
    expect(drill.feed({ type: "withdraw", item: 1 })).toEqual(["cancel 1 at a"]);
    expect(drill.heard("a", [1])).toEqual(["cancel 1 at a"]);
    expect(drill.heard("a", [])).toEqual(["assign 2: 2 to a try 1 last"]);
  });

  test("step() frees the place when the worker answers for the lease, with a result or a failure, or says nothing about it", () => {
    for (const answer of [
      (drill: Drill) => drill.done(1),
      (drill: Drill) => drill.failed(1, false),
      (drill: Drill) => drill.passHeard(LEASE_MS, "a"),
    ]) {
      const drill = new Drill();
      drill.worker("a");
      drill.offer(1);
      drill.offer(2);
      drill.feed({ type: "withdraw", item: 1 });
      expect(answer(drill).at(-1)).toBe("assign 2: 2 to a try 1 last");
    }
  });
});
