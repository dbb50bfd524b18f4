import { expect, test } from "bun:test";
import { MULTIPART_VARIABLES } from "../../../../../../src/edge/waf/engine/body/multipart.ts";
import { multipart, raised } from "./readers.ts";

const FIELD = 'Content-Disposition: form-data; name="f"\r\n\r\n';

function part(disposition: string): string {
  return `--BB\r\nContent-Disposition: ${disposition}\r\n\r\nv\r\n--BB--\r\n`;
}

function seen(text: string, type?: string): { fault: boolean; flags: string[] } {
  const { fault, variables } = multipart(text, type);
  return { fault: fault !== undefined, flags: raised(variables, MULTIPART_VARIABLES) };
}

test("readMultipart() takes fields, files and part headers apart", () => {
  const { args, variables, fault } = multipart(
    `--BB\r\n${FIELD}v\nw\r\n--BB\r\nContent-Disposition: form-data; name="up"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n--x\r\n--BB--\r\n`,
  );
  expect(fault).toBeUndefined();
  expect(args).toEqual([["f", "v\nw"]]);
  expect(variables.list("FILES").map(({ name, value }) => [name, value])).toEqual([["FILES:up", "a.txt"]]);
  expect(variables.list("FILES_SIZES")[0]!.value).toBe("3");
  expect(variables.single("FILES_COMBINED_SIZE")).toBe("3");
  expect(variables.list("MULTIPART_PART_HEADERS").map(({ value }) => value)).toContain("Content-Type: text/plain\r\n");
  expect(raised(variables, MULTIPART_VARIABLES)).toEqual([]);
});

test("readMultipart() shows data under an empty file name both as a field and as a file", () => {
  const { args, variables } = multipart(part('form-data; name="f"; filename=""'));
  expect(args).toEqual([["f", "v"]]);
  expect(variables.list("FILES")).toHaveLength(1);
});

const STRICT = "STRICT_ERROR";
test.each([
  ["data before", `x\r\n--BB\r\n${FIELD}v\r\n--BB--\r\n`, ["DATA_BEFORE", STRICT]],
  ["data after", `--BB\r\n${FIELD}v\r\n--BB--\r\nx`, ["DATA_AFTER", STRICT]],
  ["bare line feeds", '--BB\nContent-Disposition: form-data; name="f"\n\nv\n--BB--\n', ["LF_LINE", STRICT]],
  ["both line ends", `--BB\n${FIELD}v\r\n--BB--\r\n`, ["LF_LINE", "CRLF_LF_LINES", STRICT]],
  [
    "folding",
    '--BB\r\nContent-Disposition: form-data;\r\n name="f"\r\n\r\nv\r\n--BB--\r\n',
    ["HEADER_FOLDING", STRICT],
  ],
  [
    "odd folding",
    '--BB\r\nContent-Disposition: form-data;\r\n\x0b name="f"\r\n\r\nv\r\n--BB--\r\n',
    ["HEADER_FOLDING", "INVALID_HEADER_FOLDING", STRICT],
  ],
  ["single quotes", part("form-data; name='f'"), ["INVALID_QUOTING", STRICT]],
  ["no quotes", part("form-data; name=f"), []],
  ["an apostrophe in quotes", part(`form-data; name="O'B"`), []],
] as const)("readMultipart() raises the flags of %s", (_, text, flags) => {
  expect(seen(text)).toEqual({ fault: false, flags: [...flags] });
});

test.each([
  ["no name", part("form-data")],
  ["two names", part('form-data; name="f"; name="g"')],
  ["two file names", part('form-data; name="f"; filename="g"; filename="h"')],
  ["an unknown parameter", part('form-data; name="f"; foo="g"')],
  ["filename* alone", part("form-data; name=\"f\"; filename*=UTF-8''a.txt")],
  ["a missing semicolon", part('form-data; name="f" filename="x"')],
  ["another disposition", part('attachment; name="f"')],
  ["a zero byte in a name", part('form-data; name="a\0b"')],
  ["quotes that do not end", part('form-data; name="f')],
  ["no disposition", "--BB\r\nContent-Type: x\r\n\r\nv\r\n--BB--\r\n"],
  ["a header without a colon", `--BB\r\nfoo\r\n${FIELD}v\r\n--BB--\r\n`],
  ["no line end before the boundary", `--BB\r\n${FIELD}--BB--\r\n`],
  ["no final boundary", `--BB\r\n${FIELD}v\r\n`],
  ["text behind a boundary", `--BB\r\n${FIELD}v\r\n--BBx\r\nx\r\n--BB--\r\n`],
  ["a blank behind a boundary", `--BB \r\n${FIELD}v\r\n--BB--\r\n`],
  ["no boundary at all", "hello"],
])("readMultipart() refuses %s", (_, text) => {
  const { fault, flags } = seen(text);
  expect(fault).toBe(true);
  expect(flags).toContain(STRICT);
});

test.each([
  ['multipart/form-data; boundary="BB"', ["BOUNDARY_QUOTED", STRICT]],
  ["multipart/form-data; boundary =BB", ["BOUNDARY_WHITESPACE", STRICT]],
  ["multipart/form-data boundary=BB", ["MISSING_SEMICOLON", STRICT, "SEMICOLON_MISSING"]],
  ["multipart/form-data; boundary=BB; charset=utf-8", []],
] as const)("readMultipart() raises the flags of the content type %p", (type, flags) => {
  expect(seen(`--BB\r\n${FIELD}v\r\n--BB--\r\n`, type)).toEqual({ fault: false, flags: [...flags] });
});

test.each([
  'multipart/form-data; boundary="BB',
  "multipart/form-data, boundary=BB",
  "multipart/form-data; charset=utf-8; boundary=BB",
  "multipart/form-data; boundary=BB; boundary=CC",
  "multipart/form-data; BOUNDARY=BB",
  "multipart/form-data; boundary=",
  "multipart/form-data",
  `multipart/form-data; boundary=${"B".repeat(71)}`,
])("readMultipart() refuses the content type %p", (type) => {
  expect(seen(`--BB\r\n${FIELD}v\r\n--BB--\r\n`, type).fault).toBe(true);
});

test("readMultipart() takes a browser's boundary, which holds the word itself", () => {
  const text = `------WebKitFormBoundaryX\r\n${FIELD}v\r\n------WebKitFormBoundaryX--\r\n`;
  expect(seen(text, "multipart/form-data; boundary=----WebKitFormBoundaryX")).toEqual({ fault: false, flags: [] });
});
