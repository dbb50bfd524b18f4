import { expect, test } from "bun:test";
import fc from "fast-check";
import { MatchRun, Regex } from "../../../../../src/edge/waf/match/index.ts";
import { pattern, text } from "./patterns.ts";

const STEPS = 10_000_000;

function span(source: string, value: string, isCaseless = false): readonly [number, number] | undefined {
  return Regex.compile(source, { isCaseless }).span(value, new MatchRun(STEPS));
}

test("Regex.span() finds what JavaScript's RegExp finds first, on what both understand", () => {
  fc.assert(
    fc.property(pattern, text, fc.boolean(), ({ source }, value, isCaseless) => {
      const wanted = new RegExp(source, isCaseless ? "msi" : "ms").exec(value);
      const found = span(source, value, isCaseless);
      expect([source, value, found]).toEqual([
        source,
        value,
        wanted === null ? undefined : [wanted.index, wanted.index + wanted[0].length],
      ]);
    }),
    { numRuns: 3_000 },
  );
});

test("Regex.test() says what Regex.span() says, over and over on one instance", () => {
  fc.assert(
    fc.property(pattern, fc.array(text, { maxLength: 6 }), ({ source }, values) => {
      const regex = Regex.compile(source);
      for (const value of values) {
        const isMatch = new RegExp(source, "ms").test(value);
        expect([source, value, regex.test(value, new MatchRun(STEPS))]).toEqual([source, value, isMatch]);
      }
    }),
    { numRuns: 1_000 },
  );
});

test("Regex.required holds a literal of every text that matches", () => {
  fc.assert(
    fc.property(pattern, text, ({ source }, value) => {
      const regex = Regex.compile(source, { isCaseless: true });
      if (regex.required === undefined || !regex.test(value, new MatchRun(STEPS))) return;
      const lower = value.toLowerCase();
      expect(regex.required.some((literal) => lower.includes(literal))).toBe(true);
    }),
    { numRuns: 3_000 },
  );
});

test.each([
  ["union\\s+select", ["union"]],
  ["(?i)UNION|Select", ["union", "select"]],
  ["a(?:bc|de)f", ["abcf", "adef"]],
  ["x*", undefined],
  ["[a-z]+", undefined],
  ["(?:abc)?d", undefined],
  ["\\d+%00", ["%00"]],
  ["[\\n\\r]", ["\n", "\r"]],
])("Regex.required of %s", (source, required) => {
  expect(Regex.compile(source).required).toEqual(required as string[]);
});

test("Regex.find() gives groups as PCRE does", () => {
  const cases: [string, string, string[]][] = [
    ["(a|ab)(c|bcd)(d*)", "abcd", ["abcd", "a", "bcd", ""]],
    ["(\\w+)\\s(\\w+)", "  one two", ["one two", "one", "two"]],
    ["(?:(a)|b)*", "ab", ["ab", "a"]],
    ["(a*)*b", "aaab", ["aaab", "aaa"]],
    ["x(?<name>y)?", "xz", ["x", ""]],
    ["(a+?)(a*)", "aaa", ["aaa", "a", "aa"]],
  ];
  for (const [source, value, wanted] of cases) {
    const run = new MatchRun(STEPS);
    expect([source, Regex.compile(source).find(value, run)]).toEqual([source, true]);
    expect([source, run.captures.slice(0, run.captureCount)]).toEqual([source, wanted]);
  }
});

test.each([
  ["(\\w+)=\\1", "a=b 1=1", [4, 7]],
  ["(?<!a|bc)d", "ad bcd xd", [8, 9]],
  ["a(?!b)", "abac", [2, 3]],
  ["(?=.*9)x", "x 9", [0, 1]],
  ["(?<=\\$)\\d+", "5 $67", [3, 5]],
  ["(?>a+)b", "aaab", [0, 4]],
  ["(?>a+)ab", "aaab", undefined],
  ["a++a", "aaa", undefined],
  ["\\s*+;", "a  ;", [1, 4]],
  ["(?i)(a)\\1", "xAa", [1, 3]],
  ["(a*)+\\1x", "aaaax", [0, 5]],
  ["foo(?#comment)bar", "foobar", [0, 6]],
  ["(?x) a b # c", "ab", [0, 2]],
  ["\\Qa.b\\E+", "xa.bb", [1, 5]],
  ["[[:alpha:]_]+", "1ab_2", [1, 4]],
  ["[]a]+", "x]a]", [1, 4]],
  ["a{,2}", "a{,2}", [0, 5]],
  ["\\x{41}\\x42\\103", "ABC", [0, 3]],
  ["^b$", "a\nb\nc", [2, 3]],
  ["(?-m)^b", "a\nb", undefined],
  ["(?-s)a.b", "a\nb", undefined],
  ["b\\Z", "ab\n", [1, 2]],
  ["b\\z", "ab\n", undefined],
  ["^$", "a\n", undefined],
  ["\\A\\x00\\xff", "\0\xff", [0, 2]],
  ["(?P<q>['\"]).*?(?P=q)", "x", undefined],
])("Regex.span() reads %s on %j as PCRE does", (source, value, wanted) => {
  if (source.includes("(?P=")) {
    expect(() => Regex.compile(source)).toThrow("(?P");
    return;
  }
  expect(span(source, value)).toEqual(wanted as [number, number]);
});

