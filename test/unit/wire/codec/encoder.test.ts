/** The encoder is put to whatever a program may say: it goes out as it is, or is refused in words, and no other byte goes with it. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Unpackr } from "msgpackr";
import { Failure, messageOf } from "../../../../src/base/errors.ts";
import type { Message } from "../../../../src/wire/codec/index.ts";
import { DEPTH_MAX, Decoder, ELEMENTS_MAX, Encoder } from "../../../../src/wire/codec/index.ts";

const decoder = new Decoder();
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "bigint" });

function refusalOf(value: unknown): string {
  try {
    new Encoder().encode(value);
    return "fine";
  } catch (thrown) {
    if (thrown instanceof Failure) return `${thrown.code}: ${thrown.message}`;
    throw thrown;
  }
}

const roundTrip = (value: unknown): unknown => decoder.decode(new Encoder().encode(value));

const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, undefined, true, false),
    fc.double(),
    fc.integer(),
    fc.constantFrom(
      0,
      127,
      128,
      255,
      256,
      65_535,
      65_536,
      2 ** 32 - 1,
      2 ** 32,
      -32,
      -33,
      -128,
      -129,
      -32_768,
      -32_769,
    ),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.string({ unit: "grapheme", maxLength: 400 }),
    fc.uint8Array({ maxLength: 400 }),
    fc.date({ noInvalidDate: true }),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(fc.string({ maxLength: 40 }), tie("value"), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value;

/** What msgpackr has in its own way. */
function plainly(decoded: unknown): unknown {
  if (typeof decoded === "number" && Number.isNaN(decoded)) return "NaN";
  if (decoded instanceof Uint8Array) return [...decoded];
  if (decoded instanceof Date) return decoded.getTime();
  if (Array.isArray(decoded)) return decoded.map(plainly);
  if (typeof decoded !== "object" || decoded === null) return decoded;
  return Object.entries(decoded).map(([key, each]) => [key, plainly(each)]);
}

class Point {
  x = 1;
}

class Shy extends Uint8Array {
  override get byteLength(): number {
    return 4_000;
  }
}

