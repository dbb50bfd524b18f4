/**
 * Whether a plugin that was swapped in does worse than the one before: failed tries of batches, and rejected records, each as
 * a share. Clearly worse is at least three of them, and more than twice the share before plus one in a hundred: an accident
 * or two take nobody back, and neither does a plugin that was never perfect. Pure.
 */
import type { Outcome, Work } from "./types.ts";

export interface Tally {
  readonly tries: number;
  /** Errors, crashes, time-outs, and starts that failed. */
  readonly failures: number;
  readonly records: number;
  readonly rejected: number;
}

export const NO_TALLY: Tally = { tries: 0, failures: 0, records: 0, rejected: 0 };

const FAILURES_MIN = 3;
const TIMES_WORSE = 2;
const SHARE_FORGIVEN = 0.01;

/** A probe for the record that is to blame fails on purpose, and says nothing. */
export function counted(tally: Tally, outcome: Outcome, { probe }: Pick<Work, "probe">): Tally {
  if (probe) return tally;
  if (outcome.kind === "failed") return failedStart(tally);
  if (outcome.kind !== "done") return tally;
  const { in: taken, rejected } = outcome.counts;
  const { failures, records, rejected: before, tries } = tally;
  return { tries: tries + 1, failures, records: records + taken, rejected: before + rejected };
}

export function failedStart(tally: Tally): Tally {
  return { ...tally, tries: tally.tries + 1, failures: tally.failures + 1 };
}

/** In what the plugin is clearly worse than the one before, in words. */
export function worse(before: Tally, after: Tally): string | undefined {
  if (isWorse(before.failures, before.tries, after.failures, after.tries))
    return `${after.failures} of ${after.tries} tries failed, ${before.failures} of ${before.tries} with the plugin before`;
  if (isWorse(before.rejected, before.records, after.rejected, after.records))
    return `${after.rejected} of ${after.records} records were rejected, ${before.rejected} of ${before.records} by the plugin before`;
  return undefined;
}

function isWorse(badBefore: number, before: number, badAfter: number, after: number): boolean {
  if (badAfter < FAILURES_MIN) return false;
  const shareBefore = before === 0 ? 0 : badBefore / before;
  return badAfter / after > TIMES_WORSE * shareBefore + SHARE_FORGIVEN;
}
