import { afterAll, describe, expect, test } from "bun:test";
import { linkSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openOutput } from "../../../src/cli/output.ts";

const directory = mkdtempSync(join(tmpdir(), "output-"));
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string): string => join(directory, name);

const source = at("source");
writeFileSync(source, "letters");
linkSync(source, at("hard"));
symlinkSync(source, at("soft"));

describe("openOutput()", () => {
  for (const name of ["source", "hard", "soft"]) {
    test(`openOutput() refuses and leaves the source alone when the output is ${name}`, async () => {
      await expect(openOutput(at(name), source)).rejects.toMatchObject({ code: "usage.same_file" });
      expect(readFileSync(source, "utf8")).toBe("letters");
    });
  }

  test("openOutput() fails as the user's error when the folder is not there", async () => {
    await expect(openOutput(at("nowhere/file"), source)).rejects.toMatchObject({ code: "output.write_failed" });
  });

  test("write() and close() put everything into the file in its order when pieces are small and large", async () => {
    const pieces = [1, 70_000, 3, 0, 65_536, 2].map((length, index) => String(index).repeat(length));
    const output = await openOutput(at("file"), source);
    for (const piece of pieces) await output.write(Buffer.from(piece));
    await output.close();
    expect(readFileSync(at("file"), "utf8")).toBe(pieces.join(""));
  });

  test.skipIf(process.platform !== "linux")("close() fails as the user's error when the disk is full", async () => {
    const output = await openOutput("/dev/full", source);
    await output.write(Buffer.from("x"));
    await expect(output.close()).rejects.toMatchObject({ code: "output.write_failed" });
  });
});
