import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isMaskRegex, MaskBudget, maskBody, maskPlace, maskText } from "../../../../../src/edge/gateway/mask/index.ts";
import { Regex } from "../../../../../src/edge/waf/match/index.ts";
import { rulesOf } from "./rules.ts";

const shown = (text: string, ...lines: string[]) => maskText(text, rulesOf(...lines)).text;

describe("regexFinder()", () => {
  test("regexFinder() finds every match when there are several, also next to one another", () => {
    expect(shown("a12b3456c", "~[0-9]+|mask|keep_last=0")).toBe("a**b****c");
    expect(shown("ab ab", "~ab|remove")).toBe(" ");
  });

  test("regexFinder() takes whole characters when a match ends within one", () => {
    expect(shown("id é7€x", "~é.|mask|keep_last=0")).toBe("id **€x");
    expect(shown("x€y", "~\\xe2.|remove")).toBe("xy");
  });

  test("regexFinder() finds the beginning of each line when the expression is anchored to it", () => {
    expect(shown("1234\n5678", "~^[0-9]|mask|keep_last=0")).toBe("*234\n*678");
  });

  test("regexFinder() finds what JavaScript finds when texts are ASCII", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "1", " ", "-") });
    fc.assert(
      fc.property(text, fc.constantFrom("a+b?", "[0-9]+-", "(a|ab)(1|b)", "b{2,3}"), (sample, source) => {
        const expected = sample.replace(new RegExp(source, "g"), (match) => "*".repeat(match.length));
        expect(shown(sample, `~${source.replaceAll("|", "\\|")}|mask|keep_last=0`)).toBe(expected);
      }),
    );
  });

  test("regexFinder() ends within its steps when the expression would take exponential time elsewhere", () => {
    const text = `${"a".repeat(50_000)}!`;
    expect(shown(text, "~(a+)+$|mask|keep_last=0")).toBe(text);
  });

  test("regexFinder() refuses when an expression takes too many steps", () => {
    const text = `${"ab".repeat(2_000)}x${"ba".repeat(2_000)}y`;
    expect(() => shown(text, "~(.*)(.*)x\\1\\2y|mask")).toThrow(
      expect.objectContaining({ code: "gateway.body_unreadable" }),
    );
  });

  test.each([
    ["~^secret|token=\\w+", "token=aaa token=bbb", "********* *********"],
    ["~(?m)^p: \\w+", "u: x\np: one\nu: y\np: two\n", "u: x\n******\nu: y\n******\n"],
    ["~^(?:card|pin)=\\d+|cvv=\\d+", "cvv=111 cvv=222", "******* *******"],
    ["~a|(?<=a)b", "ab", "**"],
    ["~(?<!\\d)\\d{4}(?!\\d)", "12345 1234 x5678", "12345 **** x****"],
    ["~\\Aab", "ab ab", "** ab"],
  ])("regexFinder() finds every match of %s in its place in %j", (line, text, expected) => {
    expect(shown(text, `${line.replaceAll("|", "\\|")}|mask|keep_last=0`)).toBe(expected);
  });

  test.each([
    [64, 500],
    [256, 2_000],
    [1_024, 1_000],
  ])("regexFinder() finds all when a text of %p KiB holds %p matches", (kib, count) => {
    const gap = "x".repeat(Math.floor((kib * 1024) / count) - 12);
    const rules = rulesOf("~\\d{3}-\\d{2}-\\d{4}|mask", "~\\bcust_[a-z0-9]+|mask");
    expect(maskText(`${gap} 123-45-6789 cust_a1 `.repeat(count), rules).count).toBe(2 * count);
  });

  test("regexFinder() finds all when every byte of a text is hidden", () => {
    expect(maskText("1".repeat(256 * 1024), rulesOf("~\\d{2}|mask")).count).toBe(128 * 1024);
  });

  test("regexFinder() refuses a message of many short texts when all of them together take too many steps", () => {
    const hard = "~(.*)(.*)(.*)x\\1\\2\\3y|mask";
    const short = `${"ab".repeat(6)}x${"ba".repeat(6)}y`;
    expect(shown(short, hard)).toBe(short);
    const body = {
      bytes: Buffer.from(JSON.stringify(new Array(100).fill(short))),
      contentType: "application/json",
      contentEncoding: "",
    };
    expect(() => maskBody(body, rulesOf(hard), { inflatedBytesMax: 1 << 20, inflateRatioMax: 10 })).toThrow(
      expect.objectContaining({ code: "gateway.body_unreadable" }),
    );
  });

  test("MaskBudget.grant() saves nothing up when the messages before took little", () => {
    const [regex, hard] = ["\\d", "(.*)(.*)(.*)x\\1\\2\\3y"].map((source) => Regex.compile(source));
    const budget = new MaskBudget();
    const text = `${"ab".repeat(12)}x${"ba".repeat(12)}y`; // 1.4 million steps;
    for (let message = 0; message < 100; message++) {
      budget.grant(100_000);
      expect(budget.spans(regex!, "a1")).toEqual([[1, 2]]);
      expect(budget.spans(hard!, "a")).toEqual([]);
    }
    budget.grant(text.length);
    expect(() => budget.spans(hard!, text)).toThrow(expect.objectContaining({ code: "gateway.body_unreadable" }));
    expect(() => budget.spans(hard!, "a")).toThrow(expect.objectContaining({ code: "gateway.body_unreadable" }));
    expect(budget.spans(regex!, "a1")).toEqual([[1, 2]]);
  });

  test("isMaskRegex() tells when a text is none", () => {
    expect([isMaskRegex("a+"), isMaskRegex(""), isMaskRegex("(a"), isMaskRegex("[a")]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});

describe("maskPlace()", () => {
  test("maskPlace() looks into each piece when they are encoded, and leaves the others as they are", () => {
    const { count, text } = maskPlace("/c/4111111111111111/x%2Fy?m=a%40b.example&n=1", rulesOf("card", "email"));
    expect(count).toBe(2);
    expect(text).not.toContain("411111111111");
    expect(text).not.toContain("a%40b");
    expect(text).toStartWith("/c/");
    expect(text).toEndWith("&n=1");
  });
});
