import { describe, expect, test } from "bun:test";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { FieldCipher, parseEncrypted } from "../../../../../plugins/encryption/cipher.ts";
import { deriveKeys } from "../../../../../plugins/encryption/keys.ts";
import {
  bodyKind,
  inflateBody,
  inflationOf,
  type JsonPath,
  maskBody,
  mayHide,
  parseJsonPath,
} from "../../../../../src/edge/gateway/mask/index.ts";
import { PathWalk } from "../../../../../src/edge/gateway/mask/path-walk.ts";
import type { KeptBytes } from "../../../../../src/wire/http/index.ts";
import { rulesOf, SECRET } from "./rules.ts";

/** All ways of a path at once, as sets of places in it: slow, plain, and not how it is done. */
function hiddenIn(value: unknown, path: JsonPath, places: readonly number[]): unknown {
  if (places.includes(path.length)) return typeof value === "string" ? "*".repeat(value.length) : "********";
  if (typeof value !== "object" || value === null) return value;
  const next = (key: string | number): number[] =>
    places.flatMap((place) => {
      const isDeep = path[place]!.kind === "deep";
      const wanted = path[isDeep ? place + 1 : place]!;
      const isTaken =
        wanted.kind === "each" ||
        (wanted.kind === "name" && wanted.name === key) ||
        (wanted.kind === "index" && wanted.index === key);
      return [...(isDeep ? [place] : []), ...(isTaken ? [place + (isDeep ? 2 : 1)] : [])];
    });
  if (Array.isArray(value)) return value.map((each, at) => hiddenIn(each, path, next(at)));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, hiddenIn(each, path, next(key))]));
}

const BOUNDS = { inflatedBytesMax: 1 << 20, inflateRatioMax: 100 };

function maskIn(text: string, ...lines: string[]): string {
  const body = { bytes: Buffer.from(text), contentType: "application/json", contentEncoding: "" };
  return Buffer.from(maskBody(body, rulesOf(...lines), BOUNDS).bytes).toString();
}

describe("maskBody() with JSON paths", () => {
  test.each([
    ["$.a", '{"a":"secret","b":"x"}', '{"a":"***ret","b":"x"}'],
    ["$.a.b", '{"a":{"b":1234567890,"c":2},"b":3}', '{"a":{"b":"******7890","c":2},"b":3}'],
    [
      "$..e",
      '{"e":"abcdefgh","x":[{"e":"ijklmnop"},{"y":{"e":null}}]}',
      '{"e":"****efgh","x":[{"e":"****mnop"},{"y":{"e":null}}]}',
    ],
    ["$.l[*].k", '{"l":[{"k":true},{"k":"12345678"}]}', '{"l":[{"k":"**ue"},{"k":"****5678"}]}'],
    ["$.l[1]", '{"l":[1,[2,3],4]}', '{"l":[1,"********",4]}'],
    ["$[*]", "[1, 22]", '["*", "*2"]'],
    ["$['a b']", '{"a b":{"c":1}}', '{"a b":"********"}'],
    ["$..*", '{"a":1}', '{"a":"*"}'],
    ["$.a", '{"\\u0061":"12345678","a":"abcdefgh"}', '{"\\u0061":"****5678","a":"****efgh"}'],
    [
      "$.none",
      '{ "n" : 12345678901234567890.10e5 , "n":"\\u00e9" } ',
      '{ "n" : 12345678901234567890.10e5 , "n":"\\u00e9" } ',
    ],
    ["$.a", '{"a":"12345678"}\n{"a":"abcdefgh"}\n', '{"a":"****5678"}\n{"a":"****efgh"}\n'],
  ])("maskBody() hides %s when the body is %j", (path, text, expected) => {
    expect(maskIn(text, path)).toBe(expected);
  });

  test.each([
    ["$.a", '{"a":1,"b":2,"c":3}', '{"b":2,"c":3}'],
    ["$.b", '{"a":1, "b":2, "c":3}', '{"a":1, "c":3}'],
    ["$.c", '{"a":1, "b":2, "c":3 }', '{"a":1, "b":2 }'],
    ["$.a", '{"a":1}', "{}"],
    ["$.a", '{"a":1,"a":2,"b":[],"a":3}', '{"b":[]}'],
    ["$[*].x", '[{"x":1},{"x":2,"y":3}]', '[{},{"y":3}]'],
    ["$.l[0]", '{"l":[1,2,3]}', '{"l":[2,3]}'],
    ["$..x", '[{"a":{"x":{"x":1}},"x":null}]', '[{"a":{}}]'],
  ])("maskBody() leaves %s out when the body is %j", (path, text, expected) => {
    expect(maskIn(text, `${path}|remove`)).toBe(expected);
  });

  test("maskBody() leaves out what a pattern has already hidden when both rules meet", () => {
    expect(maskIn('{"a@b.org":"c@d.org","k":"e@f.org"}', "email|mask|keep_last=0", "$['a@b.org']|remove")).toBe(
      '{"k":"*******"}',
    );
  });

  test("maskBody() encrypts so that the encryption plugin decrypts when it has the key and the field", () => {
    const masked = JSON.parse(
      maskIn(
        '{"card":{"number":"4111"},"email":"a@b.org","n":12}',
        "$.card.number|encrypt|key=k",
        "$.email|encrypt|key=k",
        "$.n|encrypt|key=k",
      ),
    );
    const keys = deriveKeys(SECRET, undefined);
    const plain = (text: string, field: string): string => {
      const parts = parseEncrypted(text)!;
      expect(parts.keyId).toBe(keys.id);
      return new FieldCipher(keys, field).decrypt(parts.payload);
    };
    expect(plain(masked.email, "email")).toBe('"a@b.org"');
    expect(plain(masked.n, "n")).toBe("12");
    expect(plain(masked.card.number, "card.number")).toBe('"4111"');
    expect(() => plain(masked.email, "other")).toThrow();
  });
});

