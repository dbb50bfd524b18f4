import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ArrivalOrder } from "../../../../../src/work/pipeline/dispatch/arrival-order.ts";

const LENGTH = 12;
const orders = fc.shuffledSubarray(
  Array.from({ length: LENGTH }, (_, index) => index),
  { minLength: LENGTH },
);

/** Who of the waiting is told, when batches end in this order. The oracle: the lowest number that has not ended. */
async function check(order: ArrivalOrder, numbers: readonly number[], ends: readonly number[]): Promise<void> {
  const told = new Set<number>();
  for (const number of numbers) void order.untilOldest(number).then(() => told.add(number));
  const left = new Set(numbers);
  for (const end of ends) {
    const number = numbers[end]!;
    order.end(number);
    left.delete(number);
    await Promise.resolve();
    const oldest = Math.min(...left);
    for (const each of left) expect(told.has(each)).toBe(each === oldest);
  }
}

describe("ArrivalOrder", () => {
  test("untilOldest() resolves for the oldest only, in whatever order batches end, when they are numbered by arrival", async () => {
    await fc.assert(
      fc.asyncProperty(orders, fc.array(fc.nat(), { minLength: LENGTH, maxLength: LENGTH }), async (ends, seqs) => {
        const order = new ArrivalOrder(false, 77);
        const numbers = seqs.map((seq) => order.begin(seq));
        expect(numbers).toEqual(Array.from({ length: LENGTH }, (_, index) => index));
        await check(order, numbers, ends);
      }),
    );
  });

  test("untilOldest() goes by the source's numbers when order counts, also when batches arrive out of turn", async () => {
    await fc.assert(
      fc.asyncProperty(orders, orders, fc.nat({ max: 1000 }), async (arrivals, ends, firstSeq) => {
        const order = new ArrivalOrder(true, firstSeq);
        const numbers = arrivals.map((index) => order.begin(firstSeq + index));
        expect(numbers).toEqual(arrivals.map((index) => firstSeq + index));
        await check(order, numbers, ends);
      }),
    );
  });

  test("lost() has the others wait for a batch that comes again under its number, and not for one that gets another", async () => {
    for (const bySeq of [true, false]) {
      const order = new ArrivalOrder(bySeq, 0);
      const [first, second] = [order.begin(0), order.begin(1)];
      order.lost(first);
      let isOldest = false;
      void order.untilOldest(second).then(() => {
        isOldest = true;
      });
      await Promise.resolve();
      expect(isOldest).toBe(!bySeq);
      order.end(order.begin(0));
      await Promise.resolve();
      expect(isOldest).toBe(true);
    }
  });

  test("untilOldest() resolves at once when nobody older is there", async () => {
    const order = new ArrivalOrder(false, 0);
    order.end(order.begin(9));
    await order.untilOldest(order.begin(4));
  });
});
