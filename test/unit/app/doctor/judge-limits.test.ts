import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  judgeAddressSpace,
  judgeCoreDumps,
  judgeMemoryLimits,
  judgeOpenFiles,
  judgeOrphanCare,
  judgeProcesses,
} from "../../../../src/app/doctor/judge-limits.ts";

const GIB = 2 ** 30;
const why = { memory: "because", cpu: "", files: "", orphans: "for reasons" };

describe("judgeMemoryLimits()", () => {
  test("is content when groups can be made", () => {
    expect(judgeMemoryLimits({ memory: "cgroup", why }).verdict).toBe("ok");
  });

  test("warns and says how to get a group when the kernel's other limits stand in", () => {
    for (const memory of ["prlimit", "watched"] as const) {
      const { advice, found, verdict } = judgeMemoryLimits({ memory, why });
      expect(verdict).toBe("warn");
      expect(found).toContain("because");
      expect(advice).toContain("Delegate=yes");
    }
  });

  test("calls it bad when nobody keeps the limit", () => {
    expect(judgeMemoryLimits({ memory: "none", why }).verdict).toBe("bad");
  });
});

describe("judgeOrphanCare()", () => {
  test("warns whenever there is no warden", () => {
    expect(judgeOrphanCare({ orphans: "warden", why }).verdict).toBe("ok");
    expect(judgeOrphanCare({ orphans: "daemon", why })).toMatchObject({ verdict: "warn", found: "for reasons" });
    expect(judgeOrphanCare({ orphans: "group", why }).verdict).toBe("warn");
  });
});

describe("judgeOpenFiles()", () => {
  test("falls from ok over warn to bad as the limit falls", () => {
    const verdicts = [Number.POSITIVE_INFINITY, 1024, 1023, 256, 255].map(
      (soft) => judgeOpenFiles({ soft, hard: soft }).verdict,
    );
    expect(verdicts).toEqual(["ok", "ok", "warn", "warn", "bad"]);
  });

  test("names the command only when the hard limit leaves room", () => {
    expect(judgeOpenFiles({ soft: 100, hard: 524_288 }).advice).toBe("ulimit -n 524288");
    expect(judgeOpenFiles({ soft: 100, hard: 100 }).advice).toContain("LimitNOFILE");
  });
});

describe("judgeProcesses()", () => {
  test("counts what runs already against the limit", () => {
    expect(judgeProcesses(2_000, 100).verdict).toBe("ok");
    expect(judgeProcesses(2_000, 1_500).verdict).toBe("warn");
    expect(judgeProcesses(2_000, 1_900).verdict).toBe("bad");
    expect(judgeProcesses(200, undefined).verdict).toBe("bad");
  });

  test("never promises room for fewer than no hosts when more runs than is allowed", () => {
    expect(judgeProcesses(10, 500).found).toContain("about 0 hosts");
  });
});

describe("judgeAddressSpace()", () => {
  test("calls a limit below what the runtime reserves bad, and strict accounting a warning", () => {
    expect(judgeAddressSpace({ limitBytes: 8 * GIB, overcommit: 0 }).verdict).toBe("bad");
    expect(judgeAddressSpace({ limitBytes: Number.POSITIVE_INFINITY, overcommit: 2 }).verdict).toBe("warn");
    expect(judgeAddressSpace({ limitBytes: Number.POSITIVE_INFINITY, overcommit: undefined }).verdict).toBe("ok");
  });
});

describe("judgeCoreDumps()", () => {
  test("is content when none are written", () => {
    expect(judgeCoreDumps({ limitBytes: 0, pattern: "core" }).verdict).toBe("ok");
  });

  test("warns when they are, and when a program takes them in spite of a limit of 0", () => {
    expect(judgeCoreDumps({ limitBytes: Number.POSITIVE_INFINITY, pattern: "core" }).found).toContain("of any size");
    const piped = judgeCoreDumps({ limitBytes: 0, pattern: "|/usr/lib/systemd/systemd-coredump %P" });
    expect(piped).toMatchObject({ verdict: "warn" });
    expect(piped.found).toContain("/usr/lib/systemd/systemd-coredump");
    expect(piped.found).not.toContain("%P");
  });
});

test("every judgement of a limit gives advice exactly when it is not content", () => {
  const size = fc.oneof(fc.nat({ max: 1e6 }), fc.constant(Number.POSITIVE_INFINITY));
  fc.assert(
    fc.property(size, size, fc.option(fc.nat({ max: 5000 }), { nil: undefined }), (soft, hard, running) => {
      for (const each of [
        judgeOpenFiles({ soft, hard }),
        judgeProcesses(soft, running),
        judgeAddressSpace({ limitBytes: hard * 2 ** 20, overcommit: running }),
        judgeCoreDumps({ limitBytes: soft, pattern: "core" }),
      ]) {
        expect(each.advice !== undefined).toBe(each.verdict !== "ok");
        expect(each.found).not.toMatch(/NaN|undefined/);
      }
    }),
  );
});
