import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { seededRandom } from "../../../../src/base/random.ts";
import {
  OUTLIER_HOSTS_MAX,
  OutlierDetector,
  type OutlierEffect,
  type OutlierOptions,
} from "../../../../src/protocol/balance/index.ts";
import { ModelDetector } from "./outlier-model.ts";

const OPTIONS: OutlierOptions = {
  intervalMs: 100,
  baseEjectionMs: 250,
  maxEjectionMs: 600,
  maxEjectionPercent: 50,
  failurePercentage: { thresholdPercent: 50, minimumHosts: 2, requestVolume: 4 },
};

function detect(ids: readonly string[], options: OutlierOptions = {}): OutlierDetector {
  const detector = new OutlierDetector({ ...OPTIONS, ...options }, seededRandom(1));
  detector.step({ type: "seen", ids }, 0);
  return detector;
}

/** Four results of one kind at a time. */
function results(detector: OutlierDetector, id: string, ok: boolean, nowMs: number): readonly OutlierEffect[] {
  return [1, 2, 3, 4].flatMap(() => detector.step({ type: "ended", id, ok }, nowMs));
}

function tick(detector: OutlierDetector, nowMs: number): readonly string[] {
  return detector.step({ type: "tick" }, nowMs).map((effect) => {
    const until = effect.type === "ejected" ? ` until ${effect.untilMs}, ejection ${effect.times}` : "";
    return `${effect.atMs} ${effect.id} ${effect.type}${until}`;
  });
}

