/** Replies read: their lengths depend on what was asked, and what is malformed or unasked is a fault. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ReplyHead } from "../../../../src/wire/http/index.ts";
import { cut, readReplies } from "./recording.ts";

const crlf = (text: string): string => text.replaceAll("^", "\r\n");
const rule = (text: string, options = {}): string | undefined => readReplies([crlf(text)], options).fault?.rule;

const FAULTS: readonly (readonly [string, string, string])[] = [
  ["no version", "200 OK^^", "status_line"],
  ["another version", "HTTP/2.0 200 OK^^", "status_line"],
  ["a status of two digits", "HTTP/1.1 20 OK^^", "status_line"],
  ["a status of four digits", "HTTP/1.1 2000 OK^^", "status_line"],
  ["a status below 100", "HTTP/1.1 099 OK^^", "status_line"],
  ["a control character in the reason", "HTTP/1.1 200 O\x01K^^", "status_line"],
  ["a status line that is too long", `HTTP/1.1 200 ${"x".repeat(1_100)}^^`, "status_line"],
  ["an empty line first", "^HTTP/1.1 200 OK^^", "empty_start"],
  ["LF alone", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "bare_lf"],
  ["two lengths", "HTTP/1.1 200 OK^Content-Length: 1^Content-Length: 1^^x", "doubtful_field"],
  ["a list of lengths", "HTTP/1.1 200 OK^Content-Length: 1, 1^^x", "bad_length"],
  ["length and encoding", "HTTP/1.1 200 OK^Content-Length: 1^Transfer-Encoding: chunked^^", "length_and_encoding"],
  ["an encoding in HTTP/1.0", "HTTP/1.0 200 OK^Transfer-Encoding: chunked^^", "encoding_in_1.0"],
  ["an unknown encoding", "HTTP/1.1 200 OK^Transfer-Encoding: gzip^^", "transfer_encoding"],
  ["a folded field", "HTTP/1.1 200 OK^X: a^ b^^", "folded"],
  ["a blank before the colon", "HTTP/1.1 200 OK^X : a^^", "blank_before_colon"],
  ["a bad chunk", "HTTP/1.1 200 OK^Transfer-Encoding: chunked^^x^", "chunk_size"],
  ["an upgrade that nobody asked for", "HTTP/1.1 101 Switching Protocols^^", "unasked_upgrade"],
  ["too many interim replies", `${"HTTP/1.1 100 Continue^^".repeat(33)}`, "interims"],
];

describe("ReplyReader", () => {
  for (const [name, text, broken] of FAULTS)
    test(`feed() refuses when there is ${name}`, () => {
      expect(rule(text)).toBe(broken);
      const pieces = [...crlf(text)];
      expect(readReplies(pieces).fault?.rule).toBe(broken);
    });

  test("feed() reads replies behind each other, each by what was asked", () => {
    const { fault, messages } = readReplies(
      [
        crlf(
          "HTTP/1.1 200 OK^Content-Length: 9^^HTTP/1.1 200 ^Content-Length: 2^X: y^^hiHTTP/1.1 204^Content-Length: 5^^HTTP/1.1 304 Not Modified^Content-Length: 7^^HTTP/1.1 200 OK^Transfer-Encoding: chunked^^2^hi^0^grpc-status: 0^^",
        ),
      ],
      { methods: ["HEAD", "GET", "GET", "GET", "GET"] },
    );
    expect(fault).toBeUndefined();
    expect(messages.map(({ body, head, length, trailers }) => [head, length, body, trailers])).toEqual([
      [{ status: 200, headers: ["content-length", "9"] }, 0, "", undefined],
      [{ status: 200, headers: ["content-length", "2", "x", "y"] }, 2, "hi", undefined],
      [{ status: 204, headers: [] }, 0, "", undefined],
      [{ status: 304, headers: ["content-length", "7"] }, 0, "", undefined],
      [{ status: 200, headers: [] }, undefined, "hi", ["grpc-status", "0"]],
    ]);
  });

  test("feed() tells interim replies before the one that counts", () => {
    const { interims, messages } = readReplies([
      crlf("HTTP/1.1 100 Continue^^HTTP/1.1 103 Early Hints^Link: x^^HTTP/1.1 200 OK^Content-Length: 0^^"),
    ]);
    expect(interims).toEqual([
      { status: 100, headers: [] },
      { status: 103, headers: ["link", "x"] },
    ]);
    expect(messages.map(({ head }) => (head as ReplyHead).status)).toEqual([200]);
  });

  test("finish() ends a body of unknown length, and cuts short one of a known length", () => {
    const open = readReplies([crlf("HTTP/1.1 200 OK^^some "), "bytes"], { ends: true });
    expect([open.messages[0]?.body, open.messages[0]?.isWhole, open.messages[0]?.keepAlive]).toEqual([
      "some bytes",
      true,
      false,
    ]);
    const short = readReplies([crlf("HTTP/1.1 200 OK^Content-Length: 9^^some")], { ends: true });
    expect([short.fault?.code, short.messages[0]?.isWhole]).toEqual(["http.cut_short", false]);
  });

  test("feed() leaves what is behind a 101 to the other protocol when it was asked for", () => {
    const { fault, messages, rest } = readReplies(
      [
        crlf(
          "HTTP/1.1 101 Switching Protocols^Upgrade: websocket^Connection: upgrade^Sec-WebSocket-Accept: x^^\x81\x01a",
        ),
      ],
      { isUpgrade: true },
    );
    expect([fault, rest]).toEqual([undefined, "\x81\x01a"]);
    expect(messages[0]?.head).toEqual({ status: 101, headers: ["sec-websocket-accept", "x"] });
  });

  test("feed() tells whether the connection can be used again", () => {
    const keeps = (text: string): boolean => readReplies([crlf(text)]).messages[0]!.keepAlive;
    expect(keeps("HTTP/1.1 200 OK^Content-Length: 0^^")).toBe(true);
    expect(keeps("HTTP/1.1 200 OK^Content-Length: 0^Connection: close^^")).toBe(false);
    expect(keeps("HTTP/1.0 200 OK^Content-Length: 0^^")).toBe(false);
    expect(keeps("HTTP/1.0 200 OK^Content-Length: 0^Connection: keep-alive^^")).toBe(true);
  });

  test("feed() gives the same whatever the pieces are", () => {
    const text = crlf(
      "HTTP/1.1 100 Continue^^HTTP/1.1 200 OK^X: y^Transfer-Encoding: chunked^^5;q^hello^0^T: 1^^HTTP/1.1 404 No^Content-Length: 3^^abc",
    );
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { maxLength: 20 }), (cuts) => {
        expect(readReplies(cut(Buffer.from(text), cuts))).toEqual(readReplies([text]));
      }),
    );
  });
});
