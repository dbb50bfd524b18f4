import { expect, test } from "bun:test";
import { writeNumbers, writeValues } from "../../../../plugins/common/columns.ts";
import { batchOfText, textOf } from "../support.ts";

test("writeValues() leaves rows without a value as they are, byte for byte, when others change", () => {
  const batch = batchOfText('{"a": 1.0,"b":2}\n{"b":3}\n{"a": "x" }\n');
  writeValues(batch, "a", [undefined, 7, null]);
  expect(textOf(batch)).toBe('{"a": 1.0,"b":2}\n{"b":3,"a":7}\n{"a": null }\n');
});

test("writeNumbers() leaves rows alone when the number is NaN or infinite", () => {
  const batch = batchOfText('{"a": 1.0}\n{"a": 2.0}\n{"a": 3.0}\n{}\n');
  writeNumbers(batch, "a", Float64Array.of(10, Number.NaN, Number.POSITIVE_INFINITY, Number.NaN));
  expect(textOf(batch)).toBe('{"a": 10}\n{"a": 2.0}\n{"a": 3.0}\n{}\n');
});
