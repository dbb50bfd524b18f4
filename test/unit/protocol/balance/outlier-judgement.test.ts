import { describe, expect, test } from "bun:test";
import {
  failurePercentageOutliers,
  successRateOutliers,
  type Tally,
} from "../../../../src/protocol/balance/outlier-judgement.ts";
import { outlierRules } from "../../../../src/protocol/balance/outlier-options.ts";

const { failurePercentage, successRate } = outlierRules({ failurePercentage: {}, successRate: {} });

/** Of a hundred requests each. */
function tallies(...failures: readonly number[]): readonly Tally[] {
  return failures.map((count, at) => ({ id: `n${at}`, failures: count, successes: 100 - count }));
}

function bySuccessRate(all: readonly Tally[], rules: Partial<typeof successRate> = {}): readonly string[] {
  return successRateOutliers(all, { ...successRate!, ...rules }).map(({ id }) => id);
}

function byFailures(all: readonly Tally[], rules: Partial<typeof failurePercentage> = {}): readonly string[] {
  return failurePercentageOutliers(all, all.length, { ...failurePercentage!, ...rules }).map(({ id }) => id);
}

describe("successRateOutliers()", () => {
  test("successRateOutliers() finds who is far below the mean, and nobody else", () => {
    expect(bySuccessRate(tallies(1, 2, 0, 1, 60, 2))).toEqual(["n4"]);
    expect(bySuccessRate(tallies(1, 2, 0, 1, 3, 2))).toEqual([]);
  });

  test("successRateOutliers() finds nobody when all are equally bad, however their mean is rounded", () => {
    for (let failures = 0; failures <= 100; failures++) {
      expect(bySuccessRate(tallies(...Array<number>(7).fill(failures)), { deviations: 0 })).toEqual([]);
    }
  });

  test("successRateOutliers() counts only those with enough requests, and needs enough of them", () => {
    const few: Tally = { id: "few", failures: 99, successes: 0 };
    expect(bySuccessRate([...tallies(0, 0, 0, 0, 0), few])).toEqual([]);
    expect(bySuccessRate([...tallies(0, 0, 0, 90), few], { deviations: 1 })).toEqual([]);
    expect(bySuccessRate([...tallies(0, 0, 0, 90, 0), few])).toEqual(["n3"]);
  });

  test("successRateOutliers() names the worst first", () => {
    expect(bySuccessRate(tallies(0, 40, 0, 60, 0, 0), { deviations: 0.5 })).toEqual(["n3", "n1"]);
  });

  test("successRateOutliers() goes by ids when two are equally bad", () => {
    const reversed = [...tallies(60, 60, 0, 0, 0)].reverse();
    expect(bySuccessRate(reversed, { deviations: 1 })).toEqual(["n0", "n1"]);
    expect(byFailures(reversed, { thresholdPercent: 60 })).toEqual(["n0", "n1"]);
  });

  test("successRateOutliers() says why, with the numbers", () => {
    expect(successRateOutliers(tallies(0, 0, 0, 0, 50), successRate!)[0]!.reason).toBe(
      "success rate 50.0 % (50 of 100) is below 52.0 %: mean 90.0 % less 1.9 × deviation 20.0 %",
    );
  });
});

describe("failurePercentageOutliers()", () => {
  test("failurePercentageOutliers() finds who has reached the threshold, whatever others do", () => {
    expect(byFailures(tallies(84, 85, 86, 0, 100))).toEqual(["n4", "n2", "n1"]);
    expect(byFailures(tallies(100, 100, 100, 100, 100), { thresholdPercent: 100 })).toHaveLength(5);
  });

  test("failurePercentageOutliers() needs enough nodes, busy or not, and enough requests of the one", () => {
    const all = tallies(100, 0, 0, 0);
    expect(failurePercentageOutliers(all, 4, failurePercentage!)).toEqual([]);
    expect(failurePercentageOutliers(all, 5, failurePercentage!)).toHaveLength(1);
    expect(byFailures([...tallies(0, 0, 0, 0), { id: "few", failures: 49, successes: 0 }])).toEqual([]);
    expect(byFailures([...tallies(0, 0, 0, 0), { id: "enough", failures: 50, successes: 0 }])).toEqual(["enough"]);
  });

  test("failurePercentageOutliers() says why, with the numbers", () => {
    expect(failurePercentageOutliers(tallies(90), 5, failurePercentage!)[0]!.reason).toBe(
      "failure rate 90.0 % (90 of 100) has reached 85 %",
    );
  });
});
