/** Parameters as members of a message's JSON. */
import { describe, expect, test } from "bun:test";
import { finishAtOnce } from "../../../../src/base/turns.ts";
import { type JsonObject, messageOfJsonValue, setField } from "../../../../src/wire/protobuf/index.ts";
import { failureOfCall } from "./outcomes.ts";
import { LIBRARY, load } from "./protos.ts";

const store = await load({ "library.proto": LIBRARY });
const Get = store.message("library.v1.GetBook")!;

function set(...pairs: readonly (readonly [path: string, value: string])[]): JsonObject {
  const json: JsonObject = {};
  for (const [path, value] of pairs) setField(Get, json, path, value);
  finishAtOnce(messageOfJsonValue(Get, json, { registry: store.registry }));
  return json;
}

describe("setField()", () => {
  test("puts values where their fields are", () => {
    const json = set(
      ["name", "x"],
      ["deep", "true"],
      ["parts", "1"],
      ["parts", "2"],
      ["shelf.theme", "y"],
      ["shelf.row", "3"],
      ["kind", "NOVEL"],
      ["sold", "false"],
      ["since", "2020-01-01T00:00:00Z"],
    );
    expect(json).toEqual({
      name: "x",
      deep: true,
      parts: ["1", "2"],
      shelf: { theme: "y", row: "3" },
      kind: "NOVEL",
      sold: false,
      since: "2020-01-01T00:00:00Z",
    });
    expect(set(["kind", "1"])).toEqual({ kind: 1 });
  });

  test.each([
    ["nothing", "x", "protobuf.unknown_field"],
    ["shelf.nothing", "x", "protobuf.unknown_field"],
    ["__proto__.x", "x", "protobuf.unknown_field"],
    ["name.x", "x", "protobuf.parameter"],
    ["shelf", "x", "protobuf.parameter"],
    ["deep", "yes", "protobuf.parameter"],
    ["labels", "x", "protobuf.parameter"],
    ["since.seconds", "1", "protobuf.parameter"],
    ["", "x", "protobuf.unknown_field"],
    ["shelf.".repeat(20), "x", "protobuf.parameter"],
    ["parts", "1.5", "protobuf.json"],
    ["parts", "", "protobuf.parameter"],
    ["parts", "0x10", "protobuf.parameter"],
    ["parts", " 1", "protobuf.parameter"],
    ["kind", "POEM", "protobuf.json"],
    ["since", "now", "protobuf.json"],
  ])("refuses %p when its value is %p", async (path, value, code) => {
    expect((await failureOfCall(() => set([path, value])))?.code).toBe(code);
  });

  test("refuses a single value when it is given twice", async () => {
    const failure = await failureOfCall(() => set(["name", "a"], ["name", "b"]));
    expect([failure?.code, failure?.data?.path]).toEqual(["protobuf.parameter", "name"]);
  });
});
