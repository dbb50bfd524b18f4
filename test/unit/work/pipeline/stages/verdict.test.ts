import { describe, expect, test } from "bun:test";
import { Verdict } from "../../../../../src/work/pipeline/stages/verdict.ts";

const poison = (row: number) => ({ row, reason: "bad", attempts: 4 });

describe("Verdict", () => {
  test("work() leaves the rows open when nobody was found guilty", () => {
    expect(new Verdict().work()).toEqual({ probe: false });
  });

  test("work() names no rows as none when the batch is known to be empty", () => {
    const verdict = new Verdict();
    verdict.total = 0;
    expect(verdict.work()).toEqual({ rows: [], probe: false });
  });

  test("work() leaves every guilty row out and carries the dead and the rescued when there are some", () => {
    const verdict = new Verdict();
    verdict.total = 6;
    verdict.condemn(poison(1));
    verdict.skip(poison(3));
    verdict.rescue(poison(4), { ndjson: '{"a":1}\n', records: 1 });
    expect(verdict.work()).toEqual({
      rows: [
        [0, 1],
        [2, 3],
        [5, 6],
      ],
      dead: [poison(1)],
      rescued: '{"a":1}\n',
      probe: false,
    });
  });

  test("rescue() keeps the sum when the fallback makes no record or several", () => {
    const verdict = new Verdict();
    verdict.total = 2;
    verdict.rescue(poison(0), { ndjson: "", records: 0 });
    verdict.rescue(poison(1), { ndjson: "{}\n{}\n{}\n", records: 3 });
    const { rescuedRows, rescuedFiltered, rescuedAdded } = verdict;
    expect(rescuedRows + rescuedAdded).toBe(3 + rescuedFiltered);
  });

  test("remainingRows() names every row still in when a batch fails only as a whole", () => {
    const verdict = new Verdict();
    verdict.total = 3;
    verdict.skip(poison(1));
    expect(verdict.remainingRows("bad", 2).map(({ row }) => row)).toEqual([0, 2]);
  });
});
