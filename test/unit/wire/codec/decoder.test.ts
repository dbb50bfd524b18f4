/** The decoder is put to what a stranger may send: whatever it is, it is a value or `link.malformed`. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Packr } from "msgpackr";
import { Failure } from "../../../../src/base/errors.ts";
import { DEPTH_MAX, Decoder, ELEMENTS_MAX, Undecodable } from "../../../../src/wire/codec/index.ts";

const packr = new Packr({ useRecords: false, mapsAsObjects: true });
const decoder = new Decoder();

function codeOf(bytes: Uint8Array): string {
  try {
    decoder.decode(bytes);
    return "fine";
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown.code;
    throw thrown;
  }
}

const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, undefined, true, false),
    fc.double({ noNaN: true }).map((number) => number || 0), // a negative zero travels as zero
    fc.integer(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(2 ** 33 * 1000) }),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(fc.string({ maxLength: 40 }), tie("value"), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value;

describe("Decoder", () => {
  test("decode() gives back what msgpackr has encoded, whatever it is", () => {
    fc.assert(
      fc.property(value, (original) => {
        expect(decoder.decode(packr.pack(original))).toEqual(original);
      }),
      { numRuns: 500 },
    );
  });

  test("decodeFrame() gives each message and the bytes it took", () => {
    const messages = [[1, 2, "topic", { a: 1 }], [11], [2, 7, "x".repeat(300)]];
    const { values, sizes } = decoder.decodeFrame(packr.pack(messages));
    expect(values).toEqual(messages);
    expect(sizes).toEqual(messages.map((message) => packr.pack(message).byteLength));
  });

  test("decode() gives a value or link.malformed when bytes are random", () => {
    const codes = new Set<string>();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        codes.add(codeOf(bytes));
      }),
      { numRuns: 5_000 },
    );
    expect([...codes].sort()).toEqual(["fine", "link.malformed"]);
  });

  test("decode() gives a value or link.malformed when any bit of a message is flipped", () => {
    const bytes = packr.pack([
      1,
      70_000,
      "topic",
      30_000,
      { text: "grün", list: [1.5, null], bytes: new Uint8Array(9) },
    ]);
    const codes = new Set<string>();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      codes.add(codeOf(flipped));
    }
    expect([...codes].sort()).toEqual(["fine", "link.malformed"]);
  });

  test("decode() throws link.malformed when a message is cut anywhere or something follows", () => {
    const bytes = packr.pack([1, 70_000, "topic", { text: "x".repeat(300), list: [1.5, -1], when: new Date() }]);
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(Uint8Array.from(bytes.subarray(0, length)))).toBe("link.malformed");
    }
    expect(codeOf(Uint8Array.from([...bytes, 0]))).toBe("link.malformed");
  });

  test("decode() reads no byte beyond its own when it is a view of something larger", () => {
    const whole = Buffer.from([0xa3, 0x61, 0x62, 0x63]);
    expect(codeOf(whole.subarray(0, 3))).toBe("link.malformed");
  });

  test("decode() throws link.malformed when values are nested too deep, however long the input", () => {
    const nested = (depth: number): Uint8Array => Uint8Array.from([...new Array<number>(depth).fill(0x91), 0xc0]);
    expect(codeOf(nested(DEPTH_MAX))).toBe("fine");
    expect(codeOf(nested(DEPTH_MAX + 1))).toBe("link.malformed");
    expect(codeOf(nested(1_000_000))).toBe("link.malformed");
    const maps = Uint8Array.from(new Array(100_000).fill([0x81, 0xa1, 0x61]).flat());
    expect(codeOf(maps)).toBe("link.malformed");
  });

  test("decode() throws link.malformed when a short input has more elements than are taken", () => {
    const empty = (count: number): Uint8Array => {
      const bytes = Buffer.alloc(count + 5, 0x90);
      bytes[0] = 0xdd;
      bytes.writeUInt32BE(count, 1);
      return bytes;
    };
    expect(codeOf(empty(10_000))).toBe("fine");
    expect(codeOf(empty(ELEMENTS_MAX + 1))).toBe("link.malformed");
  });

  for (const [name, bytes] of [
    ["an array", [0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0]],
    ["a map", [0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1, 0x61, 0xc0]],
    ["text", [0xdb, 0xff, 0xff, 0xff, 0xff, 0x61]],
    ["bytes", [0xc6, 0xff, 0xff, 0xff, 0xff, 0x61]],
    ["nested arrays", [0xdc, 0x00, 0x08, 0xdd, 0x7f, 0xff, 0xff, 0xff, 0xc0, 0xc0, 0xc0]],
  ] as const) {
    test(`decode() throws link.malformed when ${name} is announced that is larger than what follows`, () => {
      expect(codeOf(Uint8Array.from(bytes))).toBe("link.malformed");
    });
  }

  for (const [name, bytes] of [
    ["a record definition, which would compile a function", [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01]],
    ["a bundle of strings", [0xd6, 0x62, 0x00, 0x00, 0x00, 0x05, 0xc1, 0x01, 0xa1, 0x61, 0xa0]],
    ["an error", [0xc7, 0x00, 0x65, 0x92, 0xa5, 0x45, 0x72, 0x72, 0x6f, 0x72, 0xa1, 0x61]],
    ["a pattern", [0xc7, 0x00, 0x78, 0x92, 0xa1, 0x61, 0xa0]],
    ["a set", [0xc7, 0x00, 0x73, 0x90]],
    ["a reference", [0xd6, 0x70, 0x00, 0x00, 0x00, 0x01]],
    ["a typed array", [0xd5, 0x74, 0x00, 0x01]],
    ["a huge integer", [0xd8, 0x42, ...new Array<number>(16).fill(0x7f)]],
    ["the byte that is never used", [0xc1]],
    ["a long extension", [0xc9, 0, 0, 0, 1, 0xff, 0]],
    ["a key that is an array", [0x81, 0x90, 0x01]],
    ["a time of two bytes", [0xd5, 0xff, 0x00, 0x01]],
  ] as const) {
    test(`decode() throws link.malformed when it meets ${name}`, () => {
      expect(codeOf(Uint8Array.from(bytes))).toBe("link.malformed");
    });
  }

  test("decodeFrame() puts Undecodable in the place of an element that is not taken, and reads all around it", () => {
    const deep = (depth: number): unknown => (depth === 0 ? null : [deep(depth - 1)]);
    const odd: Uint8Array[] = [
      packr.pack(deep(DEPTH_MAX + 1)),
      packr.pack({ a: [1, "x".repeat(300), new Uint8Array(70_000), new Array(20).fill(7)], b: deep(DEPTH_MAX) }),
      Uint8Array.from([0x92, 0x81, 0x05, 0xa1, 0x61, 0x81, 0x90, 0x01]), // a key that is an array
      Uint8Array.from([0xd5, 0xff, 0x00, 0x01]),
      Uint8Array.from([0xd8, 0x42, ...new Array<number>(16).fill(0x7f)]),
      Uint8Array.from([0xc7, 0x02, 0x65, 0x92, 0xa5]),
      Uint8Array.from([0xc8, 0x00, 0x01, 0x65, 0x92]),
      Uint8Array.from([0xc9, 0x00, 0x00, 0x00, 0x01, 0x65, 0x92]),
      Uint8Array.from([
        0xde,
        0x00,
        0x01,
        0xcb,
        ...new Array<number>(8).fill(1),
        0xdd,
        0,
        0,
        0,
        1,
        0xd3,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
      ]),
    ];
    for (const each of odd) {
      const frame = Buffer.concat([
        Uint8Array.from([0x93]),
        packr.pack([1, "before"]),
        Uint8Array.from([0x93, 0x02]),
        each,
        packr.pack("behind"),
        packr.pack([3, "after"]),
      ]);
      const { values, sizes } = decoder.decodeFrame(frame);
      expect(values).toEqual([
        [1, "before"],
        [2, expect.any(Undecodable), "behind"],
        [3, "after"],
      ]);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(frame.length - 1);
      expect(((values[1] as unknown[])[1] as Undecodable).why.code).toBe("link.undecodable");
      for (let length = 0; length < frame.length; length++) {
        expect(() => decoder.decodeFrame(frame.subarray(0, length))).toThrow(Failure);
      }
    }
  });

  test("decodeFrame() gives values or throws link.malformed when any byte of a frame is another", () => {
    const bytes = packr.pack([
      [1, 2, "topic", 1000, { text: "x", list: [1.5, { a: [null] }], when: new Date(1), big: 2n ** 60n }],
      [5, "topic", new Uint8Array(20)],
    ]);
    for (let at = 0; at < bytes.length; at++) {
      for (let byte = 0; byte < 256; byte++) {
        const changed = Uint8Array.from(bytes);
        changed[at] = byte;
        try {
          expect(decoder.decodeFrame(changed).values).toBeArray();
        } catch (thrown) {
          expect((thrown as Failure).code).toBe("link.malformed");
        }
      }
    }
  });

  test("decode() gives bytes that keep no larger frame alive", () => {
    const small = decoder.decode(packr.pack([new Uint8Array(10).fill(7), "x".repeat(100_000)])) as [Uint8Array];
    expect(small[0]).toEqual(new Uint8Array(10).fill(7));
    expect(small[0].buffer.byteLength).toBeLessThan(1_000);
    const large = decoder.decode(Uint8Array.from(packr.pack(new Uint8Array(50_000)))) as Uint8Array;
    expect(large.buffer.byteLength).toBeLessThan(100_000);
  });

  test("decode() makes an own property of __proto__ and changes no prototype", () => {
    const bytes = packr.pack(JSON.parse('{"__proto__":{"isAdmin":true},"constructor":1}'));
    const text = Buffer.from(bytes).toString("latin1");
    expect(text).toContain("__proto__");
    const decoded = decoder.decode(bytes) as Record<string, unknown>;
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
    expect(decoded.isAdmin).toBeUndefined();
    expect(Object.keys(decoded)).toEqual(["__proto__", "constructor"]);
  });

  test("decode() tells keys apart that fall on the same place of its memory", () => {
    const keys = Array.from({ length: 20_000 }, (_, index) => `k${index.toString(36)}`);
    for (let round = 0; round < 2; round++) {
      for (let from = 0; from < keys.length; from += 500) {
        const some = keys.slice(from, from + 500);
        expect(
          Object.keys(decoder.decode(packr.pack(Object.fromEntries(some.map((key) => [key, 1])))) as object),
        ).toEqual(some);
      }
    }
  });
});
