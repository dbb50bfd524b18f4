import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../../../src/base/random.ts";
import { HealthChecker, validateHealth } from "../../../../src/protocol/health/index.ts";

describe("validateHealth()", () => {
  test("validateHealth() finds nothing when the options are good", () => {
    expect(validateHealth({ intervalMs: 1, timeoutMs: 5 })).toEqual([]);
    const all = { intervalMs: 1, timeoutMs: 5, failureThreshold: 1, successThreshold: 2, jitter: 0 };
    expect(validateHealth(all)).toEqual([]);
  });

  test("validateHealth() names every fault when there are several", () => {
    const bad = { intervalMs: 0, failureThreshold: 1.5, successThreshold: null, jitter: 1.1 };
    expect(validateHealth(bad)).toEqual([
      { path: "intervalMs", message: "0, milliseconds above 0 are required" },
      { path: "timeoutMs", message: "is missing, milliseconds above 0 are required" },
      { path: "failureThreshold", message: "1.5, a whole number from 1 is required" },
      { path: "successThreshold", message: "null, a whole number from 1 is required" },
      { path: "jitter", message: "1.1, a share from 0 to 1 is required" },
    ]);
    expect(validateHealth("x")).toEqual([{ path: "options", message: '"x", an object is required' }]);
  });

  test("constructor throws all faults as one failure when the options are bad", () => {
    expect(() => new HealthChecker({ intervalMs: -1, timeoutMs: Number.NaN }, seededRandom(1))).toThrow(
      "cannot check health: intervalMs: -1, milliseconds above 0 are required; timeoutMs: NaN, milliseconds above 0 are required",
    );
  });
});