describe("OutlierDetector", () => {
  test("step() ejects at the end of the interval, and takes it back at the first judgement after the time", () => {
    const detector = detect(["a", "b", "c"]);
    results(detector, "b", false, 20);
    results(detector, "a", true, 30);
    expect(detector.ejected.size).toBe(0);
    expect(detector.nextDeadlineMs).toBe(100);
    expect(tick(detector, 99)).toEqual([]);
    expect(tick(detector, 100)).toEqual(["100 b ejected until 350, ejection 1"]);
    expect([...detector.ejected]).toEqual(["b"]);
    expect(tick(detector, 399)).toEqual([]);
    expect(tick(detector, 400)).toEqual(["400 b returned"]);
    expect(detector.ejected.size).toBe(0);
  });

  test("step() ejects for longer each time, up to a limit, and forgives one for each good interval", () => {
    const detector = detect(["a", "b", "c"]);
    const eject = (nowMs: number): readonly string[] => {
      results(detector, "b", false, nowMs);
      return tick(detector, nowMs + 50);
    };
    expect(eject(50)).toEqual(["100 b ejected until 350, ejection 1"]);
    expect(tick(detector, 400)).toEqual(["400 b returned"]);
    expect(eject(450)).toEqual(["500 b ejected until 1000, ejection 2"]);
    expect(tick(detector, 1_000)).toEqual(["1000 b returned"]);
    expect(eject(1_050)).toEqual(["1100 b ejected until 1700, ejection 3"]);
    expect(tick(detector, 1_700)).toEqual(["1700 b returned"]);
    expect(eject(1_750)).toEqual(["1800 b ejected until 2400, ejection 3"]); // 750 ms would be too long: no more is counted
    expect(tick(detector, 2_600)).toEqual(["2400 b returned"]); // 2500 and 2600 were good
    expect(eject(2_650)).toEqual(["2700 b ejected until 3200, ejection 2"]);
  });

  test("nextDeadlineMs is undefined while there is nothing to judge, and the grid goes on", () => {
    const detector = detect(["a", "b"]);
    expect(detector.nextDeadlineMs).toBeUndefined();
    expect(tick(detector, 12_345)).toEqual([]);
    results(detector, "a", false, 12_350);
    expect(detector.nextDeadlineMs).toBe(12_400);
    expect(tick(detector, 12_400)).toEqual(["12400 a ejected until 12650, ejection 1"]);
    expect(tick(detector, 13_000)).toEqual(["12700 a returned"]);
    expect(detector.nextDeadlineMs).toBeUndefined();
    expect(tick(detector, 13_150)).toEqual([]);
    detector.step({ type: "ended", id: "a", ok: true }, 13_150);
    expect(detector.nextDeadlineMs).toBe(13_200);
  });

  test("step() ejects the worst first and no more than its part, but always one", () => {
    for (const maxEjectionPercent of [0, 10]) {
      const detector = detect(["a", "b", "c", "d"], { maxEjectionPercent });
      for (const id of ["a", "b"]) results(detector, id, false, 10);
      detector.step({ type: "ended", id: "a", ok: true }, 10);
      const effects = detector.step({ type: "tick" }, 100);
      expect(effects.map(({ id, type }) => `${id} ${type}`)).toEqual(["b ejected", "a spared"]);
      expect(effects[1]!.reason).toContain(`1 of 4 are ejected, at most ${maxEjectionPercent} % may be`);
    }
  });

  test("step() only tells when nothing is enforced, and ejects its part when some is", () => {
    const failurePercentage = { thresholdPercent: 50, minimumHosts: 1, requestVolume: 1 };
    const unenforced = { ...OPTIONS, failurePercentage: { ...failurePercentage, enforcementPercent: 0 } };
    const watching = new OutlierDetector(unenforced, { next: () => 0, below: () => 0 });
    watching.step({ type: "seen", ids: ["a", "b"] }, 0);
    results(watching, "a", false, 10);
    expect(watching.step({ type: "tick" }, 100).map(({ type }) => type)).toEqual(["spared"]);
    const some = detect(["a", "b"], {
      baseEjectionMs: 1,
      failurePercentage: { ...failurePercentage, enforcementPercent: 30 },
    });
    let ejected = 0;
    for (let turn = 0; turn < 1_000; turn++) {
      const nowMs = 100 + 200 * turn; // every other judgement: so long an ejection of one millisecond lasts
      results(some, "a", false, nowMs);
      if (tick(some, nowMs + 100).some((line) => line.includes("ejected"))) ejected++;
      tick(some, nowMs + 200);
    }
    expect(Math.abs(ejected - 300)).toBeLessThan(5 * Math.sqrt(1_000 * 0.3 * 0.7));
  });

  test("step() judges by both algorithms, and ejects nobody twice", () => {
    const options: OutlierOptions = {
      successRate: { minimumHosts: 3, requestVolume: 4, deviations: 1 },
      failurePercentage: { thresholdPercent: 90, minimumHosts: 2, requestVolume: 4 },
    };
    const ids = ["a", "b", "c", "d", "e"];
    const detector = detect(ids, options);
    for (const id of ids) results(detector, id, id !== "c", 10);
    expect(detector.step({ type: "tick" }, 100)).toMatchObject([
      { id: "c", algorithm: "success_rate", type: "ejected" },
    ]);
    const alike = detect(["a", "b"], options);
    for (const id of ["a", "b"]) results(alike, id, false, 10);
    expect(alike.step({ type: "tick" }, 100)).toMatchObject([
      { id: "a", algorithm: "failure_percentage", type: "ejected" },
      { id: "b", algorithm: "failure_percentage", type: "spared" },
    ]);
  });

  test("step() does not count what comes late from somebody who is ejected", () => {
    const successRate = { minimumHosts: 3, requestVolume: 4, deviations: 1 };
    const detector = detect(["a", "b", "c"], { failurePercentage: undefined, successRate });
    for (const nowMs of [10, 110]) for (const id of ["a", "b", "c"]) results(detector, id, id !== "c", nowMs);
    expect(tick(detector, 300)).toEqual([]);
    expect(detector.explain()[2]).toMatchObject({ id: "c", times: 1, failures: 0 });
  });

  test("explain() tells of everybody, with the reason", () => {
    const detector = detect(["b", "a"]);
    results(detector, "b", false, 10);
    tick(detector, 100);
    detector.step({ type: "ended", id: "a", ok: true }, 110);
    const [a, b] = detector.explain();
    expect(a).toEqual({
      id: "a",
      ejectedUntilMs: undefined,
      times: 0,
      successes: 1,
      failures: 0,
      why: "was never ejected",
    });
    expect(b).toMatchObject({ id: "b", ejectedUntilMs: 350, times: 1 });
    expect(b!.why).toBe("ejected (failure_percentage): failure rate 100.0 % (4 of 4) has reached 50 %");
    tick(detector, 400);
    expect(detector.explain()[1]!.why).toStartWith("returned; it was ejected");
  });

  test("forget() takes back an ejection, and late results bring nothing back", () => {
    const detector = detect(["a", "b"]);
    results(detector, "a", false, 10);
    tick(detector, 100);
    detector.forget("a");
    expect(detector.ejected.size).toBe(0);
    results(detector, "a", false, 110);
    expect(detector.hosts).toBe(1);
    expect(tick(detector, 1_000)).toEqual([]);
  });

  test("step() judges nobody beyond its limit", () => {
    const detector = detect(Array.from({ length: OUTLIER_HOSTS_MAX + 5 }, (_, at) => `n${at}`));
    results(detector, `n${OUTLIER_HOSTS_MAX + 1}`, false, 10);
    expect(tick(detector, 100)).toEqual([]);
    expect(detector.hosts).toBe(OUTLIER_HOSTS_MAX);
  });

  test("step() refuses time that goes back", () => {
    const detector = detect(["a"]);
    tick(detector, 50);
    expect(() => tick(detector, 49)).toThrow("time went back");
  });
});

