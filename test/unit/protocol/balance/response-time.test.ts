import { describe, expect, test } from "bun:test";
import { ResponseTime } from "../../../../src/protocol/balance/response-time.ts";
import { node } from "./support.ts";

const DECAY_MS = 1_000;

/** Each node has ended one request, in its time. */
function measured(timesMs: Readonly<Record<string, number>>, nowMs = 0): ResponseTime {
  const balancer = new ResponseTime({ decayMs: DECAY_MS });
  for (const [id, durationMs] of Object.entries(timesMs)) serve(balancer, id, durationMs, nowMs);
  return balancer;
}

function serve(balancer: ResponseTime, id: string, durationMs: number, endMs: number, ok = true): void {
  balancer.started(id, endMs - durationMs);
  balancer.ended(id, { ok, durationMs }, endMs);
}

describe("RESPONSE_TIME", () => {
  test("pick() chooses who answers soonest, with what is under way", () => {
    const balancer = measured({ a: 10, b: 35 });
    const pick = (outstanding: number): string | undefined =>
      balancer.pick([node("a", { outstanding }), node("b")], {}, 0);
    expect([0, 1, 2, 3, 4].map(pick)).toEqual(["a", "a", "a", "b", "b"]);
  });

  test("pick() divides by weight", () => {
    expect(measured({ a: 10, b: 15 }).pick([node("a"), node("b", { weight: 2 })], {}, 0)).toBe("b");
  });

  test("ended() raises the estimate at once and lowers it by and by", () => {
    const balancer = measured({ a: 10 });
    serve(balancer, "a", 100, 0);
    expect(balancer.estimateMs("a", 0)).toBe(100);
    serve(balancer, "a", 10, 100);
    expect(balancer.estimateMs("a", 100)).toBeCloseTo(100 * Math.exp(-0.1) + 10 * (1 - Math.exp(-0.1)), 9);
  });

  test("ended() comes to the same in one step of time or in many", () => {
    const [one, many] = [measured({ a: 100 }), measured({ a: 100 })];
    serve(one, "a", 10, 1_000);
    for (let nowMs = 10; nowMs <= 1_000; nowMs += 10) serve(many, "a", 10, nowMs);
    expect(many.estimateMs("a", 1_000)).toBeCloseTo(one.estimateMs("a", 1_000)!, 6);
  });

  test("pick() tries a slow node again after a while, with one request", () => {
    const balancer = measured({ fast: 10, slow: 100 });
    const busy = (nowMs: number, slow = 0): string | undefined => {
      serve(balancer, "fast", 10, nowMs);
      return balancer.pick([node("fast"), node("slow", { outstanding: slow })], {}, nowMs);
    };
    expect(busy(2_000)).toBe("fast");
    expect(busy(2_400)).toBe("slow"); // 100 ms × e^-2.4 is less than 10 ms
    balancer.started("slow", 2_400);
    expect(busy(2_400, 1)).toBe("fast");
    expect(balancer.pick([node("fast", { outstanding: 3 }), node("slow", { outstanding: 1 })], {}, 2_400)).toBe("fast");
    expect(busy(9_000, 1)).toBe("fast");
    balancer.ended("slow", { ok: true, durationMs: 100 }, 9_100);
    expect(busy(9_100)).toBe("fast");
  });

  test("pick() leaves a node that hangs, before anything has ended there", () => {
    const balancer = measured({ a: 10, b: 10 });
    balancer.started("a", 0);
    const candidates = [node("a", { outstanding: 1 }), node("b", { outstanding: 2 })];
    expect(balancer.pick(candidates, {}, 5)).toBe("a");
    balancer.started("a", 29); // a newer request does not excuse the old one
    expect(balancer.pick(candidates, {}, 30)).toBe("b");
  });

  test("pick() leaves a node that hangs, also when more ended there than was started", () => {
    const balancer = measured({ a: 10, b: 10 });
    for (let extra = 0; extra < 3; extra++) balancer.ended("a", { ok: true, durationMs: 10 }, 0);
    balancer.started("a", 0);
    expect(balancer.pick([node("a", { outstanding: 1 }), node("b", { outstanding: 2 })], {}, 30)).toBe("b");
  });

  test("estimateMs() does not grow when time goes back", () => {
    expect(measured({ a: 10 }, 500).estimateMs("a", 0)).toBe(10);
  });

  test("pick() does not take it for hanging when its requests ended without a word", () => {
    const balancer = measured({ a: 10, b: 11 });
    balancer.started("a", 0);
    expect(balancer.pick([node("a"), node("b", { outstanding: 3 })], {}, 60)).toBe("a");
    balancer.started("a", 60);
    expect(balancer.pick([node("a", { outstanding: 1 }), node("b", { outstanding: 3 })], {}, 65)).toBe("a");
  });

  test("pick() probes a new node with one request, and takes it for typical until that has ended", () => {
    const balancer = measured({ a: 10, b: 10 });
    const old = [node("a", { outstanding: 1 }), node("b", { outstanding: 1 })];
    expect(balancer.pick([...old, node("new")], {}, 0)).toBe("new");
    balancer.started("new", 0);
    expect(balancer.pick([...old, node("new", { outstanding: 2 })], {}, 1)).not.toBe("new");
    balancer.ended("new", { ok: true, durationMs: 1 }, 1);
    expect(balancer.pick([...old, node("new", { outstanding: 1 })], {}, 1)).toBe("new");
  });

  test("pick() spreads by what is under way while nothing is known", () => {
    const balancer = new ResponseTime({ decayMs: DECAY_MS });
    expect(balancer.pick([node("a", { outstanding: 1 }), node("b", { outstanding: 2 })], {}, 0)).toBe("a");
  });

  test("ended() takes a failure for slow, though it came fast", () => {
    const balancer = measured({ a: 10, b: 10 });
    serve(balancer, "a", 1, 0, false);
    expect(balancer.estimateMs("a", 0)).toBe(50);
    expect(balancer.pick([node("a"), node("b", { outstanding: 1 })], {}, 0)).toBe("b");
  });

  test("ended() lets failures raise an estimate so far only that it is probed again within minutes", () => {
    const balancer = measured({ a: 10, b: 10 });
    for (let failure = 0; failure < 1_000; failure++) serve(balancer, "a", 1, 0, false);
    expect(balancer.estimateMs("a", 0)).toBe(60_000);
    serve(balancer, "a", 90_000, 0, false);
    expect(balancer.estimateMs("a", 0)).toBe(90_000);
    serve(balancer, "b", 10, 10 * DECAY_MS);
    expect(balancer.pick([node("a"), node("b")], {}, 10 * DECAY_MS)).toBe("a");
  });

  test("ended() takes a time that is none for 0, and a failure of a new node for a multiple of what is typical", () => {
    const balancer = measured({ a: 10 });
    serve(balancer, "a", 10, 0);
    for (const durationMs of [Number.NaN, -5, Number.POSITIVE_INFINITY]) {
      balancer.started("new", 0);
      balancer.ended("new", { ok: false, durationMs }, 0);
      expect(balancer.estimateMs("new", 0)).toBe(50);
      balancer.forget("new");
    }
  });

  test("estimateMs() knows nothing of strangers, or of those that were forgotten", () => {
    const balancer = measured({ a: 10 });
    balancer.forget("a");
    expect(balancer.estimateMs("a", 0)).toBeUndefined();
    balancer.ended("a", { ok: true, durationMs: 10 }, 0);
    expect(balancer.estimateMs("a", 0)).toBeUndefined();
  });
});
