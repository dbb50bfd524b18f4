import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { printable, printableLines } from "../../../src/base/printable.ts";

/** A second, dumber list: whatever these properties cover may not reach a terminal. */
const HARMFUL = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/u;
const anything = fc.string({ unit: "binary" });

describe("printable()", () => {
  for (const [what, text, shown] of [
    ["escape sequences", "a\x1b[2Jb", "a␛[2Jb"],
    ["C1 sequences", "a\u009b2J", "a\ufffd2J"],
    ["DEL and NUL", "\x7f\x00", "␡␀"],
    ["line ends", "a\r\nb", "a␍␊b"],
    ["bidirectional overrides", "\u202eabc\u2066", "\ufffdabc\ufffd"],
    ["a tab and letters of any script", "ä\t漢😀", "ä\t漢😀"],
  ] as const) {
    test(`printable() shows ${JSON.stringify(shown)} when there are ${what}`, () => {
      expect(printable(text)).toBe(shown);
    });
  }

  test("printable() lets nothing harmful through and keeps the length when the text is arbitrary", () => {
    fc.assert(
      fc.property(anything, (text) => {
        const shown = printable(text);
        expect(shown.replaceAll("\t", "")).not.toMatch(HARMFUL);
        expect(shown).toHaveLength(text.length);
        expect(printable(shown)).toBe(shown);
      }),
    );
  });
});

describe("printableLines()", () => {
  test("printableLines() is printable() line by line when the text is arbitrary", () => {
    fc.assert(
      fc.property(fc.array(anything), (parts) => {
        const text = parts.join("\n");
        expect(printableLines(text)).toBe(text.split("\n").map(printable).join("\n"));
      }),
    );
  });
});
