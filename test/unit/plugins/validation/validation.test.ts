import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import validation from "../../../../plugins/validation/index.ts";
import { nestsRepeats, PATTERN_TEXT_MAX } from "../../../../plugins/validation/patterns.ts";
import { batchOf, batchOfText, type Records, recordsOf, start, tempDir, textOf } from "../support.ts";

/** Reasons by row under strict mode. */
async function rejections(params: Record<string, unknown>, records: Records): Promise<Record<number, string>> {
  await using plugin = await start(validation, { strict_mode: true, ...params });
  const batch = await plugin.process(batchOf(records));
  return Object.fromEntries(batch.rejected.map(({ row, reason }) => [row, reason]));
}

describe("validation", () => {
  test("processBatch() passes every record byte for byte when there are no rules", async () => {
    await using plugin = await start(validation, { strict_mode: false });
    const text = '{"a": 1.0 ,"id":12345678901234567890}\n{"ü":"\\u00e9"}\n';
    expect(textOf(await plugin.process(batchOfText(text)))).toBe(text);
  });

  test("processBatch() finds missing and null fields when they are required", async () => {
    const records = [{ a: 1, b: "x" }, { a: null, b: null }, {}, { a: "text", b: 2 }];
    expect(await rejections({ required: ["a", "b"] }, records)).toEqual({
      1: "a: null; a value is required; b: null; a value is required",
      2: "a: missing; a value is required; b: missing; a value is required",
    });
  });

  test("processBatch() requires a number of a purely numeric column", async () => {
    expect(Object.keys(await rejections({ required: ["a"] }, [{ a: 1 }, {}, { a: null }, { a: 0 }]))).toEqual([
      "1",
      "2",
    ]);
  });

  test("processBatch() requires a field that no record has", async () => {
    expect(await rejections({ required: ["z"] }, [{ a: 1 }])).toEqual({ 0: "z: missing; a value is required" });
  });

  const SAMPLES = {
    string: "x",
    number: 1.5,
    integer: 7,
    boolean: true,
    datetime: "2024-01-01T00:00:00Z",
    array: [1],
    object: { a: 1 },
  } as const;
  const ALSO: Record<string, readonly string[]> = { number: ["integer"], string: ["datetime"] };

  test.each(Object.keys(SAMPLES))("processBatch() accepts only %s values when types asks for them", async (type) => {
    const names = Object.keys(SAMPLES);
    const records = [...Object.values(SAMPLES).map((value) => ({ f: value })), {}, { f: null }];
    const accepted = [type, ...(ALSO[type] ?? [])];
    const bad = names.flatMap((name, row) => (accepted.includes(name) ? [] : [String(row)]));
    expect(Object.keys(await rejections({ types: `f:${type}` }, records))).toEqual([...bad, String(names.length + 1)]);
    expect(Object.keys(await rejections({ types: `f:${type}?` }, records))).toEqual(bad);
  });

  test("processBatch() takes an integer beyond 2^53 as an integer and says what it found instead", async () => {
    const batch = batchOfText('{"id":12345678901234567890}\n{"id":1.5}\n{"id":"7"}\n');
    await using plugin = await start(validation, { strict_mode: true, types: "id:integer" });
    await plugin.process(batch);
    expect(batch.rejected).toEqual([
      { row: 1, reason: "id: 1.5 is no integer; integer is required" },
      { row: 2, reason: 'id: "7" is no integer; integer is required' },
    ]);
  });

  test("processBatch() includes both ends of a range and minds numbers only", async () => {
    const records = [-0.1, 0, 10, 10.1, "99", null, undefined].map((a) => ({ a }));
    expect(Object.keys(await rejections({ ranges: "a:0..10" }, records))).toEqual(["0", "3"]);
    expect(Object.keys(await rejections({ ranges: "a:..5" }, records))).toEqual(["2", "3"]);
    expect(await rejections({ ranges: "a:10.1.." }, [{ a: 3 }])).toEqual({
      0: "a: 3 is out of range; 10.1.. is required",
    });
  });

  test("processBatch() matches strings against a pattern and refuses texts too long to match", async () => {
    const records = [{ m: "a@b" }, { m: "ab" }, { m: 5 }, { m: "x".repeat(PATTERN_TEXT_MAX + 1) }];
    const found = await rejections({ patterns: "m:^[^@]+@[^@]+$" }, records);
    expect(found[1]).toBe('m: "ab" does not match; ^[^@]+@[^@]+$ is required');
    expect(found[3]).toContain("4097 units is too long");
    expect(Object.keys(found)).toEqual(["1", "3"]);
  });

  test("processBatch() tags bad records and touches no other when strict_mode is false", async () => {
    await using plugin = await start(validation, { required: ["a"], ranges: "b:..1", tag_field: "_bad" });
    const batch = await plugin.process(batchOfText('{"a": 1.0}\n{"b" : 2}\n'));
    expect(textOf(batch)).toBe(
      '{"a": 1.0}\n{"b" : 2,"_bad":["a: missing; a value is required","b: 2 is out of range; ..1 is required"]}\n',
    );
    expect(batch.rejected).toEqual([]);
  });

  test("processBatch() skips rows that were dropped before", async () => {
    await using plugin = await start(validation, { strict_mode: true, required: ["a"] });
    const batch = batchOf([{ b: 1 }, { b: 2 }]);
    batch.drop(0);
    await plugin.process(batch);
    expect(batch.rejected.map(({ row }) => row)).toEqual([1]);
  });

  test.each([
    [{ types: "a:text" }, '"text" of field a is no type'],
    [{ types: "a:constructor" }, '"constructor" of field a is no type'],
    [{ ranges: "a:5..1" }, '"5..1" of field a is no range'],
    [{ ranges: "a:.." }, '".." of field a is no range'],
    [{ ranges: "a:x..1" }, '"x..1" of field a is no range'],
    [{ patterns: "a:(" }, "is no regular expression"],
    [{ required: [], types: "a" }, 'item "a" has no name and colon'],
  ])("init() refuses %j", async (params, message) => {
    expect(start(validation, params)).rejects.toThrow(message);
  });

  test("init() warns when a pattern nests repeats", async () => {
    await using plugin = await start(validation, { patterns: "a:^(x+)+$" });
    expect(plugin.warnings).toHaveLength(1);
  });
});

