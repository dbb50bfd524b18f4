/** Canonical JSON into messages and back: what the specification of ProtoJSON says, and what must never be lost. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  binaryOf,
  type DescriptorStore,
  jsonOfField,
  jsonOfMessage,
  messageOfBinary,
  messageOfJson,
  unknownNumbers,
} from "../../../../src/wire/protobuf/index.ts";
import { failureOfCall } from "./outcomes.ts";
import { EVERYTHING, load } from "./protos.ts";

const store = await load({ "every.proto": EVERYTHING });
const All = store.message("every.All")!;
const Exact = store.message("every.Exact")!;

/** Through the binary form and back. */
function round(text: string, desc = All, of: DescriptorStore = store): string {
  const bytes = binaryOf(desc, messageOfJson(desc, text, { registry: of.registry }));
  return jsonOfMessage(desc, messageOfBinary(desc, bytes), of.registry);
}

describe("messageOfJson()", () => {
  const CASES: readonly (readonly [what: string, given: string, canonical?: string])[] = [
    ["int64 as text", `{"i64":"9223372036854775807"}`],
    ["int64 as number", `{"i64":5}`, `{"i64":"5"}`],
    ["int64 at its lower end", `{"i64":"-9223372036854775808"}`],
    ["uint64 at its end", `{"u64":"18446744073709551615"}`],
    ["int32 as text", `{"i32":"-7"}`, `{"i32":-7}`],
    ["int32 with an exponent", `{"i32":1e3}`, `{"i32":1000}`],
    ["int32 with a fraction of zero", `{"i32":5.0}`, `{"i32":5}`],
    ["sint, fixed", `{"s32":-1,"s64":"-1","f32":4294967295,"f64":"1","sf32":-1,"sf64":"-1"}`],
    ["NaN", `{"real":"NaN","doubleReal":"NaN"}`],
    ["infinities", `{"real":"Infinity","doubleReal":"-Infinity"}`],
    ["names as in the file", `{"double_real":1.5}`, `{"doubleReal":1.5}`],
    ["json_name", `{"calledOtherwise":"x"}`],
    ["null is nothing", `{"text":null,"inner":null}`, "{}"],
    ["an enum by number", `{"color":1}`, `{"color":"RED"}`],
    ["an enum by an unknown number", `{"color":77}`],
    ["bytes, standard", `{"raw":"+/+/"}`],
    ["bytes, url-safe", `{"raw":"-_-_"}`, `{"raw":"+/+/"}`],
    ["bytes without padding", `{"raw":"YQ"}`, `{"raw":"YQ=="}`],
    ["a time", `{"at":"1972-01-01T10:00:20.021Z"}`],
    ["a time with an offset", `{"at":"1972-01-01T10:00:20+01:00"}`, `{"at":"1972-01-01T09:00:20Z"}`],
    ["a duration", `{"took":"1.000340012s"}`],
    ["a negative duration", `{"took":"-3.5s"}`, `{"took":"-3.500s"}`],
    ["a field mask", `{"mask":"f.fooBar,h"}`],
    ["a struct", `{"struct":{"a":1,"b":[true,null,{"c":"d"}]}}`],
    ["a value", `{"value":[1,"x",null]}`],
    ["a value that is null", `{"value":null}`],
    ["a list", `{"list":[1,2]}`],
    ["wrappers", `{"w64":"1","wflag":false,"wtext":"","wraw":"YQ==","wreal":0.5}`],
    ["an Any of a message", `{"any":{"@type":"type.googleapis.com/every.All","text":"x"}}`],
    ["an Any of a known type", `{"any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}}`],
    ["maps", `{"counts":{"a":1},"colors":{"-1":"RED"},"byFlag":{"true":{"text":"y"}}}`],
    ["a oneof", `{"number":0}`],
    ["optional zero", `{"maybe":0}`],
    ["lists", `{"numbers":["1","2"],"inners":[{"text":"a"},{}]}`],
  ];
  test.each(CASES.map(([what, given, canonical = given]) => [what, given, canonical] as const))(
    "reads and writes %s",
    (_, given, canonical) => {
      expect(JSON.parse(round(given))).toEqual(JSON.parse(canonical));
    },
  );

  const REFUSED: readonly (readonly [what: string, given: string, code: string, path?: string])[] = [
    ["an unknown field", `{"no_such":1}`, "protobuf.unknown_field", "no_such"],
    ["an unknown field deep in", `{"inner":{"inners":[{},{"x":1}]}}`, "protobuf.unknown_field", "inner.inners[1].x"],
    ["an unknown field in a map", `{"byFlag":{"true":{"x":1}}}`, "protobuf.unknown_field", `byFlag["true"].x`],
    ["__proto__", `{"__proto__":{"text":"x"}}`, "protobuf.unknown_field", "__proto__"],
    ["an unknown name of an enum", `{"color":"GREEN"}`, "protobuf.json"],
    ["a member twice", `{"text":"a","text":"b"}`, "protobuf.json"],
    ["a member under both names", `{"doubleReal":1,"double_real":2}`, "protobuf.json"],
    ["both of a oneof", `{"name":"a","number":1}`, "protobuf.json"],
    ["int32 too large", `{"i32":2147483648}`, "protobuf.json"],
    ["int32 with a fraction", `{"i32":1.5}`, "protobuf.json"],
    ["uint32 below zero", `{"u32":-1}`, "protobuf.json"],
    ["int64 too large", `{"i64":"9223372036854775808"}`, "protobuf.json"],
    ["text that is a number", `{"text":1}`, "protobuf.json"],
    ["a flag that is text", `{"flag":"true"}`, "protobuf.json"],
    ["null in a list", `{"numbers":[null]}`, "protobuf.json"],
    ["a broken time", `{"at":"yesterday"}`, "protobuf.json"],
    ["a duration without s", `{"took":"1"}`, "protobuf.json"],
    ["bytes that are no base64", `{"raw":"%%"}`, "protobuf.json"],
    ["an Any of an unknown type", `{"any":{"@type":"type.googleapis.com/x.Y"}}`, "protobuf.json"],
    ["no object", `[]`, "protobuf.json"],
    ["no JSON", `{`, "protobuf.json"],
    ["nesting without an end", `${`{"inner":`.repeat(300)}{}${"}".repeat(300)}`, "protobuf.json"],
    ["brackets without an end", `{"value":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, "protobuf.json"],
  ];
  test.each(REFUSED.map(([what, given, code, path = "none"]) => [what, given, code, path] as const))(
    "refuses %s",
    async (_, given, code, path) => {
      const failure = await failureOfCall(() => round(given));
      expect([failure?.code, failure?.data?.path ?? "none"]).toEqual([code, path]);
    },
  );

  test("keeps every digit when numbers are larger than a double holds", () => {
    const given = `{"large":9223372036854775807,"larges":[18446744073709551615,"18446744073709551614"],"text":"a \\" 9007199254740993","inner":{"large":-9007199254740993}}`;
    expect(JSON.parse(round(given, Exact))).toEqual({
      large: "9223372036854775807",
      larges: ["18446744073709551615", "18446744073709551614"],
      text: `a " 9007199254740993`,
      inner: { large: "-9007199254740993" },
    });
  });

  test("takes unknown fields out and tells them when they are counted", () => {
    const dropped: string[] = [];
    const text = `{"text":"a","x":1,"inner":{"y":{"z":1},"text":"b"}}`;
    const message = messageOfJson(All, text, { registry: store.registry, onDropped: (path) => dropped.push(path) });
    expect([JSON.parse(jsonOfMessage(All, message, store.registry)), dropped]).toEqual([
      { text: "a", inner: { text: "b" } },
      ["x", "inner.y"],
    ]);
  });

  test("refuses an unknown name of an enum also when unknown fields are counted", async () => {
    const dropped: string[] = [];
    const reading = { registry: store.registry, onDropped: (path: string) => dropped.push(path) };
    const failure = await failureOfCall(() => messageOfJson(All, `{"x":1,"color":"GREEN"}`, reading));
    expect([failure?.code, dropped]).toEqual(["protobuf.json", []]);
  });

  test("gives the same JSON again after binary when JSON is canonical", () => {
    const text = fc.string({ unit: "grapheme" });
    // What JSON writes in one way only: neither -0 nor exponents.
    const eighths = fc.integer().map((one) => one / 8);
    const leaf = fc.record(
      {
        i32: fc.integer({ min: 1 }),
        i64: fc
          .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
          .filter((one) => one !== 0n)
          .map(String),
        u64: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map(String),
        doubleReal: eighths.filter((one) => one !== 0),
        flag: fc.constant(true),
        text: text.filter((one) => one !== ""),
        raw: fc.uint8Array({ minLength: 1 }).map((bytes) => Buffer.from(bytes).toString("base64")),
        color: fc.constantFrom("RED", "BLUE"),
        numbers: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String), { minLength: 1 }),
        maybe: fc.integer(),
        struct: fc.dictionary(
          text.filter((name) => name !== "__proto__"),
          fc.oneof(text, eighths, fc.boolean(), fc.constant(null), fc.array(fc.oneof(text, eighths))),
        ),
      },
      { requiredKeys: [] },
    );
    const tree = fc.letrec((tie) => ({
      node: fc
        .tuple(leaf, fc.option(tie("node"), { nil: undefined, maxDepth: 3 }))
        .map(([own, inner]) => (inner === undefined ? own : { ...own, inner })),
    })).node;
    fc.assert(
      fc.property(tree, (json) => {
        const given = JSON.stringify(json);
        expect(JSON.parse(round(given))).toEqual(JSON.parse(given));
      }),
      { numRuns: 150 },
    );
  });
});

