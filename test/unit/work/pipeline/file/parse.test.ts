import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MAX_FAULTS, MAX_FILE_BYTES, MAX_LINE_LENGTH } from "../../../../../src/work/lines/index.ts";
import {
  checkPipeline,
  formatFaults,
  formatPipelineFile,
  MAX_STAGES,
  mergeFaults,
  parsePipelineFile,
} from "../../../../../src/work/pipeline/file/index.ts";
import { anyText, pipelineFile, withoutPlaces } from "./arbitraries.ts";

function faultsOf(text: string): string[] {
  return parsePipelineFile(text, "p.txt").faults.map((fault) => `${fault.line}:${fault.column} ${fault.code}`);
}

function onlyStage(text: string) {
  const { file, faults } = parsePipelineFile(text, "p.txt");
  expect(faults).toEqual([]);
  return file.stages[0]!;
}

describe("parsePipelineFile() on well-formed files", () => {
  test("parsePipelineFile() reads the documents' lines when they name .js files", () => {
    const text = [
      "# Format: name|library|parameters|enabled|failover_policy|max_retries|timeout_ms",
      "validation|./plugins/libvalidation.js|strict_mode=false|true|RETRY_WITH_BACKOFF|3|10000",
      "enrichment|./plugins/libenrichment.js|factor=1.1|true|SKIP_AND_CONTINUE|2|5000",
    ].join("\n");
    const { file, faults } = parsePipelineFile(text, "config/basic_pipeline.txt");
    expect(faults).toEqual([]);
    expect(file.name).toBe("basic_pipeline");
    expect(file.stages).toMatchObject([
      {
        name: "validation",
        library: "./plugins/libvalidation.js",
        params: [{ key: "strict_mode", value: "false", line: 2, keyColumn: 39, valueColumn: 51 }],
        enabled: true,
        policy: "RETRY_WITH_BACKOFF",
        maxRetries: 3,
        timeoutMs: 10_000,
        line: 2,
      },
      { name: "enrichment", policy: "SKIP_AND_CONTINUE", maxRetries: 2, timeoutMs: 5000, line: 3 },
    ]);
  });

  test("parsePipelineFile() takes the documented defaults when trailing fields are left out or empty", () => {
    const expected = { enabled: true, policy: "RETRY_WITH_BACKOFF", maxRetries: 3, timeoutMs: 10_000, params: [] };
    expect(onlyStage("a|./a.ts")).toMatchObject(expected);
    expect(onlyStage("a | ./a.ts | | | | | ")).toMatchObject(expected);
    expect(onlyStage("a|./a.ts")).toHaveProperty("engine", {});
  });

  test("parsePipelineFile() reads times with units when a line gives them", () => {
    expect(onlyStage("a|./a.ts||||0|500ms").timeoutMs).toBe(500);
    expect(onlyStage("a|./a.ts||||0|10s")).toMatchObject({ timeoutMs: 10_000, maxRetries: 0 });
  });

  test("parsePipelineFile() unescapes the separators and leaves other backslashes when values hold them", () => {
    const params = onlyStage(String.raw`a|./a.ts|x=1\,2\|3\=4\\5, re=^\d+\.$ ,eq=a==b,tail=x\ ,empty=`).params;
    expect(Object.fromEntries(params.map(({ key, value }) => [key, value]))).toEqual({
      x: "1,2|3=4\\5",
      re: "^\\d+\\.$",
      eq: "a==b",
      tail: "x ",
      empty: "",
    });
  });

  test("parsePipelineFile() takes out the engine's parameters when a stage has them", () => {
    const stage = onlyStage("a|./a.ts|lanes=4,x=1,fallback=./b.js,fallback.x=2|true|FALLBACK");
    expect(stage.engine).toEqual({ lanes: 4 });
    expect(stage.params.map(({ key }) => key)).toEqual(["x"]);
    expect(stage.fallback).toMatchObject({ library: "./b.js", params: [{ key: "x", value: "2", keyColumn: 38 }] });
  });

  test("parsePipelineFile() gathers settings when several set lines give them", () => {
    const { file, faults } = parsePipelineFile("set|batch_rows=10,memory=16MiB\na|./a.ts\nset|ordered=false", "p.txt");
    expect(faults).toEqual([]);
    expect(file.settings).toMatchObject({ batch_rows: 10, memory: 2 ** 24, ordered: false, checkpoint_interval: 500 });
  });

  test("parsePipelineFile() leaves an end out when it is not enabled", () => {
    const { file, faults } = parsePipelineFile(
      "i|source:csv||false\nj|source:ndjson|path=-\na|./a.ts\no|sink:null",
      "p.txt",
    );
    expect(faults).toEqual([]);
    expect(file.source).toMatchObject({ name: "j", kind: "ndjson", params: [{ key: "path", value: "-" }] });
    expect(file.sink).toMatchObject({ name: "o", kind: "null" });
  });

  test("parsePipelineFile() reads the same pipeline when the file has a byte order mark and CRLF", () => {
    const plain = parsePipelineFile("a|./a.ts|x=1\nb|./b.ts\n", "p.txt");
    expect(parsePipelineFile("\ufeffa|./a.ts|x=1\r\nb|./b.ts\r\n", "p.txt")).toEqual(plain);
  });
});

