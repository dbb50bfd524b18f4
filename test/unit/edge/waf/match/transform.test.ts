import { expect, test } from "bun:test";
import fc from "fast-check";
import { MatchRun, Subject, transformationOf, transformChain } from "../../../../../src/edge/waf/match/index.ts";
import { Output } from "../../../../../src/edge/waf/match/transform/output.ts";

function apply(name: string, value: string): string {
  return transformationOf(name)!.apply(value);
}

test.each([
  ["lowercase", "ABC\xc0z", "abc\xc0z"],
  ["uppercase", "abc\xe0", "ABC\xe0"],
  ["urlDecode", "a%20b+c%zz%4", "a b c%zz%4"],
  ["urlDecode", "%u0041", "%u0041"],
  ["urlDecodeUni", "%u0041%uff1c%u00e9%u12", "A<\xe9%u12"],
  ["urlDecodeUni", "%41%2", "A%2"],
  ["htmlEntityDecode", "&lt;a&gt;&quot;&amp;&nbsp;", '<a>"&\xa0'],
  ["htmlEntityDecode", "&#60;&#x3c;&#X3C&#60 &#; &#x; &nope;", "<<<< &#; &#x; &nope;"],
  ["htmlEntityDecode", "&LT;script", "<script"],
  ["jsDecode", "\\u0041\\uff1c\\x41\\101\\n\\'\\q\\", "A<AA\n'q\\"],
  ["jsDecode", "\\777\\8", "?78"],
  ["cssDecode", "\\61 b\\00ff1c\\\nc\\zd\\", "ab\x3ccz" + "d"],
  ["cssDecode", "\\0000610", "a0"],
  ["base64Decode", "SGVsbG8=", "Hello"],
  ["base64Decode", "SGVs!bG8=", "Hel"],
  ["base64DecodeExt", "SGV.sbG8=", "Hello"],
  ["base64Encode", "Hello", "SGVsbG8="],
  ["hexDecode", "4142", "AB"],
  ["hexEncode", "AB\xff", "4142ff"],
  ["sqlHexDecode", "a0x414243 0X", "aABC 0X"],
  ["removeNulls", "a\0b\0", "ab"],
  ["replaceNulls", "a\0b", "a b"],
  ["removeWhitespace", " a\t\nb\xa0 c", "abc"],
  ["compressWhitespace", "a \t\n b\xa0", "a b "],
  ["replaceComments", "a/*x*/b/*c", "a b "],
  ["replaceComments", "a*/b", "a*/b"],
  ["removeComments", "a/*x*/b<!--y-->c--d", "abc "],
  ["removeComments", "a#b", "a "],
  ["removeCommentsChar", "a/*b*/--#c<!--", "abc"],
  ["cmdLine", 'C^md, /C  "ECHO" (x);y', "cmd/c echo(x) y"],
  ["normalisePath", "/a/./b/../c//d", "/a/c/d"],
  ["normalizePath", "../../a", "../../a"],
  ["normalizePath", "/../a/", "/a/"],
  ["normalizePathWin", "\\a\\..\\b", "/b"],
  ["escapeSeqDecode", "\\a\\x41\\101\\\\pass\\wd", "\x07AA\\passwd"],
  ["utf8toUnicode", "a\xc3\xa9\xe2\x82\xac\xff", "a%u00e9%u20ac\xff"],
  ["length", "abcd", "4"],
  ["trim", " \ta ", "a"],
  ["trimLeft", "  a ", "a "],
  ["trimRight", " a  ", " a"],
  ["md5", "", "\xd4\x1d\x8c\xd9\x8f\x00\xb2\x04\xe9\x80\x09\x98\xec\xf8\x42\x7e"],
  ["urlEncode", "a b*é".replace("é", "\xe9"), "a+b*%e9"],
  ["parityZero7bit", "\xc1", "A"],
  ["parityEven7bit", "A\x07", "A\x87"],
])("%s() of %j", (name, value, wanted) => {
  expect(apply(name, value)).toBe(wanted);
});

test("sha1() hashes bytes, not text", () => {
  expect(apply("hexEncode", apply("sha1", "\xff"))).toBe(
    new Bun.CryptoHasher("sha1").update(Uint8Array.of(255)).digest("hex"),
  );
});

const NAMES = (
  "base64Decode base64DecodeExt cmdLine compressWhitespace cssDecode escapeSeqDecode hexDecode htmlEntityDecode jsDecode lowercase " +
  "normalizePath normalizePathWin removeComments removeCommentsChar removeNulls removeWhitespace replaceComments replaceNulls sqlHexDecode " +
  "trim uppercase urlDecode urlDecodeUni utf8toUnicode"
).split(" ");
const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
const tricky = fc.string({
  unit: fc.constantFrom("%", "u", "0", "f", "&", "#", "x", ";", "\\", "/", "*", ".", "-", "\xe2", "\x82", "a", " "),
});

test("every transformation gives bytes, of bytes, never much longer", () => {
  fc.assert(
    fc.property(fc.constantFrom(...NAMES), fc.oneof(bytes, tricky), (name, value) => {
      const after = apply(name, value);
      expect(after.length).toBeLessThanOrEqual(value.length * 3 + 1);
      for (let at = 0; at < after.length; at += 1) expect(after.charCodeAt(at)).toBeLessThan(256);
    }),
    { numRuns: 2_000 },
  );
});

test("transformationOf() knows names in any case, and none that is not there", () => {
  expect(transformationOf("BASE64decode")).toBe(transformationOf("base64Decode"));
  expect(transformationOf("normalisePath")?.id).toBe(transformationOf("normalizePath")?.id);
  expect(transformationOf("rot13")).toBeUndefined();
  expect(transformationOf("toString")).toBeUndefined();
});

test("Subject.through() computes a form once, and is itself where nothing changes", () => {
  const chain = transformChain([transformationOf("urlDecodeUni")!, transformationOf("lowercase")!]);
  const run = new MatchRun(1_000);
  const subject = new Subject("A%42");
  const form = subject.through(chain, run);
  expect(form.value).toBe("ab");
  const left = run.stepsLeft;
  expect(subject.through(chain, run)).toBe(form);
  expect(run.stepsLeft).toBe(left);
  const plain = new Subject("abc");
  expect(plain.through(chain, run)).toBe(plain);
});

test("Output keeps what is its own when another one is written before it is taken, and when it grows", () => {
  for (const sizeBytes of [1, 100_000]) {
    const [one, other] = [new Output(sizeBytes), new Output(sizeBytes)];
    for (let at = 0; at < 200_000; at += 1) {
      one.put(97);
      other.put(98);
    }
    other.drop(1);
    other.copy("cd", 0, 2);
    const third = new Output(1);
    third.put(99);
    expect(one.take()).toBe("a".repeat(200_000));
    expect(other.take()).toBe(`${"b".repeat(199_999)}cd`);
    expect(third.take()).toBe("c");
    expect(new Output(4).take()).toBe("");
  }
});
