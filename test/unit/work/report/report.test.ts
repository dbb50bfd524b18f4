import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { seededRandom } from "../../../../src/base/random.ts";
import {
  emptyPart,
  faultsOf,
  mergeParts,
  mergeReports,
  type Observation,
  PartBuilder,
  type Report,
  ReportBuilder,
  type ReportPart,
  type ReportState,
  reportId,
  reportSchema,
  viewOf,
} from "../../../../src/work/report/index.ts";
import { builderOf, observations, subject, Time } from "./support.ts";

function partOf(list: readonly Observation[]): ReportPart {
  const builder = new PartBuilder();
  for (const observation of list) builder.observe(observation);
  return builder.take();
}

function throughText<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

const counts = (over: Partial<ReportPart["counts"]>) => {
  const { added, deadLettered, filtered, in: taken, out, skipped } = { ...emptyPart().counts, ...over };
  return { in: taken, added, out, filtered, deadLettered, skipped };
};

describe("mergeParts()", () => {
  test("mergeParts() gives what one that saw everything gives, in any order and grouping", () => {
    fc.assert(
      fc.property(observations, observations, observations, (first, second, third) => {
        const [a, b, c] = [partOf(first), partOf(second), partOf(third)];
        const all = partOf([...first, ...second, ...third]);
        expect(mergeParts(mergeParts(a, b), c)).toEqual(all);
        expect(mergeParts(c, mergeParts(b, a))).toEqual(all);
      }),
      { numRuns: 100 },
    );
  });

  test("mergeParts() changes nothing when one of them is empty", () => {
    fc.assert(
      fc.property(observations, (list) => {
        expect(mergeParts(partOf(list), emptyPart())).toEqual(partOf(list));
      }),
      { numRuns: 50 },
    );
  });
});

describe("mergeReports()", () => {
  const half = fc
    .tuple(
      observations,
      fc.nat(3),
      fc.nat(3),
      fc.constantFrom<ReportState[]>("stopped", "ended", "failed", "running"),
      fc.shuffledSubarray(["parse", "validate", "enrich"]),
      fc.constantFrom("here", "there"),
    )
    .map(([list, begin, took, state, order, file]): Report => {
      const time = new Time();
      time.nowMs = begin;
      const builder = builderOf(list, time);
      time.nowMs += took;
      const stages = order.map((stage) => ({ stage, counts: counts({ in: 2, out: 2 }) }));
      builder.setRecords({ source: counts({ in: 2, out: 2 }), stages, written: 2 });
      return { ...(state === "running" ? builder.snapshot() : builder.end(state)), places: { file } };
    });

  test("mergeReports() is the same in any order and grouping", () => {
    fc.assert(
      fc.property(half, half, half, (a, b, c) => {
        const all = mergeReports(mergeReports(a, b), c);
        expect(mergeReports(a, mergeReports(b, c))).toEqual(all);
        expect(mergeReports(c, mergeReports(b, a))).toEqual(all);
      }),
      { numRuns: 100 },
    );
  });

  test("mergeReports() ends as the later one has ended, and adds up the time at work", () => {
    const time = new Time();
    const first = builderOf([], time);
    time.nowMs += 5;
    const stopped = first.end("stopped");
    time.nowMs += 100;
    const second = builderOf([], time);
    time.nowMs += 7;
    const merged = mergeReports(second.end("ended"), stopped);
    expect(merged).toMatchObject({ state: "ended", startedMs: 1_000_000, endedMs: 1_000_112, activeMs: 12 });
  });

  test("mergeReports() refuses when they are of two runs", () => {
    const report = builderOf([]).snapshot();
    const other = { ...report, run: "run-2" };
    expect(() => mergeReports(report, other)).toThrow("run-2");
  });
});

