/** What a worker says of a batch's records is believed only when it adds up. */
import { expect, test } from "bun:test";
import { countsFault } from "../../../../../src/work/pipeline/dispatch/counts-fault.ts";

const NONE = { in: 0, out: 0, filtered: 0, deadLettered: 0, skipped: 0, added: 0 };

test("countsFault() finds nothing in what adds up", () => {
  const first = { in: 10, out: 7, filtered: 2, deadLettered: 1, skipped: 1, added: 1 };
  expect(countsFault([first, { ...NONE, in: 7, out: 7 }], 2)).toBeUndefined();
  expect(countsFault([{ ...NONE, added: 3, out: 3 }], 1)).toBeUndefined();
});

for (const [what, counts, says] of [
  ["a stage is left out", [NONE], "counts for 1 stages, and 2 are required"],
  ["there is a stage too much", [NONE, NONE, NONE], "counts for 3 stages"],
  ["nothing is said at all", [], "counts for 0 stages"],
  [
    "a stage loses records",
    [
      { ...NONE, in: 2, out: 1 },
      { ...NONE, in: 1, out: 1 },
    ],
    "accounts for 1",
  ],
  [
    "records are lost between two",
    [
      { ...NONE, in: 2, out: 2 },
      { ...NONE, in: 1, out: 1 },
    ],
    "stage 2 took 1 records of 2",
  ],
] as const) {
  test(`countsFault() says so when ${what}`, () => {
    expect(countsFault(counts, 2)).toContain(says);
  });
}
