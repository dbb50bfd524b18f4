/** Finds what is to be hidden in a text: spans in their order, none inside another. Every finder is linear in the text. */
import type { InTurns } from "../../../base/turns.ts";
import type { MaskBudget } from "./budget.ts";
import { PACE } from "./pace.ts";

export interface Found {
  readonly start: number;
  readonly end: number;
}

/**
 * Looks for spans that begin at `from` or behind it and before `until`, puts them behind those that are found, and says where to look on:
 * at `until` or behind it. The whole text is there to be looked at. Throws `gateway.body_unreadable` where the budget does not suffice.
 */
export type SpanFinder = (text: string, from: number, until: number, found: Found[], budget: MaskBudget) => number;

/** What several finders find overlaps: it becomes one. */
export function findSpans(finders: readonly SpanFinder[], text: string, budget: MaskBudget): readonly Found[] {
  const found: Found[] = [];
  for (const find of finders) find(text, 0, text.length, found, budget);
  return finders.length === 1 || found.length < 2 ? found : merged(found);
}

export function* findSpansInTurns(
  finders: readonly SpanFinder[],
  text: string,
  budget: MaskBudget,
): InTurns<readonly Found[]> {
  const all: Found[][] = [];
  for (const find of finders) {
    const found: Found[] = [];
    for (let at = 0; at < text.length; yield) at = find(text, at, Math.min(text.length, at + PACE), found, budget);
    all.push(found);
  }
  return all.length === 1 ? all[0]! : merged(all.flat());
}

/** In order; what overlaps becomes one. */
function merged(found: readonly Found[]): Found[] {
  const spans: Found[] = [];
  for (const each of found.toSorted((left, right) => left.start - right.start)) {
    const last = spans.at(-1);
    if (last !== undefined && each.start < last.end)
      spans[spans.length - 1] = { start: last.start, end: Math.max(last.end, each.end) };
    else spans.push(each);
  }
  return spans;
}