const event = fc.oneof(
  { weight: 8, arbitrary: fc.record({ id: fc.constantFrom("a", "b", "c", "d"), ok: fc.boolean(), many: fc.nat(8) }) },
  { weight: 3, arbitrary: fc.record({ passMs: fc.oneof(fc.nat(120), fc.nat(2_000)) }) },
);

describe("OutlierDetector against the model", () => {
  test("step() ejects whom the model ejects, however rarely it is ticked", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), fc.constantFrom(10, 50, 100), (events, maxEjectionPercent) => {
        const options: OutlierOptions = { ...OPTIONS, maxEjectionPercent, maxEjectionMs: 1e9 };
        const detector = new OutlierDetector(options, seededRandom(1));
        const model = new ModelDetector(options as Required<OutlierOptions>);
        const ids = ["a", "b", "c", "d"];
        detector.step({ type: "seen", ids }, 0);
        for (const id of ids) model.see(id);
        let [nowMs, sweptMs] = [0, 0];
        for (const each of events) {
          if ("passMs" in each) nowMs += each.passMs;
          for (; sweptMs + 100 <= nowMs; sweptMs += 100) model.sweep(sweptMs + 100);
          if ("id" in each) {
            for (let at = 0; at < each.many; at++) {
              detector.step({ type: "ended", id: each.id, ok: each.ok }, nowMs);
              model.ended(each.id, each.ok);
            }
          }
        }
        detector.step({ type: "tick" }, nowMs);
        expect([...detector.ejected].sort()).toEqual([...model.ejected()].sort());
        const times = detector.explain().map((each) => each.times);
        expect(times).toEqual(ids.map((id) => model.hosts[id]!.multiplier));
      }),
      { numRuns: 500 },
    );
  });

  test("step() tells the same when it is ticked whenever something is due, or never", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const [lazy, eager] = [detect(["a", "b", "c", "d"]), detect(["a", "b", "c", "d"])];
        const [lazyTold, eagerTold]: OutlierEffect[][] = [[], []];
        let nowMs = 0;
        for (const each of events) {
          if ("passMs" in each) {
            nowMs += each.passMs;
            for (
              let dueMs = eager.nextDeadlineMs;
              dueMs !== undefined && dueMs <= nowMs;
              dueMs = eager.nextDeadlineMs
            ) {
              eagerTold!.push(...eager.step({ type: "tick" }, dueMs));
            }
            continue;
          }
          for (let at = 0; at < each.many; at++) {
            lazyTold!.push(...lazy.step({ type: "ended", id: each.id, ok: each.ok }, nowMs));
            eagerTold!.push(...eager.step({ type: "ended", id: each.id, ok: each.ok }, nowMs));
          }
        }
        lazyTold!.push(...lazy.step({ type: "tick" }, nowMs));
        expect(eagerTold).toEqual(lazyTold);
        expect(eager.explain()).toEqual(lazy.explain());
      }),
    );
  });
});
