/** `check` of the five plugins: every fault under its parameter's name, nothing changed, and the same refused by `init`. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import aggregation from "../../../plugins/aggregation/index.ts";
import audit from "../../../plugins/audit/index.ts";
import encryption from "../../../plugins/encryption/index.ts";
import enrichment from "../../../plugins/enrichment/index.ts";
import validation from "../../../plugins/validation/index.ts";
import { check, start, type TempDir, tempDir } from "./support.ts";

type Params = Record<string, unknown>;
/** Parameters (those that name files as @name, relative to the test's folder), then the expected faults: parameter, part of the message. */
type Case = readonly [params: Params, ...faults: (readonly [param: string, message: string])[]];

const PLUGINS = { validation, enrichment, aggregation, encryption, audit };
const KEY = Buffer.from(Array.from({ length: 32 }, (_unused, at) => at * 7 + 1)).toString("hex");
const UNSET = "PLUGINS_TEST_UNSET_KEY";

function fill(dir: TempDir): void {
  dir.file("table.csv", "sku,name\nA,x\n");
  dir.file("ragged.csv", "sku,name\nA\n");
  dir.file("twice.json", '[{"sku":1},{"sku":1}]');
  dir.file("broken.json", "{");
  dir.file("list.json", "[]");
  dir.file("odd.json", '{"type":"objekt"}');
  dir.file("good.json", '{"type":"object"}');
  dir.file("key", KEY);
  dir.file("open-key", KEY, 0o644);
  dir.file("short-key", KEY.slice(2));
  mkdirSync(join(dir.path, "folder"));
}

function inDir(dir: TempDir, params: Params): Params {
  const place = (value: unknown): unknown =>
    typeof value === "string" && value.startsWith("@") ? join(dir.path, value.slice(1)) : value;
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, Array.isArray(value) ? value.map(place) : place(value)]),
  );
}

const CASES: Record<keyof typeof PLUGINS, readonly Case[]> = {
  validation: [
    [{ patterns: "id:[" }, ["patterns", '"[" of field id is no regular expression']],
    [{ patterns: "id" }, ["patterns", 'item "id" has no name and colon']],
    [{ ranges: "a:5..1" }, ["ranges", '"5..1" of field a is no range']],
    [{ ranges: "a:x..y;b:1..2;c:3" }, ["ranges", '"x..y" of field a'], ["ranges", '"3" of field c']],
    [{ types: "a:foo" }, ["types", '"foo" of field a is no type']],
    [{ schema: "@broken.json" }, ["schema", "broken.json is no JSON"]],
    [{ schema: "@list.json" }, ["schema", "holds []; a JSON object is required"]],
    [{ schema: "@odd.json" }, ["schema", "odd.json does not compile"]],
    [{ schema: "@folder" }, ["schema", "is a directory; a regular file is required"]],
    [{ schema: "@gone" }, ["schema", "gone cannot be read: ENOENT"]],
    [
      { types: "a:foo", ranges: "a:..", patterns: "a:(", schema: "@broken.json" },
      ["types", "no type"],
      ["ranges", "no range"],
      ["patterns", "no regular expression"],
      ["schema", "no JSON"],
    ],
  ],
  enrichment: [
    [{ compute: "x:a+" }, ["compute", 'x: "a+" column 3: found the end']],
    [{ compute: "x:foo(a)" }, ["compute", "foo is no function; allowed: abs"]],
    [{ compute: "x:round()" }, ["compute", 'x: "round()" column 7: found )']],
    [{ compute: "x" }, ["compute", 'item "x" has no name and colon']],
    [{ compute: "x:a+;y:1;z:)" }, ["compute", 'x: "a+"'], ["compute", 'z: ")"']],
    [{ constants: "x" }, ["constants", 'item "x" has no name and colon']],
    [{ lookup: "@table.csv" }, ["lookup", "is set without lookup_key"]],
    [{ lookup_key: "sku" }, ["lookup_key", "is set without lookup"]],
    [
      { lookup_table_key: "sku", lookup_fields: "name" },
      ["lookup_table_key", "is set without lookup"],
      ["lookup_fields", "is set without lookup"],
    ],
    [{ lookup: "@table.csv", lookup_key: "nokey" }, ["lookup_key", 'has no key "nokey"; it has sku, name']],
    [
      { lookup: "@table.csv", lookup_key: "sku", lookup_table_key: "nokey", lookup_fields: "zzz;name" },
      ["lookup_table_key", 'has no key "nokey"'],
      ["lookup_fields", 'has no field "zzz"; it has sku, name'],
    ],
    [{ lookup: "@ragged.csv", lookup_key: "sku" }, ["lookup", "line 2 has 1 fields; the header has 2"]],
    [{ lookup: "@twice.json", lookup_key: "sku" }, ["lookup", 'the key "1" appears twice']],
    [{ lookup: "@broken.json", lookup_key: "sku" }, ["lookup", "broken.json: "]],
    [{ lookup: "@gone.csv", lookup_key: "sku" }, ["lookup", "gone.csv cannot be read: ENOENT"]],
    [{ lookup: "@folder", lookup_key: "sku" }, ["lookup", "is a directory"]],
    [
      { time_field: "t", time_parts: ["foo", "year", "bar"] },
      ["time_parts", '"foo" is no'],
      ["time_parts", '"bar" is no'],
    ],
    [{ time_parts: ["year"] }, ["time_parts", "is set without time_field"]],
  ],
  aggregation: [
    [{ window: 3_600_000 }, ["window", "is set without time_field"]],
    [{ window: 1000, window_count: 5, time_field: "t" }, ["window_count", "is set, and so is window"]],
    [{ aggregates: "sum" }, ["aggregates", '"sum" is no function of a field']],
    [{ aggregates: "foo:a;count;p101:a" }, ["aggregates", '"foo:a" is no'], ["aggregates", '"p101:a" is no']],
    [{ aggregates: ";" }, ["aggregates", "is empty"]],
    [{ lateness: 1000 }, ["lateness", "is set without window"]],
    [{ lateness: 1000, window_count: 5 }, ["lateness", "is set without window"]],
  ],
  encryption: [
    [{ mode: "encrypt", fields: ["s"] }, ["mode", "encrypt needs a key"]],
    [{ mode: "decrypt", fields: ["s"] }, ["mode", "decrypt needs a key"]],
    [{ mode: "tokenize", fields: ["s"] }, ["mode", "tokenize needs a key"]],
    [
      { mode: "encrypt", fields: ["s"], key_file: "@key", key_env: UNSET },
      ["key_env", "is set, and so is key_file"],
      ["key_env", `environment variable ${UNSET} is not set`],
    ],
    [{ mode: "encrypt", fields: ["s"], key_env: UNSET }, ["key_env", `environment variable ${UNSET} is not set`]],
    [{ mode: "encrypt", fields: ["s"], key_env: KEY }, ["key_env", "no name of an environment variable"]],
    [{ mode: "encrypt", fields: ["s"], key_file: "@open-key" }, ["key_file", "has mode 0644; 0600 or stricter"]],
    [{ mode: "tokenize", fields: ["s"], key_file: "@short-key" }, ["key_file", "holds 62 bytes that are no key"]],
    [{ mode: "encrypt", fields: ["s"], key_file: "@folder" }, ["key_file", "is a directory"]],
    [{ mode: "encrypt", fields: ["s"], key_file: "@gone" }, ["key_file", "cannot be read: ENOENT"]],
    [{ mode: "encrypt", fields: ["s"], key_file: "@key", key_id: "a:b" }, ["key_id", '"a:b" is not allowed']],
    [
      { mode: "encrypt", fields: ["s"], key_file: "@key", key_id: `${"a/".repeat(21)}a=` },
      ["key_id", "looks like a key"],
    ],
    [
      { mode: "decrypt", fields: [], key_file: "@key", old_key_files: ["@key", "@gone", "@open-key"] },
      ["fields", "is empty"],
      ["old_key_files", "gone cannot be read"],
      ["old_key_files", "has mode 0644"],
    ],
    [{ mode: "mask", fields: [], mask_char: "**" }, ["fields", "is empty"], ["mask_char", "is not one character"]],
  ],
  audit: [
    [{ file: "@folder" }, ["file", "is a directory; a regular file is required"]],
    [{ file: "@key/audit.ndjson" }, ["file", "key is no directory"]],
    [{ file: "@key/deep/er/audit.ndjson" }, ["file", "key is no directory"]],
    [{ file: "" }, ["file", "is empty"]],
  ],
};

