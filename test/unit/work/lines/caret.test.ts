import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatFaults, showPlace } from "../../../../src/work/lines/index.ts";
import { parsePipelineFile } from "../../../../src/work/pipeline/file/index.ts";

const TAB = 8;

/** Where a terminal puts the cursor behind the text: the second, dumber opinion. */
function columnAfter(text: string): number {
  let column = 0;
  for (const { segment } of new Intl.Segmenter("en", { granularity: "grapheme" }).segment(text)) {
    column = segment === "\t" ? (Math.floor(column / TAB) + 1) * TAB : column + Bun.stringWidth(segment);
  }
  return column;
}

function show(line: string, column: number): { shown: string; caret: string } {
  const [shown = "", caret = ""] = showPlace(line, column).split("\n");
  return { shown, caret };
}

describe("showPlace()", () => {
  test.each([
    ["abc|def", 5, "    abc|def", "        ^"],
    ["\ta\tb", 4, "    \ta\tb", "    \t \t^"],
    ["漢字x", 3, "    漢字x", "        ^"],
    ["e\u0301x", 3, "    e\u0301x", "     ^"],
    ["e\u0301x", 2, "    e\u0301x", "    ^"],
    ["👨‍👩‍👧x", 9, "    👨‍👩‍👧x", "      ^"],
    ["abc", 4, "    abc", "       ^"],
    ["a\u001b[31mb", 7, "    a␛[31mb", "          ^"],
  ])("showPlace() puts the caret below the character when the line is %j", (line, column, shown, caret) => {
    expect(show(line, column)).toEqual({ shown, caret });
  });

  test("showPlace() shows a window around the place when the line is long", () => {
    const line = `${"漢".repeat(500)}X${"é".repeat(500)}`;
    const { shown, caret } = show(line, 501);
    expect(shown.length).toBeLessThan(200);
    expect(columnAfter(caret.slice(0, -1))).toBe(columnAfter(shown.slice(0, shown.indexOf("X"))));
  });

  test("showPlace() aligns the caret when the line is arbitrary", () => {
    const part = fc.constantFrom(
      "a",
      "|",
      "\t",
      "漢",
      "é",
      "e\u0301",
      "👍🏽",
      "🇩🇪",
      "\u0007",
      "\u202e",
      "한",
      "ｆ",
      "\u200b",
      " ",
    );
    const lines = fc.tuple(fc.array(part, { maxLength: 300 }), fc.array(part, { maxLength: 300 }));
    fc.assert(
      fc.property(lines, ([before, after]) => {
        const start = `${before.join("")}|`; // the mark begins a grapheme of its own
        const line = `${start}X|${after.join("")}`;
        const { shown, caret } = show(line, start.length + 1);
        const at = shown.indexOf("X");
        expect(at).toBeGreaterThan(0);
        expect(columnAfter(caret.slice(0, -1))).toBe(columnAfter(shown.slice(0, at)));
        expect(caret.endsWith("^")).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("showPlace() keeps terminal commands and reordering out when the line has them", () => {
    const { shown } = show("a\u001b]0;x\u0007\u202eb\u009b\u2028", 1);
    expect(shown).not.toMatch(/[\p{Cc}\u2028\u202e]/u);
  });
});

describe("formatFaults()", () => {
  test("formatFaults() gives the place, the reason, the line and a caret when a file has a fault", () => {
    const text = "a|./a.ts|x=1|true|FAIL_FASD";
    expect(formatFaults(parsePipelineFile(text, "dir/p.txt").faults, text)).toBe(
      [
        'dir/p.txt:1:19: failover_policy: "FAIL_FASD" is not one of the choices (did you mean FAIL_FAST?), ' +
          "allowed: FAIL_FAST, RETRY_WITH_BACKOFF, SKIP_AND_CONTINUE, DEAD_LETTER, FALLBACK, FAILOVER",
        "    a|./a.ts|x=1|true|FAIL_FASD",
        "                      ^",
      ].join("\n"),
    );
  });

  test("formatFaults() shows the right line when the file begins with a byte order mark", () => {
    const text = "\ufeff# x\r\na|./a.so\r\n";
    expect(formatFaults(parsePipelineFile(text, "p.txt").faults, text)).toEndWith("\n    a|./a.so\n      ^");
  });
});
