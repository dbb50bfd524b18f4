import { describe, expect, test } from "bun:test";
import { type Admitted, StageBreaker } from "../../../../../src/work/pipeline/stages/stage-breaker.ts";
import type { Outcome, StageEvent, StagePlan } from "../../../../../src/work/pipeline/stages/types.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

function planWith(failureThreshold: number): StagePlan {
  return { breaker: { failureThreshold, successThreshold: 1, halfOpenAfterMs: 100 } } as StagePlan; // all that it reads
}

function rig(failureThreshold = 1) {
  const events: StageEvent[] = [];
  const ports = {
    plan: planWith(failureThreshold),
    clock: new SteppedClock(),
    observe: (event: StageEvent) => void events.push(event),
  };
  return { ports, events, breaker: new StageBreaker(ports) };
}

function failed(more: Partial<Extract<Outcome, { kind: "failed" }>> = {}): Outcome {
  return { kind: "failed", cause: "error", code: "plugin.threw", reason: "down", ...more };
}

function done(rows: number): Outcome {
  return { kind: "done", counts: { in: rows } } as Outcome; // all that it reads
}

function admitted(breaker: StageBreaker): Admitted {
  const admission = breaker.admit();
  if (admission.kind !== "admitted") throw new Error(admission.reason);
  return admission;
}

describe("StageBreaker", () => {
  test("admit() refuses with the last failure when so many tries have failed", () => {
    const { breaker, events, ports } = rig(2);
    admitted(breaker).answer(failed({ cause: "crash" }));
    admitted(breaker).answer(failed({ cause: "timeout", reason: "too slow" }));
    const refused = { kind: "refused", reason: "the circuit breaker is open (last failure: too slow)" } as const;
    expect([breaker.admit(), breaker.refusesRetry(), breaker.refusesSearch()]).toEqual([refused, refused, refused]);
    ports.clock.advance(100);
    expect(breaker.progress()).toEqual({ state: "half_open", opened: 1 });
    expect([breaker.refusesRetry(), breaker.refusesSearch()]).toEqual([undefined, refused]);
    expect(admitted(breaker).probe).toBe(true);
    expect(breaker.admit()).toEqual(refused);
    expect(events).toEqual([
      { event: "breaker", state: "open", reason: "2 failures in a row: too slow" },
      { event: "breaker", state: "half_open", reason: "it was open for 100 ms" },
    ]);
  });

  test("admit() counts nothing when the outcome is the batch's doing, or the plugin was not asked", () => {
    const { breaker } = rig();
    admitted(breaker).answer(failed({ cause: "too_large" }));
    admitted(breaker).answer(failed({ code: "source.malformed" }));
    admitted(breaker).answer({ kind: "requeue" });
    admitted(breaker).answer({ kind: "outgrown", bytes: 1 });
    expect(breaker.progress()).toEqual({ state: "closed", opened: 0 });
  });

  test("admit() stays half-open when the probe had no records, and closes when it had some", () => {
    const { breaker, ports } = rig();
    admitted(breaker).answer(failed());
    ports.clock.advance(100);
    admitted(breaker).answer(done(0));
    expect(breaker.progress()?.state).toBe("half_open");
    admitted(breaker).answer(done(1));
    expect(breaker.progress()?.state).toBe("closed");
  });

  test("convicted() opens it when as many records in a row were convicted as tries may fail", () => {
    const { breaker } = rig(3);
    breaker.convicted(2, "down");
    expect(breaker.refusesSearch()).toBeUndefined();
    breaker.convicted(3, "down");
    breaker.convicted(4, "down");
    expect(breaker.progress()).toEqual({ state: "open", opened: 1 });
  });

  test("admit() begins anew when the plan is another one, and late answers go to the old one", () => {
    const { breaker, events, ports } = rig();
    admitted(breaker).answer(failed());
    ports.plan = planWith(1);
    const late = admitted(breaker);
    expect(late.probe).toBe(false);
    ports.plan = planWith(1);
    expect(breaker.progress()).toEqual({ state: "closed", opened: 1 });
    late.answer(failed());
    expect(breaker.progress()).toEqual({ state: "closed", opened: 1 });
    expect(events.at(-1)).toEqual({ event: "breaker", state: "closed", reason: "the plugin was replaced" });
    ports.plan = {} as StagePlan;
    expect(breaker.progress()).toBeUndefined();
    admitted(breaker).answer(failed());
    expect(admitted(breaker).probe).toBe(false);
  });
});
