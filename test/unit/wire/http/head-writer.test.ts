/** Heads written: what is read again is what was written, and nothing that ends a line gets out. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CHUNKED, HeadWriter, NO_LENGTH, type RequestHead, UNTIL_CLOSE } from "../../../../src/wire/http/index.ts";
import { readReplies, readRequests } from "./recording.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const line = { method: "GET", target: "/a?b", authority: "up:80", headers: ["x", "1"] };
const name = fc.stringMatching(/^x[a-z0-9_-]{0,8}$/);
const value = fc.stringMatching(/^([!-~\x80-\xff]([ -~\t\x80-\xff]{0,12}[!-~\x80-\xff])?)?$/);

describe("HeadWriter", () => {
  test("reply() writes status, fields and framing", () => {
    const writer = new HeadWriter();
    expect(text(writer.reply(200, ["x", "1"], { length: 2 }))).toBe(
      "HTTP/1.1 200 OK\r\nx: 1\r\ncontent-length: 2\r\n\r\n",
    );
    expect(text(writer.reply(599, [], { length: CHUNKED, connection: "close" }))).toBe(
      "HTTP/1.1 599 \r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
    );
    expect(text(writer.reply(200, [], { length: UNTIL_CLOSE, connection: "close" }))).toBe(
      "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
    );
    expect(text(writer.reply(101, [], { length: NO_LENGTH, connection: "upgrade", protocol: "websocket" }))).toBe(
      "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    );
  });

  test("reply() says the date once, in the reply's own words where it has some, in any order of them", () => {
    const writer = new HeadWriter();
    const dated = (date: string, headers: string[] = []): string =>
      text(writer.reply(200, headers, { length: 0, date }));
    const head = (fields: string): string => `HTTP/1.1 200 OK\r\n${fields}content-length: 0\r\n\r\n`;
    expect(["now", "now", "later"].map((date) => dated(date))).toEqual([
      head("date: now\r\n"),
      head("date: now\r\n"),
      head("date: later\r\n"),
    ]);
    expect(dated("later", ["x", "1", "date", "own"])).toBe(head("x: 1\r\ndate: own\r\n"));
    expect(dated("later", ["x", "1".repeat(5_000)])).toEndWith("1\r\ndate: later\r\ncontent-length: 0\r\n\r\n");
    expect(() => dated("a\r\nb: c")).toThrow("holds a forbidden character");
    expect(dated("later")).toBe(head("date: later\r\n"));
  });

  test("reply() writes no framing and nothing of one hop when fields hold it", () => {
    const headers = [
      "content-length",
      "7",
      "transfer-encoding",
      "gzip",
      "connection",
      "x",
      "keep-alive",
      "1",
      "te",
      "x",
    ];
    const more = ["host", "h", "upgrade", "u", "trailer", "t", "proxy-connection", "p", "y", "2"];
    const written = text(new HeadWriter().reply(200, [...headers, ...more], { length: 3 }));
    expect(written).toBe("HTTP/1.1 200 OK\r\ny: 2\r\ncontent-length: 3\r\n\r\n");
  });

  test("reply() keeps the length that fields tell when the reply has no body, but never of 204", () => {
    const writer = new HeadWriter();
    const headers = ["content-length", "7"];
    expect(text(writer.reply(304, headers, { length: NO_LENGTH }))).toContain("content-length: 7\r\n");
    expect(text(writer.reply(204, headers, { length: NO_LENGTH }))).not.toContain("content-length");
  });

  test("request() writes line, host, fields and framing", () => {
    const writer = new HeadWriter();
    expect(text(writer.request(line, { length: undefined }))).toBe("GET /a?b HTTP/1.1\r\nhost: up:80\r\nx: 1\r\n\r\n");
    expect(text(writer.request(line, { length: 0, acceptsTrailers: true }))).toBe(
      "GET /a?b HTTP/1.1\r\nhost: up:80\r\nx: 1\r\ncontent-length: 0\r\nte: trailers\r\nconnection: te\r\n\r\n",
    );
  });

  test("request() and reply() write no upgrade but to websocket", () => {
    const writer = new HeadWriter();
    for (const protocol of ["h2c", "", undefined, "websocket\r\nx: y"]) {
      const framing = { connection: "upgrade", protocol } as const;
      expect(() => writer.request(line, { ...framing, length: undefined })).toThrow("only websocket is known");
      expect(() => writer.reply(101, [], { ...framing, length: NO_LENGTH })).toThrow("only websocket is known");
    }
  });

  test("what it gives back can be kept by slice() when the writer goes on to the next", () => {
    const writer = new HeadWriter();
    const kept = writer.chunkStart(0xabc, true).slice();
    writer.chunkStart(0x123, true);
    expect(Buffer.from(kept).toString()).toBe("abc\r\n");
  });

  test("chunkStart() and lastChunk() write chunks that are read as one body", () => {
    const writer = new HeadWriter();
    const pieces = [
      text(writer.reply(200, [], { length: CHUNKED })),
      `${text(writer.chunkStart(5, true))}hello`,
      `${text(writer.chunkStart(11, false))} and more!\n`,
      text(writer.lastChunk(["t", "1"], false)),
    ];
    const { fault, messages } = readReplies(pieces);
    expect([fault, messages[0]?.body, messages[0]?.trailers]).toEqual([undefined, "hello and more!\n", ["t", "1"]]);
    const empty = readReplies([
      text(writer.reply(200, [], { length: CHUNKED })),
      text(writer.lastChunk(undefined, true)),
    ]);
    expect([empty.fault, empty.messages[0]?.isWhole]).toEqual([undefined, true]);
  });

  const BAD = ["\r", "\n", "\0", "\r\nx: y", "\x7f", "\x01", "Ā", "\u010a", "\u{1F600}", "\ud800"];
  for (const bad of BAD)
    test(`reply() throws gateway.bad_header when a field holds ${JSON.stringify(bad)}`, () => {
      const writer = new HeadWriter();
      const code = (act: () => unknown): string => {
        try {
          act();
        } catch (thrown) {
          return (thrown as { code: string }).code;
        }
        return "it did not throw";
      };
      for (const headers of [
        ["x", `a${bad}b`],
        [`x${bad}`, "a"],
      ]) {
        expect(code(() => writer.reply(200, headers, { length: 0 }))).toBe("gateway.bad_header");
        expect(code(() => writer.lastChunk(headers, true))).toBe("gateway.bad_header");
        expect(code(() => writer.request({ ...line, headers }, { length: 0 }))).toBe("gateway.bad_header");
      }
      for (const part of ["method", "target", "authority"] as const)
        expect(code(() => writer.request({ ...line, [part]: `${line[part]}${bad}` }, { length: 0 }))).toBe(
          "gateway.bad_header",
        );
    });

  test("reply() throws when a name is empty, has a blank or a capital letter, or the status is none", () => {
    const writer = new HeadWriter();
    for (const each of ["", "a b", "a:", "Content-Length"])
      expect(() => writer.reply(200, [each, "1"], { length: 0 })).toThrow("no token");
    for (const status of [99, 1_000, Number.NaN])
      expect(() => writer.reply(status, [], { length: 0 })).toThrow("status");
  });

  test("request() throws when the target has a blank or no path", () => {
    const writer = new HeadWriter();
    for (const target of ["", "/a b", "/a HTTP/1.1\r\n", "/a#b", "?x"])
      expect(() => writer.request({ ...line, target }, { length: 0 })).toThrow("target");
  });

  test("request() writes what RequestReader reads as the same, also when heads are large", () => {
    const writer = new HeadWriter();
    const limits = { headerBytesMax: 200_000, headersMax: 500, targetBytesMax: 9_000 };
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), fc.nat(3), (pairs, size) => {
        const headers = [...pairs.flat(), ...(size > 1 ? ["x-large", "v".repeat(40_000 * size)] : [])];
        const written = writer.request({ ...line, headers }, { length: undefined }).slice();
        const { fault, messages } = readRequests([written], limits);
        expect(fault).toBeUndefined();
        const head = messages[0]!.head as RequestHead;
        expect([head.method, head.target, head.authority, head.headers]).toEqual(["GET", "/a?b", "up:80", headers]);
      }),
      { numRuns: 100 },
    );
  });
});