describe("parsePipelineFile() on faulty files", () => {
  test.each([
    ["", ["1:1 pipeline.config.empty"]],
    ["a", ["1:2 pipeline.config.missing_library"]],
    ["|./a.ts", ["1:1 pipeline.config.bad_name"]],
    ["1a|./a.ts", ["1:1 pipeline.config.bad_name"]],
    ["a|./liba.so", ["1:3 pipeline.config.unknown_library"]],
    ["a|/usr/bin/sort", ["1:3 pipeline.config.unknown_library"]],
    ["a|.ts", ["1:3 pipeline.config.unknown_library"]],
    ["a|./a.ts|x", ["1:10 pipeline.config.not_a_pair"]],
    ["a|./a.ts|x=1,", ["1:14 pipeline.config.not_a_pair"]],
    ["a|./a.ts|=1", ["1:10 pipeline.config.not_a_pair"]],
    ["a|./a.ts|x=1,x=2", ["1:14 pipeline.config.repeated_key"]],
    ["a|./a.ts||ja", ["1:11 pipeline.config.not_a_boolean"]],
    ["a|./a.ts|||NEVER_MIND", ["1:12 pipeline.config.not_a_choice"]],
    ["a|./a.ts||||1001", ["1:13 pipeline.config.out_of_range"]],
    ["a|./a.ts||||1.5", ["1:13 pipeline.config.not_a_integer"]],
    ["a|./a.ts|||||0", ["1:14 pipeline.config.out_of_range"]],
    ["a|./a.ts||||||x", ["1:15 pipeline.config.too_many_fields"]],
    ["a|./a.ts|lanes=0", ["1:16 pipeline.config.out_of_range"]],
    ["a|./a.ts|memory=1MiB", ["1:17 pipeline.config.out_of_range"]],
    ["a|./a.ts|half_open_after=1s", ["1:26 pipeline.config.conflict"]],
    ["a|./a.ts|health_timeout=1s", ["1:25 pipeline.config.conflict"]],
    ["a|./a.ts|env=HOME;A-B", ["1:14 pipeline.config.conflict"]],
    ["a|./a.ts||true|FALLBACK", ["1:24 pipeline.config.missing_fallback"]],
    ["a|./a.ts|fallback=./b.ts", ["1:10 pipeline.config.unused_fallback"]],
    ["a|./a.ts|fallback=./b.so||FALLBACK", ["1:19 pipeline.config.unknown_library"]],
    ["a|./a.ts\na|./b.ts", ["2:1 pipeline.config.duplicate_name"]],
    ["a|./a.ts\ni|source:csv", ["2:3 pipeline.config.source_not_first"]],
    ["o|sink:csv\na|./a.ts\nb|./a.ts", ["1:3 pipeline.config.sink_not_last"]],
    ["i|source:csv\nj|source:csv", ["2:3 pipeline.config.second_source"]],
    ["a|./a.ts\no|sink:csv\np|sink:csv", ["3:3 pipeline.config.second_sink"]],
    ["i|source:csv|||FAIL_FAST|3|1", ["1:16", "1:26", "1:28"].map((at) => `${at} pipeline.config.field_not_for_ends`)],
    ["set|batch_row=1", ["1:5 pipeline.config.unknown_parameter"]],
    ["set|batch_rows=none", ["1:16 pipeline.config.not_a_integer"]],
    ["set|batch_rows=1\nset|batch_rows=2", ["2:5 pipeline.config.repeated_key"]],
    ["set|backoff=10s", ["1:13 pipeline.config.settings_conflict"]],
    ["set|memory=1MiB", ["1:12 pipeline.config.settings_conflict"]],
    ["set|", ["1:5 pipeline.config.empty_set"]],
    ["set", ["1:4 pipeline.config.empty_set"]],
    ["set|lanes=1|x", ["1:13 pipeline.config.too_many_fields"]],
    ["a|./a\u0007.ts", ["1:6 pipeline.config.control_character"]],
    [`a|./a.ts|x=${"y".repeat(MAX_LINE_LENGTH)}`, ["1:1 pipeline.config.line_too_long"]],
    [`a|./a.ts\n${"#".repeat(MAX_FILE_BYTES)}`, ["1:1 pipeline.config.file_too_large", "1:1 pipeline.config.empty"]],
  ])("parsePipelineFile() finds the fault when the text is %j", (text, expected) => {
    expect(faultsOf(text)).toEqual(expected);
  });

  test("parsePipelineFile() counts one fault when there are too many stages", () => {
    const text = Array.from({ length: MAX_STAGES + 5 }, (_, index) => `s${index}|./a.ts`).join("\n");
    const { file, faults } = parsePipelineFile(text, "p.txt");
    expect(file.stages).toHaveLength(MAX_STAGES);
    expect(faults.map(({ code, line }) => [code, line])).toEqual([["pipeline.config.too_many_stages", MAX_STAGES + 1]]);
  });

  test("parsePipelineFile() stops collecting when everything is wrong", () => {
    const faults = faultsOf("?|\n".repeat(MAX_FAULTS));
    expect(faults).toHaveLength(MAX_FAULTS + 1);
    expect(faults.at(-1)).toEndWith("too_many_faults");
  });

  test("parsePipelineFile() suggests what was meant when a word is nearly right", () => {
    const text = "a|src:csv\nb|./b.so||yes|retry_with_backof\nset|batchrows=1";
    expect(parsePipelineFile(text, "p.txt").faults.map(({ suggestion }) => suggestion)).toEqual([
      "source:csv",
      "./b.js",
      "true",
      "RETRY_WITH_BACKOFF",
      "batch_rows",
    ]);
  });

  test("formatFaults() matches the golden text when a file has one of each mistake", async () => {
    const text = await Bun.file(`${import.meta.dir}/faulty.txt`).text();
    const golden = Bun.file(`${import.meta.dir}/faulty.golden`);
    const { file, faults } = parsePipelineFile(text, "faulty.txt");
    const more = checkPipeline(file, { sources: { ndjson: {} }, sinks: { ndjson: {} } });
    const shown = `${formatFaults(mergeFaults(faults, more), text)}\n`;
    if (process.env.UPDATE_GOLDEN === "1") await golden.write(shown);
    expect(shown).toBe(await golden.text());
  });
});

