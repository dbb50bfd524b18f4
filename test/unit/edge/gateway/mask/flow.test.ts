/** Bodies in pieces and in turns: what comes out is what comes out of a whole body at once. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { finishAtOnce, type InTurns } from "../../../../../src/base/turns.ts";
import { MaskBudget } from "../../../../../src/edge/gateway/mask/budget.ts";
import {
  JsonFlow,
  maskBody,
  maskForm,
  maskText,
  plainInTurns,
  textInTurns,
} from "../../../../../src/edge/gateway/mask/index.ts";
import { PACE } from "../../../../../src/edge/gateway/mask/pace.ts";
import { rulesOf } from "./rules.ts";

const BOUNDS = { inflatedBytesMax: 1 << 26, inflateRatioMax: 100 };
const CARD = "4111111111111111";
const RULES = rulesOf(
  "$..gone|remove",
  "$..secret|mask|keep_last=2",
  "$.list[1]|hash|key=k",
  "card|mask|keep_last=4",
  "email|hash|key=k",
  "token|mask",
  "~x[0-9]+y|remove",
);

function whole(bytes: Uint8Array): string {
  const body = { bytes, contentType: "application/json", contentEncoding: "" };
  return Buffer.from(maskBody(body, RULES, BOUNDS).bytes).toString("latin1");
}

function flowing(pieces: readonly Uint8Array[]): string {
  const flow = new JsonFlow(RULES);
  const out: Uint8Array[] = [];
  for (const piece of pieces) {
    finishAtOnce(flow.feed(piece, false));
    out.push(...flow.take());
  }
  finishAtOnce(flow.feed(new Uint8Array(0), true));
  out.push(...flow.take());
  expect(flow.held).toBe(0);
  return Buffer.concat(out).toString("latin1");
}

function turnsOf(turns: InTurns<unknown>): number {
  let count = 0;
  while (turns.next().done !== true) count++;
  return count;
}

/** What each part of a text costs is the same: so the longest way between two yields is bounded. */
function doesYield(turns: InTurns<unknown>, characters: number): void {
  expect(turnsOf(turns)).toBeGreaterThanOrEqual(Math.floor(characters / PACE) - 1);
}

const TEXTS = [
  "",
  "plain",
  CARD,
  "4111 1111 1111 1111",
  "a@b.org",
  "é€😀",
  'quo"te\\ \n',
  "Bearer abcdefgh12345",
  "x12y",
  "4111",
];
const document = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constantFrom<unknown>(...TEXTS, 1, -0.5e10, 4111111111111111, true, false, null),
    fc.dictionary(fc.constantFrom("gone", "secret", "list", "a@b.org", "n", "é"), tie("node"), {
      maxKeys: 4,
      noNullPrototype: true,
    }),
    fc.array(tie("node"), { maxLength: 4 }),
  ),
})).node;
/** Documents, some of them broken, with blanks and escapes that nothing writes by itself. */
const json = fc
  .tuple(
    fc.array(document, { minLength: 1, maxLength: 2 }),
    fc.constantFrom(0, 1),
    fc.constantFrom("", "", "", "}", '"', " nul", ",1", "\ufeff"),
  )
  .map(([values, indent, tail]) => {
    const text = values.map((value) => JSON.stringify(value, null, indent)).join("\n");
    return Buffer.from(`${text.replaceAll("plain", "pl\\u0061in").replaceAll(":1", ":01".slice(1))}${tail}`);
  });

function outcome(run: () => string): string {
  try {
    return run();
  } catch (thrown) {
    return `refused: ${(thrown as { code?: string }).code}`;
  }
}

