/** Limits of concurrency that several count together: how many too many, what becomes of those that die, and that all agree in the end. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Concurrency } from "../../../../../src/edge/gateway/limit/concurrency.ts";
import { Limits, SharedLimits, type SharedMessage } from "../../../../../src/edge/gateway/limit/index.ts";
import { countedName, limitPlan } from "../../../../support/limit-plans.ts";
import {
  KEYS,
  type NetworkOptions,
  type PlaceProcess,
  PlacesNetwork,
  ROUND_MS,
  SILENCE_MS,
  STEP_MS,
} from "./places-network.ts";

const CALM = { seed: 1, sizes: [1, 1], limit: 10, delayMsMax: 0, loss: 0, doubled: 0 } as const;
/** What a peer has said is believed so long. */
const BELIEVED_MS = 1.5 * SILENCE_MS;
/** Everything is said anew so often. */
const RENEW_MS = 0.5 * SILENCE_MS;

interface Passed {
  readonly atMs: number;
  readonly by: PlaceProcess;
  /** Under way then. */
  readonly count: number;
}

/** Everybody is asked for one key again and again, each request lasts a while. */
function rush(network: PlacesNetwork, durationMs: number): Passed[] {
  const passed: Passed[] = [];
  const ending: { readonly atMs: number; readonly by: PlaceProcess }[] = [];
  network.run(durationMs, () => {
    for (let at = ending.length - 1; at >= 0; at--) {
      if (ending[at]!.atMs > network.nowMs) continue;
      ending[at]!.by.concurrency.giveBack("a");
      ending.splice(at, 1);
    }
    for (const by of network.all) {
      while (network.random.next() < 0.7 && by.concurrency.look("a") === 0) {
        by.concurrency.take("a");
        ending.push({ atMs: network.nowMs + 5 + network.random.next() * 400, by });
        passed.push({ atMs: network.nowMs, by, count: network.underWay("a") });
      }
    }
  });
  return passed;
}

/** The most that were under way beyond the limit and what the others let through within `unknownMs` before. */
function excess(passed: readonly Passed[], limit: number, unknownMs: number): number {
  let worst = Number.NEGATIVE_INFINITY;
  for (const [index, { atMs, by, count }] of passed.entries()) {
    let unknown = 0;
    for (let at = index - 1; at >= 0 && passed[at]!.atMs >= atMs - unknownMs; at--)
      if (passed[at]!.by !== by) unknown++;
    worst = Math.max(worst, count - limit - unknown);
  }
  return worst;
}

const WORLDS: fc.Arbitrary<NetworkOptions> = fc.record({
  seed: fc.integer(),
  sizes: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
  limit: fc.integer({ min: 1, max: 30 }),
  delayMsMax: fc.integer({ min: 0, max: 60 }),
  loss: fc.constant(0),
  doubled: fc.constant(0.2),
});

/** The longest time until all others know, where nothing is lost. */
function unknownMs({ delayMsMax, sizes }: NetworkOptions): number {
  const ways = Math.max(...sizes) > 1 ? (sizes.length > 1 ? 3 : 2) : 1;
  return ways * (ROUND_MS + 3 * (delayMsMax + STEP_MS) + STEP_MS);
}

