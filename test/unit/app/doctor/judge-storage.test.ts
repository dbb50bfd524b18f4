import { describe, expect, test } from "bun:test";
import {
  judgeDirectory,
  judgeDiskSpace,
  judgeSharedMemory,
  judgeSync,
} from "../../../../src/app/doctor/judge-storage.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

describe("judgeSharedMemory()", () => {
  const facts = {
    directory: "/dev/shm",
    totalBytes: GIB,
    insteadDirectory: "/tmp",
    insteadFreeBytes: 10 * GIB,
    edgeBytes: 128 * MIB,
  };

  test("is content from six edges on, as many as a pipeline of five stages has", () => {
    expect(judgeSharedMemory({ ...facts, freeBytes: 6 * 128 * MIB }).verdict).toBe("ok");
    expect(judgeSharedMemory({ ...facts, freeBytes: 6 * 128 * MIB - 1 }).verdict).toBe("warn");
  });

  test("warns of a container's 64 MiB and says how to get more", () => {
    const { advice, found, verdict } = judgeSharedMemory({ ...facts, totalBytes: 64 * MIB, freeBytes: 64 * MIB });
    expect(verdict).toBe("warn");
    expect(found).toContain("files in /tmp");
    expect(advice).toContain("--shm-size");
  });

  test("calls it bad when the place that stands in is full as well", () => {
    expect(judgeSharedMemory({ ...facts, freeBytes: 0, insteadFreeBytes: 255 * MIB }).verdict).toBe("bad");
    expect(judgeSharedMemory({ ...facts, freeBytes: 0, insteadFreeBytes: 256 * MIB }).verdict).toBe("warn");
  });
});

describe("judgeSync()", () => {
  const facts = { medianMs: 0.2, maxMs: 1, count: 50, fileSystem: "ext4" };

  test("says what a checkpoint costs", () => {
    expect(judgeSync(facts)).toEqual({
      verdict: "ok",
      found: "fdatasync takes 200 µs (median of 50, most 1.0 ms) on ext4: a checkpoint about 600 µs",
    });
  });

  test("warns of a slow disk, of memory and of a network", () => {
    expect(judgeSync({ ...facts, medianMs: 20 }).advice).toContain("checkpoint_interval");
    expect(judgeSync({ ...facts, fileSystem: "tmpfs" }).found).toContain("do not outlive the machine");
    expect(judgeSync({ ...facts, fileSystem: "nfs" }).verdict).toBe("warn");
  });
});

describe("judgeDiskSpace()", () => {
  const facts = { totalBytes: 100 * GIB, freeInodes: undefined };

  test("falls from ok over warn to bad as the space falls", () => {
    const verdicts = [GIB, GIB - 1, 64 * MIB, 64 * MIB - 1].map(
      (freeBytes) => judgeDiskSpace({ ...facts, freeBytes }).verdict,
    );
    expect(verdicts).toEqual(["ok", "warn", "warn", "bad"]);
  });

  test("calls it bad when no files can be made though there is space", () => {
    expect(judgeDiskSpace({ ...facts, freeBytes: 50 * GIB, freeInodes: 3 }).verdict).toBe("bad");
  });
});

describe("judgeDirectory()", () => {
  const facts = { path: "/d", existing: "/d", mode: 0o40700, ownedByUs: true, unwritable: undefined };

  test("is content with a directory that is this user's alone, or that can be made", () => {
    expect(judgeDirectory(facts).verdict).toBe("ok");
    expect(judgeDirectory({ ...facts, existing: "/", mode: 0o40755 })).toMatchObject({ verdict: "ok" });
  });

  test("tells reading by others from writing by others", () => {
    expect(judgeDirectory({ ...facts, mode: 0o40755 })).toMatchObject({ verdict: "warn", advice: "chmod 700 /d" });
    expect(judgeDirectory({ ...facts, mode: 0o40770 }).verdict).toBe("bad");
    expect(judgeDirectory({ ...facts, mode: 0o40702 }).verdict).toBe("bad");
  });

  test("calls it bad when nothing can be written, and names the directory to mend", () => {
    const { advice, found } = judgeDirectory({ ...facts, existing: "/srv", path: "/srv/d", unwritable: "EACCES" });
    expect(found).toBe("/srv/d cannot be made: EACCES");
    expect(advice).toContain("/srv ");
  });

  test("warns when it is somebody else's", () => {
    expect(judgeDirectory({ ...facts, ownedByUs: false }).verdict).toBe("warn");
  });
});