describe("JsonFlow", () => {
  test("feed() gives byte for byte what the whole gives when a document is cut anywhere, and refuses the same", () => {
    let [masked, refused] = [0, 0];
    fc.assert(
      fc.property(json, fc.array(fc.nat(), { maxLength: 6 }), (bytes, places) => {
        const cuts = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
        const pieces = [0, ...cuts].map((from, at) => bytes.subarray(from, cuts[at] ?? bytes.length));
        const expected = outcome(() => whole(bytes));
        if (expected.startsWith("refused")) refused++;
        else if (expected !== bytes.toString("latin1")) masked++;
        expect(outcome(() => flowing(pieces))).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
    expect(masked).toBeGreaterThan(200);
    expect(refused).toBeGreaterThan(100);
  });

  test("feed() gives the same when every byte comes by itself, and at each of all cuts into two", () => {
    const text = `{"gone":{"a":[1,"${CARD}"]}, "secret" : [{"x":"]}"}] ,"list":[1,{"deep":"€😀"},-1.5e3],"a@b.org":"\\u0034111 1111 1111 1111","n":${CARD},"t":true,"gone":null}\n{"last":null}`;
    const bytes = Buffer.from(text);
    const expected = whole(bytes);
    expect(expected).not.toContain(CARD);
    expect(flowing([...bytes].map((byte) => Uint8Array.of(byte)))).toBe(expected);
    for (let at = 0; at <= bytes.length; at++)
      expect(flowing([bytes.subarray(0, at), bytes.subarray(at)])).toBe(expected);
  });

  test("feed() lets go of what is read when more is to come, and holds only what is not whole", () => {
    const flow = new JsonFlow(rulesOf("card|mask|keep_last=4"));
    const item = `{"card":"${CARD}","n":1},`;
    const piece = Buffer.from(item.repeat(1_000));
    let out = 0;
    finishAtOnce(flow.feed(Buffer.from("["), false));
    for (let sent = 0; sent < 50; sent++) {
      finishAtOnce(flow.feed(piece, false));
      for (const bytes of flow.take()) out += bytes.byteLength;
      expect(flow.held).toBeLessThan(2 * item.length);
    }
    expect(out).toBeGreaterThan(49 * piece.byteLength);
    expect(flow.count).toBe(50_000);
  });

  test("feed() reads what is held a bounded number of times when one text comes in very many pieces", () => {
    const flow = new JsonFlow(rulesOf("card|mask"));
    const piece = Buffer.alloc(1_024, "x");
    let turns = turnsOf(flow.feed(Buffer.from('["'), false));
    for (let sent = 0; sent < 4_096; sent++) turns += turnsOf(flow.feed(piece, false));
    turns += turnsOf(flow.feed(Buffer.from('"]'), true));
    expect(turns).toBeLessThan((16 * 4_096 * 1_024) / PACE);
    expect(flow.take().reduce((bytes, each) => bytes + each.byteLength, 0)).toBe(4_096 * 1_024 + 4);
  });

  test.each([
    ["no UTF-8", [0x22, 0xff, 0x22]],
    ["cut within a character", [0x22, 0xe2, 0x82]],
    ["a text without its end", [0x22, 0x61]],
    ["too deep", [...Buffer.from("[".repeat(202))]],
  ])("feed() refuses when the JSON is %s", (_what, bytes) => {
    expect(outcome(() => flowing([Uint8Array.from(bytes)]))).toBe("refused: gateway.body_unreadable");
  });
});

describe("plainInTurns()", () => {
  const long = (text: string): string => text.repeat(Math.ceil((8 * PACE) / text.length));
  const turns = (text: string, type: string, ...rules: string[]) =>
    plainInTurns(Buffer.from(text), type, rulesOf(...rules));

  test.each([
    ["items", `[${long('{"a":"b@c.org","n":1},')}1]`],
    ["one long text", `["${long("a b ")}"]`],
    ["one long text with escapes", `["${long("a\\n4111 ")}"]`],
    ["one long name", `{"${long("a@b ")}":1}`],
    ["a value that is hidden", `{"hidden":[${long("1,")}1]}`],
    ["many small values that are hidden", `[${long(`{"hidden":1},`)}1]`],
  ])("plainInTurns() yields again and again when JSON holds %s", (_what, text) => {
    doesYield(turns(text, "application/json", "card|mask", "email|mask", "token|mask", "$..hidden|mask"), text.length);
  });

  test.each(["card", "email", "iban", "token"])(
    "plainInTurns() yields again and again when %s is looked for in a text",
    (what) => {
      const text = long("some words 12 a@b.org, eyJ. DE89 Bearer x\n");
      doesYield(turns(text, "text/plain", what), text.length);
    },
  );

  test("plainInTurns() yields again and again when a form is long", () => {
    const text = long("a=b&c=4111&");
    doesYield(turns(text, "application/x-www-form-urlencoded", "card|mask"), text.length);
  });
});

describe("texts that are longer than is looked at without a turn", () => {
  const secrets: readonly (readonly [string, string])[] = [
    ["card", "4111 1111 1111 1111"],
    ["email", "some.body@mail.example.org"],
    ["iban", "GB29 NWBK 6016 1331 9268 19"],
    ["token", "eyJhbGciOi.eyJzdWIi.c2ln"],
    ["token", "ghp_abcdefghijklmnopqrst0123"],
    ["token", "Bearer   abc.def-123456"],
    ["token", "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"],
  ];

  test.each(secrets)("textInTurns() finds the %s %j wherever it is cut by a turn", (what, secret) => {
    const rules = rulesOf(`${what}|mask|keep_last=0`);
    const hidden = maskText(` ${secret} `, rules).text;
    expect(hidden).toContain("*****");
    for (let back = 0; back <= secret.length + 2; back++) {
      const text = `${" ".repeat(PACE - back)}${secret} ${" ".repeat(PACE)}`;
      const expected = `${" ".repeat(PACE - back - 1)}${hidden}${" ".repeat(PACE)}`;
      expect(finishAtOnce(textInTurns(text, rules, new MaskBudget())).text).toBe(expected);
    }
  });

  test("maskForm() finds what a long field holds when it is longer than a turn", () => {
    const rules = rulesOf("card|mask|keep_last=4");
    expect(maskForm(`a=${"x".repeat(PACE)}+${CARD}&b=1`, rules).text).toEndWith("************1111&b=1");
  });

  test("maskBody() finds what a long text of JSON holds, when it is a name, a value, or has escapes", () => {
    const filler = "x ".repeat(PACE);
    const bytes = Buffer.from(`{"${filler}${CARD}":"${filler}${CARD}\\n${filler}"}`);
    const body = { bytes, contentType: "application/json", contentEncoding: "" };
    const masked = maskBody(body, rulesOf("card|mask|keep_last=0"), BOUNDS);
    const stars = "*".repeat(16);
    expect(JSON.parse(Buffer.from(masked.bytes).toString())).toEqual({
      [`${filler}${stars}`]: `${filler}${stars}\n${filler}`,
    });
    expect(masked.count).toBe(2);
  });

  test("maskBody() keeps characters whole when what it makes is longer than is written at once", () => {
    const text = `a@b.org ${"x".repeat(5)}${"😀".repeat(600_000)}`;
    const body = { bytes: Buffer.from(text), contentType: "text/plain", contentEncoding: "" };
    const masked = maskBody(body, rulesOf("email|remove"), BOUNDS);
    expect(Buffer.from(masked.bytes).equals(Buffer.from(text.slice(7)))).toBe(true);
  });
});
