import { describe, expect, test } from "bun:test";
import { SpoolTraces } from "../../../../../../src/work/pipeline/source/http/spool-traces.ts";

describe("SpoolTraces", () => {
  test("between() finds the first that begins within when there are some", () => {
    const traces = new SpoolTraces();
    traces.add(0, "a");
    traces.add(10, undefined);
    traces.add(20, "b");
    traces.add(30, "c");
    expect(traces.between(0, 20)).toBe("a");
    expect(traces.between(10, 20)).toBeUndefined();
    expect(traces.between(10, 40)).toBe("b");
    expect(traces.between(30, 31)).toBe("c");
    expect(traces.between(31, 99)).toBeUndefined();
  });

  test("add() forgets the oldest when there are too many", () => {
    const traces = new SpoolTraces();
    for (let offset = 0; offset < 1_025; offset++) traces.add(offset, `t${offset}`);
    expect(traces.between(0, 1)).toBeUndefined();
    expect(traces.between(1, 2)).toBe("t1");
  });
});
