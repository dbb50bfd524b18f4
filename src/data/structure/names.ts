/** Pages of names in their order (by code units), of names that are kept in none. */

/** The first `limit` names behind `after`; sorting is of the page, not of all. */
export function firstNames(names: Iterable<string>, limit: number, after?: string): string[] {
  const page: string[] = [];
  // Twice the page is collected before it is sorted and cut: so each name costs a comparison or a push.
  let bound: string | undefined;
  for (const name of names) {
    if ((after !== undefined && name <= after) || (bound !== undefined && name >= bound)) continue;
    page.push(name);
    if (page.length < 2 * limit) continue;
    page.sort(byCodeUnits).length = limit;
    bound = page[limit - 1];
  }
  return page.sort(byCodeUnits).slice(0, limit);
}

export function byCodeUnits(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
