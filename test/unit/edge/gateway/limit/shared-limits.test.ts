/** Gateways that count together, over a network that loses, doubles, delays and parts. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Random, seededRandom } from "../../../../../src/base/random.ts";
import { readSharedMessage, SharedLimits, type SharedMessage } from "../../../../../src/edge/gateway/limit/index.ts";
import { TokenBuckets } from "../../../../../src/edge/gateway/limit/token-buckets.ts";
import { countedName, limitPlan } from "../../../../support/limit-plans.ts";

interface World {
  readonly seed: number;
  readonly processes: number;
  readonly limit: number;
  readonly burst: number;
  readonly delayMsMax: number;
  readonly loss: number;
  readonly doubled: number;
  /** Nothing passes between odd and even processes from here to there. */
  readonly parted?: readonly [number, number];
  readonly untilMs: number;
}

interface Flying {
  readonly atMs: number;
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

const STEP_MS = 5;
const ROUND_MS = 100;

/** Every process is asked much more often than all of them may let through. Gives the times at which one did. */
function simulate(world: World): number[] {
  const random = seededRandom(world.seed);
  const plan = limitPlan({ limit: world.limit, burst: world.burst, isShared: true });
  const all = Array.from({ length: world.processes }, (_, at) => {
    const buckets = new TokenBuckets(plan);
    const shared = new SharedLimits({ life: 1, buckets: [buckets], roundMs: ROUND_MS });
    shared.setPeers(
      Array.from({ length: world.processes }, (_none, other) => `p${other}`).filter((_none, other) => other !== at),
    );
    return { buckets, shared };
  });
  let flying: Flying[] = [];
  const passed: number[] = [];
  for (let nowMs = 0; nowMs < world.untilMs; nowMs += STEP_MS) {
    const arriving = flying.filter(({ atMs }) => atMs <= nowMs);
    flying = flying.filter(({ atMs }) => atMs > nowMs);
    for (const { from, text, to } of arriving) {
      const message = readSharedMessage(JSON.parse(text));
      if (message === undefined) throw new Error(`no message: ${text}`);
      const answer = all[to]!.shared.receive(`p${from}`, message, nowMs);
      if (answer !== undefined) flying.push(...carry(world, random, to, from, answer, nowMs));
    }
    for (const [at, { buckets, shared }] of all.entries()) {
      while (random.next() < 0.9 && buckets.look("k", nowMs) === 0) {
        buckets.take("k", nowMs);
        passed.push(nowMs);
      }
      if (nowMs < shared.nextDeadlineMs) continue;
      for (const { message, peer } of shared.tick(nowMs))
        flying.push(...carry(world, random, at, Number(peer.slice(1)), message, nowMs));
    }
  }
  return passed;
}

function carry(
  world: World,
  random: Random,
  from: number,
  to: number,
  message: SharedMessage,
  nowMs: number,
): Flying[] {
  const [since, until] = world.parted ?? [0, 0];
  if (nowMs >= since && nowMs < until && from % 2 !== to % 2) return [];
  const copies = random.next() < world.doubled ? 2 : 1;
  return Array.from({ length: copies }, () => ({
    from,
    to,
    atMs: nowMs + random.next() * world.delayMsMax,
    text: JSON.stringify(message),
  })).filter(() => random.next() >= world.loss);
}

/** The most that was let through beyond `burst + rate × time`, over all spans of time that begin and end with a request. */
function excess(passed: readonly number[], { burst, limit }: World, fromMs = 0): number {
  const perMs = limit / 1_000;
  let worst = Number.NEGATIVE_INFINITY;
  let lowest = Number.POSITIVE_INFINITY;
  for (const [index, atMs] of passed.filter((each) => each >= fromMs).entries()) {
    lowest = Math.min(lowest, index - perMs * atMs);
    worst = Math.max(worst, index + 1 - perMs * atMs - lowest);
  }
  return worst - burst;
}

/** What the README states, with the longest time until others know. */
function bound({ burst, limit, processes }: World, unknownMs: number): number {
  return (processes - 1) * (burst + (limit / 1_000) * unknownMs) + 1e-6;
}

const WORLDS = fc.record({
  seed: fc.integer(),
  processes: fc.integer({ min: 2, max: 5 }),
  limit: fc.integer({ min: 5, max: 300 }),
  burst: fc.integer({ min: 1, max: 50 }),
  delayMsMax: fc.integer({ min: 0, max: 90 }),
  loss: fc.constant(0),
  doubled: fc.constant(0.2),
  untilMs: fc.constant(6_000),
});

/** Buckets that waste nothing between two steps of the simulation, so that what is let through can be compared with the limit. */
function usable(world: World, untilMs: number): World {
  return { ...world, untilMs, limit: Math.max(50, world.limit), burst: Math.max(4, world.burst) };
}

describe("SharedLimits", () => {
  test("SharedLimits lets through no more than its bound when messages are late and doubled", () => {
    fc.assert(
      fc.property(WORLDS, (world) => {
        // A message goes in the first round behind the answer to the one before: there and back, a round, and its own way.
        const unknownMs = ROUND_MS + 3 * (world.delayMsMax + STEP_MS) + STEP_MS;
        expect(excess(simulate(world), world)).toBeLessThanOrEqual(bound(world, unknownMs));
      }),
      { numRuns: 40 },
    );
  });

  test("SharedLimits keeps to the limit on the average, and uses it up, when messages are lost", () => {
    fc.assert(
      fc.property(WORLDS, fc.double({ min: 0, max: 0.3, noNaN: true }), (world, loss) => {
        const untilMs = 20_000;
        const lossy = { ...usable(world, untilMs), loss };
        const allowed = lossy.burst + (lossy.limit * untilMs) / 1_000;
        const passed = simulate(lossy).length;
        expect(passed).toBeLessThanOrEqual(allowed + bound(lossy, 4_200));
        expect(passed).toBeGreaterThan(0.85 * (allowed - lossy.burst));
      }),
      { numRuns: 20 },
    );
  });

  test("SharedLimits lets each part count alone when they are parted, and together again when they are not", () => {
    fc.assert(
      fc.property(WORLDS, (world) => {
        const parted: World = { ...usable(world, 24_000), parted: [3_000, 12_000] };
        const passed = simulate(parted);
        const within = (from: number, to: number): number => passed.filter((atMs) => atMs >= from && atMs < to).length;
        const perSecond = (from: number, to: number): number => within(from, to) / ((to - from) / 1_000) / parted.limit;
        expect(perSecond(6_000, 12_000)).toBeLessThan(2.2 + (2 * parted.burst * parted.processes) / parted.limit / 6);
        expect(perSecond(7_000, 12_000)).toBeGreaterThan(1.6);
        expect(perSecond(19_000, 24_000)).toBeLessThan(1.15 + (2 * parted.burst * parted.processes) / parted.limit / 5);
        expect(perSecond(19_000, 24_000)).toBeGreaterThan(0.8);
      }),
      { numRuns: 10 },
    );
  });

  test("the check sees too much being let through when nobody hears of anybody", () => {
    const world: World = {
      seed: 1,
      processes: 4,
      limit: 100,
      burst: 5,
      delayMsMax: 10,
      loss: 1,
      doubled: 0,
      untilMs: 6_000,
    };
    expect(excess(simulate(world), world)).toBeGreaterThan(bound(world, 500));
  });

  test("tick() cuts what it tells into messages of bounded size when there are many keys", () => {
    const buckets = new TokenBuckets(limitPlan({ isShared: true, keysMax: 10_000 }));
    const shared = new SharedLimits({ life: 7, buckets: [buckets] });
    shared.setPeers(["b"]);
    for (let at = 0; at < 4_500; at++) buckets.take(`key ${at}`, 0);
    const told: number[] = [];
    for (let round = 0; round < 4; round++) {
      const [effect] = shared.tick(round * 100);
      if (effect === undefined) break;
      told.push((effect.message.taken[countedName(buckets)] ?? []).length / 2);
      const { life, number } = effect.message;
      shared.receive("b", { life: 1, number: 0, heard: { life, number }, taken: {} }, round * 100);
    }
    expect(told).toEqual([2_000, 2_000, 500]);
    expect(shared.counts()).toEqual({ peers: 1, silent: 0, untold: 0 });
  });

  test("receive() takes a message once, of peers only, and none of a former life", () => {
    const buckets = new TokenBuckets(limitPlan({ limit: 10, isShared: true }));
    const shared = new SharedLimits({ life: 1, buckets: [buckets] });
    shared.setPeers(["b"]);
    const message = (life: number, number: number): SharedMessage => ({
      life,
      number,
      heard: { life: 0, number: 0 },
      taken: { [countedName(buckets)]: ["k", 2], gone: ["k", 9] },
    });
    const left = (peer: string, life: number, number: number): number => {
      shared.receive(peer, message(life, number), 0);
      return buckets.remaining("k", 0);
    };
    expect([
      left("c", 5, 1),
      left("b", 5, 1),
      left("b", 5, 1),
      left("b", 5, 2),
      left("b", 4, 9),
      left("b", 6, 1),
    ]).toEqual([...[10, 8, 8, 6, 6, 4]]);
  });

  test("receive() leaves a bucket no further below nothing than peers can have taken when a peer says much", () => {
    const buckets = new TokenBuckets(limitPlan({ limit: 10, burst: 10, isShared: true }));
    const shared = new SharedLimits({ life: 1, buckets: [buckets], roundMs: 100, silenceMs: 1_000 });
    shared.setPeers(["b"]);
    const taken = { [countedName(buckets)]: ["k", 1e9] };
    shared.receive("b", { life: 1, number: 1, heard: { life: 0, number: 0 }, taken }, 0);
    expect(buckets.look("k", 0)).toBeCloseTo(100 + (10 + 21) * 100, 3);
  });
});

describe("readSharedMessage()", () => {
  test("readSharedMessage() gives nothing when the message is none", () => {
    const good = { life: 1, number: 1, heard: { life: 1, number: 0 }, taken: { one: ["k", 1] } };
    expect(readSharedMessage(good)).toEqual(good);
    const bad: unknown[] = [
      null,
      [],
      { ...good, life: -1 },
      { ...good, number: 1.5 },
      { ...good, heard: 1 },
      { ...good, heard: { life: 1 } },
      { ...good, taken: [] },
      { ...good, held: null },
      { ...good, held: { one: ["k", -1] } },
      { ...good, held: { one: ["k"] } },
    ];
    expect(readSharedMessage({ ...good, held: { one: ["k", 0] } })).toBeDefined();
    expect(readSharedMessage({ ...good, taken: { one: ["k", 0] } })).toBeUndefined();
    for (const pairs of [
      ["k"],
      ["k", 0],
      ["k", -1],
      [1, 1],
      ["k", "1"],
      ["k".repeat(300), 1],
      ["k", 1e12],
      { k: 1 },
      new Array(4_002).fill(1),
    ])
      bad.push({ ...good, taken: { one: pairs } });
    for (const each of bad) expect(readSharedMessage(each)).toBeUndefined();
  });
});

describe("SharedLimits that take the place of others", () => {
  test("receive() counts nothing again that was heard before, answers for it, and counts what comes next", () => {
    const buckets = new TokenBuckets(limitPlan({ limit: 100, burst: 100, isShared: true }));
    const first = new SharedLimits({ life: 1, buckets: [buckets], roundMs: ROUND_MS });
    first.setPeers(["p"]);
    const said = (number: number): SharedMessage => ({
      ...{ life: 7, number, heard: { life: 0, number: 0 }, voices: 3 },
      taken: { [countedName(buckets)]: ["k", 10] },
    });
    const left = () => {
      let count = 0;
      while (buckets.look("k", 0) === 0) {
        buckets.take("k", 0);
        count++;
      }
      return count;
    };
    first.receive("p", said(1), 0);
    const second = new SharedLimits({ life: 2, buckets: [buckets], roundMs: ROUND_MS, former: first });
    second.setPeers(["p", "new"]);
    const answer = second.receive("p", said(1), 0); // the one before was lost
    expect(answer).toEqual({ life: 2, number: 0, heard: { life: 7, number: 1 }, taken: {} });
    second.receive("p", said(2), 0);
    second.receive("new", { ...said(1), life: 1 }, 0);
    expect(left()).toBe(70);
  });
});
