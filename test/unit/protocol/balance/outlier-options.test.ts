import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import { smallClusterOutliers, validateOutliers } from "../../../../src/protocol/balance/index.ts";
import { outlierRules } from "../../../../src/protocol/balance/outlier-options.ts";

describe("validateOutliers()", () => {
  test("validateOutliers() finds nothing when all is left out, or fine", () => {
    expect(validateOutliers({})).toEqual([]);
    expect(validateOutliers({ intervalMs: undefined, successRate: {}, failurePercentage: undefined })).toEqual([]);
    expect(validateOutliers(smallClusterOutliers)).toEqual([]);
  });

  test("validateOutliers() tells of all faults at once, with their paths", () => {
    const options = {
      intervalMs: 0,
      maxEjectionPercent: 101,
      often: 1,
      successRate: { deviations: -1, minimumHosts: 0, enforcementPercent: "all" },
      failurePercentage: { thresholdPercent: Number.NaN, requestVolume: 1.5, deviations: 2 },
    };
    expect(validateOutliers(options).map(({ path }) => path)).toEqual([
      "intervalMs",
      "maxEjectionPercent",
      "often",
      "successRate.deviations",
      "successRate.minimumHosts",
      "successRate.enforcementPercent",
      "failurePercentage.thresholdPercent",
      "failurePercentage.requestVolume",
      "failurePercentage.deviations",
    ]);
    expect(validateOutliers({ successRate: 3 })).toEqual([
      { path: "successRate", message: "3, an object is required" },
    ]);
    expect(validateOutliers(JSON.parse('{"successRate":{"constructor":1},"toString":1}'))).toHaveLength(2);
    expect(validateOutliers(null)).toHaveLength(1);
  });
});

describe("outlierRules()", () => {
  test("outlierRules() fills in what gRPC A50 says, and leaves out what is not asked for", () => {
    expect(outlierRules({})).toEqual({
      intervalMs: 10_000,
      baseEjectionMs: 30_000,
      maxEjectionMs: 300_000,
      maxEjectionPercent: 10,
      successRate: undefined,
      failurePercentage: undefined,
    });
    const { failurePercentage, successRate } = outlierRules({ successRate: {}, failurePercentage: {} });
    expect(successRate).toEqual({ deviations: 1.9, enforcementPercent: 100, minimumHosts: 5, requestVolume: 100 });
    expect(failurePercentage).toEqual({
      thresholdPercent: 85,
      enforcementPercent: 100,
      minimumHosts: 5,
      requestVolume: 50,
    });
  });

  test("outlierRules() never lets the longest ejection be shorter than the first", () => {
    expect(outlierRules({ baseEjectionMs: 400_000 }).maxEjectionMs).toBe(400_000);
  });

  test("outlierRules() throws with all faults when something is wrong", () => {
    expect(() => outlierRules({ intervalMs: -1, baseEjectionMs: 0 })).toThrow(Failure);
    expect(() => outlierRules({ intervalMs: -1, baseEjectionMs: 0 })).toThrow(/intervalMs: -1.*baseEjectionMs: 0/);
  });
});
