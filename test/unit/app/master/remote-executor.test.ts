import { expect, test } from "bun:test";
import { inputFileOf } from "../../../../src/app/master/remote-executor.ts";

test("inputFileOf() gives the path of a batch's id, whatever stands in the path", () => {
  expect(inputFileOf("in/a.ndjson@0")).toBe("in/a.ndjson");
  expect(inputFileOf("in/a@b.arrow@4096+17")).toBe("in/a@b.arrow");
  expect(inputFileOf("nothing")).toBe("");
});
