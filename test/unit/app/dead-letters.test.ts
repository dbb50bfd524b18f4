import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deadLetterPath } from "../../../src/app/dead-letters.ts";

const directory = mkdtempSync(join(tmpdir(), "dead-letters-app-"));
afterAll(() => rmSync(directory, { recursive: true }));

function fileOf(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

describe("deadLetterPath()", () => {
  for (const [what, name, content] of [
    ["begins with a brace", "letters.log", '{"time":1}\n'],
    ["begins with blanks and a brace", "letters.txt", '\n \r\n{"time":1}\n'],
    ["is empty", "empty", ""],
    ["is damaged in front and named .ndjson", "damaged.ndjson", "\x00\x00\n"],
  ] as const) {
    test(`deadLetterPath() is the file itself when it ${what}`, async () => {
      const path = fileOf(name, content);
      expect(await deadLetterPath(path, undefined)).toBe(path);
    });
  }

  test("deadLetterPath() is what the settings name when the file is a pipeline file", async () => {
    const dead = join(directory, "there.log");
    const path = fileOf("pipeline.json", `set|dead_letters=${dead}\nout|sink:null|\n`);
    expect(await deadLetterPath(path, directory)).toBe(dead);
  });

  test("deadLetterPath() fails with a code when it is a folder or is not there", async () => {
    mkdirSync(join(directory, "folder"));
    await expect(deadLetterPath(join(directory, "folder"), undefined)).rejects.toMatchObject({
      code: "dead_letter.unreadable",
    });
    await expect(deadLetterPath(join(directory, "nowhere"), undefined)).rejects.toMatchObject({
      code: "dead_letter.not_found",
    });
  });
});