describe("maskBody() with patterns in JSON", () => {
  test("maskBody() looks into texts, names and whole numbers when rules are patterns", () => {
    const text =
      '{"4111111111111111":"pay 5555555555554444\\u0021","n":4111111111111111,"m":4111111111111111.5,"e":[-4111111111111111]}';
    expect(maskIn(text, "card")).toBe(
      '{"************1111":"pay ************4444!","n":"************1111","m":4111111111111111.5,"e":["************1111"]}',
    );
  });

  test("maskBody() gives JSON that says the same but for what is hidden when the body is any", () => {
    const value = fc.jsonValue({ maxDepth: 4 }).map((each) => ({ each, secret: "x@y.org", list: [{ secret: 1 }] }));
    fc.assert(
      fc.property(value, fc.constantFrom(0, 1, 2), (original, indent) => {
        const text = JSON.stringify(original, null, indent);
        const keep = (name: string, inner: unknown): unknown => (name === "secret" ? undefined : inner);
        expect(JSON.parse(maskIn(text, "$..secret|remove"))).toEqual(JSON.parse(JSON.stringify(original, keep)));
        const untouched = maskIn(text, "$.none.none|remove");
        expect(untouched).toBe(text);
      }),
    );
  });

  test("maskBody() refuses what JSON.parse refuses when the text is near JSON", () => {
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
      "0",
      "1e5",
      ".5",
      "true",
      "nul",
      "null",
      " ",
      "\\",
      "\u0001",
      '"\\x"',
      '"\\u00e"',
    );
    let [good, bad] = [0, 0];
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 7 }), (parts) => {
        const text = `[${parts.join("")}]`;
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        const attempt = (): string => maskIn(text, "$.zz");
        if (isJson) {
          good++;
          expect(attempt()).toBe(text);
        } else if (!/\]\s*[[\]{}"\-0-9tfn]/.test(text)) {
          bad++; // more than one value in a row is allowed here
          expect(attempt).toThrow("JSON is required");
        }
      }),
      { numRuns: 4000 },
    );
    expect(good).toBeGreaterThan(20);
    expect(bad).toBeGreaterThan(500);
  });

  test("maskBody() finds the same as a search that tries every way when paths go to any depth", () => {
    const name = fc.constantFrom("a", "b", "c");
    const document = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 5, depthSize: "small" },
        fc.constant("leaf"),
        fc.dictionary(name, tie("node"), { maxKeys: 3, noNullPrototype: true }),
        fc.array(tie("node"), { maxLength: 3 }),
      ),
    })).node;
    const step = fc.constantFrom("..a", ".a", "..b", ".b", "..*", "[*]", "[1]", "..c");
    let hidden = 0;
    fc.assert(
      fc.property(document, fc.array(step, { minLength: 1, maxLength: 3 }), (value, steps) => {
        const path = `$${steps.join("")}`;
        const expected = hiddenIn(value, parseJsonPath(path) as JsonPath, [0]);
        if (JSON.stringify(expected) !== JSON.stringify(value)) hidden++;
        expect(JSON.parse(maskIn(JSON.stringify(value), `${path}|mask|keep_last=0`))).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
    expect(hidden).toBeGreaterThan(50);
  });

  test("PathWalk.down() keeps each place once when a document is deep and paths can come there in many ways", () => {
    const walk = new PathWalk(rulesOf("$..a..b..c..*..d", "$..a..a..a").paths);
    let standings = walk.begin();
    for (const part of "aabbaacca".repeat(20)) {
      standings = walk.down(standings, part);
      expect(new Set(standings).size).toBe(standings.length);
      expect(standings.length).toBeLessThanOrEqual(18);
    }
    expect(walk.ended(standings)).toBeDefined();
  });

  test("maskBody() reads JSON when it begins with a byte order mark", () => {
    expect(maskIn('\ufeff{"a":"12345678"}', "$.a")).toBe('\ufeff{"a":"****5678"}');
  });

  test("maskBody() refuses when JSON is too deep or no UTF-8", () => {
    expect(() => maskIn("[".repeat(5000) + "]".repeat(5000), "$.a")).toThrow("levels");
    const body = { bytes: Uint8Array.of(0x22, 0xff, 0x22), contentType: "application/json", contentEncoding: "" };
    expect(() => maskBody(body, rulesOf("$.a"), BOUNDS)).toThrow("not UTF-8");
  });
});

