/** HPACK against the numbers of RFC 7541, against a dumber decoder, and against nonsense. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { HpackDecoder } from "../../../../src/wire/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../../src/wire/http2/hpack/encoder.ts";
import { huffmanDecode, huffmanEncode, huffmanLength } from "../../../../src/wire/http2/hpack/huffman.ts";
import { Output } from "../../../../src/wire/http2/output.ts";
import { DumbDecoder } from "./dumb-hpack.ts";

type Field = [string, string];

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/\s/g, ""), "hex"));
}

function decode(decoder: HpackDecoder, bytes: Uint8Array): Field[] | string {
  const fields: Field[] = [];
  const fault = decoder.decode(bytes, 0, bytes.length, { field: (name, value) => void fields.push([name, value]) });
  return fault ?? fields;
}

function encode(encoder: HpackEncoder, fields: readonly Field[]): Uint8Array {
  const out = new Output();
  encoder.begin(out);
  for (const [name, value] of fields) encoder.field(out, name, value);
  return out.take();
}

const REQUESTS: Field[][] = [
  [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
  ],
  [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
    ["cache-control", "no-cache"],
  ],
  [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/index.html"],
    [":authority", "www.example.com"],
    ["custom-key", "custom-value"],
  ],
];
const date = ["Mon, 21 Oct 2013 20:13:21 GMT", "Mon, 21 Oct 2013 20:13:22 GMT"] as const;
const location: Field = ["location", "https://www.example.com"];
const REPLIES: Field[][] = [
  [[":status", "302"], ["cache-control", "private"], ["date", date[0]], location],
  [[":status", "307"], ["cache-control", "private"], ["date", date[0]], location],
  [
    [":status", "200"],
    ["cache-control", "private"],
    ["date", date[1]],
    location,
    ["content-encoding", "gzip"],
    ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
  ],
];

describe("RFC 7541, appendix C", () => {
  test.each<[string, string, Field[], number]>([
    [
      "C.2.1",
      "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
      [["custom-key", "custom-header"]],
      55,
    ],
    ["C.2.2", "040c 2f73 616d 706c 652f 7061 7468", [[":path", "/sample/path"]], 0],
    ["C.2.3", "1008 7061 7373 776f 7264 0673 6563 7265 74", [["password", "secret"]], 0],
    ["C.2.4", "82", [[":method", "GET"]], 0],
  ])("decode() reads the field of %s when it is alone", (_name, bytes, fields, size) => {
    const decoder = new HpackDecoder(4096);
    expect(decode(decoder, hex(bytes))).toEqual(fields);
    expect(decoder.size).toBe(size);
  });

  test.each<[string, number, string[], Field[][], number[]]>([
    [
      "C.3",
      4096,
      [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      ],
      REQUESTS,
      [57, 110, 164],
    ],
    [
      "C.4",
      4096,
      [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
      ],
      REQUESTS,
      [57, 110, 164],
    ],
    [
      "C.5",
      256,
      [
        `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 54
         6e17 6874 7470 733a 2f2f 7777 772e 6578 616d 706c 652e 636f 6d`,
        "4803 3330 37c1 c0bf",
        `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d
         4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572
         7369 6f6e 3d31`,
      ],
      REPLIES,
      [222, 222, 215],
    ],
    [
      "C.6",
      256,
      [
        `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b
         97c8 e9ae 82ae 43d3`,
        "4883 640e ffc1 c0bf",
        `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf
         cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
      ],
      REPLIES,
      [222, 222, 215],
    ],
  ])("decode() reads the messages of %s when they follow each other", (_name, max, blocks, messages, sizes) => {
    const decoder = new HpackDecoder(max);
    const seen = blocks.map((block) => [decode(decoder, hex(block)), decoder.size]);
    expect(seen).toEqual(messages.map((message, at) => [message, sizes[at]!]));
  });
});

test.each([
  ["an index of 0", "80"],
  ["an index behind both tables", "be"],
  ["a number that never ends", "ff80 8080 8080 8080 01"],
  ["a number that is cut", "ff80"],
  ["a string longer than the block", "0005 61"],
  ["a string that is not there", "00"],
  ["a table larger than allowed", "3fe2 1f"],
  ["a change of the table after a field", "8220"],
  ["padding of zeros in a Huffman string", "0001 6181 00"],
  ["padding of eight ones", "0001 6182 1fff"],
  ["the end-of-string symbol", "0001 6184 ffff ffff"],
])("decode() refuses %s when a block holds it", (_name, bytes) => {
  expect(typeof decode(new HpackDecoder(4096), hex(bytes))).toBe("string");
});

/** Each symbol's code as bits, out of our encoder. */
function huffmanCodes(): Map<string, number> {
  const codes = new Map<string, number>();
  for (let symbol = 0; symbol < 256; symbol++) {
    // Eight times the symbol is a whole number of bytes: its code is the first eighth of the bits.
    const bytes = new Uint8Array(64);
    const end = huffmanEncode(String.fromCharCode(symbol).repeat(8), bytes, 0);
    const bits = [...bytes.subarray(0, end)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
    codes.set(bits.slice(0, bits.length / 8), symbol);
  }
  return codes;
}

test("huffmanEncode() gives a prefix code of 256 different codes when each byte is encoded", () => {
  const codes = [...huffmanCodes().keys()];
  expect(codes.length).toBe(256);
  // Kraft's sum, with the 30 bits of end-of-string: the code is complete.
  expect(codes.reduce((sum, code) => sum + 2 ** -code.length, 0)).toBe(1 - 2 ** -30);
});

test("huffmanDecode() gives back the text when it was encoded by huffmanEncode()", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const text = Buffer.from(bytes).toString("latin1");
      const coded = new Uint8Array(huffmanLength(text));
      expect(huffmanEncode(text, coded, 0)).toBe(coded.length);
      const decoded = new Uint8Array(bytes.length * 2 + 8);
      const end = huffmanDecode(coded, 0, coded.length, decoded);
      expect(Buffer.from(decoded.subarray(0, end)).toString("latin1")).toBe(text);
    }),
  );
});