describe("SharedLimits with limits of concurrency", () => {
  test("no more are under way than the limit and what others let through before they were heard of", () => {
    fc.assert(
      fc.property(WORLDS, (world) => {
        const network = new PlacesNetwork(world);
        const passed = rush(network, 3_000);
        expect(excess(passed, world.limit, unknownMs(world))).toBeLessThanOrEqual(0);
        expect(Math.max(...passed.map(({ count }) => count))).toBeLessThanOrEqual(world.limit * network.all.length);
        expect(passed.filter(({ atMs, count }) => atMs > 2_000 && count >= 0.7 * world.limit).length).toBeGreaterThan(
          0,
        );
      }),
      { numRuns: 12 },
    );
  });

  test("the check sees too many under way when nobody hears of anybody", () => {
    const world = { ...CALM, sizes: [1, 1, 1, 1], loss: 1 };
    expect(excess(rush(new PlacesNetwork(world), 4_000), world.limit, unknownMs(world))).toBeGreaterThan(5);
  });

  test("all know of all that is under way in the end, whatever was lost, parted, killed and reloaded before", () => {
    fc.assert(
      fc.property(WORLDS, fc.double({ min: 0, max: 0.5, noNaN: true }), fc.boolean(), (world, loss, isDeathSeen) => {
        const network = new PlacesNetwork({ ...world, limit: 1_000_000, loss });
        network.isDeathSeen = isDeathSeen;
        network.run(5_000, () => disturb(network));
        for (const process of network.all) if (!process.isUp) process.begin();
        network.apart = [];
        network.loss = 0;
        network.run(BELIEVED_MS + RENEW_MS + 2 * unknownMs(world));
        for (const key of KEYS) {
          const known = network.all.map(({ concurrency }) => 1_000_000 - concurrency.remaining(key));
          expect(known).toEqual(known.map(() => network.underWay(key)));
        }
      }),
      { numRuns: 12 },
    );
  });

  test("what a gateway had under way that has died is free again when it has been silent for long", () => {
    const network = new PlacesNetwork(CALM);
    const [first, second] = network.all as [PlaceProcess, PlaceProcess];
    for (let count = 0; count < 10; count++) first.concurrency.take("a");
    network.run(10_000);
    expect(second.concurrency.remaining("a")).toBe(0);
    first.isUp = false;
    network.run(BELIEVED_MS - RENEW_MS - ROUND_MS);
    expect(second.concurrency.remaining("a")).toBe(0);
    network.run(RENEW_MS + 2 * ROUND_MS);
    expect(second.concurrency.remaining("a")).toBe(10);
    first.begin();
    first.concurrency.take("a");
    network.run(2 * ROUND_MS);
    expect(second.concurrency.remaining("a")).toBe(9);
  });

  test("what a process had under way is free at once, everywhere, when its main process sees it end", () => {
    const network = new PlacesNetwork({ ...CALM, sizes: [3, 2] });
    network.isDeathSeen = true;
    const killed = network.all.find(({ name }) => name === "0/2")!;
    for (let count = 0; count < 10; count++) killed.concurrency.take("a");
    const left = () => network.all.filter((each) => each !== killed).map((each) => each.concurrency.remaining("a"));
    network.run(RENEW_MS);
    expect(left()).toEqual([0, 0, 0, 0]);
    killed.isUp = false;
    network.run(3 * (ROUND_MS + STEP_MS));
    expect(left()).toEqual([10, 10, 10, 10]);
  });

  test("each part counts alone when they are parted, and together again when they are not", () => {
    const network = new PlacesNetwork(CALM);
    const [first, second] = network.all as [PlaceProcess, PlaceProcess];
    for (let count = 0; count < 10; count++) first.concurrency.take("a");
    network.run(RENEW_MS);
    network.apart = ["0"];
    network.run(BELIEVED_MS + ROUND_MS);
    expect(second.concurrency.remaining("a")).toBe(10);
    for (let count = 0; count < 4; count++) second.concurrency.take("a");
    for (let count = 0; count < 3; count++) first.concurrency.giveBack("a");
    network.apart = [];
    network.run(RENEW_MS + ROUND_MS + 2 * STEP_MS);
    // Eleven are under way: nobody gets in until two have ended.
    expect(network.all.map(({ concurrency }) => concurrency.look("a"))).toEqual([Infinity, Infinity]);
    first.concurrency.giveBack("a");
    second.concurrency.giveBack("a");
    network.run(2 * ROUND_MS);
    expect(network.all.map(({ concurrency }) => concurrency.remaining("a"))).toEqual([1, 1]);
  });

  test("what ended while nothing arrived is told anew when the peer was believed all the time", () => {
    const network = new PlacesNetwork(CALM);
    const [first, second] = network.all as [PlaceProcess, PlaceProcess];
    for (const key of ["a", "a", "b"]) first.concurrency.take(key);
    network.run(RENEW_MS + 2 * STEP_MS);
    network.apart = ["0"];
    first.concurrency.giveBack("a");
    first.concurrency.giveBack("a");
    network.run(SILENCE_MS + 1.5 * ROUND_MS);
    network.apart = [];
    expect(["a", "b"].map((key) => second.concurrency.remaining(key))).toEqual([8, 9]);
    network.run(RENEW_MS + ROUND_MS);
    expect(["a", "b"].map((key) => second.concurrency.remaining(key))).toEqual([10, 9]);
  });

  test("a reload loses nothing of what is under way elsewhere, and takes what the limit does not count any more", () => {
    const network = new PlacesNetwork(CALM);
    const [first, second] = network.all as [PlaceProcess, PlaceProcess];
    for (let count = 0; count < 6; count++) second.concurrency.take("a");
    network.run(RENEW_MS);
    first.follow(first.shared);
    expect(first.concurrency.remaining("a")).toBe(4);
    network.run(STEP_MS);
    expect(first.concurrency.remaining("a")).toBe(4);
    const former = first.concurrency;
    first.concurrency = new Concurrency(former.plan);
    first.follow(first.shared);
    expect(former.remaining("a")).toBe(10);
    network.run(RENEW_MS + ROUND_MS + STEP_MS);
    expect(first.concurrency.remaining("a")).toBe(4);
    first.shared.retire();
    expect(first.concurrency.remaining("a")).toBe(10);
  });

  test("other processes are told of a limit that is not shared, and other gateways nothing", () => {
    const network = new PlacesNetwork({ ...CALM, sizes: [2, 2], isShared: false });
    network.all[1]!.concurrency.take("a");
    network.run(RENEW_MS);
    expect(network.all.map(({ concurrency }) => concurrency.remaining("a"))).toEqual([9, 9, 10, 10]);
  });

  test("tick() tells nothing of what came and went between two rounds, and of many keys in messages of bounded size", () => {
    const concurrency = new Concurrency(
      limitPlan({ algorithm: "concurrency", limit: 1, isShared: true, keysMax: 20_000 }),
    );
    const shared = new SharedLimits({ life: 7, buckets: [], concurrencies: [concurrency] });
    shared.setPeers(["b"]);
    shared.receive("b", { ...SAID, number: 0 }, 0);
    concurrency.take("short");
    concurrency.giveBack("short");
    expect(shared.tick(0)).toEqual([]);
    for (let at = 0; at < 12_000; at++) concurrency.take(`key ${at}`);
    const told: number[] = [];
    for (let round = 1; round < 8; round++) {
      for (const { message } of shared.tick(round * 100)) {
        told.push((message.held?.[countedName(concurrency)] ?? []).length / 2);
        shared.receive("b", heardOf(message), round * 100);
      }
    }
    expect(told).toEqual([2_000, 2_000, 2_000, 2_000, 2_000]);
    expect(shared.counts()).toEqual({ peers: 1, silent: 0, untold: 2_000 });
  });
});