describe("maskBody() with other bodies", () => {
  const secret = '{"a":"12345678"}';
  test.each([
    ["gzip", gzipSync(secret)],
    ["deflate", deflateSync(secret)],
    ["br", brotliCompressSync(secret)],
    ["zstd", zstdCompressSync(secret)],
    ["identity", Buffer.from(secret)],
  ])("maskBody() reads the body when it is coded as %s", (contentEncoding, bytes) => {
    const masked = maskBody({ bytes, contentType: "application/json", contentEncoding }, rulesOf("$.a"), BOUNDS);
    expect(Buffer.from(masked.bytes).toString()).toBe('{"a":"****5678"}');
    expect(masked).toMatchObject({ count: 1, isChanged: true });
  });

  test("maskBody() gives the very bytes when nothing is hidden", () => {
    const bytes = gzipSync("{}");
    const masked = maskBody(
      { bytes, contentType: "application/json", contentEncoding: "gzip" },
      rulesOf("$.a"),
      BOUNDS,
    );
    expect(masked.bytes).toBe(bytes);
    expect(masked.isChanged).toBe(false);
  });

  test("maskBody() refuses when a body inflates beyond the bounds or cannot be read", () => {
    const of = (bytes: Uint8Array, contentEncoding: string) => () =>
      maskBody({ bytes, contentType: "text/plain", contentEncoding }, rulesOf("card"), BOUNDS);
    for (const [coding, bomb] of [
      ["gzip", gzipSync(Buffer.alloc(8 << 20))],
      ["br", brotliCompressSync(Buffer.alloc(8 << 20))],
      ["zstd", zstdCompressSync(Buffer.alloc(8 << 20))],
      ["deflate", deflateSync(Buffer.alloc(8 << 20))],
    ] as const) {
      expect(of(bomb, coding)).toThrow(expect.objectContaining({ code: "gateway.body_too_large" }));
    }
    expect(of(gzipSync(Buffer.alloc(900_000)), "gzip")).toThrow(
      expect.objectContaining({ code: "gateway.body_too_large" }),
    ); // the ratio
    expect(of(Buffer.from("x"), "gzip")).toThrow(expect.objectContaining({ code: "gateway.body_unreadable" }));
    expect(of(Buffer.from("x"), "lzma")).toThrow(expect.objectContaining({ code: "gateway.body_unreadable" }));
    expect(of(gzipSync(gzipSync("x")), "gzip, gzip")).toThrow(
      expect.objectContaining({ code: "gateway.body_unreadable" }),
    );
  });

  test.each([
    ["zeros and another member", "gzip", [gzipSync("x"), Buffer.alloc(8), gzipSync("4111111111111111")]],
    ["text behind gzip", "gzip", [gzipSync("x"), Buffer.from("4111111111111111")]],
    ["text behind deflate", "deflate", [deflateSync("x"), Buffer.from("4111111111111111")]],
    ["text behind brotli", "br", [brotliCompressSync("x"), Buffer.from("4111111111111111")]],
    ["text behind zstd", "zstd", [zstdCompressSync("x"), Buffer.from("4111111111111111")]],
  ])(
    "inflateBody() and inflationOf() refuse a body with something behind its end: %s",
    async (_what, coding, parts) => {
      const bytes = Buffer.concat(parts);
      const unreadable = expect.objectContaining({ code: "gateway.body_unreadable" });
      expect(() => inflateBody(bytes, coding, BOUNDS)).toThrow(unreadable);
      expect(await new Promise((done) => inflationOf(bytes, coding, BOUNDS)(done))).toEqual(unreadable);
    },
  );

  test("inflateBody() and inflationOf() take all members of gzip and zstd", async () => {
    for (const [coding, pack] of [
      ["gzip", gzipSync],
      ["zstd", zstdCompressSync],
    ] as const) {
      const bytes = Buffer.concat([pack("a"), pack("b".repeat(300_000)), pack("c")]);
      const plain = Buffer.from(`a${"b".repeat(300_000)}c`);
      const bounds = { ...BOUNDS, inflateRatioMax: 1e6 };
      expect(inflateBody(bytes, coding, bounds)).toEqual(plain);
      const pieces = await new Promise((done) => inflationOf(bytes, coding, bounds)(done));
      expect(Buffer.from((pieces as KeptBytes).takeAll())).toEqual(plain);
    }
  });

  test.each([
    ["text/csv", [0xff, 0xfe], "utf16le"],
    ["text/csv", [], "utf16le"],
    ["", [], "utf16le"],
    ["application/json", [0xff, 0xfe], "utf16le"],
    ["multipart/form-data; boundary=b", [0xff, 0xfe], "utf16le"],
    ["text/plain", [0xfe, 0xff], "latin1"],
  ] as const)("maskBody() refuses what is no text with ASCII in it: %p with %p, %s", (contentType, mark, coding) => {
    const bytes = Buffer.concat([Buffer.of(...mark), Buffer.from("card,4111111111111111", coding)]);
    expect(() => maskBody({ bytes, contentType, contentEncoding: "" }, rulesOf("card"), BOUNDS)).toThrow(
      expect.objectContaining({ code: "gateway.body_unreadable" }),
    );
  });

  test("maskBody() takes zeros in parts, which may be pictures", () => {
    const bytes = Buffer.from("--b\r\n\r\n\0\0 4111111111111111\r\n--b--");
    const contentType = "multipart/form-data; boundary=b";
    const masked = maskBody({ bytes, contentType, contentEncoding: "" }, rulesOf("card"), BOUNDS);
    expect(Buffer.from(masked.bytes).toString()).toBe("--b\r\n\r\n\0\0 ************1111\r\n--b--");
  });

  test("maskBody() hides a number however it is written", () => {
    const card = "4111111111111111";
    const hidden = ["4111111111111111.0", `${card}e0`, `-${card}`, "4.111111111111111e15", "411111111111111100E-2"];
    const left = [`${card}.5`, `0.${card}`, `${card}e1`, "4.111111111111111e999", "1e400", "-0.0", "12.50"];
    const of = (numbers: readonly string[]): string => {
      const body = {
        bytes: Buffer.from(`[${numbers.join(",")}]`),
        contentType: "application/json",
        contentEncoding: "",
      };
      return Buffer.from(maskBody(body, rulesOf("card"), BOUNDS).bytes).toString();
    };
    expect(of(hidden)).toBe(JSON.stringify(hidden.map(() => "************1111")));
    expect(of(left)).toBe(`[${left.join(",")}]`);
  });

  test("maskBody() hides patterns when a text is no UTF-8 and leaves binary types alone", () => {
    const bytes = Buffer.concat([Buffer.of(0xff), Buffer.from("4111111111111111")]);
    expect(
      Buffer.from(maskBody({ bytes, contentType: "text/plain", contentEncoding: "" }, rulesOf("card"), BOUNDS).bytes),
    ).toEqual(Buffer.concat([Buffer.of(0xff), Buffer.from("************1111")]));
    expect(maskBody({ bytes, contentType: "image/png", contentEncoding: "" }, rulesOf("card"), BOUNDS).bytes).toBe(
      bytes,
    );
  });

  test.each(["application/grpc", "text/plain; charset=utf-16", 'text/plain; charset="UTF-7"', "application/cbor"])(
    "maskBody() refuses what it cannot read when the type is %j",
    (contentType) => {
      const body = { bytes: Buffer.from("4111111111111111"), contentType, contentEncoding: "" };
      expect(() => maskBody(body, rulesOf("card"), BOUNDS)).toThrow(
        expect.objectContaining({ code: "gateway.body_unreadable" }),
      );
    },
  );

  test("maskBody() hides fields when a text that nobody calls JSON is JSON, and patterns when it only looks so", () => {
    const masked = (text: string) => {
      const body = { bytes: Buffer.from(text), contentType: "text/plain", contentEncoding: "" };
      return Buffer.from(maskBody(body, rulesOf("$.name|mask|keep_last=0", "card"), BOUNDS).bytes).toString();
    };
    expect(masked('{"name":"Ada"}')).toBe('{"name":"***"}');
    expect(masked("{name} 4111111111111111")).toBe("{name} ************1111");
  });

  test.each([
    ["application/json; charset=utf-8", "json"],
    ["application/problem+json", "json"],
    ["application/x-ndjson", "json"],
    ["application/x-www-form-urlencoded", "form"],
    ["", "text"],
    ["text/html", "text"],
    ["image/svg+xml", "text"],
    ["multipart/form-data; boundary=x", "text"],
    ["application/grpc+proto", "records"],
    ["application/x-protobuf", "records"],
    ["application/vnd.google.protobuf", "records"],
    ["application/msgpack", "records"],
    ["application/senml+cbor", "records"],
    ["application/x-amz-json-1.1", "json"],
    ["application/jsonl", "json"],
    ["application/csp-report", "json"],
    ["application/connect+json", "json"],
    ["application/json, image/png", "text"],
    ["json", "text"],
    ["application/x-javascript", "text"],
    ["application/proto", "records"],
    ["application/connect+proto", "records"],
    ["application/vnd.apache.thrift.binary", "records"],
    ["application/vnd.apache.avro+binary", "records"],
    ["application/vnd.apache.arrow.stream", "records"],
    ["application/vnd.amazon.eventstream", "records"],
    ["application/x-ndjson ; charset=utf-8", "json"],
    ["application/vnd.openxmlformats-officedocument.wordprocessingml.document", "binary"],
    ["font/woff2", "binary"],
    ["application/octet-stream", "binary"],
    ["image/png", "binary"],
  ])("bodyKind() tells the kind when the type is %j", (type, kind) => {
    expect(bodyKind(type)).toBe(kind as "json");
  });
});

