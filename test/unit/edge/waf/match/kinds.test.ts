import { expect, test } from "bun:test";
import fc from "fast-check";
import { finishAtOnce } from "../../../../../src/base/turns.ts";
import {
  kindsOf,
  MatchRun,
  OperatorSet,
  Regex,
  Subject,
  type Transformation,
  transformationOf,
} from "../../../../../src/edge/waf/match/index.ts";
import { Prefilter } from "../../../../../src/edge/waf/match/prefilter.ts";

const STEPS = 1e6;
const LETTERS = [
  "a",
  "B",
  "1",
  "_",
  ";",
  "|",
  "(",
  ")",
  "=",
  "<",
  "[",
  "]",
  "\\",
  " ",
  "\n",
  "\0",
  "\xe9",
  "%",
  "+",
  ".",
];
const text = fc.string({ unit: fc.constantFrom(...LETTERS, "&", "/", "*", "-", "'"), maxLength: 12 });
const atom = fc.constantFrom("a", "b", ";", "[;|]", "\\(", "[a(]", "=", "[^<]", "<", "\\s", "(?i)B", "\\W", "\\x25");
const pattern = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    atom,
    fc.tuple(tie("node"), tie("node")).map(([one, other]) => one + other),
    fc.tuple(tie("node"), tie("node")).map(([one, other]) => `(?:${one}|${other})`),
    fc.tuple(tie("node"), fc.constantFrom("*", "+", "?", "{2}")).map(([one, repeat]) => `(?:${one})${repeat}`),
  ),
})).node;

test("Regex.kinds names kinds of bytes that are in every text that matches", () => {
  let told = 0;
  fc.assert(
    fc.property(pattern, text, (source, value) => {
      const regex = Regex.compile(source);
      if (regex.kinds.length === 0 || !regex.test(value, new MatchRun(STEPS))) return;
      told += 1;
      expect(regex.kinds.filter((need) => (need & kindsOf(value)) === 0)).toEqual([]);
    }),
    { numRuns: 3_000 },
  );
  expect(told).toBeGreaterThan(100);
});

test.each([
  ["1\\(2", ["("]],
  ["(?:;|\\|)\\s*=", ["=", ";|"]],
  ["(?:;1|2)", []],
  ["1;*", []],
  ["a;*1", ["a"]],
  ["(?:;=|\\|=)", ["=", ";|"]],
])("Regex.kinds of %s", (source, kinds) => {
  expect([...Regex.compile(source).kinds].sort()).toEqual(kinds.map((marks) => kindsOf(marks)).sort());
});

const NAMES =
  "cmdLine compressWhitespace cssDecode escapeSeqDecode htmlEntityDecode jsDecode lowercase normalizePath normalizePathWin removeComments " +
  "removeCommentsChar removeNulls removeWhitespace replaceComments replaceNulls trim trimLeft trimRight urlDecode urlDecodeUni utf8toUnicode";

test.each(NAMES.split(" "))("%s leaves a value without its triggers alone", (name) => {
  const { apply, triggers } = transformationOf(name) as Transformation;
  expect(triggers).toBeDefined();
  const letters = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
  const idle = letters.filter((letter) => (kindsOf(letter) & triggers!) === 0);
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...idle), maxLength: 12 }), (value) => {
      expect(apply(value)).toBe(value);
    }),
    { numRuns: 300 },
  );
});

test("base64Decode reads short and long values as Node does", () => {
  const unit = fc.constantFrom(..."ABCxyz019+/=.-\n\r ");
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 80 }), (value) => {
      const end = value.search(/[^A-Za-z0-9+/\r\n]/);
      const taken = end < 0 ? value : value.slice(0, end);
      expect(transformationOf("base64Decode")!.apply(value)).toBe(Buffer.from(taken, "base64").toString("latin1"));
    }),
    { numRuns: 1_000 },
  );
});

test("Prefilter.scan() tells of a pattern once it is active, and where its kinds are there", () => {
  const prefilter = finishAtOnce(
    Prefilter.of([{ required: ["ab"] }, { kinds: [kindsOf("(")] }, { required: ["ab"], kinds: [kindsOf("=")] }]),
  );
  expect(prefilter.scan("ab(=")).toBe(prefilter.none);
  const before = prefilter.epoch;
  for (const at of [0, 1, 2]) prefilter.activate(at);
  expect(prefilter.epoch).not.toBe(before);
  expect(prefilter.scan("ab(=")).toEqual([0b111]);
  expect(prefilter.scan("ab(")).toEqual([0b011]);
  expect(prefilter.scan("ab=")).toEqual([0b101]);
  expect(prefilter.scan("(")).toEqual([0b010]);
  expect(prefilter.scan("a")).toBe(prefilter.none);
});

test("Subject remembers which operators said no, and asks them no more", () => {
  const set = new OperatorSet();
  const operator = set.compile({ name: "rx", argument: "union\\s+all", isDynamic: false });
  finishAtOnce(set.seal());
  const subject = new Subject("union some");
  const run = new MatchRun(STEPS);
  expect(operator.match(subject, run)).toBe(false);
  const spent = run.stepsLeft;
  expect(operator.match(subject, run)).toBe(false);
  expect(run.stepsLeft).toBe(spent);
  // What was not looked at for want of steps is not known.
  const other = new Subject("union  all");
  expect(operator.match(other, new MatchRun(12))).toBe(false);
  expect(operator.match(other, new MatchRun(STEPS))).toBe(true);
});
