/** What masks encrypt comes back from wherever it stands: the way there and the way back, round. */
import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { parseGatewayFile } from "../../../../../src/edge/gateway/file/index.ts";
import {
  encryptedNames,
  maskBody,
  maskForm,
  maskHeaders,
  maskText,
  Revealer,
  readMaskKey,
} from "../../../../../src/edge/gateway/mask/index.ts";
import { rulesOf, SECRET } from "./rules.ts";

const entropy = (length: number) => new Uint8Array(randomBytes(length));
const KEYS = readMaskKey(SECRET, "k", entropy);
const OTHER = readMaskKey(randomBytes(32), "other", entropy);
const PATTERNS = ["card", "email"];

const bytes = (text: string) => Buffer.from(text, "utf8").toString("latin1");
const text = (of: string) => Buffer.from(of, "latin1").toString("utf8");

function revealed(masked: string, names: readonly string[] = PATTERNS) {
  const { count, hidden, text: plain } = new Revealer([OTHER, KEYS], names).reveal(bytes(masked));
  return { plain: text(plain), count, hidden };
}

function encrypted(json: string, ...lines: string[]): string {
  const rules = rulesOf(...lines.map((line) => `${line}|encrypt|key=k`));
  const body = { bytes: Buffer.from(json), contentType: "application/json", contentEncoding: "" };
  return Buffer.from(maskBody(body, rules, { inflatedBytesMax: 1_000_000, inflateRatioMax: 100 }).bytes).toString();
}

describe("Revealer", () => {
  test("reveal() gives the very JSON back when paths and patterns have hidden values of all kinds at any depth", () => {
    const json = `{"n":12345678901234567890, "card":{"number":"4111111111111111","ö":["é\\u00e9\\"\\n"]},"list":[{"iban":{"a":[1.10]}},[true]],"note":"to joe@example.com, \\"paid\\"","who":"ada@example.com"}`;
    const masked = encrypted(json, "$.n", "$.card.number", "$..ö", "$.list[*].iban", "$.list[1][0]", "email");
    expect(masked.match(/enc:v1/g)?.length).toBe(7);
    expect(revealed(masked)).toEqual({ plain: json, count: 7, hidden: [] });
    const wrapped = `{"time":1,"bodies":[${masked}]}`;
    expect(revealed(wrapped).plain).toBe(`{"time":1,"bodies":[${json}]}`);
  });

  test("reveal() finds values in lists that are the whole document", () => {
    const json = `[{"ssn":"1"},[{"ssn":{"x":null}}]]`;
    expect(revealed(encrypted(json, "$..ssn")).plain).toBe(json);
  });

  test("reveal() gives texts, forms and headers back, also where letters stand right behind a value", () => {
    const rules = rulesOf("card|encrypt|key=k", "email|encrypt|key=k", "~pin=[^;]+|encrypt|key=k");
    const names = [...PATTERNS, "mask-3"];
    const back = (masked: string, plain: string) => {
      expect(masked).toContain("enc");
      expect(masked).not.toContain(plain);
      expect(revealed(masked, names)).toMatchObject({ plain, hidden: [] });
    };
    for (const plain of ["paid by 4111111111111111 today: joe@example.com", "4111111111111111_x", `a pin=ö"\\x; b`])
      back(maskText(plain, rules).text, plain);
    back(
      maskForm("card=4111111111111111&mail=joe%40example.com&x=1+1", rules).text,
      "card=4111111111111111&mail=joe%40example.com&x=1+1",
    );
    const [, value = ""] = maskHeaders(["cookie", "a=1; c=4111111111111111; d=2"], rules);
    back(value, "a=1; c=4111111111111111; d=2");
  });

  test("reveal() leaves what it cannot decrypt as it is, and says why, without a byte of it", () => {
    const masked = encrypted(`{"a":"secret"}`, "$.a");
    const [token = ""] = /enc:[^"]+/.exec(masked) ?? [];
    const strange = `x ${token} y ${token.slice(0, -5)} z enc:v1:nobody:${"A".repeat(50)}`;
    const { hidden, plain } = revealed(strange, ["b"]);
    expect(plain).toBe(strange);
    expect(hidden).toEqual([
      expect.stringMatching(/^enc:v1:.{17}…: no name of a field that is known fits/),
      expect.stringMatching(/…: no name of a field that is known fits, or it was changed or cut$/),
      expect.stringContaining("it was encrypted with the key nobody"),
    ]);
    const changed = token.replace(/.{9}$/, "AAAAAAAAA");
    expect(revealed(changed, ["a"])).toMatchObject({ plain: changed, count: 0 });
    expect(revealed(token, ["a"])).toMatchObject({ plain: "secret", count: 1 });
  });

  test("reveal() lets no value break a line of a text", () => {
    const masked = encrypted(`{"a":"one\\ntwo \\"q\\" \\\\"}`, "$.a");
    const [token = ""] = /enc:[^"]+/.exec(masked) ?? [];
    expect(revealed(`a=${token};`, ["a"]).plain).toBe(String.raw`a=one\ntwo "q" \;`);
    expect(revealed(`a="${token}";`, ["a"]).plain).toBe(String.raw`a="one\ntwo \"q\" \\";`);
  });

  test("reveal() takes any text, and leaves one without encrypted values as it is", () => {
    const revealer = new Revealer([KEYS], PATTERNS);
    const near = fc.oneof(fc.string(), fc.constantFrom("enc:v1:", "enc%3Av1%3A", "a:", '"', "%"));
    fc.assert(
      fc.property(
        fc.array(near).map((parts) => parts.join("")),
        (each) => {
          expect(revealer.reveal(bytes(each)).text).toBe(bytes(each));
        },
      ),
      { numRuns: 100 },
    );
  });

  test("reveal() needs no stack for a document that is very deep", () => {
    const deep = `${"[".repeat(20_000)}"enc:v1:x:y"${"]".repeat(20_000)}`;
    expect(revealed(deep).hidden.length).toBe(1);
  });
});

describe("encryptedNames()", () => {
  test("encryptedNames() gives what masks call the values that they encrypt", () => {
    const lines = ["$.a.b", "$..c", "$.l[*].x", "$['odd name'][0]", "card", "~x+"];
    const file = [
      "route|r|/|http://u",
      ...lines.map((line) => `mask|log|${line}|encrypt|key=k`),
      "mask|log|email|mask",
    ];
    expect(encryptedNames(parseGatewayFile(file.join("\n"), "g.txt").plan.masks)).toEqual([
      ...["a.b", "c", "l[].x", "odd name[]", "card", "mask-6"],
    ]);
  });
});
