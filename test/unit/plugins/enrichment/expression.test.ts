import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { bindNumber, bindValue } from "../../../../plugins/enrichment/evaluate.ts";
import { parseExpression } from "../../../../plugins/enrichment/expression.ts";
import type { Value } from "../../../../src/sdk/index.ts";
import { batchOf } from "../support.ts";

function evaluate(source: string, record: Record<string, Value> = {}): Value | undefined {
  return bindValue(parseExpression(source), batchOf([record]))(0);
}

describe("parseExpression", () => {
  test.each([
    ["1 + 2 * 3", 7],
    ["(1 + 2) * 3", 9],
    ["10 - 4 - 3", 3],
    ["2 * -3", -6],
    ["--2", 2],
    ["7 % 4 / 2", 1.5],
    ["1.5e2 + .5*0".replace(".5*0", "0"), 150],
    ["round(2.345, 2)", 2.35],
    ["min(3, 1, 2) + max(1, 2)", 3],
    ["abs(-2) + floor(1.9) + ceil(1.1) + sqrt(9)", 8],
    ["amount * quantity", 30],
    ["`odd name!` + über", 3],
    ["concat(name, '-', \"x\", amount, missing, nothing)", "Ünï-x10"],
    ["upper(name)", "ÜNÏ"],
    ["lower(upper(trim('  A ')))", "a"],
    ["length(name)", 3],
    ["coalesce(missing, nothing, amount)", 10],
    ["coalesce(missing, 2) * 2", 4],
    ["amount + missing", undefined],
    ["amount + name", undefined],
    ["1 / 0", undefined],
    ["round(1, 99)", undefined],
    ["upper(amount)", undefined],
    ["nested.field", 5],
    ["name", "Ünï"],
  ])("%s is %p", (source, expected) => {
    const record = { amount: 10, quantity: 3, name: "Ünï", nothing: null, "odd name!": 1, über: 2, "nested.field": 5 };
    expect(evaluate(source, record)).toEqual(expected as Value);
  });

  test.each([
    ["", "column 1: found the end; a number, a text, a field or ( is required"],
    ["1 +", "column 4: found the end"],
    ["1 2", "column 3: found 2; an operator or the end is required"],
    ["(1", "column 3: found the end; ) is required"],
    ["a ; b", 'column 3: ";" begins no number, text, field or sign'],
    ["  $x", 'column 3: "$" begins no number'],
    ["exec(1)", "column 1: exec is no function; allowed: abs, ceil"],
    ["constructor(1)", "column 1: constructor is no function"],
    ["round(1, 2, 3)", "round has 3 arguments; 1 to 2 are required"],
    ["abs()", "found ); a number"],
    ["'open", 'column 1: "\'" begins no number'],
    [`${"(".repeat(60)}1${")".repeat(60)}`, "nests deeper than 50 levels"],
    ["-".repeat(100), "nests deeper than 50 levels"],
    ["1".repeat(2001), "has 2001 characters; at most 2000"],
  ])("parseExpression(%p) is refused", (source, message) => {
    expect(() => parseExpression(source)).toThrow(message);
  });

  test("parseExpression() gives a tree or an Error whatever the text", () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(..."ab1 .+-*/%(),'\"`e") }));
    fc.assert(
      fc.property(text, (source) => {
        try {
          expect(parseExpression(source).kind).toBeString();
        } catch (error) {
          expect((error as Error).message).toMatch(/column \d+|nests deeper/);
        }
      }),
    );
  });

  test("bindNumber() computes what JavaScript computes for any tree of numbers and fields", () => {
    const { tree } = fc.letrec<{ tree: string }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.integer({ min: 0, max: 99 }).map(String),
        fc.constantFrom("a", "b"),
        fc
          .tuple(tie("tree"), fc.constantFrom("+", "-", "*", "/", "%"), tie("tree"))
          .map(([l, o, r]) => `(${l} ${o} ${r})`),
        tie("tree").map((each) => `- ${each}`),
      ),
    }));
    const field = fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => each + 0); // a record has no -0
    fc.assert(
      fc.property(tree, fc.integer(), field, (source, a, b) => {
        const expected: number = new Function("a", "b", `return ${source}`)(a, b); // the second, dumber implementation
        const actual = bindNumber(parseExpression(source), batchOf([{ a, b }]))(0);
        expect(Object.is(actual + 0, expected + 0) || (Number.isNaN(actual) && Number.isNaN(expected))).toBe(true);
      }),
    );
  });
});
