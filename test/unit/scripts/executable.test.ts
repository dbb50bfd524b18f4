import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildIfChanged } from "../../../scripts/build/executable.ts";

const place = mkdtempSync(join(tmpdir(), "executable-"));
afterAll(() => rmSync(place, { recursive: true }));
const entry = join(place, "main.ts");
const lazy = join(place, "lazy.ts");
const outfile = join(place, "bin", "program");
const options = { entry, outfile, sources: [entry, lazy] };

const LAZY = "export function fall(reason: string): never {\n  throw new Error(reason);\n}\n";
const main = (version: string): string => `
const order: string | undefined = process.argv[2];
if (order === "--version") console.log("${version}");
else if (order === "env") console.log(String(process.env.FROM_DOTENV));
else (await import("./lazy.ts")).fall("it fell");
`;

beforeEach(() => {
  writeFileSync(lazy, LAZY);
  writeFileSync(entry, main("1.0.0"));
});

function run(argument: string): { out: string; err: string } {
  const { stdout, stderr } = Bun.spawnSync([outfile, argument], { cwd: place });
  return { out: stdout.toString().trim(), err: stderr.toString() };
}

describe("buildIfChanged()", () => {
  test("buildIfChanged() builds what runs alone, and again only when a source has changed", async () => {
    expect(await buildIfChanged(options)).toBe(true);
    expect(run("--version").out).toBe("1.0.0");
    expect(await buildIfChanged(options)).toBe(false);
    writeFileSync(entry, main("1.0.1"));
    expect(await buildIfChanged(options)).toBe(true);
    expect(run("--version").out).toBe("1.0.1");
    expect(readdirSync(join(place, "bin")).sort()).toEqual([".stamp", "program"]);
  });

  test("buildIfChanged() makes a program that shows the sources' lines and ignores the caller's .env", async () => {
    writeFileSync(join(place, ".env"), "FROM_DOTENV=yes\n");
    await buildIfChanged(options);
    expect(run("env").out).toBe("undefined");
    expect(run("fall").err).toContain("lazy.ts:2");
  });

  test("buildIfChanged() keeps the working program when the new one does not build or does not run", async () => {
    await buildIfChanged(options);
    const before = readFileSync(outfile);
    for (const broken of ["import './no-such-file.ts';", "process.exit(3);", ""]) {
      writeFileSync(entry, broken);
      expect(await buildIfChanged(options).then(String, () => "failed")).toBe("failed");
      expect(readFileSync(outfile).equals(before)).toBe(true);
    }
    expect(existsSync(outfile)).toBe(true);
    expect(readdirSync(join(place, "bin")).sort()).toEqual([".stamp", "program"]);
  });
});