describe("ReportBuilder", () => {
  test("from() goes on so that the report is the one of a builder that was never interrupted", () => {
    fc.assert(
      fc.property(observations, observations, (before, after) => {
        const stored = throughText(builderOf(before).end("stopped"));
        const again = ReportBuilder.from(reportSchema.parse(stored), new Time().clock);
        for (const observation of after) again.observe(observation);
        expect(again.end("ended")).toEqual(builderOf([...before, ...after]).end("ended"));
      }),
      { numRuns: 100 },
    );
  });

  test("from() counts a restart of the master when the report was left running", () => {
    const time = new Time();
    const builder = builderOf([], time);
    time.nowMs += 40;
    const left = builder.snapshot();
    time.nowMs += 500;
    const again = ReportBuilder.from(left, time.clock);
    time.nowMs += 2;
    expect(again.snapshot()).toMatchObject({
      id: subject.id,
      startedMs: 1_000_000,
      activeMs: 42,
      events: { masterRestarts: 1 },
    });
    expect(ReportBuilder.from(builder.end("stopped"), time.clock).snapshot().events.masterRestarts).toBe(0);
  });

  test("setRecords() puts the run's own counts in place of the last ones, in the order of the stages", () => {
    const builder = builderOf([{ type: "stage", stage: "b", ms: 2 }]);
    const last = { source: counts({ in: 9, out: 9 }), stages: [{ stage: "b", counts: counts({}) }], written: 0 };
    builder.setRecords(last);
    builder.setRecords({
      source: counts({ in: 10, out: 9, deadLettered: 1 }),
      stages: [
        { stage: "b", counts: counts({ in: 9, out: 7, filtered: 2 }) },
        { stage: "a", counts: counts({ in: 7, added: 1, out: 5, skipped: 2, deadLettered: 1 }) },
      ],
      written: 5,
    });
    const report = builder.end("ended");
    expect(report.counts).toMatchObject({
      in: 10,
      added: 1,
      out: 5,
      filtered: 2,
      deadLettered: 2,
      skipped: 2,
      written: 5,
    });
    expect(report.stages.map(({ counts: { in: taken }, name }) => [name, taken])).toEqual([
      ["source", 10],
      ["b", 9],
      ["a", 7],
    ]);
    expect(faultsOf(report)).toEqual([]);
  });

  test("setRecords() keeps the source's line apart when a stage is named source", () => {
    const builder = builderOf([]);
    const stages = [{ stage: "source", counts: counts({ in: 3, out: 3 }) }];
    builder.setRecords({ source: counts({ in: 4, out: 3, deadLettered: 1 }), stages, written: 3 });
    const { stages: found } = builder.snapshot();
    expect(found.map(({ counts: { in: taken }, name }) => [name, taken])).toEqual([
      ["(source)", 4],
      ["source", 3],
    ]);
  });

  test("followStage() counts each retry and restart once when totals are told again and again, or begin again", () => {
    const builder = builderOf([{ type: "retry", stage: "a" }]);
    for (const [retries, restarts] of [
      [0, 0],
      [2, 1],
      [2, 1],
      [5, 1],
      [1, 0],
      [2, 2],
    ] as const) {
      builder.followStage("a", { retries, restarts });
    }
    const { events, stages } = builder.snapshot();
    expect(stages[0]).toMatchObject({ retries: 1 + 5 + 2, restarts: 1 + 2 });
    expect(events).toMatchObject({ retries: 8, hostRestarts: 3 });
  });

  test("observe() refuses a duration that is none, and the report is as before", () => {
    const builder = builderOf([{ type: "done", id: "1", node: "a", ms: 1 }]);
    const before = builder.snapshot();
    for (const ms of [-1, Number.NaN]) {
      expect(() => builder.observe({ type: "done", id: "2", node: "b", ms })).toThrow("a duration");
      expect(() => builder.observe({ type: "stage", stage: "s", ms })).toThrow("a duration");
    }
    expect(builder.snapshot().nodes.length + builder.snapshot().stages.length).toBe(before.nodes.length);
  });

  test("snapshot() stays bounded when names, ids and reasons never end", () => {
    const builder = builderOf([]);
    for (let index = 0; index < 5_000; index++) {
      const long = `${index}-${"é😀".repeat(400)}`;
      builder.observe({ type: "done", id: long, node: long, ms: index });
      builder.observe({ type: "stage", stage: long, ms: 1 });
      builder.observe({ type: "failed", id: long, node: long, stage: long, code: "x", reason: `${long}${long}` });
      builder.observe({ type: "failed", id: long, code: "often", reason: "the same" });
      builder.addFault(`fault ${index}`);
    }
    const report = builder.snapshot();
    expect(reportSchema.parse(throughText(report))).toEqual(report);
    expect([report.nodes.length, report.stages.length, report.slowest.length]).toEqual([513, 513, 20]);
    expect(report.faults.length).toBe(100);
    expect(report.nodes.reduce((sum, { failures }) => sum + failures, 0)).toBe(5_000);
    const { others, reasons } = report.failures;
    expect(reasons.length).toBe(100);
    expect(reasons[0]).toMatchObject({ code: "often", count: 5_000 });
    expect(reasons.reduce((sum, { count }) => sum + count, others)).toBe(10_000);
    expect(viewOf(report).nodes.reduce((sum, { items }) => sum + items, 0)).toBe(5_000);
  });
});

