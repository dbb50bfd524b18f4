import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { makeSample } from "../../../scripts/sample.ts";
import { parsePipelineFile } from "../../../src/work/pipeline/file/index.ts";

const CONFIG = resolve(import.meta.dir, "../../../config");

describe("makeSample", () => {
  const sample = makeSample();

  test("makeSample() gives the files that are committed, byte for byte", () => {
    expect(readdirSync(join(CONFIG, "sample")).sort()).toEqual(Object.keys(sample).sort());
    for (const [name, text] of Object.entries(sample)) {
      expect(
        readFileSync(join(CONFIG, "sample", name), "utf8") === text,
        `${name} is what scripts/sample.ts makes`,
      ).toBe(true);
    }
  });

  test("makeSample() has orders that are no JSON, ids beyond 2^53 and texts of many scripts", () => {
    const lines = sample["orders.ndjson"]!.trimEnd().split("\n");
    const broken = lines.filter((line) => {
      try {
        return typeof JSON.parse(line) !== "object";
      } catch {
        return true;
      }
    });
    expect([lines.length, broken.length]).toEqual([4000, 18]);
    expect(lines.filter((line) => /"id":\d{17,}/.test(line))).toHaveLength(10);
    for (const text of ["ł", "急", "🎁", "مرحبا", "\\\\", "\\n"]) expect(lines.join()).toContain(text);
  });
});

test.each(readdirSync(CONFIG).filter((name) => name.endsWith("_pipeline.txt")))(
  "parsePipelineFile() finds no fault in %s",
  (name) => {
    const { faults, file } = parsePipelineFile(readFileSync(join(CONFIG, name), "utf8"), name);
    expect(faults).toEqual([]);
    expect(file.stages.length).toBeGreaterThan(0);
  },
);
