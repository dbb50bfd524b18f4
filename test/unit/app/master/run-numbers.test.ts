import { describe, expect, test } from "bun:test";
import { numbersAtEnd, numbersBefore, numbersOf } from "../../../../src/app/master/run-numbers.ts";
import { Histogram } from "../../../../src/base/histogram.ts";
import { emptyCounts } from "../../../../src/work/pipeline/stages/index.ts";

/** Of two stages one was taken out under way. */
function running(latency = new Histogram()) {
  const counts = { ...emptyCounts(), in: 40, out: 38, deadLettered: 2 };
  return {
    counts: {
      ...{ source: { ...emptyCounts(), in: 40, deadLettered: 1 }, written: 38 },
      stages: ["mark", "gone"].map((stage) => ({ stage, counts })),
    },
    stages: [{ name: "mark", library: "/p/mark.ts" }],
    progress: () => ({
      ...{ readBytes: 10, totalBytes: 20, inFlightMax: 8, latency },
      stages: [{ name: "mark", inFlight: 3, retries: 1, restarts: 2, waitedMs: 7, p99Ms: 9 }],
    }),
  } as unknown as Parameters<typeof numbersOf>[0]; // what is read of a run
}

describe("numbersOf()", () => {
  test("tells records, stages at work with their plugin and bound, and those that were taken out", () => {
    const { records, stages } = numbersOf(running());
    expect(records).toEqual({ read: 40, written: 38, deadLettered: 5 });
    expect(stages[0]).toMatchObject({ name: "mark", library: "/p/mark.ts", inFlight: 3, inFlightMax: 8, restarts: 2 });
    expect(stages[1]).toEqual({ ...{ name: "gone", in: 40, out: 38 }, ...{ retries: 0, restarts: 0 } });
  });

  test("tells how long batches take from end to end, and nothing before the first", () => {
    const latency = new Histogram();
    expect(numbersOf(running(latency))).not.toHaveProperty("p50Ms");
    for (const ms of [...Array.from({ length: 98 }, () => 10), 500, 500]) latency.record(ms);
    const { p50Ms, p99Ms } = numbersOf(running(latency));
    expect(Math.round(p50Ms! / 10)).toBe(1);
    expect(Math.round(p99Ms! / 100)).toBe(5);
  });

  test("numbersAtEnd() tells of nothing under way, numbersBefore() of no stages", () => {
    const [stage] = numbersAtEnd(running()).stages;
    expect(stage).toMatchObject({ name: "mark", library: "/p/mark.ts", p99Ms: 9 });
    expect(stage).not.toHaveProperty("inFlight");
    expect(stage).not.toHaveProperty("inFlightMax");
    expect(numbersBefore({} as Parameters<typeof numbersBefore>[0]).stages).toEqual([]); // never run
  });
});
