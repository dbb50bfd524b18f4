import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readProxyHeader, V2_BYTES_MAX } from "../../../../../src/edge/gateway/listener/proxy-header.ts";

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

function v1(line: string) {
  return readProxyHeader(Buffer.from(`${line}\r\n`, "latin1"));
}

function v2(command: number, family: number, block: readonly number[], length = block.length): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.of(command, family, length >> 8, length & 255, ...block)]);
}

const V4 = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80];
const V6 = [...[0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1], ...Array(16).fill(0), 1, 0, 0, 80];

describe("readProxyHeader() of version 1", () => {
  test("readProxyHeader() tells the source when the line is right, and how long it was", () => {
    expect(v1("PROXY TCP4 192.0.2.7 10.0.0.1 4660 80")).toEqual({
      kind: "header",
      sizeBytes: 39,
      source: { address: "192.0.2.7", port: 4660 },
    });
    expect(v1("PROXY TCP6 2001:DB8::0:1 ::1 0 65535")).toMatchObject({ source: { address: "2001:db8::1", port: 0 } });
    expect(v1("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2")).toMatchObject({ source: { address: "192.0.2.7" } });
    for (const line of ["PROXY UNKNOWN", "PROXY UNKNOWN ffff::1 ffff::2 1 2", "PROXY UNKNOWN what ever"])
      expect(v1(line)).toEqual({ kind: "header", sizeBytes: line.length + 2, source: undefined });
  });

  test("readProxyHeader() refuses what could be read in two ways", () => {
    for (const line of [
      "PROXY",
      "PROXY ",
      "PROXY TCP4",
      "PROXY TCP4 192.0.2.7 10.0.0.1 4660",
      "PROXY TCP4 192.0.2.7 10.0.0.1 4660 80 1",
      "PROXY  TCP4 192.0.2.7 10.0.0.1 4660 80",
      "PROXY TCP4  192.0.2.7 10.0.0.1 4660 80",
      "PROXY TCP4 192.0.2.7 10.0.0.1 4660 80 ",
      "PROXY TCP4 192.0.2.7 10.0.0.1 04660 80",
      "PROXY TCP4 192.0.2.7 10.0.0.1 65536 80",
      "PROXY TCP4 192.0.2.7 10.0.0.1 +1 80",
      "PROXY TCP4 192.0.02.7 10.0.0.1 1 80",
      "PROXY TCP4 192.0.2 10.0.0.1 1 80",
      "PROXY TCP4 ::1 10.0.0.1 1 80",
      "PROXY TCP6 192.0.2.7 10.0.0.1 1 80",
      "PROXY TCP6 ::1%eth0 ::1 1 80",
      "PROXY UDP4 192.0.2.7 10.0.0.1 1 80",
      "PROXY tcp4 192.0.2.7 10.0.0.1 1 80",
      "proxy TCP4 192.0.2.7 10.0.0.1 1 80",
      "PROXY TCP4 192.0.2.7\t10.0.0.1 1 80",
      "GET / HTTP/1.1",
      `PROXY UNKNOWN ${"x".repeat(100)}`,
    ])
      expect([line, v1(line).kind]).toEqual([line, "bad"]);
    expect(readProxyHeader(Buffer.from("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n")).kind).toBe("more"); // CRLF is required
  });
});

describe("readProxyHeader() of version 2", () => {
  test("readProxyHeader() tells the source when the header is right, whatever is added", () => {
    expect(readProxyHeader(v2(0x21, 0x11, V4))).toEqual({
      kind: "header",
      sizeBytes: 28,
      source: { address: "192.0.2.7", port: 0x1234 },
    });
    expect(readProxyHeader(v2(0x21, 0x11, [...V4, 4, 0, 1, 9]))).toMatchObject({ sizeBytes: 32 });
    expect(readProxyHeader(v2(0x21, 0x21, V6))).toMatchObject({ source: { address: "2001:db8::1", port: 256 } });
    expect(readProxyHeader(v2(0x20, 0x00, []))).toEqual({ kind: "header", sizeBytes: 16, source: undefined });
    expect(readProxyHeader(v2(0x20, 0x11, V4))).toMatchObject({ source: undefined, sizeBytes: 28 });
    expect(readProxyHeader(v2(0x21, 0x00, [1, 2]))).toMatchObject({ source: undefined, sizeBytes: 18 });
  });

  test("readProxyHeader() refuses other versions, commands and families, and what is too short or too long", () => {
    for (const bytes of [
      v2(0x11, 0x11, V4),
      v2(0x22, 0x11, V4),
      v2(0x21, 0x12, V4),
      v2(0x21, 0x31, Array(216).fill(0)),
      v2(0x21, 0x11, [...V4, 4]),
      v2(0x21, 0x11, [...V4, 4, 0]),
      v2(0x21, 0x11, [...V4, 4, 0, 2, 9]),
      v2(0x21, 0x11, [...V4, 4, 0, 1, 9, 4, 0, 1]),
      v2(0x21, 0x21, [...V6, 4, 255, 255]),
      v2(0x21, 0x11, V4.slice(1)),
      v2(0x21, 0x21, V6.slice(1)),
      v2(0x21, 0x11, V4, V2_BYTES_MAX - 15),
    ])
      expect(readProxyHeader(bytes).kind).toBe("bad");
  });
});

test("readProxyHeader() says the same of a header however it is cut, and never reads beyond it", () => {
  const wholes = [
    Buffer.from("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"),
    v2(0x21, 0x11, V4),
    v2(0x21, 0x21, [...V6, 3, 0, 0]),
  ];
  fc.assert(
    fc.property(fc.constantFrom(...wholes), fc.uint8Array({ maxLength: 60 }), fc.nat(60), (whole, rest, cut) => {
      const expected = readProxyHeader(whole);
      expect(expected).toMatchObject({ kind: "header", sizeBytes: whole.byteLength });
      expect(readProxyHeader(Buffer.concat([whole, rest]))).toEqual(expected);
      expect(readProxyHeader(whole.subarray(0, Math.min(cut, whole.byteLength - 1)))).toEqual({ kind: "more" });
    }),
  );
});

test("readProxyHeader() never throws, whatever comes", () => {
  const start = fc.constantFrom(Buffer.from("PROXY TCP4 "), SIGNATURE, Buffer.alloc(0));
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), (first, rest) => {
      expect(["more", "bad", "header"]).toContain(readProxyHeader(Buffer.concat([first, rest])).kind);
    }),
  );
});
