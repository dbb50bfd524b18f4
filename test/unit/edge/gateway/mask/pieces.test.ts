/** Whole bodies masked piece by piece: what comes out is what a look at the whole finds, and little is held on the way. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { finishAtOnce } from "../../../../../src/base/turns.ts";
import {
  MaskBudget,
  type MaskedPieces,
  maskForm,
  maskText,
  PlainMask,
} from "../../../../../src/edge/gateway/mask/index.ts";
import { codingOf } from "../../../../../src/edge/gateway/mask/text-coding.ts";
import { rulesOf } from "./rules.ts";

const CARD = "4111111111111111";
const TEXT = "text/plain";
const FORM = "application/x-www-form-urlencoded";
const JSON_TYPE = "application/json";
const PATTERNS = ["card|mask|keep_last=4", "email|hash|key=k", "iban|mask", "token|remove"];
const MIB = 1024 * 1024;

const textOf = ({ pieces }: MaskedPieces): string => Buffer.from(pieces.takeAll()).toString();

/** Cut at these places, of which some are within a character. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...cuts].map((from, at) => bytes.subarray(from, cuts[at] ?? bytes.length));
}

/** Words of which any may stand next to any other: parts of what is hidden, ends, and characters of many bytes. */
const WORDS = [
  ...[
    CARD,
    "4111 1111",
    "1111-1111",
    "4",
    " ",
    "\t",
    "-",
    ".",
    "=",
    "&",
    "@",
    "a@b.org",
    "some.body",
    "org",
    "é",
    "€",
    "😀",
  ],
  ...["GB29 NWBK 6016 1331 9268 19", "GB29", "Bearer ", "basic", "abcdefgh12345", "eyJhbGciOi.eyJzdWIi.c2ln", "eyJ"],
  ...[
    "sk_live_0123456789ab",
    "AKIAIOSFODNN7EXAMPLE",
    "\n",
    "\r\n",
    "<",
    '"',
    ",",
    ";",
    "(",
    ")",
    "[",
    "]",
    "\\",
    "{",
    "}",
    "|",
  ],
  ...[
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "-----BEGIN x",
    "-----",
    "-----END ",
    "%40",
    "%34111",
    "+",
  ],
] as const;
const words = fc.array(fc.constantFrom(...WORDS), { maxLength: 24 }).map((list) => list.join(""));
const places = fc.array(fc.nat(), { maxLength: 12 });

