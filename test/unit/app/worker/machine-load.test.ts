/** How busy a machine is, from the words of its kernel. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { machineLoad, processorTimes, usedMemory } from "../../../../src/app/worker/machine-load.ts";

describe("processorTimes()", () => {
  test("counts waiting for a disk as idle, and time that the host took as busy", () => {
    expect(processorTimes("cpu  10 20 30 400 50 6 7 8 9 10\ncpu0 1 1 1 1 1 1 1 1 1 1\n")).toEqual({
      busy: 81,
      all: 531,
    });
  });

  test("takes the fewer columns of an old kernel for zero", () => {
    expect(processorTimes("cpu 1 2 3 4\n")).toEqual({ busy: 6, all: 10 });
  });
});

describe("usedMemory()", () => {
  test("is the share that is not available, whatever caches hold", () => {
    expect(usedMemory("MemTotal:       1000 kB\nMemFree:  10 kB\nMemAvailable:    750 kB\n")).toBe(0.25);
    expect(usedMemory("")).toBe(0);
  });
});

describe("machineLoad()", () => {
  test("tells nothing until it has looked twice, looks only every half second, and stays between 0 and 1", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2_000 }), { maxLength: 20 }), (steps) => {
        let nowMs = 0;
        let lookedMs = 0;
        const load = machineLoad(() => nowMs);
        let last = load();
        expect(last).toBeUndefined();
        for (const step of steps) {
          nowMs += step;
          const found = load();
          if (nowMs - lookedMs < 500) expect(found).toBe(last);
          else lookedMs = nowMs;
          expect(found === undefined).toBe(lookedMs === 0);
          last = found;
          for (const share of found ? [found.cpu, found.memory] : []) {
            expect(share).toBeGreaterThanOrEqual(0);
            expect(share).toBeLessThanOrEqual(1);
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});
