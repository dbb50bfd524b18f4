/** Sets of row numbers as ascending, disjoint, half-open ranges: what a host is told to process. Pure. */
import type { RowRange } from "../../../process/plugin/index.ts";

export function countRows(ranges: readonly RowRange[]): number {
  return ranges.reduce((sum, [from, to]) => sum + (to - from), 0);
}

/** All rows of [0, total) that are not excluded. */
export function rangesWithout(total: number, excluded: Iterable<number>): RowRange[] {
  const ranges: RowRange[] = [];
  let from = 0;
  for (const row of [...new Set(excluded)].sort((a, b) => a - b)) {
    if (row > from) ranges.push([from, row]);
    from = row + 1;
  }
  if (from < total) ranges.push([from, total]);
  return ranges;
}

/** Halves of about the same number of rows; there must be at least two. */
export function splitRanges(ranges: readonly RowRange[]): [RowRange[], RowRange[]] {
  let left = Math.ceil(countRows(ranges) / 2);
  const halves: [RowRange[], RowRange[]] = [[], []];
  for (const [from, to] of ranges) {
    const cut = Math.min(to, from + left);
    if (cut > from) halves[0].push([from, cut]);
    if (to > cut) halves[1].push([cut, to]);
    left -= cut - from;
  }
  return halves;
}