test.each([
  ["(a+)+$", `${"a".repeat(100_000)}b`],
  ["(.*a){20}", "b".repeat(100_000)],
  ["(a|aa)+$", `${"a".repeat(100_000)}!`],
  ["(x+x+)+y", "x".repeat(100_000)],
  ["^(([a-z])+.)+[A-Z]([a-z])+$", "a".repeat(100_000)],
  ["(?:a?){30}a{30}b", "a".repeat(100_000)],
])("Regex.test() takes a few steps a byte for %s", (source, value) => {
  const run = new MatchRun(STEPS * 10);
  expect(Regex.compile(source).test(value, run)).toBe(false);
  expect(run.isExhausted).toBe(false);
  expect(STEPS * 10 - run.stepsLeft).toBeLessThan(value.length * 2 + 100_000);
});

test("Regex.find() stays linear where groups are asked of a hostile match", () => {
  const value = `${"a".repeat(10_000)}b`;
  const run = new MatchRun(STEPS);
  expect(Regex.compile("((a+)+)+b").find(value, run)).toBe(true);
  expect(run.captures[0]!.length).toBeLessThanOrEqual(4_096);
  expect(STEPS - run.stepsLeft).toBeLessThan(value.length * 60);
});

test("Regex.test() runs out of steps, and says so, when a reference makes it try everything", () => {
  const run = new MatchRun(1_000_000);
  expect(Regex.compile("(a*)(a*)(a*)\\1\\2\\3!b").test(`${"a".repeat(5_000)}!c!b`, run)).toBe(false);
  expect(run.isExhausted).toBe(true);
});

test("Regex.test() charges an automaton that ever new states are built of", () => {
  const run = new MatchRun(STEPS);
  let value = "";
  for (let seed = 7; value.length < 20_000; ) {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff;
    value += (seed >> 16) & 1 ? "a" : "b";
  }
  expect(Regex.compile("a[ab]{24}c").test(value, run)).toBe(false);
  expect(STEPS - run.stepsLeft).toBeGreaterThan(value.length * 10);
});

test("Regex.test() says no once the run is exhausted", () => {
  const run = new MatchRun(3);
  expect(Regex.compile("abc").test("xxabc", run)).toBe(false);
  expect(run.isExhausted).toBe(true);
});

test.each(["(", ")", "[a", "a{2,1}", "*a", "\\", "[z-a]", "\\x{100}", "(?<=a+)b", "[[:nope:]]"])(
  "Regex.compile() refuses %s",
  (source) => {
    expect(() => Regex.compile(source)).toThrow(expect.objectContaining({ code: "waf.regex_invalid" }));
  },
);

test.each(["(?R)", "(?(1)a|b)", "(?|a|b)", "\\p{L}", "\\K", "a{1,99999}"])(
  "Regex.compile() says of %s that it is not done here",
  (source) => {
    expect(() => Regex.compile(source)).toThrow(expect.objectContaining({ code: "waf.regex_unsupported" }));
  },
);

test("Regex.compile() refuses what its repetitions make too large", () => {
  expect(() => Regex.compile("((a{100}){100}){100}")).toThrow(expect.objectContaining({ code: "waf.regex_too_large" }));
});

test("Regex.spans() finds all that JavaScript's matchAll finds, but for what takes nothing", () => {
  fc.assert(
    fc.property(pattern, text, fc.boolean(), ({ source }, value, isCaseless) => {
      const wanted = [...value.matchAll(new RegExp(source, isCaseless ? "gmsi" : "gms"))]
        .filter(([match]) => match !== "")
        .map(({ 0: match, index }) => [index, index + match.length]);
      const found = Regex.compile(source, { isCaseless }).spans(value, new MatchRun(STEPS));
      expect([source, value, found.map((each) => [...each])]).toEqual([source, value, wanted]);
    }),
    { numRuns: 3_000 },
  );
});

test.each([
  ["a|(?<=a)b", "ab", ["a", "b"]],
  ["(?<!\\d)\\d{4}(?!\\d)", "12345 1234 x5678", ["1234", "5678"]],
  ["^secret|token=\\w+", "token=aaa token=bbb", ["token=aaa", "token=bbb"]],
  ["(?m)^p: \\w+", "u: x\np: one\nu: y\np: two\n", ["p: one", "p: two"]],
  ["\\Aa|b", "aab", ["a", "b"]],
  ["\\bk\\w*", "kXk k", ["kXk", "k"]],
  ["(a)(?:\\1|c)", "aaacaa", ["aa", "ac", "aa"]],
])("Regex.spans() sees what stands before a place when it goes on with %s in %j", (source, value, wanted) => {
  const found = Regex.compile(source).spans(value, new MatchRun(STEPS));
  expect(found.map(([begin, end]) => value.slice(begin, end))).toEqual(wanted);
});

test.each(["\\d{3}-\\d{2}-\\d{4}", "\\bcust_[a-z0-9]+", "(?<!\\d)\\d{3}-\\d{2}-\\d{4}(?!\\d)", "x*"])(
  "Regex.spans() takes a few steps a byte however many matches of %s there are",
  (source) => {
    const value = `${"x".repeat(120)} 123-45-6789 cust_a1 `.repeat(2_000);
    const run = new MatchRun(STEPS);
    expect(Regex.compile(source).spans(value, run)).toHaveLength(2_000);
    expect(run.isExhausted).toBe(false);
    expect(STEPS - run.stepsLeft).toBeLessThan(value.length * 16);
  },
);
