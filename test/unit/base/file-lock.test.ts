import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { takeFileLock } from "../../../src/base/file-lock.ts";

test("takeFileLock() gives a file to one at a time, and again when it has been released", () => {
  const directory = mkdtempSync(join(tmpdir(), "file-lock-"));
  try {
    const path = join(directory, "lock");
    const held = takeFileLock(path);
    expect(held).toBeDefined();
    expect(takeFileLock(path)).toBeUndefined();
    expect(takeFileLock(join(directory, "other"))).toBeDefined();
    held!.release();
    expect(takeFileLock(path)).toBeDefined();
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("takeFileLock() fails where no file can be, and does not say that somebody holds it", () => {
  expect(() => takeFileLock(join(tmpdir(), "no such folder", "lock"))).toThrow(/unable to open/);
});
