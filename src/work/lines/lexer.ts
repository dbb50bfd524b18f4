/**
 * Splits a line without losing places: everything is a span of the line, so that a fault can point at its character.
 *
 * Escapes: `\|` `\,` `\=` `\\`, and a backslash before a blank keeps that blank at either end of a value. A backslash
 * before any other character stands for itself, so that a regular expression such as `^\d+$` can be written as it is.
 */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const BACKSLASH = 0x5c;
const SPACE = 0x20;
const TAB = 0x09;
const ESCAPABLE = "|,=\\ \t";

/** All parts between unescaped separators, blanks around them trimmed; never empty. */
export function splitSpans(line: string, within: Span, separator: string): Span[] {
  const code = separator.charCodeAt(0);
  const spans: Span[] = [];
  let start = within.start;
  for (let at = within.start; at < within.end; at++) {
    const unit = line.charCodeAt(at);
    if (unit === BACKSLASH && at + 1 < within.end) at++;
    else if (unit === code) {
      spans.push(trimSpan(line, { start, end: at }));
      start = at + 1;
    }
  }
  spans.push(trimSpan(line, { start, end: within.end }));
  return spans;
}

/** The parts before and after the first unescaped separator; the second is undefined when there is none. */
export function splitOnce(line: string, within: Span, separator: string): readonly [Span, Span | undefined] {
  const code = separator.charCodeAt(0);
  for (let at = within.start; at < within.end; at++) {
    const unit = line.charCodeAt(at);
    if (unit === BACKSLASH) at++;
    else if (unit === code) {
      return [trimSpan(line, { start: within.start, end: at }), trimSpan(line, { start: at + 1, end: within.end })];
    }
  }
  return [within, undefined];
}

/** Takes blanks off both ends; an escaped blank stays. */
export function trimSpan(line: string, span: Span): Span {
  let { start, end } = span;
  while (start < end && isBlank(line.charCodeAt(start))) start++;
  while (end > start && isBlank(line.charCodeAt(end - 1)) && !isEscaped(line, start, end - 1)) end--;
  return { start, end };
}

/** The text that the span stands for. */
export function unescapeSpan(line: string, span: Span): string {
  const raw = line.slice(span.start, span.end);
  if (!raw.includes("\\")) return raw;
  let text = "";
  for (let at = 0; at < raw.length; at++) {
    const escapes = raw[at] === "\\" && at + 1 < raw.length && ESCAPABLE.includes(raw.charAt(at + 1));
    if (escapes) at++;
    text += raw.charAt(at);
  }
  return text;
}

/** The opposite of unescapeSpan: `special` are the separators that must not split the text. */
export function escapeText(text: string, special: string): string {
  let escaped = "";
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    const atEdge = isBlank(text.charCodeAt(at)) && (at === 0 || at === text.length - 1);
    escaped += char === "\\" || special.includes(char) || atEdge ? `\\${char}` : char;
  }
  return escaped;
}

function isBlank(unit: number): boolean {
  return unit === SPACE || unit === TAB;
}

/** True when an odd run of backslashes stands before the place. */
function isEscaped(line: string, start: number, at: number): boolean {
  let run = 0;
  while (at - 1 - run >= start && line.charCodeAt(at - 1 - run) === BACKSLASH) run++;
  return run % 2 === 1;
}
