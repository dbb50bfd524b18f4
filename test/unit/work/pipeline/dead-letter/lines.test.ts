import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readLines } from "../../../../../src/work/pipeline/dead-letter/lines.ts";

async function linesOf(content: Uint8Array, endOffset = content.length, lineBytesMax?: number) {
  const directory = mkdtempSync(join(tmpdir(), "lines-"));
  try {
    const path = join(directory, "file");
    writeFileSync(path, content);
    await using file = await open(path, "r");
    const lines = [];
    for await (const line of readLines(file, endOffset, lineBytesMax))
      lines.push({ ...line, bytes: line.bytes.toString() });
    return lines;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("readLines() gives what splitting the whole gives when lines are of any length", async () => {
  const lengths = [0, 1, 262_143, 0, 262_144, 262_145, 5, 700_000, 0, 3];
  const whole = lengths.map((length, index) => String.fromCharCode(97 + index).repeat(length)).join("\n");
  const lines = await linesOf(Buffer.from(whole));
  expect(lines.map(({ bytes }) => bytes)).toEqual(whole.split("\n"));
  for (const line of lines) expect(whole.slice(line.offset, line.offset + line.bytes.length)).toBe(line.bytes);
  expect(lines.map(({ isTerminated }) => isTerminated)).toEqual(lengths.map((_, index) => index < lengths.length - 1));
});

test("readLines() gives nothing behind the end when the file is longer", async () => {
  const lines = await linesOf(Buffer.from("one\ntwo\nthree\n"), 6);
  expect(lines.map(({ bytes, isTerminated }) => [bytes, isTerminated])).toEqual([
    ["one", true],
    ["tw", false],
  ]);
});

test("readLines() passes a line over and goes on when it is longer than the limit", async () => {
  const long = "x".repeat(1_000_000);
  for (const last of ["", "\n", "\nend", "\nend\n"]) {
    const content = Buffer.from(`one\n${long}${last}`);
    const lines = await linesOf(content, content.length, 300_000);
    expect(lines[0]).toMatchObject({ number: 1, bytes: "one", isTooLong: false });
    const isTerminated = last !== "";
    const sizeBytes = long.length + (isTerminated ? 1 : 0);
    expect(lines[1]).toEqual({ number: 2, offset: 4, bytes: "", sizeBytes, isTerminated, isTooLong: true });
    expect(lines.slice(2).map(({ bytes }) => bytes)).toEqual(last.length > 1 ? ["end"] : []);
  }
});

test("readLines() fails with dead_letter.changed when the file ends before what was promised", async () => {
  const content = Buffer.from("one\ntwo\n");
  await expect(linesOf(content, content.length + 1)).rejects.toMatchObject({ code: "dead_letter.changed" });
});

test("readLines() gives no line when the file is empty", async () => {
  expect(await linesOf(new Uint8Array(0))).toEqual([]);
});
