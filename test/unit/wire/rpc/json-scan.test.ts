import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../src/base/errors.ts";
import { closeEnvelope, openEnvelope } from "../../../../src/wire/rpc/envelope.ts";
import { JSON_DEPTH_MAX, scanJson } from "../../../../src/wire/rpc/index.ts";

const LIMITS = { valuesMax: 10_000, what: "the input" };

function scan(text: string | Uint8Array) {
  return scanJson(typeof text === "string" ? Buffer.from(text) : text, LIMITS);
}

function faultOf(text: string | Uint8Array): string {
  try {
    scan(text);
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === "rpc.bad_request") return thrown.message;
    throw thrown;
  }
  return "none";
}

function parses(text: string): boolean {
  try {
    JSON.parse(text, (_, value) => {
      if (Math.abs(value) === Number.POSITIVE_INFINITY) throw new Error(text);
    });
    return true;
  } catch {
    return false;
  }
}

describe("scanJson()", () => {
  const refused: readonly [string, string | Uint8Array, RegExp][] = [
    ["it is empty", "", /ends at byte 0/],
    ["a string is open", '"abc', /ends at byte 4/],
    ["there is something behind it", "{} {}", /"{" at byte 3/],
    ["a comma is last", "[1,]", /"]" at byte 3/],
    ["a number has a leading zero", "01", /"1" at byte 1/],
    ["a number has no digits behind the point", "1.", /ends at byte 2/],
    ["there is a raw NUL", '"a\u0000b"', /0x0 at byte 2/],
    ["there is a raw line break in a string", '"a\nb"', /0xa at byte 2/],
    ["it is no UTF-8", new Uint8Array([0x22, 0xff, 0x22]), /no UTF-8/],
    ["a surrogate stands in UTF-8", new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]), /no UTF-8/],
    ["a high surrogate is alone", '"\\ud800"', /half of a surrogate pair at byte 2/],
    ["a low surrogate is alone", '"\\udc00"', /half of a surrogate pair/],
    ["two high surrogates follow each other", '"\\ud800\\ud800"', /half of a surrogate pair/],
    ["a key is __proto__", '{"a":{"__proto__":{}}}', /key __proto__/],
    ["a key is __proto__ in escapes", '{"\\u005f_proto_\\u005F":1}', /key __proto__/],
    ["a number would be infinite", '{"a":[1e308,-1e999]}', /number at byte 12 that is larger/],
    ["a number of digits alone would be infinite", "9".repeat(309), /number at byte 0/],
    ["it is nested too deep", "[".repeat(1_000_000), /deeper than 64/],
  ];
  for (const [when, text, says] of refused) {
    test(`scanJson() refuses with rpc.bad_request when ${when}`, () => {
      expect(faultOf(text)).toMatch(says);
    });
  }

  test("scanJson() takes what is as deep as allowed and refuses one level more", () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    expect(faultOf(nested(JSON_DEPTH_MAX))).toBe("none");
    expect(faultOf(nested(JSON_DEPTH_MAX + 1))).toMatch(/nested deeper/);
  });

  test("scanJson() takes numbers as large and as small as they come", () => {
    for (const text of ["1.7976931348623157e308", "-1e308", "1e-999", `0.${"0".repeat(400)}1`, "9".repeat(308)]) {
      expect(faultOf(text)).toBe("none");
    }
  });

  test("scanJson() takes as many values as allowed and refuses one more", () => {
    const list = (count: number): string => JSON.stringify(Array.from({ length: count }, () => 0));
    expect(faultOf(list(LIMITS.valuesMax - 1))).toBe("none");
    expect(faultOf(list(LIMITS.valuesMax))).toMatch(/more than 10000 values/);
  });

  test("scanJson() takes whatever JSON.stringify writes of harmless values", () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 8, stringUnit: "grapheme" }),
        fc.constantFrom(undefined, 2, "\t"),
        (value, space) => {
          const text = JSON.stringify(value, null, space);
          fc.pre(!text.includes("__proto__"));
          expect(faultOf(text)).toBe("none");
        },
      ),
      { numRuns: 300 },
    );
  });

  test("scanJson() agrees with JSON.parse on texts that are nearly JSON, infinite numbers apart", () => {
    const part = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"a"',
      '"',
      "1",
      "-",
      ".",
      "e",
      "0",
      "true",
      "nul",
      " ",
      "\\",
      "\\n",
      "\\u0041",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        expect(faultOf(text) === "none").toBe(parses(text));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("openEnvelope()", () => {
  const open = (text: string, method = "get") => {
    const bytes = Buffer.from(text);
    const { params, id } = openEnvelope(bytes, scanJson(bytes, LIMITS), method);
    return [Buffer.from(params).toString(), id && Buffer.from(id).toString()];
  };

  test("openEnvelope() cuts params and id out of an envelope for that method", () => {
    expect(open('{ "method" : "get", "params" : {"a": [1, 2]} , "id" : "r\\"1" }')).toEqual([
      '{"a": [1, 2]}',
      '"r\\"1"',
    ]);
    expect(open('{"jsonrpc":"2.0","id":7,"params":null,"method":"get"}')).toEqual(["null", "7"]);
    expect(open('{"method":"get","params":{}}')).toEqual(["{}", "null"]);
  });

  test("openEnvelope() leaves a body as it is when it is no envelope for that method", () => {
    for (const text of [
      '{"method":"put","params":{}}',
      '{"method":"get"}',
      '{"method":"get","params":{},"more":1}',
      "[]",
      "7",
    ]) {
      expect(open(text)).toEqual([text, undefined]);
    }
  });

  test("openEnvelope() gives the params that a parser would find", () => {
    const params = fc.jsonValue({ maxDepth: 4 }).filter((value) => !JSON.stringify(value).includes("__proto__"));
    fc.assert(
      fc.property(params, fc.oneof(fc.string(), fc.integer()), (value, id) => {
        const text = JSON.stringify({ id, method: "get", params: value });
        expect(open(text)).toEqual([JSON.stringify(value), JSON.stringify(id)]);
        const closed = closeEnvelope(Buffer.from(JSON.stringify(value)), Buffer.from(JSON.stringify(id)));
        expect(Buffer.from(closed).toString()).toBe(JSON.stringify({ id, result: value }));
      }),
    );
  });
});