describe("mayHide()", () => {
  test.each([
    ["application/json", true, true],
    ["text/plain; charset=utf-8", true, true],
    ["", true, true],
    ["application/json, image/png", true, true],
    ["text/html", false, true],
    ["application/x-www-form-urlencoded", false, true],
    ["image/png", false, false],
    ["application/grpc", false, false],
  ])("mayHide() says of %j whether fields (%p) or patterns (%p) may be in it", (type, ofFields, ofPatterns) => {
    expect([mayHide(type, rulesOf("$.a")), mayHide(type, rulesOf("card"))]).toEqual([ofFields, ofPatterns]);
  });
});

describe("parseJsonPath()", () => {
  test("parseJsonPath() gives the steps when the path is right", () => {
    expect(parseJsonPath("$.a..b[*][3]['c d'][\"e'\"].*")).toEqual([
      { kind: "name", name: "a" },
      { kind: "deep" },
      { kind: "name", name: "b" },
      { kind: "each" },
      { kind: "index", index: 3 },
      { kind: "name", name: "c d" },
      { kind: "name", name: "e'" },
      { kind: "each" },
    ]);
  });

  test.each([
    ["a", 0],
    ["$", 0],
    ["$a", 1],
    ["$.", 1],
    ["$..", 1],
    ["$...a", 1],
    ["$.a[-1]", 3],
    ["$.a[1:2]", 3],
    ["$.a[?(@.b)]", 3],
    ["$.a b", 3],
    [`$${".a".repeat(33)}`, 0],
  ])("parseJsonPath() finds the fault when the path is %j", (path, at) => {
    expect(parseJsonPath(path)).toMatchObject({ at, fault: expect.any(String) });
  });
});
