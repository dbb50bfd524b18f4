/** The oracle of the chaos run finds what it is there to find: each of these outputs is wrong in one way. */
import { describe, expect, test } from "bun:test";
import {
  accountFaults,
  deadLetterFaults,
  type Obligations,
  obligationsOf,
  outputFaults,
} from "../../../../../scripts/bench/cluster/oracle.ts";
import { Workspace } from "../../../../support/workspace.ts";

/** 997 is unwanted, 4,999 cannot be borne, 3 is small. */
const IDS = [1, 2, 3, 997, 4_999, 5_000];
const OUT = [
  '{"order_id":1,"total":400,"number":1}',
  '{"order_id":2,"total":400,"number":2}',
  '{"order_id":5000,"total":400,"number":4}',
];
const SUMS = '{"category":"toys","country":"AT","orders":3,"total_sum":1200}';

function prepare(space: Workspace): Obligations {
  const order = (id: number): string =>
    JSON.stringify({ order_id: id, amount: id === 3 ? 1 : 200, quantity: 2, country: "AT", product: "p" });
  const orders = space.write("orders.ndjson", `${IDS.map(order).join("\n")}\n`);
  const products = space.write("products.csv", "product,category\np,toys\n");
  return obligationsOf(orders, products);
}

function judged(lines: readonly string[]): string[] {
  using space = new Workspace();
  const obligations = prepare(space);
  return outputFaults(obligations, space.write("out.ndjson", `${lines.join("\n")}\n`));
}

describe("oracle", () => {
  test("obligationsOf() gives each order one fate", () => {
    using space = new Workspace();
    const { counts, fates, numbers } = prepare(space);
    expect(counts).toEqual({ out: 3, filtered: 1, dead: 1, skipped: 1 });
    expect([...fates.values()]).toEqual(["out", "out", "filtered", "dead", "skipped", "out"]);
    expect([...numbers.values()]).toEqual([1, 2, 3, 4]);
  });

  test("outputFaults() finds nothing when each order is there once, in order, with the right sums", () => {
    expect(judged([...OUT, SUMS])).toEqual([]);
  });

  test("outputFaults() names each way in which an output is wrong", () => {
    const [first, second, third] = OUT as [string, string, string];
    const cases: readonly (readonly [readonly string[], string])[] = [
      [[first, third, SUMS], "1 lost: 2"],
      [[first, second, second, third, SUMS], "1 doubled: 2"],
      [[second, first, third, SUMS], "1 out of order: 1 after 2"],
      [[...OUT, '{"order_id":5001,"total":1}', SUMS], "1 unknown, but written: 5001"],
      [[first, second, '{"order_id":997,"total":400}', third, SUMS], "1 dead, but written: 997"],
      [[first, second.replace("400", "401"), third, SUMS], "1 another payload: 2"],
      [[first, second.replace('"number":2', '"number":3'), third, SUMS], "1 another number: 2"],
      [OUT, "1 sums lost: toys/AT"],
      [[...OUT, SUMS, SUMS], "1 sums doubled: toys/AT"],
      [[...OUT, SUMS.replace("1200", "1600")], `1 sums wrong: ${SUMS.replace("1200", "1600")}`],
      [[...OUT, SUMS, '{"order'], '1 no record: {"order'],
    ];
    for (const [lines, fault] of cases) expect(judged(lines)).toContain(fault);
  });

  test("deadLetterFaults() finds a letter that is missing, doubled, or nobody's", () => {
    using space = new Workspace();
    const obligations = prepare(space);
    const letters = (...ids: readonly number[]): string =>
      space.write("dead.ndjson", ids.map((id) => `{"record":{"order_id":${id}}}\n`).join(""));
    expect(deadLetterFaults(obligations, letters(997))).toEqual([]);
    expect(deadLetterFaults(obligations, letters())).toEqual(["1 dead letter lost: 997"]);
    expect(deadLetterFaults(obligations, letters(997, 997))).toEqual(["1 dead letter doubled: 997"]);
    expect(deadLetterFaults(obligations, letters(997, 1))).toEqual(["1 out, but a dead letter: 1"]);
  });

  test("accountFaults() holds the master's counts against what is due", () => {
    using space = new Workspace();
    const obligations = prepare(space);
    const stages = [
      { name: "brittle", in: 5, out: 4 },
      { name: "filter", in: 4, out: 3 },
    ];
    const account = { read: 6, written: 4, deadLettered: 1, stages };
    expect(accountFaults(obligations, account)).toEqual([]);
    expect(accountFaults(obligations, { ...account, written: 5 })).toEqual(["the master told of 5 written; it is 4"]);
  });
});
