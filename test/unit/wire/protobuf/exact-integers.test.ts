/** Integers in JSON, exactly, wherever they stand and however they are written. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { finishAtOnce } from "../../../../src/base/turns.ts";
import {
  binaryOf,
  jsonOfMessage,
  messageOfBinary,
  messageOfJson,
  parseJson,
  unknownNumbers,
} from "../../../../src/wire/protobuf/index.ts";
import { failureOfCall } from "./outcomes.ts";
import { load } from "./protos.ts";

const PROTO = `syntax = "proto3"; package t;
import "google/protobuf/any.proto"; import "google/protobuf/struct.proto"; import "google/protobuf/wrappers.proto";
message M { int64 id = 1; string name = 2; int32 small = 3; double real = 4; google.protobuf.Struct meta = 5; google.protobuf.Value free = 6;
  google.protobuf.Any any = 7; map<string, int64> sums = 8; repeated uint64 ids = 9; google.protobuf.UInt64Value wrapped = 10; M inner = 11;
  map<int32, M> by = 12; oneof either { sfixed64 fixed = 13; string text = 14; } Color color = 15; }
enum Color { NONE = 0; RED = 1; }
message Old { int32 a = 1; }
message New { int32 a = 1; int32 b = 2; }
message Before { repeated Old items = 1; oneof either { Old old = 2; } map<string, Old> by = 3; Old one = 4; }
message After { repeated New items = 1; oneof either { New old = 2; } map<string, New> by = 3; New one = 4; }
`;
const store = await load({ "t.proto": PROTO });
const M = store.message("t.M")!;
const reading = { registry: store.registry };

function round(text: string): unknown {
  const bytes = binaryOf(M, messageOfJson(M, text, reading));
  return JSON.parse(jsonOfMessage(M, messageOfBinary(M, bytes), store.registry));
}

const N = "9007199254740993";

describe("messageOfJson()", () => {
  test.each([
    ["beside free JSON", `{"id":${N},"meta":{"a":1}}`, { id: N, meta: { a: 1 } }],
    ["with a fraction of zeros", `{"id":${N}.000}`, { id: N }],
    ["with an exponent", `{"id":9.007199254740993e15}`, { id: N }],
    ["with an exponent and few digits", `{"ids":[999999999999999e4]}`, { ids: ["9999999999999990000"] }],
    ["with an exponent below zero", `{"id":90071992547409930e-1,"small":50e-1}`, { id: N, small: 5 }],
    ["below zero", `{"id":-${N}}`, { id: `-${N}` }],
    ["in a list", `{"ids":[${N}, 18446744073709551615 ,1]}`, { ids: [N, "18446744073709551615", "1"] }],
    ["in a map", `{"sums":{"a b":${N},"__proto__x":-${N}}}`, { sums: { "a b": N, __proto__x: `-${N}` } }],
    ["in a message in a map", `{"by":{"1":{"id":${N}}}}`, { by: { 1: { id: N } } }],
    ["in a wrapper", `{"wrapped":${N}}`, { wrapped: N }],
    ["in a oneof", `{"fixed":${N}}`, { fixed: N }],
    ["under a name in escapes", `{"\\u0069d":${N}}`, { id: N }],
    ["behind a text that looks like it", `{"name":"{\\"id\\":${N},\\\\","id":${N}}`, { name: `{"id":${N},\\`, id: N }],
    ["behind free JSON", `{"free":[{"id":1},[2]],"inner":{"id":${N}}}`, { free: [{ id: 1 }, [2]], inner: { id: N } }],
    [
      "in an Any",
      `{"any":{"@type":"type.googleapis.com/t.M","id":${N}}}`,
      { any: { "@type": "type.googleapis.com/t.M", id: N } },
    ],
    [
      "in an Any of a wrapper",
      `{"any":{"@type":"type.googleapis.com/google.protobuf.Int64Value","value":${N}}}`,
      { any: { "@type": "type.googleapis.com/google.protobuf.Int64Value", value: N } },
    ],
    ["as zero of any form", `{"id":0e99999999,"small":-0.0}`, {}],
  ])("keeps every digit of an integer %s", (_, given, expected) => {
    expect(round(given)).toEqual(expected as never);
  });

  test("leaves doubles as they are when they are long", () => {
    expect(round(`{"real":0.12345678901234567,"meta":{"id":12345678901234567890},"free":1e20}`)).toEqual({
      real: Number("0.12345678901234567"),
      meta: { id: Number("12345678901234567890") },
      free: 1e20,
    });
  });

  test.each([
    ["a number for a text", `{"name":12345678901234567890}`],
    ["a fraction that a double cannot see", `{"small":5.00000000000000000001}`],
    ["a fraction of an int64", `{"id":${N}.5}`],
    ["a fraction of an enum", `{"color":0.99999999999999999999}`],
    ["what is almost zero", `{"id":1e-99999999}`],
    ["an int64 out of range", `{"id":9223372036854775808}`],
    ["an int64 far out of range", `{"id":1e30}`],
    ["an exponent without an end", `{"id":1e${"9".repeat(10_000)}}`],
    ["a large integer in an Any whose type comes behind it", `{"any":{"id":${N},"@type":"type.googleapis.com/t.M"}}`],
    ["a large integer as a name", `{${N}:1}`],
    ["zeros before a large integer", `{"id":0${N}}`],
    ["two numbers", `{"id":${N} ${N}}`],
    ["a text without an end", `{"id":${N},"name":"\\`],
  ])("refuses %s", async (_, given) => {
    expect((await failureOfCall(() => round(given)))?.code).toBe("protobuf.json");
  });

  test("reads megabytes of escapes when they never end", async () => {
    // Quadratic work would take minutes here: the time-out of the test is what sees it.
    const given = `{"id":1234567890123456,"name":"${'\\"'.repeat(2_000_000)}`;
    expect((await failureOfCall(() => messageOfJson(M, given, reading)))?.code).toBe("protobuf.json");
  });

  test("gives an integer as arbitrary precision reads it, whatever its form", () => {
    const form = fc.record({
      digits: fc.bigInt({ min: 0n, max: 2n ** 70n }),
      fraction: fc.string({ unit: fc.constantFrom("0", "0", "0", "1"), maxLength: 20 }),
      exponent: fc.integer({ min: -25, max: 25 }),
      isNegative: fc.boolean(),
    });
    fc.assert(
      fc.property(form, ({ digits, exponent, fraction, isNegative }) => {
        const sign = isNegative ? "-" : "";
        const text = `${sign}${digits}${fraction === "" ? "" : `.${fraction}`}e${exponent}`;
        const value = slowInteger(`${digits}${fraction}`, exponent - fraction.length);
        const signed = value === undefined ? undefined : isNegative ? -value : value;
        const isGood = signed !== undefined && signed >= -(2n ** 63n) && signed < 2n ** 63n;
        let read: string | undefined;
        try {
          read = String((round(`{"id":${text}}`) as { id?: string }).id ?? "0");
        } catch {
          read = undefined; // refused
        }
        expect(read).toBe(isGood ? String(signed) : undefined);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** The dumb way. */
function slowInteger(digits: string, exponent: number): bigint | undefined {
  const value = BigInt(digits);
  if (exponent >= 0) return value * 10n ** BigInt(exponent);
  const scale = 10n ** BigInt(-exponent);
  return value % scale === 0n ? value / scale : undefined;
}

describe("parseJson()", () => {
  test("keeps every digit in an array of messages", () => {
    expect(finishAtOnce(parseJson(`[{"id":${N}},{"real":1.5}]`, {}, M))).toEqual([{ id: N }, { real: 1.5 }]);
  });
});

describe("unknownNumbers()", () => {
  test("finds what no descriptor knows in lists, maps and oneofs", () => {
    const item = { a: 1, b: 2 };
    const text = JSON.stringify({ items: [item, { a: 1 }, item], old: item, by: { k: item }, one: item });
    const after = store.message("t.After")!;
    const before = store.message("t.Before")!;
    const seen = messageOfBinary(before, binaryOf(after, messageOfJson(after, text, reading)));
    expect(unknownNumbers(before, seen).sort()).toEqual(["by[].#2", "items[].#2", "items[].#2", "old.#2", "one.#2"]);
  });
});
