import { expect, test } from "bun:test";
import fc from "fast-check";
import { finishAtOnce } from "../../../../../src/base/turns.ts";
import { MatchRun, OperatorSet, Subject } from "../../../../../src/edge/waf/match/index.ts";
import { Prefilter } from "../../../../../src/edge/waf/match/prefilter.ts";

const word = fc.string({ unit: fc.constantFrom("a", "b", "c", "'"), minLength: 1, maxLength: 4 });

test("Prefilter.scan() marks exactly the patterns one of whose literals is in the value", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(word, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 40 }),
      fc.array(fc.string({ unit: fc.constantFrom("a", "B", "c", "'", "x", "\xff") }), { maxLength: 4 }),
      (literals, values) => {
        const prefilter = finishAtOnce(Prefilter.of(literals.map((required) => ({ required }))));
        for (const at of literals.keys()) prefilter.activate(at);
        for (const value of values) {
          const hits = prefilter.scan(value);
          const marked = literals.map((_, at) => ((hits[at >>> 5]! >>> (at & 31)) & 1) === 1);
          expect(marked).toEqual(literals.map((texts) => texts.some((text) => value.toLowerCase().includes(text))));
        }
      },
    ),
    { numRuns: 500 },
  );
});

test("OperatorSet.seal() changes no verdict", () => {
  const specs = [
    ["rx", "union\\s+select"],
    ["rx", "(?i)SCRIPT|img"],
    ["rx", "^a"],
    ["pm", "Union select 'x'"],
    ["contains", "sel"],
    ["streq", "select"],
  ] as const;
  const [sealed, open] = [new OperatorSet(), new OperatorSet()];
  const compile = (set: OperatorSet) =>
    specs.map(([name, argument]) => set.compile({ name, argument, isDynamic: false }));
  const [one, other] = [compile(sealed), compile(open)];
  finishAtOnce(sealed.seal());
  expect(sealed.counts().filtered).toBeGreaterThan(3);
  const values = ["union  select", "SELECT", "select", "a<Script>", "", "unio", "x'x'y", "nothing"];
  for (const value of values)
    for (const [at, operator] of one.entries())
      expect([specs[at], value, operator.match(new Subject(value), new MatchRun(1e6))]).toEqual([
        specs[at],
        value,
        other[at]!.match(new Subject(value), new MatchRun(1e6)),
      ]);
});