describe("PartBuilder", () => {
  test("take() gives each observation once, so that what is sent adds up", () => {
    fc.assert(
      fc.property(observations, observations, (first, second) => {
        const builder = new PartBuilder();
        for (const observation of first) builder.observe(observation);
        const one = builder.take();
        for (const observation of second) builder.observe(observation);
        expect(mergeParts(one, builder.take())).toEqual(partOf([...first, ...second]));
        expect(builder.take()).toEqual(emptyPart());
      }),
      { numRuns: 50 },
    );
  });
});

describe("faultsOf()", () => {
  const balanced = { source: counts({ in: 5, out: 5 }), stages: [], written: 5 };

  test("faultsOf() names the stage that has lost a record when the run has ended", () => {
    const builder = builderOf([]);
    const stages = [{ stage: "lossy", counts: counts({ in: 5, out: 4 }) }];
    builder.setRecords({ ...balanced, stages, written: 4 });
    expect(faultsOf(builder.end("ended"))).toEqual([
      "lossy: 5 in and 0 added, but 4 out, filtered, dead-lettered or skipped",
      "5 in and 0 added, but 4 written, filtered, dead-lettered or skipped in all",
    ]);
    expect(faultsOf(builder.end("stopped"))).toEqual([]);
  });

  test("faultsOf() tells what was found by those who count, and once", () => {
    const builder = builderOf([]);
    builder.setRecords(balanced);
    builder.addFault("the sink took less");
    expect(faultsOf(ReportBuilder.from(builder.end("ended"), new Time().clock).end("ended"))).toEqual([
      "the sink took less",
    ]);
  });

  test("faultsOf() misses a task when fewer came to an end than there are", () => {
    const builder = ReportBuilder.begin({ ...subject, kind: "task" }, new Time().clock);
    builder.addCounts({ in: 3, done: 1, failed: 1 });
    expect(faultsOf(builder.end("ended"))).toEqual(["3 tasks, but 2 done, failed or skipped"]);
    builder.addCounts({ skipped: 1 });
    expect(faultsOf(builder.end("ended"))).toEqual([]);
  });
});

describe("viewOf()", () => {
  test("viewOf() works out percentiles, shares, rate and success", () => {
    const time = new Time();
    const done = Array.from({ length: 100 }, (_, index): Observation => {
      return { type: "done", id: `b${index}`, node: index < 75 ? "a" : "b", ms: index + 1, rows: 10 };
    });
    const builder = builderOf([...done, { type: "stage", stage: "s", ms: 2.5 }], time);
    builder.setRecords({
      source: counts({ in: 1000, out: 1000 }),
      stages: [{ stage: "s", counts: counts({ in: 1000, out: 700, filtered: 290, deadLettered: 10 }) }],
      written: 700,
    });
    time.nowMs += 500;
    const view = viewOf(builder.end("ended"));
    expect(view).toMatchObject({ successRatio: 0.99, perSecond: 2000, faults: [] });
    expect(view.nodes.map(({ items, node, rows, share }) => [node, items, share, rows])).toEqual([
      ["a", 75, 0.75, 750],
      ["b", 25, 0.25, 250],
    ]);
    expect(view.latency).toMatchObject({ count: 100, minMs: 1, maxMs: 100 });
    expect(view.latency.p50Ms / 50).toBeWithin(0.99, 1.01);
    expect(view.latency.p99Ms / 99).toBeWithin(0.99, 1.01);
    expect(view.stages[1]).toMatchObject({ stage: "s", filtered: 290, busyMs: 2.5, latency: { count: 1 } });
    expect(view.slowest[0]).toEqual({ id: "b99", node: "b", ms: 100, rows: 10 });
  });

  test("viewOf() has no success ratio when nothing has come to an end", () => {
    expect(viewOf(builderOf([]).snapshot()).successRatio).toBeUndefined();
  });
});

describe("reportId()", () => {
  const nowMs = Date.UTC(2026, 0, 2, 23, 59);
  for (const [name, begins] of [
    ["orders", "orders-20260102-"],
    ["Daily Orders (EU)!", "daily-orders-eu-20260102-"],
    ["../../etc", "etc-20260102-"],
    ["größe", "gr-e-20260102-"],
    ["日本", "run-20260102-"],
    ["x".repeat(300), `${"x".repeat(40)}-20260102-`],
  ] as const) {
    test(`reportId() begins with ${begins} when the name is ${name.slice(0, 20)}`, () => {
      const id = reportId(name, nowMs, seededRandom(1));
      expect(id.slice(0, -4)).toBe(begins);
      expect(id).toMatch(/^[a-z0-9_-]+-[a-km-np-z2-9]{4}$/);
      expect(reportId(name, nowMs, seededRandom(2))).not.toBe(id);
    });
  }
});
