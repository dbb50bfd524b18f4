import { describe, expect, test } from "bun:test";
import {
  judgeClock,
  judgeCores,
  judgeLoopback,
  judgeMemory,
  judgePort,
  judgeSynchronisation,
  judgeVersions,
} from "../../../../src/app/doctor/judge-machine.ts";
import { readTimex } from "../../../../src/app/doctor/kernel-clock.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

describe("judgeMemory()", () => {
  test("takes the control group's limit when it is smaller than what is available", () => {
    const facts = { totalBytes: 64 * GIB, availableBytes: 32 * GIB };
    expect(judgeMemory({ ...facts, groupLimitBytes: undefined }).verdict).toBe("ok");
    expect(judgeMemory({ ...facts, groupLimitBytes: 512 * MIB }).verdict).toBe("warn");
    expect(judgeMemory({ ...facts, groupLimitBytes: 128 * MIB }).verdict).toBe("bad");
  });
});

describe("judgeCores()", () => {
  test("warns of one core, and of a quota below two", () => {
    expect(judgeCores({ cores: 2, quota: undefined }).verdict).toBe("ok");
    expect(judgeCores({ cores: 1, quota: undefined }).verdict).toBe("warn");
    expect(judgeCores({ cores: 8, quota: 1.5 })).toMatchObject({ verdict: "warn" });
    expect(judgeCores({ cores: 2, quota: 8 }).verdict).toBe("ok");
  });
});

describe("judgeClock()", () => {
  const facts = { nowMs: Date.UTC(2026, 6, 1), overMs: 250, driftMs: 0.1 };

  test("is content with a plausible year and clocks that go alike", () => {
    expect(judgeClock(facts).verdict).toBe("ok");
  });

  test("calls an implausible year bad, early or late", () => {
    expect(judgeClock({ ...facts, nowMs: 0 }).found).toContain("1970");
    expect(judgeClock({ ...facts, nowMs: Date.UTC(2101, 0, 1) }).verdict).toBe("bad");
  });

  test("warns when the wall clock jumps either way", () => {
    expect(judgeClock({ ...facts, driftMs: 40 }).verdict).toBe("warn");
    expect(judgeClock({ ...facts, driftMs: -40 }).verdict).toBe("warn");
  });
});

describe("judgeSynchronisation()", () => {
  test("does not know when the kernel does not say", () => {
    expect(judgeSynchronisation(undefined).verdict).toBe("unknown");
  });

  test("warns without a time server, and of a large error with one", () => {
    expect(judgeSynchronisation({ synchronised: false, errorMsMax: 16_000 }).verdict).toBe("warn");
    expect(judgeSynchronisation({ synchronised: true, errorMsMax: 800 }).verdict).toBe("warn");
    expect(judgeSynchronisation({ synchronised: true, errorMsMax: 3 }).verdict).toBe("ok");
  });
});

describe("readTimex()", () => {
  function timex(status: number, maxErrorUs: bigint): DataView {
    const view = new DataView(new ArrayBuffer(208));
    view.setBigInt64(24, maxErrorUs, true);
    view.setInt32(40, status, true);
    return view;
  }

  test("reads the error in milliseconds, and both ways in which the kernel says unsynchronised", () => {
    expect(readTimex(timex(0x2001, 1_500n), 0)).toEqual({ synchronised: true, errorMsMax: 1.5 });
    expect(readTimex(timex(0x2041, 1_500n), 0).synchronised).toBe(false);
    expect(readTimex(timex(0x2001, 1_500n), 5).synchronised).toBe(false);
  });
});

describe("judgeLoopback()", () => {
  test("calls any refusal bad and says which", () => {
    expect(judgeLoopback({ tcp: undefined, udp: undefined }).verdict).toBe("ok");
    expect(judgeLoopback({ tcp: undefined, udp: "EPERM" })).toMatchObject({ verdict: "bad" });
    expect(judgeLoopback({ tcp: undefined, udp: "EPERM" }).found).not.toContain("TCP:");
  });
});

describe("judgePort()", () => {
  test("warns of a port in use and says how to find out by whom", () => {
    expect(judgePort(8080, "a master", { tcp: undefined, udp: undefined }).verdict).toBe("ok");
    const taken = judgePort(8080, "a master", { tcp: "EADDRINUSE", udp: undefined });
    expect(taken).toMatchObject({ verdict: "warn", found: "taken (TCP); a master uses it by default" });
    expect(taken.advice).toContain("sport = :8080");
  });
});

describe("judgeVersions()", () => {
  const facts = { program: "1.2.3", runtime: "1.4.5", platform: "linux", release: "6.1.0-13-amd64" };

  test("judges the kernel by major and minor number", () => {
    const verdicts = ["6.1.0-13-amd64", "5.10.0", "5.6.0", "5.4.0-generic", "5.0.21", "4.19.1"].map(
      (release) => judgeVersions({ ...facts, release }).verdict,
    );
    expect(verdicts).toEqual(["ok", "ok", "ok", "warn", "bad", "bad"]);
  });

  test("warns of another system", () => {
    expect(judgeVersions({ ...facts, platform: "darwin", release: "23.1.0" }).verdict).toBe("warn");
  });
});
