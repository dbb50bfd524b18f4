import { expect, test } from "bun:test";
import fc from "fast-check";
import { Fifo, firstNames, inPieces } from "../../../../src/data/structure/index.ts";

test("Fifo gives what went in, in that order, when thousands come and go", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1_500), fc.nat(1_500)), { maxLength: 8 }), (rounds) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      let next = 0;
      for (const [added, taken] of rounds) {
        for (let count = 0; count < added; count++) {
          fifo.add(++next);
          model.push(next);
        }
        expect(fifo.last).toBe(model.at(-1));
        for (let count = 0; count < taken; count++) if (fifo.take() !== model.shift()) throw new Error("out of order");
        expect(fifo.first).toBe(model[0]);
        expect(fifo.size).toBe(model.length);
        expect(fifo.list(3)).toEqual(model.slice(0, 3));
        expect(fifo.list()).toEqual(model);
        const bound = (model[0] ?? 0) + 5;
        expect(fifo.countWhile((item) => item < bound)).toBe(Math.min(5, model.length));
      }
    }),
    { numRuns: 30 },
  );
});

test("firstNames() gives the page behind a name in order when names come in none", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ maxLength: 3 })),
      fc.integer({ min: 1, max: 5 }),
      fc.option(fc.string({ maxLength: 2 }), { nil: undefined }),
      (names, limit, after) => {
        const sorted = [...names].sort().filter((name) => after === undefined || name > after);
        expect(firstNames(names, limit, after)).toEqual(sorted.slice(0, limit));
      },
    ),
  );
});

test("inPieces() cuts rows into pieces that are small when they can be, and leaves none out", () => {
  const sizes = [60_000, 10_000, 200_000, 1, 1, 65_535, 1];
  const pieces = [
    ...inPieces(
      sizes,
      (size) => size,
      (size) => size,
    ),
  ];
  expect(pieces).toEqual([[60_000], [10_000], [200_000], [1, 1], [65_535, 1]]);
});
