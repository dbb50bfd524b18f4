/** Bodies on their way into memory: bounds of each and of all, and what counts until when. */
import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BodyBudget, TakenBody } from "../../../../../src/app/gateway/named/taken-body.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import { BytesSource } from "../../../../../src/wire/http/index.ts";

type Outcome = Uint8Array | Failure;

function taken(bytesMax: number, budget = new BodyBudget()) {
  const outcomes: Outcome[] = [];
  const cancelled: Failure[] = [];
  const body = new TakenBody(bytesMax, budget, (outcome) => outcomes.push(outcome));
  body.onCancel = (cause) => cancelled.push(cause);
  return { body, budget, outcomes, cancelled };
}

const codes = (outcomes: readonly Outcome[]) => outcomes.map((each) => (each instanceof Failure ? each.code : "bytes"));

describe("TakenBody", () => {
  test("gives all bytes in their order, and counts them until they are released", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 10 }), (pieces) => {
        const { body, budget, outcomes } = taken(1_000);
        for (const piece of pieces) expect(body.write(piece)).toBe(true);
        body.end();
        const whole = Buffer.concat(pieces);
        expect(outcomes.map((each) => Buffer.from(each as Uint8Array))).toEqual([whole]);
        expect(budget.usedBytes).toBe(whole.length);
        body.release();
        body.release();
        expect(budget.usedBytes).toBe(0);
      }),
    );
  });

  test("refuses a body beyond its bound once, tells its sender, and counts nothing of it any more", () => {
    const { body, budget, cancelled, outcomes } = taken(10);
    expect(body.write(Buffer.alloc(6))).toBe(true);
    expect(body.write(Buffer.alloc(6))).toBe(false);
    expect(body.write(Buffer.alloc(1))).toBe(false);
    body.end();
    expect([codes(outcomes), codes(cancelled)]).toEqual([["gateway.body_too_large"], ["gateway.body_too_large"]]);
    expect(budget.usedBytes).toBe(0);
  });

  test("does not begin a body whose length is told and too large", () => {
    const { body, outcomes } = taken(3);
    let isCancelled = false;
    const source = new BytesSource(Buffer.alloc(4));
    source.cancel = () => {
      isCancelled = true;
    };
    body.takeFrom(source);
    expect([codes(outcomes), isCancelled]).toEqual([["gateway.body_too_large"], true]);
  });

  test("refuses what all bodies together have no room for, which may pass", () => {
    const budget = new BodyBudget(10);
    const first = taken(10, budget);
    const second = taken(10, budget);
    first.body.write(Buffer.alloc(8));
    expect(second.body.write(Buffer.alloc(8))).toBe(false);
    expect(second.outcomes[0]).toMatchObject({ code: "gateway.bodies_full", retryable: true });
    first.body.end();
    first.body.release();
    const third = taken(10, budget);
    expect(third.body.write(Buffer.alloc(8))).toBe(true);
  });

  test("drop() ends it without a word to its taker, and tells its sender where it has not come whole", () => {
    const under = taken(10);
    under.body.write(Buffer.alloc(4));
    under.body.drop(new Failure("gateway.client_gone", "it went"));
    under.body.end();
    expect([codes(under.outcomes), codes(under.cancelled)]).toEqual([[], ["gateway.client_gone"]]);
    const whole = taken(10);
    whole.body.takeFrom(new BytesSource(Buffer.alloc(4)));
    whole.cancelled.length = 0;
    whole.body.drop(new Failure("gateway.client_gone", "it went"));
    expect([codes(whole.outcomes), whole.cancelled]).toEqual([["bytes"], []]);
    expect([under.budget.usedBytes, whole.budget.usedBytes]).toEqual([0, 0]);
  });

  test("write() keeps no chunk for a small piece of it, and no object for each piece", () => {
    const { body, outcomes } = taken(200_000);
    const chunk = Buffer.alloc(64 * 1_024, "a");
    expect(body.write(chunk.subarray(100, 103))).toBe(true);
    chunk.fill("b"); // whoever has kept the chunk has this now
    const [before, pieces] = [heapStats().objectTypeCounts.Uint8Array ?? 0, 100_000];
    for (let at = 0; at < pieces; at++) body.write(new Uint8Array([99]));
    Bun.gc(true);
    expect((heapStats().objectTypeCounts.Uint8Array ?? 0) - before).toBeLessThan(pieces / 10);
    body.end();
    expect(Buffer.from(outcomes[0] as Uint8Array).toString()).toBe(`aaa${"c".repeat(pieces)}`);
  });

  test("abort() gives what broke it", () => {
    const { body, budget, outcomes } = taken(10);
    body.write(Buffer.alloc(4));
    body.abort(new Failure("gateway.cut_off", "it broke"));
    expect([codes(outcomes), budget.usedBytes]).toEqual([["gateway.cut_off"], 0]);
  });
});
