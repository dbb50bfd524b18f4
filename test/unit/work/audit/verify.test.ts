import { afterAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import {
  type AuditReport,
  auditExitCode,
  formatAuditReport,
  verifyAuditFile,
} from "../../../../src/work/audit/index.ts";

const root = mkdtempSync(join(tmpdir(), "audit-"));
afterAll(() => rmSync(root, { recursive: true }));

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
let files = 0;

/** A second, dumber writer of the format. */
function chainOf(count: number, salt = ""): string[] {
  const lines: string[] = [];
  let prev = "0".repeat(64);
  for (let n = 0; n < count; n++) {
    const digest = sha256(`${salt}records ${n}`);
    const time = new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString();
    lines.push(sealed({ v: 1, n, batch: `in.ndjson@${n}é`, stage: "audit", count: n + 1, time, digest, prev }));
    prev = hashOf(lines[n]!);
  }
  return lines;
}

function sealed(fields: object): string {
  const hashed = JSON.stringify(fields).slice(0, -1);
  return `${hashed},"hash":"${sha256(hashed)}"}`;
}

function hashOf(line: string): string {
  return JSON.parse(line).hash;
}

/** Writes the lines, and a head that knows the first `headLines` of `whole`. */
function write(lines: readonly string[], whole = lines, headLines = whole.length, tail = ""): string {
  const path = join(root, `${files++}.audit`);
  writeFileSync(path, lines.map((line) => `${line}\n`).join("") + tail);
  if (headLines > 0) {
    const known = whole.slice(0, headLines);
    const bytes = Buffer.byteLength(known.map((line) => `${line}\n`).join(""));
    writeFileSync(`${path}.head`, `${JSON.stringify({ n: headLines - 1, hash: hashOf(known.at(-1)!), bytes })}\n`);
  }
  return path;
}

async function faultsOf(path: string, expectHead?: string): Promise<string[]> {
  const report = await verifyAuditFile(path, expectHead === undefined ? {} : { expectHead });
  expect(report.isIntact).toBe(report.faultCount === 0);
  return report.faults.map(({ code, line }) => (line === undefined ? code : `${line} ${code}`));
}

const chain = chainOf(8);

describe("verifyAuditFile() on intact files", () => {
  test("verifyAuditFile() counts lines, records and times when the file is whole", async () => {
    const report = await verifyAuditFile(write(chain));
    expect(report).toMatchObject({
      isIntact: true,
      lines: 8,
      records: 36,
      firstTime: "2026-01-01T00:00:00.000Z",
      lastTime: "2026-01-01T00:00:07.000Z",
      head: { n: 7, hash: hashOf(chain[7]!) },
      faults: [],
      notes: [],
    });
    expect(auditExitCode(report)).toBe(0);
  });

  test("verifyAuditFile() finds nothing when the file is empty", async () => {
    expect(await verifyAuditFile(write([]))).toMatchObject({ isIntact: true, lines: 0, notes: [] });
  });

  test.each([
    ["the head is one line behind", 7, "", /one line behind/],
    ["an append was cut short", 8, chain[7]!.slice(0, 40), /cut short/],
    ["only the newline of an append is missing", 8, sealed({ v: 1, n: 8 }), /cut short/],
  ])("verifyAuditFile() gives a note when %s", async (_, headLines, tail, note) => {
    const report = await verifyAuditFile(write(chain, chain, headLines, tail));
    expect(report).toMatchObject({ isIntact: true, lines: 8, faultCount: 0 });
    expect(report.notes).toHaveLength(1);
    expect(report.notes[0]).toMatch(note);
  });

  test("verifyAuditFile() gives a note when the first append was not finished", async () => {
    for (const path of [write(chain.slice(0, 1), chain, 0), write([], chain, 0, "{")]) {
      expect(await verifyAuditFile(path)).toMatchObject({ isIntact: true, notes: [expect.any(String)] });
    }
  });

  test("verifyAuditFile() finds the expected head when lines were added since", async () => {
    const report = await verifyAuditFile(write(chain), { expectHead: hashOf(chain[2]!).toUpperCase() });
    expect(report).toMatchObject({ isIntact: true, expectedHeadLine: 3 });
  });

  test("verifyAuditFile() agrees with the head when lines are appended while it reads", async () => {
    const path = write(chain.slice(0, 1));
    const report = verifyAuditFile(path);
    for (let count = 2; count <= 8; count++) {
      appendFileSync(path, `${chain[count - 1]}\n`);
      const known = chain.slice(0, count).map((line) => `${line}\n`);
      const head = { n: count - 1, hash: hashOf(chain[count - 1]!), bytes: Buffer.byteLength(known.join("")) };
      writeFileSync(`${path}.head`, JSON.stringify(head));
      await Promise.resolve();
    }
    expect((await report).faults).toEqual([]);
  });
});

describe("verifyAuditFile() on changed files", () => {
  const edit = (at: number, change: (line: string) => string): string[] =>
    chain.map((line, index) => (index === at ? change(line) : line));
  const reseal = (line: string, more: object): string => {
    const { hash: _, ...fields } = JSON.parse(line);
    return sealed({ ...fields, ...more });
  };

  test.each<[string, string[], string[]]>([
    ["a count was edited", edit(3, (line) => line.replace('"count":4', '"count":5')), ["4 audit.edited"]],
    ["a number was edited", edit(3, (line) => line.replace('"n":3', '"n":9')), ["4 audit.edited"]],
    ["the last line was edited", edit(7, (line) => line.replace('"count":8', '"count":1')), ["8 audit.edited"]],
    ["an edited line got a new hash", edit(3, (line) => reseal(line, { count: 1 })), ["5 audit.broken_link"]],
    [
      "the last line was edited with a new hash",
      edit(7, (line) => reseal(line, { count: 1 })),
      ["audit.head_mismatch"],
    ],
    ["a carriage return was added", edit(3, (line) => `${line}\r`), ["4 audit.not_a_line"]],
    ["a blank was added", edit(3, (line) => line.replace(":", ": ")), ["4 audit.edited"]],
    ["a line was removed", chain.toSpliced(3, 1), ["4 audit.missing_lines"]],
    ["the first line was removed", chain.slice(1), ["1 audit.missing_lines"]],
    [
      "two lines were swapped",
      chain.with(3, chain[4]!).with(4, chain[3]!),
      ["4 audit.missing_lines", "5 audit.moved_line"],
    ],
    [
      "the last two lines were swapped",
      chain.with(6, chain[7]!).with(7, chain[6]!),
      ["7 audit.missing_lines", "8 audit.moved_line"],
    ],
    ["a line was repeated", chain.toSpliced(4, 0, chain[3]!), ["5 audit.repeated_line"]],
    ["the last line was repeated", [...chain, chain[7]!], ["9 audit.repeated_line"]],
    ["a line was repeated further on", chain.toSpliced(6, 0, chain[1]!), ["7 audit.moved_line"]],
    [
      "a line was inserted",
      chain.toSpliced(4, 0, reseal(chain[4]!, { batch: "x" })),
      ["6 audit.moved_line", "7 audit.broken_link"],
    ],
    ["a line is no JSON", edit(3, (line) => line.slice(1)), ["4 audit.not_a_line"]],
    ["two lines are no JSON", edit(3, () => "").with(4, "x"), ["4 audit.not_a_line", "5 audit.not_a_line"]],
    ["the last line is no JSON", edit(7, () => ""), ["8 audit.not_a_line"]],
    ["a blank line was inserted", chain.toSpliced(4, 0, ""), ["5 audit.not_a_line"]],
    ["a line has another version", edit(7, (line) => reseal(line, { v: 2 })), ["8 audit.not_a_line"]],
    ["the tail was cut off", chain.slice(0, 5), ["audit.truncated"]],
    ["every line was cut off", [], ["audit.truncated"]],
    ["the chain was written anew", chainOf(8, "other"), ["audit.head_mismatch"]],
  ])("verifyAuditFile() finds the place when %s", async (_, lines, expected) => {
    expect(await faultsOf(write(lines, chain))).toEqual(expected);
  });

  test("verifyAuditFile() finds the cut when it goes through a line", async () => {
    const path = write(chain.slice(0, 6), chain, 8, chain[6]!.slice(0, 50));
    expect(await faultsOf(path)).toEqual(["audit.truncated"]);
    expect((await verifyAuditFile(path)).faults[0]!.message).toContain(
      "the last 2 lines were cut off, the first of them in part",
    );
  });

  test.each<[string, string | undefined, string]>([
    ["is missing", undefined, "audit.head_missing"],
    ["is no JSON", "oops", "audit.head_unreadable"],
    ["is null", "null", "audit.head_unreadable"],
    ["lies about the size", JSON.stringify({ n: 7, hash: hashOf(chain[7]!), bytes: 5 }), "audit.head_mismatch"],
    [
      "is far behind",
      JSON.stringify({ n: 5, hash: hashOf(chain[5]!), bytes: sizeOf(chain.slice(0, 6)) }),
      "audit.beyond_head",
    ],
  ])("verifyAuditFile() finds the fault when the head %s", async (_, head, code) => {
    const path = write(chain, chain, 0);
    if (head !== undefined) writeFileSync(`${path}.head`, head);
    expect(await faultsOf(path)).toEqual([code]);
  });

  test("verifyAuditFile() finds the fault when a torn line follows a line that the head does not know", async () => {
    expect(await faultsOf(write(chain, chain, 7, "{"))).toEqual(["audit.beyond_head"]);
  });

  test("verifyAuditFile() finds the fault when the file is gone and its head is there", async () => {
    const path = write(chain);
    rmSync(path);
    expect(await faultsOf(path)).toEqual(["audit.truncated"]);
  });

  test("verifyAuditFile() finds the fault when file and head were written anew but an expected head is known", async () => {
    const forged = chainOf(8, "forged");
    expect(await faultsOf(write(forged))).toEqual([]);
    expect(await faultsOf(write(forged), hashOf(chain[4]!))).toEqual(["audit.expected_head_missing"]);
    expect(await faultsOf(write(chain.slice(0, 4)), hashOf(chain[4]!))).toEqual(["audit.expected_head_missing"]);
  });

  test("verifyAuditFile() does not take the expected head from an edited line", async () => {
    const lines = edit(4, (line) => line.replace('"count":5', '"count":6'));
    expect(await faultsOf(write(lines, chain), hashOf(chain[4]!))).toEqual([
      "5 audit.edited",
      "audit.expected_head_missing",
    ]);
  });

  test("verifyAuditFile() stays bounded when a line has no end", async () => {
    const path = write(chain.toSpliced(4, 0, "x".repeat(3_000_000)), chain);
    expect(await faultsOf(path)).toEqual(["5 audit.not_a_line"]);
  });

  test("verifyAuditFile() shows the first faults and counts all when there are many", async () => {
    const report = await verifyAuditFile(
      write(
        Array.from({ length: 500 }, () => "x"),
        chain,
        0,
      ),
    );
    expect(report.faults).toHaveLength(100);
    expect(report.faultCount).toBe(501);
    expect(formatAuditReport(report)).toContain("and 401 more faults");
  });

  test("verifyAuditFile() fails with a code when it cannot read or is asked for nonsense", async () => {
    await expect(verifyAuditFile(join(root, "gone"))).rejects.toMatchObject({ code: "audit.not_found" });
    mkdirSync(join(root, "directory"));
    await expect(verifyAuditFile(join(root, "directory"))).rejects.toMatchObject({ code: "audit.unreadable" });
    await expect(verifyAuditFile(write(chain), { expectHead: "abc" })).rejects.toMatchObject({
      code: "audit.bad_expected_head",
    });
  });
});

describe("verifyAuditFile() properties", () => {
  test("verifyAuditFile() finds the change when any byte of the file is another", async () => {
    const path = write(chain);
    const whole = readFileSync(path);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = Buffer.from(whole);
        bytes[at]! ^= change;
        writeFileSync(path, bytes);
        const report = await verifyAuditFile(path);
        expect(report.isIntact).toBe(false);
        expect(auditExitCode(report)).toBe(1);
      }),
      { numRuns: 300 },
    );
  });

  test("verifyAuditFile() finds the change when lines are removed, repeated or moved at will", async () => {
    const order = fc.array(fc.nat(7), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(order, async (indices) => {
        const isWhole = indices.length === 8 && indices.every((line, index) => line === index);
        const path = write(
          indices.map((index) => chain[index]!),
          chain,
        );
        const report: AuditReport = await verifyAuditFile(path);
        expect(report.isIntact).toBe(isWhole);
      }),
      { numRuns: 300, examples: [[[0, 1, 2, 3, 4, 5, 6, 7]]] },
    );
  });

  test("verifyAuditFile() finds the cut when the file ends anywhere before its head", async () => {
    const path = write(chain);
    const whole = readFileSync(path);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), async (length) => {
        writeFileSync(path, whole.subarray(0, length));
        expect(await faultsOf(path)).toEqual(["audit.truncated"]);
      }),
      { numRuns: 200 },
    );
  });
});

describe("formatAuditReport()", () => {
  test("formatAuditReport() says verdict, place and reason when a line was edited", async () => {
    const path = write(chain.with(1, chain[1]!.replace('"count":2', '"count":3')), chain);
    const text = formatAuditReport(await verifyAuditFile(path));
    expect(text).toStartWith(`${path}: NOT intact, 8 lines, 37 records\n`);
    expect(text).toContain(`${path}:2: the line was edited`);
  });

  test("formatAuditReport() shows head and notes when the file is intact", async () => {
    const path = write(chain, chain, 7);
    const text = formatAuditReport(await verifyAuditFile(path, { expectHead: hashOf(chain[0]!) }));
    expect(text).toContain(`head ${hashOf(chain[7]!)} (line number 7)`);
    expect(text).toContain("the expected head is line 1; 7 lines follow it");
    expect(text).toContain("note: the head file is one line behind");
  });
});

function sizeOf(lines: readonly string[]): number {
  return Buffer.byteLength(lines.map((line) => `${line}\n`).join(""));
}