describe("jsonOfField()", () => {
  test("gives the field also when it is empty", () => {
    const message = messageOfJson(All, `{"text":"x"}`, { registry: store.registry });
    expect(
      ["text", "numbers", "i64", "inner"].map((field) => jsonOfField(All, message, field, store.registry)),
    ).toEqual([`"x"`, "[]", `"0"`, "null"]);
  });
});

describe("messageOfBinary()", () => {
  test("refuses bytes when they are no message", async () => {
    const failures = [[0x0a], [0x0a, 5, 1], [0xff, 0xff], [0x08]].map((bytes) =>
      failureOfCall(() => messageOfBinary(All, new Uint8Array(bytes))),
    );
    expect((await Promise.all(failures)).map((failure) => failure?.code)).toEqual(
      failures.map(() => "protobuf.binary"),
    );
  });

  test("refuses nesting when it has no end", async () => {
    let bytes = new Uint8Array(0);
    const inner = (content: Uint8Array): Uint8Array<ArrayBuffer> => {
      const length = content.length < 128 ? [content.length] : [(content.length & 127) | 128, content.length >>> 7];
      return new Uint8Array([0x8a, 0x01, ...length, ...content]);
    };
    for (let level = 0; level < 200; level++) bytes = inner(bytes);
    expect((await failureOfCall(() => messageOfBinary(All, bytes)))?.code).toBe("protobuf.binary");
  });
});

describe("unknownNumbers()", () => {
  test("tells fields that no descriptor knows when a newer peer sent them", () => {
    const message = messageOfBinary(All, new Uint8Array([0xc0, 0x3e, 1, 0x8a, 0x01, 3, 0xc0, 0x3e, 1]));
    expect(unknownNumbers(All, message)).toEqual(["#1000", "inner.#1000"]);
  });
});
