/** Rates out of totals: what a counter has grown by between two readings. A counter that went back began anew, and says nothing. */

/** Units a second; undefined when one reading is missing, no time has passed, or the counter began anew. */
export function ratePerSecond(
  before: number | undefined,
  now: number | undefined,
  elapsedMs: number,
): number | undefined {
  if (before === undefined || now === undefined || !(elapsedMs > 0) || now < before) return undefined;
  return ((now - before) / elapsedMs) * 1000;
}
