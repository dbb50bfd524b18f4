/** What every balancer promises, as checks that throw when a balancer breaks its word. Broken balancers are held to them too. */
import { expect } from "bun:test";
import fc from "fast-check";
import { type Balancer, type Candidate, NODES_REMEMBERED_MAX } from "../../../src/protocol/balance/index.ts";
import { history, play } from "./arbitraries.ts";
import type { Case } from "./cases.ts";

function equal(...ids: readonly string[]): readonly Candidate[] {
  return ids.map((id) => ({ id, weight: 1, outstanding: 0 }));
}

/** One request at a time: picked, answered after 10 ms, and the next. */
function serve(
  balancer: Balancer,
  candidates: readonly Candidate[],
  requests: number,
  fromMs = 0,
): Map<string, number> {
  const counts = new Map(candidates.map(({ id }) => [id, 0]));
  for (let request = 0; request < requests; request++) {
    const nowMs = fromMs + request * 10;
    const id = balancer.pick(candidates, { key: `key ${request}` }, nowMs)!;
    counts.set(id, (counts.get(id) ?? 0) + 1);
    balancer.started?.(id, nowMs);
    balancer.ended?.(id, { ok: true, durationMs: 10 }, nowMs + 10);
  }
  return counts;
}

/** Counts each look at a candidate's id, weight, outstanding or load. */
function watched(count: number): { candidates: readonly Candidate[]; looks: () => number } {
  let looks = 0;
  const seen = <Value>(value: Value): Value => {
    looks++;
    return value;
  };
  const candidates = Array.from({ length: count }, (_, at): Candidate => {
    return {
      get id() {
        return seen(`node-${at}`);
      },
      get weight() {
        return seen(1 + (at % 3));
      },
      get outstanding() {
        return seen(at % 7);
      },
      get load() {
        return seen({ cpu: (at % 10) / 10, memory: 0.5, queue: at % 4, capacity: 4, atMs: 0 });
      },
    };
  });
  return { candidates, looks: () => looks };
}

/** Of all balancers the one with the most passes, LEAST_LOAD, needs fewer than this for each candidate. */
const LOOKS_PER_CANDIDATE_MAX = 16;

export interface Promised {
  /** As the name of a test. */
  readonly text: string;
  readonly isOfFairness?: true;
  readonly check: (balancer: Case) => void;
}

export const PROMISES: readonly Promised[] = [
  { text: "pick() chooses one of those that it may, and somebody whenever there is one", check: choosesAllowed },
  { text: "pick() gives the same answers when everything happens again with the same seed", check: repeats },
  { text: "pick() gives undefined when there is nobody, or all are excluded", check: choosesNobody },
  { text: "pick() is fair when all candidates are equal", isOfFairness: true, check: isFair },
  {
    text: "pick() includes who comes and goes on without who goes, when nodes change",
    isOfFairness: true,
    check: followsChange,
  },
  { text: "pick() looks at each candidate a fixed number of times when there are many", check: looksOnce },
  { text: "forget() leaves nothing when all have gone, and late results bring nothing back", check: forgets },
  { text: "pick() holds no more than a limit when nobody ever says forget", check: isBounded },
];

function choosesAllowed({ make }: Case): void {
  fc.assert(
    fc.property(history, fc.nat(), (events, seed) => {
      for (const { allowed, picked } of play(make(seed), events)) {
        if (allowed.length === 0) expect(picked).toBeUndefined();
        else expect(allowed).toContain(picked!);
      }
    }),
  );
}

function repeats({ make }: Case): void {
  fc.assert(
    fc.property(history, fc.nat(), (events, seed) => {
      expect(play(make(seed), events)).toEqual(play(make(seed), events));
    }),
  );
}

function choosesNobody({ make }: Case): void {
  const balancer = make(1);
  expect(balancer.pick([], {}, 0)).toBeUndefined();
  expect(balancer.pick(equal("a", "b"), { exclude: new Set(["a", "b"]) }, 0)).toBeUndefined();
  expect(balancer.pick(equal("a"), {}, 0)).toBe("a");
}

function isFair({ make, unfairness }: Case): void {
  const counts = serve(make(7), equal("a", "b", "c"), 3_000);
  for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThanOrEqual(1_000 * unfairness);
}

function followsChange({ make }: Case): void {
  const balancer = make(3);
  serve(balancer, equal("a", "b", "c"), 300);
  const withNew = serve(balancer, equal("a", "b", "c", "d"), 1_200, 3_000);
  expect(withNew.get("d")).toBeGreaterThan(200);
  expect(withNew.get("d")).toBeLessThan(400);
  balancer.forget?.("a");
  const without = serve(balancer, equal("b", "c", "d"), 900, 15_000);
  for (const count of without.values()) expect(count).toBeGreaterThan(200);
  const back = serve(balancer, equal("a", "b", "c", "d"), 1_200, 24_000);
  expect(back.get("a")).toBeGreaterThan(200);
  expect(back.get("a")).toBeLessThan(400);
}

function looksOnce({ make }: Case): void {
  for (const count of [10, 1_000]) {
    const { candidates, looks } = watched(count);
    make(5).pick(candidates, { key: "k", exclude: new Set(["node-3"]) }, 1_000);
    expect(looks()).toBeLessThanOrEqual(LOOKS_PER_CANDIDATE_MAX * count);
  }
}

function forgets({ make }: Case): void {
  const balancer = make(9);
  for (let at = 0; at < 500; at++) {
    const candidates = equal(`n${at}`, `n${at + 1}`, `n${at + 2}`);
    const id = balancer.pick(candidates, {}, at)!;
    balancer.started?.(id, at);
    balancer.forget?.(`n${at}`);
    balancer.ended?.(id, { ok: at % 2 === 0, durationMs: 5 }, at);
    expect(balancer.remembered).toBeLessThanOrEqual(5);
  }
  for (let at = 0; at < 510; at++) balancer.forget?.(`n${at}`);
  expect(balancer.remembered).toBe(0);
}

function isBounded({ make }: Case): void {
  const balancer = make(11);
  for (let at = 0; at < NODES_REMEMBERED_MAX + 500; at++) {
    const id = balancer.pick(equal(`n${at}`, `m${at}`), {}, at)!;
    balancer.started?.(id, at);
  }
  expect(balancer.remembered).toBeLessThanOrEqual(NODES_REMEMBERED_MAX);
  expect(balancer.pick(equal("x"), {}, 1e9)).toBe("x");
}
