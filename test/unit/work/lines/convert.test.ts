import { describe, expect, test } from "bun:test";
import type { ParamSchema } from "../../../../src/sdk/index.ts";
import { param } from "../../../../src/sdk/index.ts";
import { allowedText, convertParams } from "../../../../src/work/lines/convert.ts";
import type { ParamText } from "../../../../src/work/lines/index.ts";

const schema = {
  title: param.string("a text", { max: 5 }),
  rows: param.integer("a count", { default: 7, min: 1, max: 100 }),
  factor: param.number("a factor", { required: true, min: -2.5 }),
  strict: param.boolean("a switch"),
  window: param.duration("a time", { max: 60_000 }),
  room: param.size("a size"),
  fields: param.list("names", { min: 1 }),
  file: param.path("a file"),
  files: param.paths("files"),
  target: param.file("a file to write"),
  mode: param.choice("a way", ["pass", "replace"], { default: "pass" }),
};

const place = { file: "p.txt", line: 3, column: 10, field: "parameters", owner: "the plugin" };
const resolvePath = (path: string, need: "present" | "any"): string | undefined =>
  path === "there.csv" || need === "any" ? `/data/${path}` : undefined;

function texts(pairs: Record<string, string>): ParamText[] {
  return Object.entries(pairs).map(([key, value], index) => ({
    key,
    value,
    line: 3,
    keyColumn: 100 * (index + 1),
    valueColumn: 100 * (index + 1) + 50,
  }));
}

function convert(pairs: Record<string, string>, under: ParamSchema = schema) {
  return convertParams(texts(pairs), under, resolvePath, place);
}

describe("convertParams()", () => {
  test("convertParams() gives typed values when every text is right", () => {
    const { values, faults } = convert({
      title: "täst",
      rows: "+42",
      factor: "-1.5e0",
      strict: "true",
      window: "10s",
      room: "64KiB",
      fields: "a; b\\;c",
      file: "there.csv",
      files: "there.csv; there.csv",
      target: "new.txt",
      mode: "replace",
    });
    expect(faults).toEqual([]);
    expect(values).toEqual({
      title: "täst",
      rows: 42,
      factor: -1.5,
      strict: true,
      window: 10_000,
      room: 65_536,
      fields: ["a", "b;c"],
      file: "/data/there.csv",
      files: ["/data/there.csv", "/data/there.csv"],
      target: "/data/new.txt",
      mode: "replace",
    });
  });

  test("convertParams() fills defaults and leaves optional parameters out when they are not given", () => {
    expect(convert({ factor: "1" }).values).toEqual({ factor: 1, rows: 7, mode: "pass" });
  });

  test.each([
    [{ title: "too long" }, "out_of_range"],
    [{ rows: "0" }, "out_of_range"],
    [{ rows: "101" }, "out_of_range"],
    [{ rows: "1.0" }, "not_a_integer"],
    [{ rows: "" }, "not_a_integer"],
    [{ rows: "9007199254740993" }, "not_a_integer"],
    [{ strict: "TRUE" }, "not_a_boolean"],
    [{ window: "61s" }, "out_of_range"],
    [{ window: "soon" }, "not_a_duration"],
    [{ room: "64 mebi" }, "not_a_size"],
    [{ fields: "" }, "out_of_range"],
    [{ fields: "a;;b" }, "empty_item"],
    [{ file: "gone.csv" }, "path_not_found"],
    [{ file: "" }, "path_not_found"],
    [{ files: "there.csv;gone.csv" }, "path_not_found"],
    [{ target: "" }, "not_a_file"],
    [{ mode: "passs" }, "not_a_choice"],
  ])("convertParams() finds the fault at the value when the texts are %j", (pairs, code) => {
    const { faults } = convert({ ...pairs, factor: "1" });
    expect(faults.map((fault) => [fault.code, fault.line, fault.column])).toEqual([
      [`pipeline.config.${code}`, 3, 150],
    ]);
  });

  test.each(["x", "1e999", "0x10", "NaN", "Infinity", "1,5", "-2.6", "--1", "."])(
    "convertParams() refuses the number when the text is %j",
    (factor) => {
      expect(convert({ factor }).faults).toHaveLength(1);
    },
  );

  test("convertParams() names the parameter and its meaning when a required one is missing", () => {
    expect(convert({}).faults).toMatchObject([
      { field: "parameters.factor", line: 3, column: 10, message: "the plugin needs the parameter factor (a factor)" },
    ]);
  });

  test("convertParams() points at the key and guesses when a parameter is unknown", () => {
    expect(convert({ facter: "1", factor: "1", constructor: "x" }).faults).toMatchObject([
      { code: "pipeline.config.unknown_parameter", column: 100, suggestion: "factor" },
      { code: "pipeline.config.unknown_parameter", column: 300 },
    ]);
  });

  test("convertParams() keeps values as own properties when a schema names __proto__", () => {
    const odd: ParamSchema = JSON.parse('{"__proto__":{"kind":"string","describe":"odd","required":false}}');
    const { values } = convertParams([{ ...texts({ x: "1" })[0]!, key: "__proto__" }], odd, resolvePath, place);
    expect(Object.keys(values)).toEqual(["__proto__"]);
  });

  test("allowedText() shows bounds in the parameter's own unit when it has them", () => {
    expect(allowedText(schema.window)).toEndWith("at most 1m");
    expect(allowedText(param.size("x", { min: 4096, max: 2 ** 20 }))).toEndWith("from 4KiB to 1MiB");
    expect(allowedText(schema.mode)).toBe("pass, replace");
  });
});