describe("Limits that are counted elsewhere too", () => {
  test("admit() refuses, and those that wait go on, by what is under way elsewhere", () => {
    const plan = limitPlan({ algorithm: "concurrency", action: "DELAY", delayMsMax: 1_000, limit: 2, isShared: true });
    const limits = new Limits([plan]);
    const name = countedName({ plan });
    const shared = new SharedLimits({ life: 1, ...limits.countedTogether() });
    shared.setPeers(["b"]);
    const says = (number: number, count: number, nowMs: number) =>
      shared.receive("b", { ...SAID, number, held: { [name]: ["192.0.2.1", count], gone: ["k", 1] } }, nowMs);
    says(1, 2, 0);
    const verdict = limits.admit(limits.forRoute("r")!, { client: "192.0.2.1", headers: [] }, 0);
    const settled: string[] = [];
    verdict.onSettled = ({ kind }) => settled.push(kind);
    expect(verdict.kind).toBe("wait");
    expect(limits.counts()).toMatchObject([{ keys: 1, waiting: 1 }]);
    says(2, 1, 10);
    expect(limits.nextDeadlineMs).toBeLessThanOrEqual(10);
    limits.tick(10);
    expect(settled).toEqual(["pass"]);
  });
});

const SAID: SharedMessage = { life: 1, number: 1, heard: { life: 0, number: 0 }, taken: {} };

function heardOf({ life, number }: SharedMessage): SharedMessage {
  return { ...SAID, number: 0, heard: { life, number } };
}

/** Requests begin and end; now and then a process dies, begins again or reloads, or the network parts. */
function disturb(network: PlacesNetwork): void {
  const { all, random } = network;
  const chance = (share: number): boolean => random.next() < share;
  const some = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)]!;
  const process = some(all);
  if (!process.isUp) {
    if (chance(0.02)) process.begin();
    return;
  }
  if (chance(0.3)) process.concurrency.take(some(KEYS));
  if (chance(0.25)) process.concurrency.giveBack(some(KEYS));
  if (chance(0.005)) process.follow(process.shared);
  if (chance(0.005)) process.isUp = false;
  if (chance(0.002)) network.apart = network.apart.length === 0 ? ["0"] : [];
}