const nameArb = fc.oneof(
  fc.constantFrom(":method", ":path", ":status", "content-type", "date", "authorization", "cookie", "x-one", "x-two"),
  fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/),
);
const valueArb = fc.oneof(
  fc.constantFrom("GET", "/", "200", "a", "b", "application/json"),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  fc.nat(2000).map((length) => "v".repeat(length)),
);
const blocksArb = fc.array(
  fc.record({ allow: fc.option(fc.nat(5000)), fields: fc.array(fc.tuple(nameArb, valueArb), { maxLength: 12 }) }),
  { maxLength: 12 },
);
const HOP = new Set(["connection", "upgrade", "keep-alive", "transfer-encoding", "proxy-connection"]);

test("decode() gives back the fields when an encoder wrote them, also while the table's size changes", () => {
  const huffman = huffmanCodes();
  fc.assert(
    fc.property(blocksArb, (blocks) => {
      const encoder = new HpackEncoder(4096);
      const decoder = new HpackDecoder(4096);
      const dumb = new DumbDecoder(4096);
      for (const { allow, fields } of blocks) {
        if (allow !== null) encoder.allow(allow);
        const sent = fields.filter(([name]) => !HOP.has(name));
        const bytes = encode(encoder, sent);
        expect(decode(decoder, bytes)).toEqual(sent);
        expect(dumb.decode([...bytes], huffman)).toEqual(sent);
        expect(decoder.size).toBe(encoder.size);
        expect(dumb.size).toBe(encoder.size);
        expect(encoder.size).toBeLessThanOrEqual(4096);
      }
    }),
    { numRuns: 300 },
  );
});

test("decode() agrees with a dumber decoder when blocks are nonsense", () => {
  const huffman = huffmanCodes();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const seen = decode(new HpackDecoder(4096), bytes);
      let other: Field[] | string;
      try {
        other = new DumbDecoder(4096).decode([...bytes], huffman);
      } catch {
        expect(typeof seen).toBe("string");
        return;
      }
      // Ours refuses more: huge numbers, changes of the table where none may be.
      if (typeof seen !== "string") expect(seen).toEqual(other);
    }),
    { numRuns: 2000 },
  );
});

describe("encoder", () => {
  test("field() sends one byte when a field is sent for the third time", () => {
    const encoder = new HpackEncoder(4096);
    const field: Field[] = [["date", date[0]]];
    const sizes = [1, 2, 3].map(() => encode(encoder, field).length);
    expect(sizes[2]).toBe(1);
    expect(sizes[0]).toBeGreaterThan(20);
  });

  test("field() keeps values out of the table when they are secret", () => {
    const encoder = new HpackEncoder(4096);
    for (let turn = 0; turn < 3; turn++)
      expect(encode(encoder, [["authorization", "Bearer abc"]])[0]! & 0xf0).toBe(0x10);
    expect(encoder.size).toBe(0);
  });

  test("field() keeps values out of the table when they never come again", () => {
    const encoder = new HpackEncoder(4096);
    for (let turn = 0; turn < 100; turn++) encode(encoder, [[":path", `/users/${turn}`]]);
    expect(encoder.size).toBe(0);
  });

  test("field() leaves a field out when it belongs to one hop", () => {
    const fields: Field[] = [
      ["connection", "close"],
      ["transfer-encoding", "chunked"],
      ["Upper", "x"],
    ];
    expect(encode(new HpackEncoder(4096), fields).length).toBe(0);
  });
});
