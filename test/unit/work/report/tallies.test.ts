import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { NamedTallies, type Tally } from "../../../../src/work/report/named-tallies.ts";
import { ReasonTally } from "../../../../src/work/report/reason-tally.ts";

const LIMIT = 3;

interface Sum {
  readonly name: string;
  readonly sum: number;
}

class SumTally implements Tally<Sum> {
  sum = 0;
  readonly #name: string;
  constructor(name: string) {
    this.#name = name;
  }
  merge(json: Sum): void {
    this.sum += json.sum;
  }
  toJson(): Sum {
    return { name: this.#name, sum: this.sum };
  }
}

function tallies(...lists: readonly (readonly Sum[])[]): Sum[] {
  const all = new NamedTallies<Sum, SumTally>(LIMIT, (name) => new SumTally(name));
  for (const list of lists) all.merge(list);
  return all.toJson();
}

/** All at once, with no limit until the end. */
function dumbly(list: readonly Sum[]): Sum[] {
  const sums = new Map<string, number>();
  for (const { name, sum } of list) sums.set(name, (sums.get(name) ?? 0) + sum);
  const sorted = [...sums].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([name, sum]) => ({ name, sum }));
  const rest = sorted.slice(LIMIT);
  const others = { name: "(others)", sum: rest.reduce((total, { sum }) => total + sum, 0) };
  return [...sorted.slice(0, LIMIT), ...(rest.length > 0 ? [others] : [])];
}

describe("NamedTallies", () => {
  const entries = fc.array(
    fc.record({ name: fc.integer({ min: 0, max: 15 }).map((number) => `n${number.toString(16)}`), sum: fc.nat(9) }),
    { maxLength: 60 },
  );

  test("toJson() keeps exact what sorts first, and adds the rest up, in any order and grouping", () => {
    fc.assert(
      fc.property(entries, entries, entries, (a, b, c) => {
        const all = dumbly([...a, ...b, ...c]);
        expect(tallies(a, b, c)).toEqual(all);
        expect(tallies(tallies(c, b), tallies(a))).toEqual(all);
        expect(tallies(tallies(b), tallies(tallies(a), c))).toEqual(all);
      }),
      { numRuns: 300 },
    );
  });
});

describe("ReasonTally", () => {
  test("toJson() still has a reason that comes often when it began late among thousands that differ", () => {
    const tally = new ReasonTally();
    for (let index = 0; index < 3_000; index++) {
      tally.add({ type: "failed", id: `${index}`, code: "c", reason: `only once: ${index}` });
      if (index >= 1_500) tally.add({ type: "failed", id: `${index}`, code: "c", reason: "very often" });
    }
    const { others, reasons } = tally.toJson();
    expect(reasons[0]).toMatchObject({
      reason: "very often",
      count: 1_500,
      examples: [{ id: "1500" }, { id: "1501" }, { id: "1502" }],
    });
    expect(reasons.reduce((sum, { count }) => sum + count, others)).toBe(4_500);
  });

  test("merge() keeps the sum of all failures when each part has more reasons than are kept", () => {
    const all = new ReasonTally();
    for (const part of ["a", "b", "c"]) {
      const tally = new ReasonTally();
      for (let index = 0; index < 250; index++) {
        tally.add({ type: "failed", id: "1", code: "c", reason: `${part}${index}`, count: 2 });
      }
      all.merge(tally.toJson());
    }
    const { others, reasons } = all.toJson();
    expect(reasons).toHaveLength(100);
    expect(others).toBe(3 * 500 - 200);
  });

  test("toJson() keeps reasons of two stages and two codes apart", () => {
    const tally = new ReasonTally();
    for (const [stage, code] of [
      ["a", "x"],
      ["b", "x"],
      ["a", "y"],
    ] as const) {
      tally.add({ type: "failed", id: "1", code, stage, reason: "no" });
    }
    expect(tally.toJson().reasons.map(({ code, count, stage }) => [stage, code, count])).toEqual([
      ["a", "x", 1],
      ["a", "y", 1],
      ["b", "x", 1],
    ]);
  });
});
