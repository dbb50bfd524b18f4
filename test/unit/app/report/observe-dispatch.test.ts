import { describe, expect, test } from "bun:test";
import { observationOf } from "../../../../src/app/report/observe-dispatch.ts";
import { ReportBuilder, viewOf } from "../../../../src/work/report/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

describe("observationOf()", () => {
  test("observationOf() makes a report of what a dispatcher tells, and leaves out what no report counts", () => {
    const builder = ReportBuilder.begin({ id: "i", kind: "pipeline", name: "n", run: "r" }, new SteppedClock());
    for (const event of [
      { event: "deployed", worker: "w1", segment: 0 },
      { event: "done", worker: "w1", batch: "in@0", durationMs: 7, rows: 5, bytesIn: 90, bytesOut: 60, isHedge: false },
      { event: "hedge", worker: "w2" },
      { event: "late", worker: "w2" },
      { event: "failover", worker: "w1", reason: "its plugin crashes" },
      { event: "lost", worker: "w2", reason: "link closed" },
    ] as const) {
      const observation = observationOf(event);
      if (observation) builder.observe(observation);
    }
    const { events, nodes, slowest } = viewOf(builder.snapshot());
    expect(events).toMatchObject({ hedges: 1, lateResults: 1, failovers: 1, workersLost: 1 });
    expect(nodes).toMatchObject([
      { node: "w1", items: 1, rows: 5, bytesIn: 90, share: 1 },
      { node: "w2", items: 0, lateResults: 1, timesLost: 1 },
    ]);
    expect(slowest).toEqual([{ id: "in@0", node: "w1", ms: 7, rows: 5 }]);
  });
});
