import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nearMiss } from "../../../../../src/base/near-miss.ts";
import { param } from "../../../../../src/sdk/index.ts";
import {
  checkPipeline,
  explainPipelineFile,
  faultsFailure,
  fieldNames,
  loadPipelineFile,
  MAX_FILE_BYTES,
  mergeFaults,
  parsePipelineFile,
  pathResolver,
  policyNames,
  reservedParams,
  settingSchema,
} from "../../../../../src/work/pipeline/file/index.ts";

const sources = { ndjson: { path: param.string("file", { required: true }) }, csv: {} };
const sinks = { null: {} };

function check(text: string, more: Partial<Parameters<typeof checkPipeline>[1]> = {}): string[] {
  const { file, faults } = parsePipelineFile(text, "p.txt");
  expect(faults).toEqual([]);
  return checkPipeline(file, { sources, sinks, ...more }).map(({ line, column, code }) => `${line}:${column} ${code}`);
}

describe("checkPipeline()", () => {
  test("checkPipeline() finds nothing when ends and plugins fit their schemas", () => {
    const pluginSchemas = new Map([["a", { factor: param.number("x") }]]);
    expect(check("i|source:ndjson|path=x\na|./a.ts|factor=2,lanes=3\no|sink:null", { pluginSchemas })).toEqual([]);
  });

  test("checkPipeline() finds the kind when an end has an unknown one", () => {
    const { file } = parsePipelineFile("i|source:constructor\no|sink:nul", "p.txt");
    expect(checkPipeline(file, { sources, sinks })).toMatchObject([
      { code: "pipeline.config.unknown_source", line: 1, column: 3, allowed: "source:ndjson, source:csv" },
      { code: "pipeline.config.unknown_sink", line: 2, column: 3, suggestion: "sink:null" },
    ]);
  });

  test("checkPipeline() finds missing and unknown parameters when an end has them", () => {
    expect(check("i|source:ndjson|pth=x")).toEqual([
      "1:17 pipeline.config.unknown_parameter",
      "1:17 pipeline.config.missing_parameter",
    ]);
  });

  test("checkPipeline() checks a stage and its fallback when both schemas are known", () => {
    const pluginSchemas = new Map([["a", { x: param.integer("x") }]]);
    const fallbackSchemas = new Map([["a", { y: param.integer("y") }]]);
    const text = "a|./a.ts|x=one,fallback=./b.ts,fallback.y=two,fallback.z=3||FALLBACK";
    expect(check(text, { pluginSchemas, fallbackSchemas })).toEqual([
      "1:12 pipeline.config.not_a_integer",
      "1:43 pipeline.config.not_a_integer",
      "1:47 pipeline.config.unknown_parameter",
    ]);
  });

  test("checkPipeline() refuses a plugin when it declares a parameter of the engine", () => {
    const pluginSchemas = new Map([["a", { lanes: param.integer("x") }]]);
    expect(check("a|./a.ts", { pluginSchemas })).toEqual(["1:3 pipeline.config.reserved_parameter"]);
  });

  test("checkPipeline() uses the resolver when a parameter is a path", () => {
    const pluginSchemas = new Map([["a", { table: param.path("x") }]]);
    expect(check("a|./a.ts|table=t.csv", { pluginSchemas, resolvePath: () => undefined })).toEqual([
      "1:16 pipeline.config.path_not_found",
    ]);
  });

  test("mergeFaults() follows the file when faults come from several checks", () => {
    const { file, faults } = parsePipelineFile("i|source:nope\na|./a.so\no|sink:nope", "p.txt");
    expect(mergeFaults(faults, checkPipeline(file, { sources, sinks })).map(({ line }) => line)).toEqual([1, 2, 3]);
    expect(faultsFailure(faults)).toMatchObject({ code: "pipeline.config.invalid", retryable: false });
  });
});

describe("explainPipelineFile()", () => {
  test("explainPipelineFile() names every field, policy, setting and reserved parameter when asked", () => {
    const text = explainPipelineFile({ sources, sinks });
    const names = [...fieldNames, ...policyNames, ...Object.keys(settingSchema), ...Object.keys(reservedParams)];
    for (const name of names) expect(text).toMatch(new RegExp(`^  ${name}( \\(.*\\))?$`, "m"));
    expect(text).toContain("source:ndjson");
  });

  test("explainPipelineFile() shows an example that parses when it is copied", () => {
    const lines = explainPipelineFile().split("\n");
    const start = lines.indexOf("Example") + 2;
    const example = lines.slice(start, lines.indexOf("", start)).join("\n");
    expect(parsePipelineFile(example, "p.txt")).toMatchObject({ faults: [], file: { stages: { length: 3 } } });
  });

  test("explainPipelineFile() keeps to the width of a terminal when it wraps", () => {
    const widest = Math.max(
      ...explainPipelineFile()
        .split("\n")
        .map((line) => line.length),
    );
    expect(widest).toBeLessThanOrEqual(120);
  });
});

describe("nearMiss()", () => {
  test.each([
    ["RETRY_WITH_BACKOF", "RETRY_WITH_BACKOFF"],
    ["fail-fast", "FAIL_FAST"],
    ["DEADLETTER", "DEAD_LETTER"],
    ["FIALOVER", "FAILOVER"],
    ["SKIP", "SKIP_AND_CONTINUE"],
    ["fail", undefined],
    ["banana", undefined],
    ["", undefined],
    ["x".repeat(1000), undefined],
  ])("nearMiss() gives the nearest word when %j is written", (written, expected) => {
    expect(nearMiss(written, policyNames)).toBe(expected as string);
  });
});

describe("loadPipelineFile()", () => {
  const directory = mkdtempSync(join(tmpdir(), "pipeline-file-"));
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };
  test("loadPipelineFile() gives the file, its text and its faults when the path is good", async () => {
    const path = file("good.txt", "a|./a.ts\n");
    expect(await loadPipelineFile(path)).toMatchObject({ text: "a|./a.ts\n", faults: [], file: { name: "good" } });
  });

  test("loadPipelineFile() fails with a code when the file cannot be read as text", async () => {
    expect(loadPipelineFile(join(directory, "gone"))).rejects.toMatchObject({ code: "pipeline.file.not_found" });
    expect(loadPipelineFile(directory)).rejects.toMatchObject({ code: "pipeline.file.not_regular" });
    expect(loadPipelineFile(file("bytes", Uint8Array.of(0x61, 0xff)))).rejects.toMatchObject({
      code: "pipeline.file.not_utf8",
    });
    const large = file("large", new Uint8Array(MAX_FILE_BYTES + 1));
    await expect(loadPipelineFile(large)).rejects.toMatchObject({ code: "pipeline.file.too_large" });
  });

  test("pathResolver() looks in the working directory, then beside the file when a path is relative", () => {
    const beside = file("table.csv", "");
    const resolvePath = pathResolver(join(directory, "p.txt"), "/");
    expect(resolvePath("table.csv", "present")).toBe(beside);
    expect(resolvePath(beside, "present")).toBe(beside);
    expect(resolvePath("gone.csv", "present")).toBeUndefined();
    expect(resolvePath("gone.csv", "any")).toBe("/gone.csv");
    rmSync(directory, { recursive: true });
  });
});
