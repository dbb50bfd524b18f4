/** Words of a field between blanks, each with its place in the line. */
import { parseHost } from "../../../base/address.ts";
import { type Span, unescapeSpan } from "../../../work/lines/index.ts";

export interface Word {
  readonly text: string;
  /** In the line, from 0. Escapes of the line before it in the same word shift what is counted behind them. */
  readonly at: number;
}

export function wordsOf(line: string, span: Span): Word[] {
  return [...line.slice(span.start, span.end).matchAll(/[^ \t]+/g)].map(({ 0: raw, index }) => {
    const start = span.start + index;
    return { text: unescapeSpan(line, { start, end: start + raw.length }), at: start };
  });
}

/** A host alone, as names resolve: none of its labels is empty. A dot at the end is the root's. */
export function parseHostName(text: string): string | undefined {
  return text.includes("..") ? undefined : parseHost(text);
}

/** A path as people write it, with what is beyond ASCII as requests have it. */
export function percentEncoded(text: string): string {
  return text.toWellFormed().replace(/[\u0080-\uffff]+/g, encodeURIComponent);
}
