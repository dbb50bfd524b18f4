import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { RowRange } from "../../../../../src/process/plugin/index.ts";
import { type Failed, findPoison, PROBE_CRASHES_MAX } from "../../../../../src/work/pipeline/stages/diagnosis.ts";
import { countRows, rangesWithout, splitRanges } from "../../../../../src/work/pipeline/stages/row-ranges.ts";

const error: Failed = { kind: "failed", cause: "error", code: "plugin.threw", reason: "bad" };
const crash: Failed = { kind: "failed", cause: "crash", code: "plugin.crash", reason: "died" };

function rowsOf(ranges: readonly RowRange[]): number[] {
  return ranges.flatMap(([from, to]) => Array.from({ length: to - from }, (_, index) => from + index));
}

/** Fails whenever a guilty row is among those probed. */
function guilty(rows: ReadonlySet<number>, failure = error) {
  const probes: RowRange[][] = [];
  const probe = async (ranges: readonly RowRange[]) => {
    probes.push([...ranges]);
    return rowsOf(ranges).some((row) => rows.has(row)) ? failure : undefined;
  };
  return { probe, probes };
}

describe("findPoison()", () => {
  test("findPoison() convicts exactly the guilty rows when failures are deterministic", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.array(fc.integer({ min: 0, max: 299 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 0, max: 299 }), { maxLength: 20 }),
        async (total, bad, left) => {
          const ranges = rangesWithout(
            total,
            left.filter((row) => row < total),
          );
          const present = new Set(rowsOf(ranges));
          const expected = [...new Set(bad)].filter((row) => present.has(row)).sort((a, b) => a - b);
          const found = await findPoison(ranges, 2, guilty(new Set(expected)).probe);
          expect(found.map(({ row }) => row)).toEqual(expected);
        },
      ),
    );
  });

  test("findPoison() asks a lone record as often as the attempts allow when it keeps failing", async () => {
    const { probe, probes } = guilty(new Set([5]));
    const found = await findPoison([[5, 6]], 4, probe);
    expect(found).toEqual([{ row: 5, reason: "bad", attempts: 4 }]);
    expect(probes).toHaveLength(4);
  });

  test("findPoison() convicts nobody when every record passes alone", async () => {
    let calls = 0;
    const found = await findPoison([[0, 8]], 2, async (ranges) =>
      calls++ < 3 && countRows(ranges) > 1 ? crash : undefined,
    );
    expect(found).toEqual([]);
  });

  test("findPoison() ends with what it has when it may not go on, and convicts nobody halfway", async () => {
    const { probe, probes } = guilty(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
    const found = await findPoison([[0, 8]], 2, probe, (convictedInARow) => convictedInARow < 3);
    expect(found.map(({ row }) => row)).toEqual([0, 1, 2]);
    let left = 3; // both halves, and one of the two tries of the first record
    expect(await findPoison([[0, 2]], 2, probe, () => left-- > 1)).toEqual([]);
    expect(probes.at(-1)).toEqual([[0, 1]]);
  });

  test("findPoison() begins to count the convicted anew when records pass", async () => {
    const { probe } = guilty(new Set([0, 1, 3, 4, 5, 9]));
    const seen: number[] = [];
    await findPoison([[0, 10]], 1, probe, (convictedInARow) => {
      seen.push(convictedInARow);
      return true;
    });
    expect(Math.max(...seen)).toBe(3);
  });

  test("findPoison() stops looking closer when the plugin crashes again and again", async () => {
    const { probe, probes } = guilty(new Set(Array.from({ length: 4000 }, (_, row) => row)), crash);
    const found = await findPoison([[0, 4000]], 3, probe);
    expect(new Set(found.map(({ row }) => row)).size).toBe(4000);
    expect(probes.length).toBeLessThan(PROBE_CRASHES_MAX + 30);
  });
});

describe("row ranges", () => {
  test("rangesWithout() and splitRanges() partition the rows when given any exclusions", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.array(fc.integer({ min: 0, max: 199 })), (total, excluded) => {
        const out = excluded.filter((row) => row < total);
        const ranges = rangesWithout(total, out);
        const expected = Array.from({ length: total }, (_, row) => row).filter((row) => !out.includes(row));
        expect(rowsOf(ranges)).toEqual(expected);
        expect(countRows(ranges)).toBe(expected.length);
        const [left, right] = splitRanges(ranges);
        expect([...rowsOf(left), ...rowsOf(right)]).toEqual(expected);
        expect(countRows(left) - countRows(right)).toBeWithin(0, 2);
      }),
    );
  });
});
