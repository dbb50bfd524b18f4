import { expect, test } from "bun:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { type Inflated, inflate, inflateLater } from "../../../../../../src/edge/waf/engine/body/inflate.ts";

const TEXT = Buffer.from("a=1&b=2");
const MEGABYTE = 2 ** 20;

test.each([
  ["", TEXT],
  ["identity", TEXT],
  ["gzip", gzipSync(TEXT)],
  ["x-gzip", gzipSync(TEXT)],
  ["GZIP", gzipSync(TEXT)],
  ["deflate", deflateSync(TEXT)],
  ["deflate", deflateRawSync(TEXT)],
  ["br", brotliCompressSync(TEXT)],
  ["gzip, br", brotliCompressSync(gzipSync(TEXT))],
  ["gzip", Buffer.concat([gzipSync("a=1"), gzipSync("&b=2")])],
])("inflate() reads %p", (encoding, bytes) => {
  expect(inflate(bytes, encoding, MEGABYTE, 100)).toEqual({ kind: "bytes", bytes: TEXT });
});

test("inflate() stops at the size and at the ratio", () => {
  const bomb = gzipSync(Buffer.alloc(8 * MEGABYTE));
  expect(inflate(bomb, "gzip", MEGABYTE, 1e6)).toEqual({ kind: "too large" });
  expect(inflate(bomb, "gzip", 64 * MEGABYTE, 100)).toEqual({ kind: "too large" });
});

test.each([
  ["gzip", TEXT],
  ["br", gzipSync(TEXT)],
  ["compress", TEXT],
  ["gzip, gzip, gzip", gzipSync(gzipSync(gzipSync(TEXT)))],
  ["gzip", Buffer.concat([gzipSync(TEXT), Buffer.alloc(8), gzipSync(TEXT)])],
  ["gzip", Buffer.concat([gzipSync(TEXT), TEXT])],
  ["deflate", Buffer.concat([deflateSync(TEXT), deflateSync(TEXT)])],
  ["deflate", Buffer.concat([deflateRawSync(TEXT), TEXT])],
  ["br", Buffer.concat([brotliCompressSync(TEXT), TEXT])],
  ["br", gzipSync(TEXT).subarray(0, 18)],
])("inflate() says what it cannot read of %p", (encoding, bytes) => {
  expect(inflate(bytes, encoding, MEGABYTE, 100).kind).toBe("unreadable");
});

test.each([
  ["gzip", gzipSync(TEXT), MEGABYTE, 100],
  ["gzip, br", brotliCompressSync(gzipSync(TEXT)), MEGABYTE, 100],
  ["deflate", deflateSync(TEXT), MEGABYTE, 100],
  ["deflate", deflateRawSync(TEXT), MEGABYTE, 100],
  ["identity", TEXT, MEGABYTE, 100],
  ["gzip", gzipSync(Buffer.alloc(8 * MEGABYTE)), MEGABYTE, 1e6],
  ["br", brotliCompressSync(Buffer.alloc(8 * MEGABYTE)), 64 * MEGABYTE, 100],
  ["gzip", Buffer.concat([gzipSync(TEXT), Buffer.from("more")]), MEGABYTE, 100],
  ["gzip", gzipSync(TEXT).subarray(0, -9), MEGABYTE, 100],
  ["br", Buffer.from("no brotli"), MEGABYTE, 100],
  ["zstd", TEXT, MEGABYTE, 100],
  ["gzip, gzip, gzip", TEXT, MEGABYTE, 100],
] as const)("inflateLater() says what inflate() says of %p", async (encoding, bytes, bytesMax, ratioMax) => {
  const later = await new Promise<Inflated>((done) => inflateLater(bytes, encoding, bytesMax, ratioMax, done));
  expect(later).toEqual(inflate(bytes, encoding, bytesMax, ratioMax));
});
