/** Nothing of the inside of services reaches clients: no node, version, exit code; what methods say themselves does. */
import { describe, expect, test } from "bun:test";
import { serviceFailure, streamFailure } from "../../../../../src/app/gateway/named/service-failures.ts";
import { Failure } from "../../../../../src/base/errors.ts";

const SECRET = "accounts@1.2.0 at node db-7 exited with code 137";

describe("serviceFailure()", () => {
  test("passes on what a method says by a code of its own", () => {
    const failure = new Failure("accounts.overdrawn", "there is not that much", { data: { left: 3 } });
    expect(serviceFailure(failure)).toEqual({ kind: "problem", failure });
  });

  test.each([
    ["service.not_found", "gateway.service_unavailable", true],
    ["service.unavailable", "gateway.service_unavailable", true],
    ["link.unreachable", "gateway.service_unavailable", true],
    ["service.overloaded", "gateway.service_busy", true],
    ["rpc.busy", "gateway.service_busy", true],
    ["service.exited", "gateway.service_failed", false],
    ["service.failed", "gateway.service_failed", false],
    ["service.bad_result", "gateway.service_failed", false],
    ["rpc.unknown_method", "gateway.service_failed", false],
    ["rpc.defect", "gateway.service_failed", false],
    ["plugin.load", "gateway.service_failed", false],
  ])("makes %s %s, with all of it for the log, when the program says it", (code, becomes, isRetryable) => {
    const { failure, kind } = serviceFailure(new Failure(code, SECRET));
    expect([kind, failure.code, failure.retryable, failure.message]).toEqual([
      "failure",
      becomes,
      isRetryable,
      `${code}: ${SECRET}`,
    ]);
    expect(failure.data).toEqual(isRetryable ? { retryAfterMs: 1_000 } : undefined);
  });

  test("tells which fields are wrong, and no more, when the input does not fit", () => {
    const faults = [
      { path: "days", message: "a number is required" },
      { path: "", message: "too many" },
    ];
    const { failure, kind } = serviceFailure(
      new Failure("rpc.invalid_input", SECRET, { data: { faults, node: "db-7" } }),
    );
    expect([kind, failure.code, failure.message, failure.data]).toEqual([
      "problem",
      "rpc.invalid_input",
      "the input is wrong: days: a number is required; too many",
      { faults },
    ]);
    expect(serviceFailure(new Failure("rpc.invalid_input", SECRET)).failure.message).toBe("the input is wrong");
  });
});

describe("streamFailure()", () => {
  test("says only that it broke when the program says why, and all when the method does", () => {
    expect(streamFailure(new Failure("service.exited", SECRET)).toJSON()).not.toMatchObject({
      message: expect.stringContaining("db-7"),
    });
    expect(streamFailure(new Failure("accounts.closed", "it was closed")).message).toBe("it was closed");
  });
});
