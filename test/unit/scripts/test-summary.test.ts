import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { failuresIn, LONGEST, readSummary, sharesOf } from "../../../scripts/test.ts";

const ROOT = join(import.meta.dir, "../../..");

const SUMMARY = `
 3 pass
 1 skip
 1 todo
 4 fail
 1 error
 2 expect() calls
Ran 9 tests across 4 files. [21.00ms]
`;

describe("readSummary()", () => {
  test("readSummary() takes passed and failed from the end of the output", () => {
    expect(readSummary(`(pass) something\n${SUMMARY}`)).toEqual({ passed: 3, failed: 4 });
    expect(readSummary("\n 1 pass\n 0 fail\n 5 expect() calls\nRan 1 test across 1 file. [5.00ms]")).toEqual({
      passed: 1,
      failed: 0,
    });
  });

  test("readSummary() reads coloured output", () => {
    const coloured =
      "\u001b[32m 2 pass\u001b[0m\n\u001b[2m 0 fail\u001b[0m\nRan 2 tests across 1 file. \u001b[2m[1.00ms]\u001b[0m\n";
    expect(readSummary(coloured)).toEqual({ passed: 2, failed: 0 });
  });

  test("readSummary() is not misled when a test prints a summary of its own", () => {
    expect(readSummary(` 99 pass\n 0 fail\nRan 99 tests across 1 file. [1ms]\n${SUMMARY}`)).toEqual({
      passed: 3,
      failed: 4,
    });
  });

  test("readSummary() gives undefined when there is no summary, or one that does not add up", () => {
    expect(readSummary("Segmentation fault")).toBeUndefined();
    expect(readSummary(" 2 pass\n 0 fail\nRan 3 tests across 1 file. [1ms]")).toBeUndefined();
  });
});

describe("failuresIn()", () => {
  test("failuresIn() names each failed test once when the summary repeats them", () => {
    const failed = "\u001b[31m(fail)\u001b[0m a > b [1.00ms]";
    expect(failuresIn(`(pass) c [1.00ms]\n${failed}\n\n1 tests failed:\n${failed}\n`)).toEqual([
      "(fail) a > b [1.00ms]",
    ]);
    expect(failuresIn("(pass) it says (fail) [1.00ms]\n")).toEqual([]);
  });
});

describe("sharesOf()", () => {
  const run = { name: "all", files: ["test/integration/**/*.test.ts"], timeoutMs: 1, needsBuild: false } as const;

  test("sharesOf() gives out every file once, whatever it keeps busy", () => {
    const [real, computing] = (["real", "computing"] as const).map((kind) => sharesOf({ ...run, kind }));
    const files = [...new Bun.Glob("test/integration/**/*.test.ts").scanSync(ROOT)].toSorted();
    expect(files.length).toBeGreaterThan(50);
    for (const shares of [real!, computing!]) {
      expect(shares.flatMap((share) => share.files).toSorted()).toEqual(files);
    }
    expect(real!.length).toBe(files.length);
    expect(computing!.length).toBeLessThan(files.length / 10);
  });

  test("sharesOf() begins with what takes longest, and all of that is there", () => {
    const shares = sharesOf({ ...run, kind: "real" });
    expect(shares[0]!.files).toEqual([LONGEST[0]!]);
    expect(shares.slice(0, LONGEST.length).map(({ files }) => files[0]!)).toEqual([...LONGEST]);
  });
});
