import { describe, expect, test } from "bun:test";
import {
  judgeInstances,
  judgeOrphans,
  judgeSegments,
  judgeWorkDirectories,
} from "../../../../src/app/doctor/judge-leftovers.ts";

describe("judgeOrphans()", () => {
  test("calls any orphan bad, names it, and says how to end all of them", () => {
    expect(judgeOrphans([]).verdict).toBe("ok");
    const { advice, found, verdict } = judgeOrphans([
      { pid: 7, command: "sleep 1000" },
      { pid: 9, command: "" },
    ]);
    expect(verdict).toBe("bad");
    expect(found).toBe("2 processes of dead instances live on: 7 (sleep 1000), 9 (no command line)");
    expect(advice).toBe("kill -9 7 9");
  });

  test("names a few of many", () => {
    const many = Array.from({ length: 12 }, (_, pid) => ({ pid, command: "x" }));
    expect(judgeOrphans(many).found).toEndWith("and 7 more");
  });
});

describe("judgeInstances()", () => {
  test("tells what runs from what is left over, and who clears it away", () => {
    expect(judgeInstances({ running: 0, left: 0 }).found).toBe("no instance runs, no control socket is left over");
    expect(judgeInstances({ running: 1, left: 2 }).found).toBe(
      "1 instance running (distributed_system ps); 2 files of dead ones left, which ps or the next run clears away",
    );
  });
});

describe("judgeSegments()", () => {
  test("adds up what is left over and says how to remove it", () => {
    expect(judgeSegments([]).verdict).toBe("ok");
    const { advice, found } = judgeSegments([
      { path: "/dev/shm/a", bytes: 2 ** 20 },
      { path: "/dev/shm/b", bytes: 2 ** 20 },
    ]);
    expect(found).toBe("2 segments of dead processes, 2.0 MiB: /dev/shm/a, /dev/shm/b");
    expect(advice).toBe("rm /dev/shm/a /dev/shm/b");
  });
});

describe("judgeWorkDirectories()", () => {
  test("is content with what the next run removes by itself", () => {
    expect(judgeWorkDirectories([])).toEqual({ verdict: "ok", found: "no working directory is left over" });
    expect(judgeWorkDirectories(["/d/work/1-2-3"])).toMatchObject({ verdict: "ok" });
    expect(judgeWorkDirectories(["/d/work/1-2-3"]).found).toContain("1 working directory of dead instances");
  });
});
