import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { maskForm, maskHeaders, maskText } from "../../../../../src/edge/gateway/mask/index.ts";
import { rulesOf } from "./rules.ts";

const hide = (what: string) => (text: string) =>
  maskText(text, rulesOf(`${what}|mask|keep_last=0`)).text.replace(/\*+/g, "<>");

describe("maskText() with cards", () => {
  test.each([
    ["4111111111111111", "<>"],
    ["4111 1111 1111 1111", "<>"],
    ["pay 5555-5555-5555-4444 now", "pay <> now"],
    ["378282246310005", "<>"],
    ["2223003122003222", "<>"],
    ["6011111111111117,3530111333300000", "<>,<>"],
    ["30569309025904", "<>"],
    ["6200000000000005", "<>"],
    ["7 4111 1111 1111 1111 9", "7 <> 9"],
    ["card4111111111111111x", "card<>x"],
  ])("maskText() hides the number when the text is %j", (text, expected) => {
    expect(hide("card")(text)).toBe(expected);
  });

  test.each([
    "4111111111111112",
    "1234567890123452",
    "41111111111111111",
    "0.4111111111111111",
    "4111  1111 1111 1111",
    "411111111111111",
    "2720999999999996".slice(1),
  ])("maskText() leaves the text when it is no card: %j", (text) => {
    expect(hide("card")(text)).toBe(text);
  });

  test("maskText() hides every number with a right check digit when an issuer has it", () => {
    const luhn = (body: string): string => {
      const sum = [...body]
        .reverse()
        .reduce(
          (total, digit, index) =>
            total + (index % 2 === 0 ? [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][Number(digit)]! : Number(digit)),
          0,
        );
      return body + String((10 - (sum % 10)) % 10);
    };
    const body = fc
      .tuple(fc.constantFrom("4", "51", "55", "2300", "6011", "3530"), fc.stringMatching(/^\d{15}$/))
      .map(([start, rest]) => (start + rest).slice(0, 15));
    fc.assert(
      fc.property(body, fc.constantFrom("", " ", "-"), (digits, separator) => {
        const number = luhn(digits);
        const written = number.replace(/(\d{4})(?=\d)/g, `$1${separator}`);
        expect(hide("card")(`n=${written};`)).toBe("n=<>;");
        const wrong = number.slice(0, -1) + String((Number(number.at(-1)) + 1) % 10);
        expect(hide("card")(wrong)).toBe(wrong);
      }),
    );
  });
});