describe("PlainMask", () => {
  test.each([
    ["texts", TEXT, maskText],
    ["forms", FORM, maskForm],
  ] as const)("run() finds in %s what a look at the whole finds when they are cut anywhere", (_what, type, whole) => {
    let hidden = 0;
    for (const lines of [PATTERNS, PATTERNS.slice(0, 3), [...PATTERNS, "~[a-z]+\\n.[^z]?é*|remove"]]) {
      const rules = rulesOf(...lines);
      fc.assert(
        fc.property(words, places, (text, at) => {
          const mask = new PlainMask(cut(Buffer.from(text), at), type, rules, new MaskBudget());
          const found = finishAtOnce(mask.run());
          const expected = whole(text, rules);
          if (expected.count > 0) hidden++;
          expect([found.count, textOf(found)]).toEqual([expected.count, expected.text]);
        }),
        { numRuns: 400 },
      );
    }
    expect(hidden).toBeGreaterThan(300);
  });

  test("run() does not cut a text within a private key, however long it is", () => {
    const line = `${"0123456789abcdef".repeat(4)}\n`;
    const key = `-----BEGIN RSA PRIVATE KEY-----\n${line.repeat(6_000)}-----END RSA PRIVATE KEY-----`;
    const text = `${line.repeat(9_000)}${key}\n${line.repeat(9_000)}`;
    const rules = rulesOf("token|remove");
    const found = finishAtOnce(new PlainMask([Buffer.from(text)], TEXT, rules, new MaskBudget()).run());
    expect([found.count, textOf(found) === `${line.repeat(9_000)}\n${line.repeat(9_000)}`]).toEqual([1, true]);
  });

  test("run() does not cut a key in two when another begins behind it on the same line", () => {
    const key = (name: string): string =>
      `-----BEGIN ${name}PRIVATE KEY-----\nSECRETsecretSECRET${name}\n-----END ${name}PRIVATE KEY-----`;
    for (const between of [" backup ", "", "-----BEGIN CERTIFICATE-----\nabc"]) {
      const text = `app ${key("")}${between}${key("EC ")} end`;
      for (let at = 0; at <= text.length; at++) {
        const mask = new PlainMask(cut(Buffer.from(text), [at]), TEXT, rulesOf("token|remove"), new MaskBudget());
        expect(textOf(finishAtOnce(mask.run()))).toBe(maskText(text, rulesOf("token|remove")).text);
      }
      expect(maskText(text, rulesOf("token|remove")).text).not.toContain("SECRET");
    }
  });

  test("an address beside a key takes nothing of what the key is known by", () => {
    const key = "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----";
    const rules = rulesOf("email|mask", "token|remove");
    expect(maskText(`a@b.org${key}c@d.org, x`, rules).text).toBe("****org****org, x");
  });

  test("run() reads the fields of a text that is JSON when its beginning and its characters are cut in two", () => {
    const text = `\ufeff \n{"name":"é€😀", "x":1}`;
    const bytes = Buffer.from(text);
    for (let at = 0; at <= bytes.length; at++) {
      const mask = new PlainMask(cut(bytes, [at]), TEXT, rulesOf("$.name|remove"), new MaskBudget());
      expect(textOf(finishAtOnce(mask.run()))).toBe('\ufeff \n{ "x":1}');
    }
  });

  test("run() searches a text for patterns when it is no JSON to its end, and gives all of it", () => {
    const text = `{"name":"x"} ${CARD} ]`;
    const rules = rulesOf("$.name|remove", "card|mask|keep_last=0");
    const found = finishAtOnce(new PlainMask(cut(Buffer.from(text), [4, 9]), TEXT, rules, new MaskBudget()).run());
    expect(textOf(found)).toBe(text.replace(CARD, "*".repeat(16)));
  });

  const record = `{"name":"some words","card":"${CARD}","mail":"a@b.org"}`;
  const long = (text: string, last = ""): Buffer => Buffer.from(text.repeat(Math.ceil((2 * MIB) / text.length)) + last);

  test.each([
    ["JSON", JSON_TYPE, long(`${record}\n`), 1.3],
    ["a text", TEXT, long(`${record} é\n`), 1.5],
    ["a form", FORM, long(`card=${CARD}&mail=a%40b.org&`), 1.5],
    ["one long text in JSON", JSON_TYPE, Buffer.from(`"${long("some words 12 ", CARD)}"`), 2.1],
    [
      "one long text in JSON with two bytes for each character",
      JSON_TYPE,
      Buffer.from(`"€${long("some words 12 ")}"`),
      4.1,
    ],
  ])("run() holds not many times a body, and says so, when that is %s", (_what, type, bytes, times) => {
    const pieces = cut(
      bytes,
      Array.from({ length: 32 }, (_, at) => at * 65_536),
    );
    const mask = new PlainMask(pieces, type, rulesOf("card|mask", "email|mask"), new MaskBudget());
    let [most, least] = [0, bytes.length];
    for (const turns = mask.run(); turns.next().done !== true; ) {
      most = Math.max(most, mask.held);
      least = Math.min(least, mask.held);
    }
    expect(most / bytes.length).toBeLessThan(times);
    expect(least / bytes.length).toBeGreaterThan(0.7);
  });
});

test("codingOf() tells UTF-8 from what is none when characters are cut anywhere, and one is not whole at the end", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", maxLength: 12 }),
      fc.uint8Array({ maxLength: 3 }),
      places,
      (text, tail, at) => {
        const bytes = Buffer.concat([Buffer.from(text), tail]);
        const isText = Buffer.from(bytes.toString("utf8"), "utf8").equals(bytes);
        expect(finishAtOnce(codingOf(cut(bytes, at)))).toBe(isText ? "utf8" : "latin1");
      },
    ),
    { numRuns: 1_000 },
  );
});
