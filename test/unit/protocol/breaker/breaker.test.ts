import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import {
  Breaker,
  type BreakerEffect,
  type BreakerInput,
  type BreakerOptions,
  type BreakerState,
} from "../../../../src/protocol/breaker/index.ts";
import { ModelBreaker } from "./model.ts";
import { run } from "./transcript.ts";

const TRANSCRIPTS = join(import.meta.dir, "transcripts");

describe("Breaker transcripts", () => {
  for (const name of readdirSync(TRANSCRIPTS)) {
    test(`step() writes ${name} when replayed`, () => {
      const path = join(TRANSCRIPTS, name);
      const golden = readFileSync(path, "utf8");
      const replayed = run(golden);
      if (process.env.UPDATE_TRANSCRIPTS === "1") writeFileSync(path, replayed);
      else expect(replayed).toBe(golden);
    });
  }
});

const options: fc.Arbitrary<BreakerOptions> = fc.record({
  failureThreshold: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined, freq: 1 }),
  rate: fc.record({
    failureRate: fc.constantFrom(0.25, 0.5, 1),
    minimumCalls: fc.integer({ min: 1, max: 8 }),
    windowMs: fc.constantFrom(10, 50, 200),
  }),
  successThreshold: fc.integer({ min: 1, max: 3 }),
  timeoutMs: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
  halfOpenAfterMs: fc.constantFrom(1, 5, 20, 60),
  halfOpenCalls: fc.integer({ min: 1, max: 3 }),
});

/** `ok` and `bad` are a call and its result at once. */
const KINDS = [
  "ok",
  "ok",
  "bad",
  "bad",
  "bad",
  "admit",
  "admit",
  "failed",
  "succeeded",
  "cancelled",
  "tick",
  "trip",
  "reset",
];
const drawn = fc.record({
  kind: fc.constantFrom(...KINDS),
  pick: fc.nat(),
  passMs: fc.constantFrom(0, 0, 1, 3, 5, 10, 70),
});
type Event = { kind: string; pick: number; passMs: number };
const events = fc.array(drawn, { maxLength: 150 }).map((all) => all.flatMap(asTwo));

function asTwo(event: Event): Event[] {
  if (event.kind !== "ok" && event.kind !== "bad") return [event];
  const kind = event.kind === "ok" ? "succeeded" : "failed";
  return [
    { ...event, kind: "admit" },
    { kind, pick: 0, passMs: 0 },
  ];
}

/** Trips and resets are rare: one in so many of those that were drawn. */
const RARE = 8;

function inputOf({ kind, pick }: Event, tickets: number): BreakerInput {
  if (kind === "trip" && pick % RARE === 0) return { type: "trip", reason: "so be it" };
  if (kind === "reset" && pick % RARE === 0) return { type: "reset" };
  if (kind === "reset" && pick % RARE === 1) return { type: "probe", reason: "hope" };
  if (tickets === 0 || kind === "tick" || kind === "trip" || kind === "reset") return { type: "tick" };
  const ticket = tickets - (pick % Math.min(tickets, 8)); // one of the last few
  if (kind === "failed") return { type: "failed", ticket, reason: "down" };
  return { type: kind as "succeeded" | "cancelled", ticket };
}

/** Plays the events; `before` may do something at the time of each. */
function play(
  breaker: Breaker,
  given: readonly Event[],
  before: (nowMs: number) => readonly BreakerEffect[] = () => [],
) {
  const log: { readonly decisions: string[]; readonly changes: BreakerEffect[] } = { decisions: [], changes: [] };
  let nowMs = 0;
  let tickets = 0;
  let answers = 0;
  for (const each of given) {
    for (let passed = 0; passed < each.passMs; passed++) log.changes.push(...before(++nowMs));
    if (each.kind === "admit") {
      const { decision, effects } = breaker.admit(nowMs);
      log.changes.push(...effects);
      log.decisions.push(decision.type);
      if (decision.type === "admitted") tickets = decision.ticket;
    } else {
      const input = inputOf(each, tickets);
      if ("ticket" in input) answers++;
      log.changes.push(...breaker.step(input, nowMs));
    }
  }
  return { ...log, nowMs, answers };
}

