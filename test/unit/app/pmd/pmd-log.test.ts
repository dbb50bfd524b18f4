/** The log of a port mapper in the background: bounded, private, and no reason to fail. */
import { describe, expect, test } from "bun:test";
import { closeSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { openForOutput, openPmdLog, pmdLogFile, tailOf } from "../../../../src/app/pmd/pmd-log.ts";
import { Workspace } from "../../../support/workspace.ts";

describe("openPmdLog()", () => {
  test("openPmdLog() writes lines with times, and keeps the file and the one before it within the bound", () => {
    using space = new Workspace();
    const path = space.at("pmd.log");
    const log = openPmdLog(path);
    const line = "x".repeat(1_000);
    for (let count = 0; count < 3_000; count++) log(line);
    expect(readFileSync(path, "utf8").split("\n")[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z x{1000}$/);
    for (const each of [path, `${path}.1`]) {
      expect(statSync(each).size).toBeLessThan(1024 * 1024 + 2_000);
      expect(statSync(each).mode & 0o777).toBe(0o600);
    }
    expect(statSync(`${path}.1`).size).toBeGreaterThan(1024 * 1024 - 2_000);
  });

  test("openPmdLog() does not fail when the file cannot be written", () => {
    using space = new Workspace();
    mkdirSync(space.at("pmd.log"));
    expect(() => openPmdLog(space.at("pmd.log"))("text")).not.toThrow();
  });

  test("openForOutput() makes the directory, and tailOf() gives what was written since", () => {
    using space = new Workspace();
    const path = space.at("state", "pmd.log");
    closeSync(openForOutput(path));
    openPmdLog(path)("one");
    const before = statSync(path).size;
    openPmdLog(path)("two");
    expect(tailOf(path, before)).toEndWith(" two");
    expect(tailOf(path, before)).not.toContain("one");
    expect(tailOf(space.at("nothing"), 0)).toBe("");
  });

  test("pmdLogFile() gives each port a file of its own, and the usual port the plain name", () => {
    expect(pmdLogFile(4369, "/state")).toBe("/state/pmd.log");
    expect(pmdLogFile(5000, "/state")).toBe("/state/pmd-5000.log");
  });
});
