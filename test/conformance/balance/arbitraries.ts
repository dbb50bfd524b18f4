/** Drawn histories of a small cluster: nodes come, go, report, are excluded, start and end requests. Also with senseless numbers. */
import fc from "fast-check";
import type { Balancer, Candidate, NodeLoad } from "../../../src/protocol/balance/index.ts";

const IDS = ["a", "b", "c", "d", "e", "f"];

/** What no node should say, and one may. */
const odd = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, 0, 1e300, 5e-324);

function mostly(sane: fc.Arbitrary<number>): fc.Arbitrary<number> {
  return fc.oneof({ weight: 9, arbitrary: sane }, { weight: 1, arbitrary: odd });
}

const share = mostly(fc.double({ min: 0, max: 1, noNaN: true }));

const load: fc.Arbitrary<NodeLoad> = fc.record({
  cpu: share,
  memory: share,
  queue: mostly(fc.nat(20)),
  capacity: mostly(fc.integer({ min: 1, max: 16 })),
  atMs: mostly(fc.nat(60_000)),
});

export const candidate: fc.Arbitrary<Candidate> = fc.record({
  id: fc.constantFrom(...IDS),
  weight: mostly(fc.integer({ min: 1, max: 5 })),
  outstanding: mostly(fc.nat(10)),
  load: fc.option(load, { nil: undefined }),
});

export const candidates: fc.Arbitrary<readonly Candidate[]> = fc.uniqueArray(candidate, {
  selector: ({ id }) => id,
  maxLength: IDS.length,
});

export type Event =
  | {
      readonly type: "pick";
      readonly candidates: readonly Candidate[];
      readonly exclude: readonly string[];
      readonly key: string | undefined;
    }
  | { readonly type: "started"; readonly id: string }
  | { readonly type: "ended"; readonly id: string; readonly ok: boolean; readonly durationMs: number }
  | { readonly type: "forget"; readonly id: string }
  | { readonly type: "pass"; readonly ms: number };

const id = fc.constantFrom(...IDS);

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("pick" as const),
      candidates,
      exclude: fc.subarray([...IDS, "stranger"]),
      key: fc.option(fc.string(), { nil: undefined }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("started" as const), id }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("ended" as const),
      id,
      ok: fc.boolean(),
      durationMs: mostly(fc.nat(1_000)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("forget" as const), id }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("pass" as const), ms: fc.nat(20_000) }) },
);

export const history: fc.Arbitrary<readonly Event[]> = fc.array(event, { maxLength: 60 });

export interface Pick {
  readonly allowed: readonly string[];
  readonly picked: string | undefined;
}

/** Every pick of the history, with those who might have been chosen. */
export function play(balancer: Balancer, events: readonly Event[]): readonly Pick[] {
  const picks: Pick[] = [];
  let nowMs = 0;
  for (const each of events) {
    if (each.type === "pass") nowMs += each.ms;
    else if (each.type === "started") balancer.started?.(each.id, nowMs);
    else if (each.type === "ended") balancer.ended?.(each.id, each, nowMs);
    else if (each.type === "forget") balancer.forget?.(each.id);
    else {
      const exclude = new Set(each.exclude);
      const allowed = each.candidates.map((candidate) => candidate.id).filter((one) => !exclude.has(one));
      picks.push({ allowed, picked: balancer.pick(each.candidates, { key: each.key, exclude }, nowMs) });
    }
  }
  return picks;
}