const GOOD: readonly (readonly [keyof typeof PLUGINS, Params])[] = [
  ["validation", {}],
  ["validation", { types: "a:integer?", ranges: "a:1..", patterns: "a:(b+)+", schema: "@good.json" }],
  ["enrichment", {}],
  ["enrichment", { lookup: "@table.csv", lookup_key: "product", lookup_table_key: "sku", lookup_fields: "name:title" }],
  ["enrichment", { time_field: "t", compute: "x:round(a, 2)", constants: "b:1" }],
  ["aggregation", {}],
  ["aggregation", { window: 1000, time_field: "t", lateness: 10, aggregates: "p99.9:a;count" }],
  ["encryption", { mode: "mask", fields: ["s"] }],
  ["encryption", { mode: "decrypt", fields: ["s"], key_file: "@key", old_key_files: ["@key"], key_id: "2024" }],
  ["audit", { file: "@new/deep/audit.ndjson" }],
  ["audit", { file: "@table.csv" }],
];

const faulty = Object.entries(CASES).flatMap(([name, cases]) =>
  cases.map(([params, ...faults]) => [name as keyof typeof PLUGINS, params, faults] as const),
);

describe("check", () => {
  test.each(faulty)(
    "%s check() finds each fault, and init() throws the first, when given %j",
    async (name, params, faults) => {
      using dir = tempDir();
      fill(dir);
      const given = inDir(dir, params);
      const before = readdirSync(dir.path, { recursive: true });
      const found = await check(PLUGINS[name], given);
      expect(found.map(({ param }) => param)).toEqual(faults.map(([param]) => param));
      found.forEach(({ message }, at) => {
        expect(message).toContain(faults[at]![1]);
        expect(message).not.toContain(KEY.slice(2));
      });
      await expect(start(PLUGINS[name], given)).rejects.toThrow(`parameter ${found[0]!.param}: ${found[0]!.message}`);
      expect(readdirSync(dir.path, { recursive: true })).toEqual(before);
    },
  );

  test.each(GOOD)("%s check() finds nothing and changes nothing when given %j", async (name, params) => {
    using dir = tempDir();
    fill(dir);
    const before = readdirSync(dir.path, { recursive: true });
    expect(await check(PLUGINS[name], inDir(dir, params))).toEqual([]);
    expect(readdirSync(dir.path, { recursive: true })).toEqual(before);
  });

  test("check() of audit passes a file whose lock another stage holds, and leaves the lock alone", async () => {
    using dir = tempDir();
    const params = { file: join(dir.path, "audit.ndjson") };
    await using _writer = await start(audit, params);
    expect(await check(audit, params)).toEqual([]);
    await expect(start(audit, params)).rejects.toThrow("is being written by process");
  });
});