describe("Encoder", () => {
  test("encode() gives what the decoder reads back as the same, whatever it is", () => {
    fc.assert(
      fc.property(value, (original) => {
        expect(roundTrip(original)).toEqual(original);
      }),
      { numRuns: 500 },
    );
  });

  test("encode() gives MessagePack that msgpackr reads back as the same", () => {
    fc.assert(
      fc.property(
        value.filter((each) => !Bun.inspect(each).includes("__proto__")),
        (original) => {
          expect(plainly(unpackr.unpack(new Encoder().encode(original)))).toEqual(plainly(original));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("encode() gives text of every length around the borders of its head, in one, two, three and four bytes a character", () => {
    for (const unit of ["a", "é", "€", "🌱"]) {
      for (const bytes of [1, 23, 24, 31, 32, 85, 86, 255, 256, 21_845, 21_846, 65_535, 65_536, 200_000]) {
        for (const more of [-1, 0, 1]) {
          const text = unit.repeat(Math.max(0, Math.floor((bytes + more) / Buffer.byteLength(unit))));
          expect(roundTrip([text, 7])).toEqual([text, 7]);
          expect(roundTrip([`a${text}`, 7])).toEqual([`a${text}`, 7]);
        }
      }
    }
  });

  test("encode() makes half of a surrogate pair U+FFFD, and keeps minus zero, NaN and infinities", () => {
    for (const text of ["\ud800", "x\udc00y", `${"x".repeat(300)}\ud800`, `${"x".repeat(30_000)}\ud800`]) {
      expect(roundTrip(text)).toBe(text.toWellFormed());
    }
    for (const number of [-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(roundTrip(number)).toBe(number);
    }
  });

  for (const [what, given, arrives] of [
    ["a sparse array", new Array(3), [undefined, undefined, undefined]],
    ["a Map of text keys", new Map<string, unknown>([["a", new Map([["b", 1]])]]), { a: { b: 1 } }],
    ["an object without a prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ["a property that is undefined", { a: undefined }, { a: undefined }],
    ["symbols as keys", { a: 1, [Symbol("b")]: 2 }, { a: 1 }],
    ["a Buffer", Buffer.from("abc"), new Uint8Array([97, 98, 99])],
    ["bytes of shared memory", new Uint8Array(new SharedArrayBuffer(2)), new Uint8Array(2)],
    ["bytes that tell a wrong length", new Shy([1, 2, 3]), new Uint8Array([1, 2, 3])],
    [
      "the earliest and the latest time",
      [new Date(-8.64e15), new Date(8.64e15)],
      [new Date(-8.64e15), new Date(8.64e15)],
    ],
    ["an object named like a class", { constructor: 7, toString: 1 }, { constructor: 7, toString: 1 }],
  ] as const) {
    test(`encode() takes ${what}`, () => {
      expect(roundTrip(given)).toEqual(arrives);
    });
  }

  for (const [what, given] of [
    ["a Float64Array", new Float64Array(64)],
    ["a Uint16Array", new Uint16Array(2)],
    ["a Uint8ClampedArray", new Uint8ClampedArray(2)],
    ["an Int8Array", new Int8Array(2)],
    ["a BigInt64Array", new BigInt64Array(2)],
    ["a DataView", new DataView(new ArrayBuffer(4))],
    ["an ArrayBuffer", new ArrayBuffer(4)],
    ["a SharedArrayBuffer", new SharedArrayBuffer(4)],
    ["a function", () => 1],
    ["a symbol", Symbol("x")],
    ["an Error", new Error("x")],
    ["a RegExp", /x/],
    ["a Set", new Set([1])],
    ["a WeakMap", new WeakMap()],
    ["a Promise", Promise.resolve(1)],
    ["an instance of a class", new Point()],
    ["an instance with toJSON", new URL("http://a/")],
    ["a boxed number", Object(1)],
    ["a method toJSON", { toJSON: () => 1 }],
    ["an invalid Date", new Date(Number.NaN)],
    ["a bigint above 64 bits", 2n ** 64n],
    ["a bigint below 64 bits", -(2n ** 63n) - 1n],
    ["a Map with a number as key", new Map([[1, 1]])],
    ["a Map with a key below zero", new Map([[-1, 1]])],
    ["what only pretends to be bytes", Object.create(Uint8Array.prototype)],
    ["a sparse array of a billion", new Array(1_000_000_000)],
    ["more elements than are taken", new Array(ELEMENTS_MAX + 1).fill(0)],
  ] as const) {
    test(`encode() refuses ${what} with link.unencodable, alone and inside of others`, () => {
      for (const each of [given, [given], { a: { b: given } }]) {
        expect(refusalOf(each)).toStartWith("link.unencodable: the payload cannot be encoded: ");
      }
    });
  }

  test("encode() refuses what holds itself, and what is nested deeper than the decoder takes, and no less", () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = { cycle };
    expect(refusalOf(cycle)).toContain("holds itself");
    const nested = (depth: number): unknown =>
      depth === 0 ? null : depth % 2 ? [nested(depth - 1)] : { a: nested(depth - 1) };
    expect(roundTrip(nested(DEPTH_MAX))).toEqual(nested(DEPTH_MAX));
    expect(refusalOf(nested(DEPTH_MAX + 1))).toContain("nested deeper");
  });

  test("add() leaves the frame as it was when a message is refused, or a getter throws or changes what is read", () => {
    const encoder = new Encoder();
    const list: unknown[] = [0, 0, 0];
    const map = new Map<string, unknown>([["a", 1]]);
    const shrinking = Object.defineProperty({}, "now", { enumerable: true, get: () => (list.length = 1) });
    const growing = Object.defineProperty({}, "now", { enumerable: true, get: () => map.set("b", 2).size });
    list[0] = shrinking;
    map.set("a", growing);
    const throwing = Object.defineProperty({}, "now", {
      enumerable: true,
      get() {
        throw new Error("not now");
      },
    });
    encoder.add([1, "before"]);
    expect(() => encoder.add([2, "x".repeat(3_000), throwing])).toThrow("not now");
    expect(() => encoder.add([2, map])).toThrow("changed while");
    encoder.add([3, list]);
    expect(() => encoder.add([2, new Float32Array(1)])).toThrow("send its bytes");
    encoder.add([4, "behind"]);
    const { values } = decoder.decodeFrame(encoder.finish());
    expect(values).toEqual([
      [1, "before"],
      [3, [{ now: 1 }, undefined, undefined]],
      [4, "behind"],
    ]);
  });

  test("encode() refuses more bytes than may be sent before it takes memory for them", () => {
    const encoder = new Encoder(100_000);
    const text = "x".repeat(1_000_000);
    for (const each of [text, new Array(1_000).fill(text), new Uint8Array(1_000_000)]) {
      expect(() => encoder.encode(each)).toThrow("at most 100000 are sent");
    }
  });

  test("finish() gives frames of any number of messages, each with nothing of the last", () => {
    const encoder = new Encoder();
    for (const count of [1, 15, 16, 1_000, 3]) {
      const messages = Array.from({ length: count }, (_, index) => [index, "x".repeat(count)]);
      for (const message of messages) encoder.add(message);
      expect(encoder.count).toBe(count);
      expect(decoder.decodeFrame(encoder.finish()).values).toEqual(messages);
    }
  });

  test("nothing but the value's own bytes goes out, whatever was encoded before and whatever is refused", () => {
    const encoder = new Encoder();
    const secret = "correct horse battery staple ";
    const odd: unknown[] = [
      new Float64Array(64),
      new DataView(new ArrayBuffer(64)),
      new Shy(64),
      Buffer.allocUnsafe(64).fill(0),
      "€".repeat(40),
      new Date(0),
      { big: 2n ** 70n },
      new Array(64),
    ];
    const frames: Uint8Array[] = [];
    for (const each of odd) {
      encoder.add([0, secret.repeat(200)]);
      encoder.finish();
      encoder.encode({ secret: secret.repeat(200) });
      for (const message of [
        [1, each],
        [2, "fine"],
      ] satisfies Message[]) {
        try {
          encoder.add(message);
          frames.push(encoder.encode(message[1]));
        } catch (thrown) {
          expect(messageOf(thrown)).toContain("cannot be encoded");
        }
      }
      frames.push(Uint8Array.from(encoder.finish()));
    }
    expect(frames.length).toBeGreaterThan(odd.length);
    for (const bytes of frames) expect(Buffer.from(bytes).toString("latin1")).not.toContain("horse");
  });

  test("encode() gives bytes of its own that later calls do not change", () => {
    const encoder = new Encoder();
    const first = encoder.encode("first");
    encoder.encode("other");
    expect(first).not.toBeInstanceOf(Buffer);
    expect(decoder.decode(first)).toBe("first");
  });
});
