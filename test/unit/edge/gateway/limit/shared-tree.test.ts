/** Gateways of several processes that count together: main processes speak for the others of theirs, and for those of other gateways. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { seededRandom } from "../../../../../src/base/random.ts";
import { SharedLimits, type SharedMessage } from "../../../../../src/edge/gateway/limit/index.ts";
import { TokenBuckets } from "../../../../../src/edge/gateway/limit/token-buckets.ts";
import { countedName, limitPlan } from "../../../../support/limit-plans.ts";

const STEP_MS = 5;
const ROUND_MS = 100;
/** Of a message between two of them. */
const WAY_MS = 20;

interface Process {
  readonly name: string;
  readonly buckets: TokenBuckets;
  readonly shared: SharedLimits;
}

interface Tree {
  readonly all: readonly Process[];
  /** Lets everybody say what there is to say, and hear it. */
  step(nowMs: number): void;
}

/** `sizes`: how many processes each gateway has; the first of each is its main process. */
function tree(sizes: readonly number[], plan: Parameters<typeof limitPlan>[0]): Tree {
  const all: Process[] = [];
  for (const [gateway, size] of sizes.entries()) {
    for (let at = 0; at < size; at++) {
      const buckets = new TokenBuckets(limitPlan(plan));
      const shared = new SharedLimits({ life: 1, buckets: [buckets], roundMs: ROUND_MS });
      const mains = sizes.map((_, other) => `${other}/0`).filter((_, other) => other !== gateway);
      const own = Array.from({ length: size - 1 }, (_, child) => `${gateway}/${child + 1}`);
      if (at === 0) shared.setPeers(mains, own);
      else shared.setPeers([], [`${gateway}/0`]);
      all.push({ name: `${gateway}/${at}`, buckets, shared });
    }
  }
  let flying: { readonly atMs: number; readonly from: string; readonly to: string; readonly message: SharedMessage }[] =
    [];
  return {
    all,
    step(nowMs) {
      const due = flying.filter(({ atMs }) => atMs <= nowMs);
      flying = flying.filter(({ atMs }) => atMs > nowMs);
      for (const { from, message, to } of due) {
        const answer = all.find(({ name }) => name === to)?.shared.receive(from, message, nowMs);
        if (answer) flying.push({ atMs: nowMs + WAY_MS, from: to, to: from, message: answer });
      }
      for (const { name, shared } of all)
        for (const { message, peer } of shared.tick(nowMs))
          flying.push({ atMs: nowMs + WAY_MS, from: name, to: peer, message });
    },
  };
}

describe("SharedLimits with processes", () => {
  test("SharedLimits brings each token to every process once when gateways have several", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(sizes, fc.array(fc.nat(100), { minLength: 1, maxLength: 30 }), (each, takers) => {
        const { all, step } = tree(each, { limit: 1, windowMs: 1e9, burst: 1_000, isShared: true });
        for (const taker of takers) all[taker % all.length]!.buckets.take("k", 0);
        for (let nowMs = 0; nowMs <= 2_000; nowMs += STEP_MS) step(nowMs);
        for (const { buckets } of all) expect(buckets.remaining("k", 2_000)).toBe(1_000 - takers.length);
      }),
      { numRuns: 60 },
    );
  });

  test("SharedLimits tells other processes of a limit that is not shared, and other gateways nothing", () => {
    const { all, step } = tree([3, 2], { limit: 1, windowMs: 1e9, burst: 100, isShared: false });
    all.find(({ name }) => name === "0/1")!.buckets.take("k", 0);
    all.find(({ name }) => name === "1/0")!.buckets.take("k", 0);
    for (let nowMs = 0; nowMs <= 2_000; nowMs += STEP_MS) step(nowMs);
    expect(all.map(({ buckets }) => buckets.remaining("k", 2_000))).toEqual([99, 99, 99, 99, 99]);
  });

  test("SharedLimits takes nothing of a limit that is not shared from another gateway", () => {
    const buckets = new TokenBuckets(limitPlan({ limit: 10, isShared: false }));
    const shared = new SharedLimits({ life: 1, buckets: [buckets] });
    shared.setPeers(["other"], ["own"]);
    const taken = { [countedName(buckets)]: ["k", 2] };
    const message: SharedMessage = { life: 1, number: 1, heard: { life: 0, number: 0 }, taken };
    shared.receive("other", message, 0);
    expect(buckets.remaining("k", 0)).toBe(10);
    shared.receive("own", message, 0);
    expect(buckets.remaining("k", 0)).toBe(8);
  });

  test("SharedLimits keeps to its bound when all processes of two gateways are asked far too much", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), (seed, left, right) => {
        const [limit, burst, untilMs] = [100, 20, 8_000];
        const random = seededRandom(seed);
        const { all, step } = tree([left, right], { limit, burst, isShared: true });
        let passed = 0;
        for (let nowMs = 0; nowMs < untilMs; nowMs += STEP_MS) {
          step(nowMs);
          for (const { buckets } of all) {
            while (random.next() < 0.9 && buckets.look("k", nowMs) === 0) {
              buckets.take("k", nowMs);
              passed++;
            }
          }
        }
        const hops = Math.max(left, right) > 1 ? 3 : 1;
        const unknownMs = hops * (ROUND_MS + 3 * WAY_MS + 4 * STEP_MS);
        const allowed = burst + (limit / 1_000) * untilMs;
        const excess = (left + right - 1) * (burst + (limit / 1_000) * unknownMs);
        expect(passed).toBeLessThanOrEqual(allowed + excess);
        expect(passed).toBeGreaterThan(0.8 * (allowed - burst));
      }),
      { numRuns: 25 },
    );
  });

  test("tick() says for how many processes it speaks when there are others", () => {
    const { all } = tree([3, 2], { isShared: true });
    const main = all[0]!;
    main.shared.receive("1/0", { life: 1, number: 1, heard: { life: 0, number: 0 }, voices: 2, taken: {} }, 0);
    main.buckets.take("k", 0);
    const told = main.shared.tick(0).map(({ message, peer }) => [peer, message.voices]);
    expect(told).toEqual([
      ["1/0", 3],
      ["0/1", 4],
      ["0/2", 4],
    ]);
  });
});
