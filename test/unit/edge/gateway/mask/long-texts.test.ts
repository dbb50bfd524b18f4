/** Long texts of JSON, read and written again in turns: the same as in one go. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { finishAtOnce } from "../../../../../src/base/turns.ts";
import { literalInTurns, longTextOf } from "../../../../../src/edge/gateway/mask/json-text.ts";
import { PACE } from "../../../../../src/edge/gateway/mask/pace.ts";

/** As they may stand where a turn ends. */
const PIECES = [
  "\\\\",
  '\\"',
  "\\n",
  "\\u00e9",
  "\\ud83d\\ude00",
  "\\ud83d",
  "\\\\u0041",
  "x",
  "é",
  "😀",
  "\\/",
] as const;
const pieces = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((list) => list.join(""));

test("longTextOf() says what JSON.parse says, and literalInTurns() what JSON.stringify does, whatever stands where a turn ends", () => {
  fc.assert(
    fc.property(pieces, pieces, fc.nat({ max: 16 }), (first, second, back) => {
      const literal = `"${"-".repeat(PACE - back)}${first}${"-".repeat(PACE - first.length)}${second}"`;
      const text: string = JSON.parse(literal);
      expect(finishAtOnce(longTextOf(literal, true)) === text).toBe(true);
      expect(finishAtOnce(literalInTurns(text)).join("") === JSON.stringify(text)).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test("longTextOf() and literalInTurns() let others run again and again", () => {
  const literal = JSON.stringify('a "b" \\ c\n'.repeat(PACE));
  const turnsOf = (work: Iterator<void>): number => {
    let turns = 0;
    while (work.next().done !== true) turns++;
    return turns;
  };
  expect(turnsOf(longTextOf(literal, true))).toBeGreaterThanOrEqual(literal.length / PACE - 1);
  expect(turnsOf(literalInTurns(JSON.parse(literal)))).toBeGreaterThanOrEqual(9);
});