describe("parsePipelineFile() properties", () => {
  test("parsePipelineFile() never throws and every fault lies in the text when the text is arbitrary", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { file, faults } = parsePipelineFile(text, "any.txt");
        const lines = text.replace(/^\ufeff/, "").split("\n");
        for (const fault of [...faults, ...checkPipeline(file, { sources: {}, sinks: {} })]) {
          const line = lines[fault.line - 1];
          expect(line).toBeDefined();
          expect(fault.column).toBeGreaterThanOrEqual(1);
          expect(fault.column).toBeLessThanOrEqual(line!.length + 1);
        }
        expect(formatFaults(faults, text)).toBeString();
      }),
      { numRuns: 2000 },
    );
  });

  test("formatPipelineFile() prints what parses to the same pipeline when the file is any good one", () => {
    fc.assert(
      fc.property(pipelineFile, (file) => {
        const parsed = parsePipelineFile(formatPipelineFile(file), file.fileName);
        expect(parsed.faults).toEqual([]);
        expect(withoutPlaces(parsed.file)).toEqual(file);
      }),
      { numRuns: 500 },
    );
  });

  test("parsePipelineFile() reads the same pipeline when comments, blanks and line ends are added", () => {
    const filler = fc.constantFrom("", "  ", "\t", "# a|comment", "  # set|lanes=2");
    fc.assert(
      fc.property(pipelineFile, fc.array(filler, { minLength: 1 }), (file, fillers) => {
        const lines = formatPipelineFile(file).split("\n").slice(0, -1);
        const text = lines.flatMap((line, index) => [fillers[index % fillers.length]!, ` ${line} \t`]).join("\r\n");
        expect(withoutPlaces(parsePipelineFile(text, file.fileName).file)).toEqual(file);
      }),
    );
  });

  test("formatPipelineFile() refuses when a value has a line break", () => {
    const { file } = parsePipelineFile("a|./a.ts", "p.txt");
    const stages = [{ ...file.stages[0]!, library: "./a\nb.ts" }];
    expect(() => formatPipelineFile({ ...file, stages })).toThrow("control character");
  });
});
