import { describe, expect, test } from "bun:test";
import { HEDGE_SAMPLES_MIN, type HedgeOptions } from "../../../../src/protocol/lease/index.ts";
import { Drill } from "./drill.ts";

const HEDGE: HedgeOptions = { quantile: 0.95, factor: 1.5, minMs: 5, maxMs: 400, maxShare: 0.5 };

/** Two workers with room, and enough durations of `ms` known. */
function warm(ms = 20, hedge: Partial<HedgeOptions> = {}, capacity = 4): Drill {
  const drill = new Drill({ hedge: { ...HEDGE, ...hedge } });
  drill.worker("a", capacity);
  drill.worker("b", capacity);
  for (let lease = 1; lease <= HEDGE_SAMPLES_MIN; lease++) {
    drill.offer(lease);
    drill.pass(ms);
    drill.heard("a");
    drill.heard("b");
    drill.done(lease);
  }
  return drill;
}

const FIRST = HEDGE_SAMPLES_MIN + 1;

describe("hedging", () => {
  test("step() gives a second lease to another worker when the first has been out for the learned delay", () => {
    const drill = warm();
    expect(drill.table.counts().hedgeDelayMs).toBe(30);
    expect(drill.offer(100, { mayHedge: true })).toEqual([`assign ${FIRST}: 100 to a try 1`]);
    expect(drill.pass(29)).toEqual([]);
    expect(drill.pass(1)).toEqual([`assign ${FIRST + 1}: 100 to b try 2 hedge`]);
    expect(drill.passHeard(500, "a", "b")).toEqual([]);
  });

  test("step() lets the first result win and cancels the other lease, whichever that is", () => {
    for (const [winner, loser] of [
      [FIRST, FIRST + 1],
      [FIRST + 1, FIRST],
    ] as const) {
      const drill = warm();
      drill.offer(100, { mayHedge: true });
      drill.pass(30);
      const [complete, cancel, ...rest] = drill.done(winner);
      expect(complete).toStartWith(`complete 100 by ${winner} `);
      expect([cancel, rest]).toEqual([expect.stringContaining(`cancel ${loser} at`), []]);
      expect(drill.done(loser)[0]).toStartWith(`late ${loser} for 100`);
      expect(drill.table.counts()).toMatchObject({ hedges: 1, hedgeWins: winner === FIRST ? 0 : 1, hedged: 0 });
    }
  });

  test("step() does not hedge before enough durations are known", () => {
    const drill = new Drill({ hedge: HEDGE });
    drill.worker("a");
    drill.worker("b");
    drill.offer(1, { mayHedge: true });
    expect(drill.passHeard(5_000, "a", "b")).toEqual([]);
  });

  test("step() does not hedge what is pinned, what may not be, and without options", () => {
    const drill = warm();
    drill.offer(100, { mayHedge: true, pinned: "a" });
    drill.offer(101);
    expect(drill.passHeard(1_000, "a", "b")).toEqual([]);
    const without = new Drill();
    without.worker("a");
    without.worker("b");
    without.offer(1, { mayHedge: true });
    expect(without.passHeard(1_000, "a", "b")).toEqual([]);
  });

  test("step() hedges at most the share of the items under way, and one always", () => {
    const drill = warm(20, { maxShare: 0.5 });
    for (let id = 100; id < 104; id++) drill.offer(id, { mayHedge: true });
    drill.pass(30);
    expect(drill.table.counts()).toMatchObject({ underWay: 4, hedged: 2 });
    const frugal = warm(20, { maxShare: 0.1 });
    frugal.offer(100, { mayHedge: true });
    frugal.pass(30);
    expect(frugal.table.counts()).toMatchObject({ underWay: 1, hedged: 1 });
    const none = warm(20, { maxShare: 0 });
    none.offer(100, { mayHedge: true });
    expect(none.passHeard(500, "a", "b")).toEqual([]);
  });

  test("step() hedges when room comes, before it gives out items that wait", () => {
    const drill = warm(20, {}, 1);
    drill.offer(100, { mayHedge: true });
    drill.offer(101, { mayHedge: true });
    drill.offer(102, { mayHedge: true });
    expect(drill.pass(30)).toEqual([]);
    expect(drill.done(FIRST + 1)).toEqual([
      `complete 101 by ${FIRST + 1} of b in 30`,
      `assign ${FIRST + 2}: 100 to b try 2 hedge`,
    ]);
  });

  test("step() goes on with the other lease when the worker of one is lost, and may hedge again after the delay", () => {
    const drill = warm();
    drill.offer(100, { mayHedge: true });
    drill.pass(30);
    drill.worker("c", 1);
    expect(drill.lost("a")).toEqual([]);
    expect(drill.pass(29)).toEqual([]);
    expect(drill.pass(1)).toEqual([`assign ${FIRST + 2}: 100 to c try 3 hedge`]);
  });

  test("step() goes on with the other lease when one fails elsewhere, and fails the item when one fails for good", () => {
    const drill = warm();
    drill.offer(100, { mayHedge: true });
    drill.pass(30);
    expect(drill.failed(FIRST + 1, true)).toEqual([]);
    expect(drill.pass(100)).toEqual([]); // Who has failed it is no second.
    expect(drill.failed(FIRST, false)).toEqual(["fail 100: plugin.crash: boom"]);
    const both = warm();
    both.offer(100, { mayHedge: true });
    both.pass(30);
    expect(both.failed(FIRST, false)).toEqual(["fail 100: plugin.crash: boom", `cancel ${FIRST + 1} at b`]);
  });

  test("step() gives a slow worker nothing for being relieved, until it has stopped", () => {
    const drill = warm(20, { maxShare: 1 }, 1);
    drill.offer(100, { mayHedge: true });
    drill.pass(30);
    expect(drill.done(FIRST + 1)).toHaveLength(2);
    expect(drill.offer(101)).toEqual([`assign ${FIRST + 2}: 101 to b try 1`]);
    expect(drill.offer(102)).toEqual([]);
    expect(drill.heard("a", [])).toEqual([`assign ${FIRST + 3}: 102 to a try 1`]);
  });

  test("the learned delay lies between its bounds, and follows what is recent", () => {
    expect(warm(1).table.counts().hedgeDelayMs).toBe(5);
    const drill = warm(400);
    expect(drill.table.counts().hedgeDelayMs).toBe(400);
    for (let lease = FIRST; lease < FIRST + 256; lease++) {
      drill.offer(lease);
      drill.pass(10);
      drill.heard("a");
      drill.heard("b");
      drill.done(lease);
    }
    expect(drill.table.counts().hedgeDelayMs).toBe(15);
  });
});