describe("Breaker", () => {
  test("step() decides as the dumber model does whatever happens", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(options, events, (given, happened) => {
        const breaker = new Breaker(given);
        const model = new ModelBreaker(given);
        let nowMs = 0;
        let tickets = 0;
        const changes: (readonly [BreakerState, number])[] = [];
        for (const each of happened) {
          nowMs += each.passMs;
          model.liveUntil(nowMs);
          let effects: readonly BreakerEffect[];
          if (each.kind === "admit") {
            const asked = breaker.admit(nowMs);
            expect(asked.decision.type).toBe(model.admit());
            if (asked.decision.type === "admitted") tickets = asked.decision.ticket;
            effects = asked.effects;
          } else {
            const input = inputOf(each, tickets);
            effects = breaker.step(input, nowMs);
            model.give(input);
          }
          changes.push(...effects.map(({ atMs, to }) => [to, atMs] as const));
          for (const { from, to } of effects) seen.add(`${from} → ${to}`);
          expect(breaker.state).toBe(model.state);
        }
        const eras = model.eras.filter(({ state }, at) => at > 0 && state !== model.eras[at - 1]!.state);
        expect(changes).toEqual(eras.map(({ atMs, state }) => [state, atMs] as const));
        expect(breaker.counts().opened).toBe(changes.filter(([state]) => state === "open").length);
      }),
      { numRuns: 1500 },
    );
    expect([...seen].sort()).toEqual([
      "closed → open",
      "half_open → closed",
      "half_open → open",
      "open → closed",
      "open → half_open",
    ]);
  });

  test("step() decides the same when it is ticked every millisecond and when it never is", () => {
    fc.assert(
      fc.property(options, events, (given, happened) => {
        const ticked = new Breaker(given);
        const often = play(ticked, happened, (nowMs) => ticked.step({ type: "tick" }, nowMs));
        const unticked = new Breaker(given);
        expect(play(unticked, happened)).toEqual(often);
        expect(unticked.counts()).toEqual(ticked.counts());
      }),
      { numRuns: 500 },
    );
  });

  test("counts() account for every call and every answer whatever happens", () => {
    fc.assert(
      fc.property(options, events, (given, happened) => {
        const breaker = new Breaker(given);
        const { answers, decisions } = play(breaker, happened);
        const { admitted, refused, succeeded, failed, timedOut, cancelled, late } = breaker.counts();
        expect(admitted).toBe(decisions.filter((each) => each === "admitted").length);
        expect(admitted + refused).toBe(decisions.length);
        expect(succeeded + failed - timedOut + cancelled + late).toBe(answers);
        expect(succeeded + failed + cancelled).toBeLessThanOrEqual(admitted);
      }),
      { numRuns: 300 },
    );
  });

  test("admit() never refuses for good when time-outs are set", () => {
    fc.assert(
      fc.property(options, events, fc.integer({ min: 1, max: 40 }), (given, happened, timeoutMs) => {
        const breaker = new Breaker({ ...given, timeoutMs });
        const { nowMs } = play(breaker, happened);
        const { decision } = breaker.admit(nowMs);
        if (decision.type === "admitted") return;
        expect(decision.retryAfterMs).toBeGreaterThan(0);
        const atMs = nowMs + decision.retryAfterMs! + given.halfOpenAfterMs; // a probe under way may fail first
        expect(breaker.admit(atMs).decision.type).toBe("admitted");
      }),
      { numRuns: 500 },
    );
  });

  test("lastFailure says what came last, and nothing when it was reset", () => {
    const breaker = new Breaker({ failureThreshold: 5, halfOpenAfterMs: 10 });
    breaker.admit(0);
    breaker.step({ type: "failed", ticket: 1, reason: "down" }, 1);
    expect(breaker.lastFailure).toBe("down");
    breaker.step({ type: "trip", reason: "unhealthy" }, 1);
    expect(breaker.lastFailure).toBe("unhealthy");
    breaker.step({ type: "reset" }, 1);
    expect(breaker.lastFailure).toBe("");
  });

  test("a probe makes one that is open half-open before its time, and changes nothing else", () => {
    const breaker = new Breaker({ failureThreshold: 1, halfOpenAfterMs: 10 });
    expect(breaker.step({ type: "probe", reason: "hope" }, 0)).toEqual([]);
    breaker.step({ type: "trip", reason: "unhealthy" }, 1);
    expect(breaker.step({ type: "probe", reason: "hope" }, 2)).toMatchObject([{ to: "half_open", reason: "hope" }]);
    const { decision } = breaker.admit(2);
    expect(decision).toMatchObject({ type: "admitted", probe: true });
    expect(breaker.step({ type: "probe", reason: "hope" }, 3)).toEqual([]);
    breaker.step({ type: "failed", ticket: 1, reason: "down" }, 4);
    expect([breaker.state, breaker.nextDeadlineMs]).toEqual(["open", 14]);
  });

  test("step() throws when the ticket was never given out, or time goes back", () => {
    const breaker = new Breaker({ failureThreshold: 1, halfOpenAfterMs: 10 });
    expect(() => breaker.step({ type: "succeeded", ticket: 1 }, 0)).toThrow("ticket 1 was never given out");
    breaker.step({ type: "tick" }, 5);
    expect(() => breaker.step({ type: "tick" }, 4)).toThrow("time went back from 5 to 4 ms");
  });
});