describe("maskText() with other patterns", () => {
  test.each([
    ["email", "to a.b+c@mail.example.org, x", "to <>, x"],
    ["email", "<é@exämple.de>", "<<>>"],
    ["email", `😀${"a".repeat(63)}@b.org`, "😀<>"],
    ["email", `a@b.${"c".repeat(250)}😀`, "<>😀"],
    ["email", "@x.org a@ a@b a@.b", "@x.org a@ a@b a@.b"],
    ["email", "a@b.c@d.e", "<>@d.e"],
    ["email", "a@b.org.", "<>."],
    ["iban", "DE89370400440532013000", "<>"],
    ["iban", "to de89370400440532013000, gb29 nwbk 6016 1331 9268 19", "to <>, <>"],
    ["iban", "accountDE89370400440532013000x", "account<>x"],
    ["iban", "to GB29 NWBK 6016 1331 9268 19 AND", "to <> AND"],
    [
      "iban",
      "DE89370400440532013001 XX89370400440532013000 DE8937040044053201300",
      "DE89370400440532013001 XX89370400440532013000 DE8937040044053201300",
    ],
    ["token", "authorization: Bearer abc.def-123456", "authorization: Bearer <>"],
    ["token", "eyJhbGciOi.eyJzdWIi.c2ln x", "<> x"],
    ["token", "eyJhbGciOi eyJ.a.b", "eyJhbGciOi eyJ.a.b"],
    ["token", "ghp_abcdefghijklmnopqrst0123 AKIAABCDEFGHIJKLMNOP", "<> <>"],
    ["token", "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nx", "<>\nx"],
    ["token", "-----BEGIN PRIVATE KEY-----\nabc", "<>"],
    ["token", "-----BEGIN CERTIFICATE-----\nabc", "-----BEGIN CERTIFICATE-----\nabc"],
    ["~\\d{3}", "a1234b567", "a<>4b<>"],
    ["~x*", "axxb", "a<>b"],
  ])("maskText() hides by %s when the text is %j", (what, text, expected) => {
    expect(hide(what)(text)).toBe(expected);
  });

  test("maskText() finds the tokens that one expression for all of them finds", () => {
    const one = new RegExp(
      [
        "(?<=\\b[Bb][Ee][Aa][Rr][Ee][Rr][ \\t]{1,8})[A-Za-z0-9._~+/-]{8,}=*",
        "(?<=\\b[Bb][Aa][Ss][Ii][Cc][ \\t]{1,8})[A-Za-z0-9+/]{8,}=*",
        "\\b(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,}",
        "\\bgithub_pat_[A-Za-z0-9_]{20,}",
        "\\bxox[abposr]-[A-Za-z0-9-]{10,}",
        "\\b(?:AKIA|ASIA)[A-Z0-9]{16}\\b",
        "\\bsk-[A-Za-z0-9_-]{20,}",
        "\\benc:v1:[A-Za-z0-9._-]{1,64}:[A-Za-z0-9_-]{38,}",
      ].join("|"),
      "g",
    );
    const part = fc.constantFrom(
      ...["Bearer", "bEARER", "basic", "Basic", " ", "\t", "        ", "abcdefgh", "1", "=", "-", "_", "+", ".", ","],
      ...["sk_live_", "rk_test_", "github_pat_", "xoxb-", "AKIA", "ASIA", "sk-", "enc:v1:k:", "ABCDEFGHIJKLMNOP", "é"],
    );
    let found = 0;
    fc.assert(
      fc.property(fc.array(part, { maxLength: 14 }), (parts) => {
        const text = parts.join("");
        const expected = text.replace(one, "<>");
        if (expected !== text) found++;
        expect(maskText(text, rulesOf("token|mask|keep_last=0")).text.replace(/\*+/g, "<>")).toBe(
          expected.replace(/(<>)+/g, "<>"),
        );
      }),
      { numRuns: 4_000 },
    );
    expect(found).toBeGreaterThan(100);
  });

  test("maskText() is linear when texts are made to be slow", () => {
    for (const text of [
      "eyJ".repeat(100_000),
      "a".repeat(300_000),
      "@".repeat(300_000),
      "a.".repeat(150_000),
      "1 ".repeat(150_000),
      "DE89".repeat(80_000),
      "Bearer ".repeat(40_000),
      "-----BEGIN ".repeat(30_000),
      "4".repeat(300_000),
    ]) {
      expect(maskText(text, rulesOf("card", "email", "token", "iban")).count).toBe(0);
    }
  });

  test("maskText() shows at most half when it keeps the end", () => {
    expect(maskText("a@b.org 4111111111111111", rulesOf("card", "email")).text).toBe("****org ************1111");
    expect(maskText("a@b.co", rulesOf("email|mask|keep_last=20")).text).toBe("***.co");
  });

  test("maskText() replaces when the action is another", () => {
    expect(maskText("x a@b.org y", rulesOf("email|remove"))).toEqual({ text: "x  y", count: 1 });
    const hash = rulesOf("email|hash|key=k");
    expect(maskText("a@b.org a@b.org c@b.org", hash).text).toMatch(/^(tok_[\w-]{22}) \1 (?!\1)tok_[\w-]{22}$/);
    expect(maskText("a@b.org", rulesOf("email|encrypt|key=k")).text).toMatch(/^enc:v1:[0-9a-f]{8}:[\w-]{38,}$/);
  });
});

describe("maskForm() and maskHeaders()", () => {
  test("maskForm() decodes what it looks at when fields are encoded", () => {
    const rules = rulesOf("email|mask|keep_last=0", "card|mask|keep_last=0");
    expect(maskForm("a=1&mail=a%40b.org&c=4111+1111%201111+1111&d=x%zz", rules)).toEqual({
      text: "a=1&mail=*******&c=*******************&d=x%zz",
      count: 2,
    });
    expect(maskForm("email=m%FCller%40example.com&c=%34111111111111111%FF%zz", rules).text).toBe(
      "email=******************&c=****************%FF%25zz",
    );
    expect(maskForm("a=%41&b=+", rules)).toEqual({ text: "a=%41&b=+", count: 0 });
  });

  test("maskHeaders() changes values only and gives the same list when there is nothing", () => {
    const rules = rulesOf("token|remove");
    const list = ["authorization", "Bearer abcdefgh12", "x", "y"];
    expect(maskHeaders(list, rules)).toEqual(["authorization", "Bearer ", "x", "y"]);
    expect(list[1]).toBe("Bearer abcdefgh12");
    const clean = ["x", "y"];
    expect(maskHeaders(clean, rules)).toBe(clean);
  });
});
