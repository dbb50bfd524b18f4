/** Floats and zeros in JSON, as other implementations write them. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  binaryOf,
  jsonOfField,
  jsonOfMessage,
  messageOfBinary,
  messageOfJson,
} from "../../../../src/wire/protobuf/index.ts";
import { load } from "./protos.ts";

const store = await load({
  "n.proto": `syntax = "proto3"; package n;
import "google/protobuf/wrappers.proto";
message N { float f = 1; double d = 2; repeated float list = 3; map<string, float> map = 4; N inner = 5; repeated N inners = 6;
  google.protobuf.FloatValue wrapped = 7; oneof choice { float one = 8; google.protobuf.FloatValue other = 9; } optional float maybe = 10; repeated double ds = 11; }`,
});
const N = store.message("n.N")!;

function decoded(json: string): ReturnType<typeof messageOfBinary> {
  return messageOfBinary(N, binaryOf(N, messageOfJson(N, json, { registry: store.registry })));
}

describe("jsonOfMessage()", () => {
  test.each([
    `{"f":1.1}`,
    `{"f":3.4028235e+38}`,
    `{"f":1e-45}`,
    `{"f":-0.33333334}`,
    `{"f":16777216}`,
    `{"list":[0.2,0.3,7],"map":{"a":0.1}}`,
    `{"inner":{"f":1.1},"inners":[{"inner":{"f":0.7}}]}`,
    `{"wrapped":0.2,"one":0.1,"maybe":0.3}`,
    `{"other":0.1}`,
    `{"d":1.100000023841858}`,
    `{"f":"NaN","list":["Infinity","-Infinity"]}`,
    `{"list":[-0],"ds":[-0,0,-1]}`,
    `{"inner":{"maybe":-0}}`,
    `{"f":-0,"d":-0}`,
    `{"f":0.000001234567}`,
    `{"f":123456.79}`,
  ])("writes %s again", (text) => {
    expect(jsonOfMessage(N, decoded(text), store.registry)).toBe(text);
  });
});

describe("a float", () => {
  test("is what it was when its shortest digits are read, and no shorter ones say it", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (float) => {
        const text = jsonOfMessage(N, decoded(JSON.stringify({ list: [float] })), store.registry);
        const [value] = (JSON.parse(text) as { list: number[] }).list;
        const digits = [1, 2, 3, 4, 5, 6, 7, 8, 9].find(
          (count) => Math.fround(Number(float.toPrecision(count))) === float,
        )!;
        expect([Math.fround(value!), value!.toPrecision(digits)]).toEqual([
          float === 0 ? value! : float,
          float.toPrecision(digits),
        ]);
      }),
    );
  });
});

describe("jsonOfField()", () => {
  test("writes floats in the fewest digits", () => {
    expect(jsonOfField(N, decoded(`{"list":[1.1,-0]}`), "list", store.registry)).toBe("[1.1,-0]");
  });
});
