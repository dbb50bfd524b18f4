import { describe, expect, test } from "bun:test";
import { Breaker, validateBreaker } from "../../../../src/protocol/breaker/index.ts";

const GOOD = { failureThreshold: 5, halfOpenAfterMs: 1000 };

describe("validateBreaker()", () => {
  test("validateBreaker() finds nothing when the options are good", () => {
    const rate = { failureRate: 1, minimumCalls: 10, windowMs: 1000 };
    expect(validateBreaker(GOOD)).toEqual([]);
    expect(
      validateBreaker({ rate, successThreshold: 2, timeoutMs: 0.5, halfOpenAfterMs: 1, halfOpenCalls: 3 }),
    ).toEqual([]);
  });

  test("validateBreaker() names every fault when there are several", () => {
    const rate = { failureRate: 1.5, minimumCalls: 0, windowMs: Number.NaN };
    const bad = { failureThreshold: 2.5, rate, successThreshold: "1", timeoutMs: -1, halfOpenCalls: 0 };
    expect(validateBreaker(bad)).toEqual([
      { path: "failureThreshold", message: "2.5, a whole number from 1 is required" },
      { path: "rate.failureRate", message: "1.5, a share above 0 and at most 1 is required" },
      { path: "rate.minimumCalls", message: "0, a whole number from 1 is required" },
      { path: "rate.windowMs", message: "NaN, milliseconds above 0 are required" },
      { path: "successThreshold", message: '"1", a whole number from 1 is required' },
      { path: "timeoutMs", message: "-1, milliseconds above 0 are required" },
      { path: "halfOpenAfterMs", message: "is missing, milliseconds above 0 are required" },
      { path: "halfOpenCalls", message: "0, a whole number from 1 is required" },
    ]);
  });

  test("validateBreaker() demands a condition for opening when there is none", () => {
    expect(validateBreaker({ halfOpenAfterMs: 1 })).toEqual([
      { path: "failureThreshold", message: "is missing, it or rate is required" },
    ]);
  });

  test("validateBreaker() says so when the options are no object", () => {
    for (const options of [null, 3, [], "x"]) expect(validateBreaker(options)).toHaveLength(1);
    expect(validateBreaker({ ...GOOD, rate: 0.5 })).toEqual([
      { path: "rate", message: "0.5, failureRate, minimumCalls and windowMs are required" },
    ]);
  });

  test("constructor throws all faults as one failure when the options are bad", () => {
    expect(() => new Breaker({ halfOpenAfterMs: 0 })).toThrow(
      "cannot build the circuit breaker: failureThreshold: is missing, it or rate is required; halfOpenAfterMs: 0, milliseconds above 0 are required",
    );
  });
});
