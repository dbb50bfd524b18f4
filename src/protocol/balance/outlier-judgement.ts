/** Who is an outlier: the two algorithms of gRPC A50 as functions of one interval's counts. Worst first, each with the reason in words. */
import type { FailurePercentageRules, SuccessRateRules } from "./outlier-options.ts";

/** What one node did in an interval. */
export interface Tally {
  readonly id: string;
  readonly successes: number;
  readonly failures: number;
}

export interface Outlier {
  readonly id: string;
  readonly reason: string;
}

/** Rates that are equal differ by less than this when their mean is rounded. */
const ROUNDING = 1e-9;

/** Relative: so much worse than the others that it is no chance. When all are equally bad nobody is. */
export function successRateOutliers(tallies: readonly Tally[], rules: SuccessRateRules): readonly Outlier[] {
  const judged = tallies.filter((tally) => volumeOf(tally) >= rules.requestVolume).sort(worstFirst);
  if (judged.length < rules.minimumHosts) return [];
  const rates = judged.map(successRate);
  const mean = average(rates);
  const deviation = Math.sqrt(average(rates.map((rate) => (rate - mean) ** 2)));
  const bound = mean - rules.deviations * deviation;
  const why = `below ${percent(bound)}: mean ${percent(mean)} less ${rules.deviations} × deviation ${percent(deviation)}`;
  return judged
    .filter((tally) => successRate(tally) < bound - ROUNDING)
    .map((tally) => ({ id: tally.id, reason: `success rate ${shown(tally, tally.successes)} is ${why}` }));
}

/** Absolute: it fails too often, whatever the others do. At the threshold too, or 100 could never be reached. */
export function failurePercentageOutliers(
  tallies: readonly Tally[],
  hosts: number,
  rules: FailurePercentageRules,
): readonly Outlier[] {
  if (hosts < rules.minimumHosts) return [];
  return tallies
    .filter((tally) => volumeOf(tally) >= rules.requestVolume)
    .filter((tally) => 100 * tally.failures >= rules.thresholdPercent * volumeOf(tally))
    .sort(worstFirst)
    .map((tally) => {
      const reason = `failure rate ${shown(tally, tally.failures)} has reached ${rules.thresholdPercent} %`;
      return { id: tally.id, reason };
    });
}

function volumeOf({ failures, successes }: Tally): number {
  return failures + successes;
}

function successRate(tally: Tally): number {
  return tally.successes / volumeOf(tally);
}

/** So that, when not all may be ejected, the worst are. By id at last: the outcome must not depend on who came first. */
function worstFirst(left: Tally, right: Tally): number {
  return successRate(left) - successRate(right) || (left.id < right.id ? -1 : 1);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function shown(tally: Tally, part: number): string {
  return `${percent(part / volumeOf(tally))} (${part} of ${volumeOf(tally)})`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
