/** Bodies within bounds: what is taken from the common budget is given back, however it ends. */
import { describe, expect, test } from "bun:test";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { Failure } from "../../../../../../src/base/errors.ts";
import { Budget, readBody } from "../../../../../../src/work/pipeline/source/http/body.ts";

const LIMIT = 1000;

async function read(parts: readonly (string | Uint8Array)[], gzipped: boolean, budget: Budget): Promise<string> {
  const request = Readable.from(parts.map((part) => Buffer.from(part as string)));
  try {
    const { bytes, taken } = await readBody(request, gzipped, { bodyBytes: LIMIT, budget });
    expect(budget.used).toBe(taken);
    budget.give(taken);
    return bytes.toString();
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown.code;
    throw thrown;
  }
}

describe("readBody()", () => {
  const full = "x".repeat(LIMIT);
  const cases: readonly [string, readonly (string | Uint8Array)[], boolean, string][] = [
    ["a body in parts", ["a", "", "bc"], false, "abc"],
    ["a body of the largest size", [full], false, full],
    ["gzip in single bytes", [...gzipSync("hello")].map((byte) => Buffer.of(byte)), true, "hello"],
    ["gzip of several members", [gzipSync("one "), gzipSync("two")], true, "one two"],
    ["a body that is too large", [full, "x"], false, "source.http.too_large"],
    ["gzip that becomes too large", [gzipSync("x".repeat(1e6))], true, "source.http.too_large"],
    ["gzip that is too large and becomes nothing", Array(100).fill(gzipSync("")), true, "source.http.too_large"],
    ["no gzip", ["plain text"], true, "source.http.encoding"],
    ["gzip that is cut off", [gzipSync("hello").subarray(0, 12)], true, "source.http.encoding"],
  ];

  for (const [name, parts, gzipped, expected] of cases) {
    test(`gives ${expected.length > 20 && !expected.startsWith("source") ? "all of it" : expected} for ${name}, and takes no more than it gives back`, async () => {
      const budget = new Budget(2 * LIMIT);
      expect(await read(parts, gzipped, budget)).toBe(expected);
      expect(budget.used).toBe(0);
    });
  }

  test("refuses what all bodies together may not take, and leaves the others theirs", async () => {
    const budget = new Budget(LIMIT);
    expect(budget.take(LIMIT - 5)).toBe(true);
    expect(await read(["123", "456"], false, budget)).toBe("source.http.busy");
    expect(budget.used).toBe(LIMIT - 5);
  });
});