test.each([
  ["^(a+)+$", true],
  ["(a|b*)*", true],
  ["((a{2,})b)+", true],
  ["^[(a+)+]$", false],
  [String.raw`\(a+\)+`, false],
  ["^[a-z]+@[a-z]+$", false],
  ["(ab)+c+", false],
  ["(a{2,5})+", false],
])("nestsRepeats(%s) is %p", (pattern, expected) => {
  expect(nestsRepeats(pattern)).toBe(expected);
});

describe("validation with a schema", () => {
  const SCHEMA = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    required: ["id"],
    properties: {
      id: { type: "integer", maximum: 100 },
      at: { type: "string", format: "date-time" },
      tags: { type: "array", prefixItems: [{ type: "string" }], items: false },
    },
    additionalProperties: false,
  };

  async function check(schema: unknown, text: string): Promise<{ row: number; reason: string }[]> {
    using dir = tempDir();
    await using plugin = await start(validation, {
      strict_mode: true,
      schema: dir.file("s.json", JSON.stringify(schema)),
    });
    return (await plugin.process(batchOfText(text))).rejected;
  }

  test("processBatch() rejects with every fault of the record when it breaks the schema", async () => {
    const rejected = await check(
      SCHEMA,
      '{"id":1,"at":"2024-01-01T00:00:00Z","tags":["a"]}\n{"at":"yesterday","tags":["a",2],"x":1}\n',
    );
    expect(rejected.map(({ row }) => row)).toEqual([1]);
    expect(rejected[0]!.reason.split("; ").sort()).toEqual([
      'at: must match format "date-time" (schema #/properties/at/format)',

      'record: must NOT have additional properties "x" (schema #/additionalProperties)',
      "record: must have required property 'id' (schema #/required)",
      "tags: must NOT have more than 1 items (schema #/properties/tags/items)",
    ]);
  });

  test("processBatch() applies number keywords to an integer beyond 2^53", async () => {
    const rejected = await check(SCHEMA, '{"id":12345678901234567890}\n');
    expect(rejected[0]?.reason).toContain("id: must be <= 100");
  });

  test.each([
    ["[1", "is no JSON"],
    ["3", "a JSON object is required"],
    ['{"type":"objekt"}', "does not compile"],
    ['{"reqired":["a"]}', "does not compile"],
    ['{"$ref":"other.json"}', "does not compile"],
  ])("init() refuses the schema %s", async (text, message) => {
    using dir = tempDir();
    const started = start(validation, { schema: dir.file("s.json", text) });
    await expect(started).rejects.toThrow(message);
  });

  test("processBatch() gives the same answer as the quick rules for what both can say", async () => {
    const schema = { properties: { a: { type: "number", minimum: 0, maximum: 10 } }, required: ["a"] };
    const value = fc.oneof(fc.double({ min: -5, max: 15, noNaN: true }), fc.string(), fc.boolean());
    const record = fc.record({ a: value }, { requiredKeys: [] });
    using dir = tempDir();
    const file = dir.file("s.json", JSON.stringify(schema));
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 20 }), async (records) => {
        const quick = await rejections({ required: ["a"], types: "a:number", ranges: "a:0..10" }, records);
        expect(Object.keys(await rejections({ schema: file }, records))).toEqual(Object.keys(quick));
      }),
      { numRuns: 30 },
    );
  });
});

test("processBatch() gives the same bytes when a batch is replayed", async () => {
  const text = '{"a":1}\n{"a":"x"}\n{}\n';
  const run = async (): Promise<string> => {
    await using plugin = await start(validation, { types: "a:number", required: ["a"] });
    return textOf(await plugin.process(batchOfText(text)));
  };
  expect(await run()).toBe(await run());
  expect(recordsOf(batchOfText(await run()))).toHaveLength(3);
});
