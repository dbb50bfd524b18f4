import { expect, test } from "bun:test";
import fc from "fast-check";
import { finishAtOnce } from "../../../../../src/base/turns.ts";
import { MatchRun, type Operator, OperatorSet, Subject } from "../../../../../src/edge/waf/match/index.ts";
import { integerOf } from "../../../../../src/edge/waf/match/operators/text.ts";

function compile(name: string, argument: string, data?: string): Operator {
  const set = new OperatorSet();
  const operator = set.compile({ name, argument, isDynamic: false, data });
  finishAtOnce(set.seal());
  return operator;
}

function match(operator: Operator, value: string, run = new MatchRun(1e6)): boolean {
  return operator.match(new Subject(value), run);
}

test.each([
  ["rx", "a+b", ["xaab"], ["b", ""]],
  ["contains", "b c", ["ab cd"], ["B C", "bc"]],
  ["containsWord", "cat", ["a cat.", "cat", "1cat2"], ["cats", "concat"]],
  ["strmatch", "x", ["axb"], ["X"]],
  ["beginsWith", "ab", ["abc"], ["cab"]],
  ["endsWith", "ab", ["cab"], ["abc"]],
  ["streq", "ab", ["ab"], ["AB", "abc"]],
  ["within", "GET POST", ["GET", "POST", "", "T P"], ["PUT"]],
  ["eq", "5", ["5", " 5x", "+5"], ["6", ""]],
  ["eq", "0", ["0", "", "x"], ["1"]],
  ["ge", "5", ["5", "6"], ["4", "x"]],
  ["gt", "5", ["6"], ["5"]],
  ["le", "5", ["5", "-1"], ["6"]],
  ["lt", "5", ["4", ""], ["5"]],
  [
    "ipMatch",
    "10.0.0.0/8, 2001:db8::/32,192.0.2.1",
    ["10.1.2.3", "2001:db8::1", "192.0.2.1"],
    ["11.0.0.1", "::1", "x", "10.1.2"],
  ],
  ["validateByteRange", "32-126,10", ["a\0", "\xff"], ["abc\n", ""]],
  ["validateUrlEncoding", "", ["%zz", "a%4", "%"], ["%41", "abc", ""]],
  [
    "validateUtf8Encoding",
    "",
    ["\xff", "\xc0\x80", "\xed\xa0\x80", "\xe2\x82"],
    ["abc", "\xc3\xa9", "\xf0\x9f\x98\x80"],
  ],
  ["verifyCC", "\\d{16}", ["x 4111111111111111"], ["4111111111111112", "1234"]],
  ["pm", "foo |41 42|c Bar", ["xFOOx", "abc", "a BAR"], ["fo o", "ab"]],
  ["noMatch", "", [], ["", "a"]],
  ["unconditionalMatch", "", ["", "a"], []],
] as [string, string, string[], string[]][])(
  "@%s %j matches what it should, and nothing else",
  (name, argument, yes, no) => {
    const operator = compile(name, argument);
    for (const value of yes) expect([value, match(operator, value)]).toEqual([value, true]);
    for (const value of no) expect([value, match(operator, value)]).toEqual([value, false]);
  },
);

test("@pmFromFile reads phrases line by line and keeps the blanks in them", () => {
  const operator = compile("pmFromFile", "x.data", "# comment\nfoo bar\r\n\nbaz\n");
  expect(["a FOO BAR b", "baz", "foo", "# comment"].map((value) => match(operator, value))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test("@ipMatchFromFile reads networks line by line", () => {
  const operator = compile("ipMatchFromFile", "x", "10.0.0.0/8 # inside\n\n::1\n");
  expect(["10.9.9.9", "::1", "9.9.9.9"].map((value) => match(operator, value))).toEqual([true, true, false]);
});

test("match() writes captures only when they are asked for", () => {
  const operator = compile("rx", "b(c)");
  const run = new MatchRun(1e6);
  match(operator, "abcd", run);
  expect(run.captureCount).toBe(0);
  run.wantsCaptures = true;
  match(operator, "abcd", run);
  expect(run.captures.slice(0, run.captureCount)).toEqual(["bc", "c"]);
});

test("@pm captures the word that stands first", () => {
  const run = new MatchRun(1e6);
  run.wantsCaptures = true;
  expect(match(compile("pm", "late early"), "xx EARLY late", run)).toBe(true);
  expect(run.captures[0]).toBe("early");
});

test("match() takes an expanded argument where it was written with macros", () => {
  const operator = new OperatorSet().compile({ name: "within", argument: "%{tx.methods}", isDynamic: true });
  expect(operator.match(new Subject("GET"), new MatchRun(100), "GET POST")).toBe(true);
  expect(operator.match(new Subject("GET"), new MatchRun(100), "PUT")).toBe(false);
});

test("match() says no once the run is exhausted", () => {
  const run = new MatchRun(2);
  expect(match(compile("rx", "abc"), "xxabc", run)).toBe(false);
  expect(run.isExhausted).toBe(true);
});

test.each([
  ["rbl", "x", "waf.operator_unsupported"],
  ["geoLookup", "", "waf.operator_unsupported"],
  ["nope", "", "waf.operator_unknown"],
  ["constructor", "", "waf.operator_unknown"],
  ["rx", "(", "waf.regex_invalid"],
  ["ipMatch", "10.0.0.0/33", "waf.operator_invalid"],
  ["validateByteRange", "1-256", "waf.operator_invalid"],
  ["pmFromFile", "x", "waf.operator_invalid"],
  ["pm", " ", "waf.operator_invalid"],
])("compile() refuses @%s %j", (name, argument, code) => {
  expect(() => compile(name, argument)).toThrow(expect.objectContaining({ code }));
});

test("integerOf() reads what an expression reads", () => {
  const piece = fc.constantFrom(..."0123456789+- \t\r\vx.", "00", "9".repeat(12), "");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const text = pieces.join("");
      const digits = /^[\t-\r ]*([+-]?[0-9]{1,18})/.exec(text)?.[1] ?? "0";
      const [own, expected] = [integerOf(text), Number(digits)];
      // Beyond what a number holds exactly the last digits are anybody's.
      if (Math.abs(expected) <= Number.MAX_SAFE_INTEGER) expect(own + 0).toBe(expected + 0);
      else expect(own / expected).toBeCloseTo(1, 12);
    }),
    { numRuns: 500, seed: 8 },
  );
});
