/**
 * Shows a fault under its line: the line, then a caret below the very character. Tabs are copied into the caret line and
 * every other character counts as the columns a terminal gives it, so wide and combining characters do not shift it.
 * Characters that would move the cursor or reorder the text are shown as stand-ins of the same length.
 */
import { type Fault, formatFault } from "./faults.ts";

const INDENT = "    ";
/** Longer lines are shown as a window around the fault: a terminal wraps them and the caret would point nowhere. */
const SHOWN_LENGTH_MAX = 200;
const WINDOW_BEFORE = 80;
const WINDOW_LENGTH = 160;

// Bidirectional overrides, zero-width spaces, line separators and lone surrogates. The escapes keep them visible here.
const UNSHOWABLE = /[\u0080-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/g;
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** `text` is the file that the faults were found in. */
export function formatFaults(faults: readonly Fault[], text: string): string {
  const lines = splitLines(text);
  return faults
    .map((fault) => {
      const line = lines[fault.line - 1];
      return line === undefined ? formatFault(fault) : `${formatFault(fault)}\n${showPlace(line, fault.column)}`;
    })
    .join("\n");
}

/** The lines as the parser sees them: without a byte order mark and without line ends. */
export function splitLines(text: string): string[] {
  const start = text.startsWith("\ufeff") ? 1 : 0;
  return text.slice(start).split("\n").map(withoutCarriageReturn);
}

function withoutCarriageReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

/** The line and below it the caret; the column counts UTF-16 units from 1. */
export function showPlace(line: string, column: number): string {
  const { shown, caret } = windowAround(line, Math.min(column - 1, line.length));
  const safe = shown.replace(CONTROL, controlPicture).replace(UNSHOWABLE, "\ufffd");
  return `${INDENT}${safe}\n${INDENT}${blanksBefore(safe, caret)}^`;
}

function windowAround(line: string, at: number): { shown: string; caret: number } {
  if (line.length <= SHOWN_LENGTH_MAX) return { shown: line, caret: at };
  const start = Math.max(0, at - WINDOW_BEFORE);
  const end = Math.min(line.length, start + WINDOW_LENGTH);
  const segments = [...graphemes.segment(line.slice(start, end))].map((part) => part.segment);
  let cut = 0;
  if (start > 0) cut = segments.shift()?.length ?? 0;
  if (end < line.length) segments.pop();
  const before = start > 0 ? "…" : "";
  const after = end < line.length ? "…" : "";
  return { shown: before + segments.join("") + after, caret: before.length + Math.max(0, at - start - cut) };
}

/** Blanks as wide as the text before the character at `caret`; tabs stay tabs. */
function blanksBefore(shown: string, caret: number): string {
  let blanks = "";
  for (const { segment, index } of graphemes.segment(shown)) {
    if (index + segment.length > caret) break;
    blanks += segment === "\t" ? "\t" : " ".repeat(Bun.stringWidth(segment));
  }
  return blanks;
}

function controlPicture(char: string): string {
  const code = char.charCodeAt(0);
  return code === 0x7f ? "␡" : String.fromCharCode(0x2400 + code);
}
