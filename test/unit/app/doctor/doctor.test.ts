import { describe, expect, test } from "bun:test";
import { type Check, worst } from "../../../../src/app/doctor/check.ts";
import { inTime } from "../../../../src/app/doctor/doctor.ts";
import { reportText } from "../../../../src/app/doctor/report.ts";
import { ownGroup, resourceLimit } from "../../../../src/app/doctor/system-files.ts";
import type { Clock } from "../../../../src/base/clock.ts";

class AlarmClock implements Clock {
  readonly waiting = new Set<() => void>();
  now = (): number => 0;
  monotonic = (): number => 0;
  after(_delayMs: number, callback: () => void) {
    this.waiting.add(callback);
    return { cancel: () => void this.waiting.delete(callback) };
  }
}

describe("worst()", () => {
  test("puts bad before warn before ok, and lets unknown change nothing", () => {
    expect(worst(["ok", "warn", "bad"])).toBe("bad");
    expect(worst(["unknown", "warn", "ok"])).toBe("warn");
    expect(worst(["unknown", "ok"])).toBe("ok");
    expect(worst([])).toBe("ok");
  });
});

describe("inTime()", () => {
  test("gives the probe's answer and cancels its timer when the probe answers", async () => {
    const clock = new AlarmClock();
    expect(await inTime(() => ({ verdict: "ok", found: "fine" }), clock, 10)).toEqual({ verdict: "ok", found: "fine" });
    expect(clock.waiting.size).toBe(0);
  });

  test("does not know when the probe throws, at once or later", async () => {
    const clock = new AlarmClock();
    const thrown = await inTime(
      () => {
        throw new Error("no /proc");
      },
      clock,
      10,
    );
    expect(thrown).toEqual({ verdict: "unknown", found: "no /proc" });
    expect(await inTime(() => Promise.reject(new Error("gone")), clock, 10)).toEqual({
      verdict: "unknown",
      found: "gone",
    });
  });

  test("does not know when the probe never answers", async () => {
    const clock = new AlarmClock();
    const answer = inTime(() => new Promise(() => {}), clock, 10);
    for (const callback of clock.waiting) callback();
    expect(await answer).toEqual({ verdict: "unknown", found: "no answer within 10 ms" });
  });
});

describe("reportText()", () => {
  test("puts advice below its check and sums up by the verdict", () => {
    const checks: Check[] = [
      { name: "a", verdict: "ok", found: "fine" },
      { name: "long", verdict: "warn", found: "narrow", advice: "widen it" },
      { name: "b", verdict: "unknown", found: "hidden" },
    ];
    expect(reportText({ verdict: "warn", dataDir: "/d", checks })).toBe(
      [
        "ok    a     fine",
        "warn  long  narrow",
        "            → widen it",
        "?     b     hidden",
        "",
        "Everything will work; what is marked warn could be better.",
        "",
      ].join("\n"),
    );
  });
});

describe("resourceLimit()", () => {
  const text = [
    "Limit                     Soft Limit           Hard Limit           Units     ",
    "Max processes             96365                96365                processes ",
    "Max open files            1024                 524288               files     ",
    "Max core file size        0                    unlimited            bytes     ",
  ].join("\n");

  test("reads soft and hard limits, unlimited as Infinity", () => {
    expect(resourceLimit(text, "Max open files")).toEqual({ soft: 1024, hard: 524288 });
    expect(resourceLimit(text, "Max core file size")).toEqual({ soft: 0, hard: Number.POSITIVE_INFINITY });
  });

  test("is undefined when there is no such line", () => {
    expect(resourceLimit(text, "Max address space")).toBeUndefined();
    expect(resourceLimit("", "Max open files")).toBeUndefined();
  });
});

describe("ownGroup()", () => {
  const cgroups = "9:name=systemd:/\n4:memory:/a:b/c\n3:cpu,cpuacct:/d\n0::/user.slice\n";

  test("finds the group of a controller, and that of version 2", () => {
    expect(ownGroup(cgroups, "memory")).toBe("/a:b/c");
    expect(ownGroup(cgroups, "cpuacct")).toBe("/d");
    expect(ownGroup(cgroups, undefined)).toBe("/user.slice");
    expect(ownGroup(cgroups, "pids")).toBeUndefined();
  });
});
