/** gRPC's framing, status, time-outs, and gRPC-web's shape of them. */
import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { Failure } from "../../../../src/base/errors.ts";
import {
  Base64Reader,
  codeOf,
  codeOfApiReply,
  codeOfForeignReply,
  decodeHealthRequest,
  decodeReflectionReply,
  decodeReflectionRequest,
  decodeStatusMessage,
  encodeBase64,
  encodeBinaryField,
  encodeHealthReply,
  encodeReflectionReply,
  encodeReflectionRequest,
  encodeStatusMessage,
  encodingOf,
  FrameReader,
  formatTimeout,
  frameMessage,
  httpOfCode,
  jsonOfStatus,
  type MessageEncoding,
  nameOfCode,
  parseTimeout,
  type ReflectionReply,
  type ReflectionRequest,
  statusOfTrailers,
  trailersFrame,
  trailersOfStatus,
} from "../../../../src/wire/protobuf/index.ts";
import { readWebTrailers } from "./web-trailers.ts";

/** What comes out when the bytes come in pieces of these sizes, over and over. */
function read(
  bytes: Uint8Array,
  sizes: readonly number[],
  encoding: MessageEncoding = "identity",
  messageBytesMax = 1_000_000,
): Uint8Array[] {
  const messages: Uint8Array[] = [];
  const reader = new FrameReader({ messageBytesMax }, encoding, (message) => messages.push(message));
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!;
    reader.write(bytes.subarray(at, at + size));
    at += size;
  }
  expect(reader.isOpen).toBe(false);
  return messages;
}

function codeOfRead(bytes: readonly number[], encoding: MessageEncoding = "identity", max = 100): string {
  try {
    new FrameReader({ messageBytesMax: max }, encoding, () => {}).write(new Uint8Array(bytes));
    return "none";
  } catch (thrown) {
    return (thrown as Failure).code;
  }
}

describe("FrameReader", () => {
  test("gives the messages that were framed when they come in any pieces", () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (given, sizes) => {
        const framed = Buffer.concat(given.map((message) => frameMessage(message)));
        expect(read(framed, sizes).map((one) => [...one])).toEqual(given.map((one) => [...one]));
      }),
    );
  });

  test("inflates when a message is compressed", () => {
    const framed = Buffer.concat([frameMessage(gzipSync("hello"), 1), frameMessage(Buffer.from("plain"))]);
    expect(read(framed, [7], "gzip").map((one) => Buffer.from(one).toString())).toEqual(["hello", "plain"]);
  });

  test("refuses before it keeps a byte when a message is too large", () => {
    expect(codeOfRead([0, 0, 0, 0, 101])).toBe("grpc.message_too_large");
    expect(codeOfRead([0, 255, 255, 255, 255])).toBe("grpc.message_too_large");
    expect(codeOfRead([0, 0, 0, 0, 100])).toBe("none");
  });

  test("refuses what is no frame", () => {
    expect([codeOfRead([2, 0, 0, 0, 0]), codeOfRead([0x80, 0, 0, 0, 0]), codeOfRead([1, 0, 0, 0, 0])]).toEqual([
      "grpc.frame",
      "grpc.frame",
      "grpc.frame",
    ]);
    expect(codeOfRead([1, 0, 0, 0, 1, 7], "gzip")).toBe("grpc.encoding");
  });

  test("refuses a bomb when it inflates beyond the bound of a message, and beyond its ratio", () => {
    const bomb = gzipSync(new Uint8Array(10_000_000));
    expect(codeOfRead([...frameMessage(bomb, 1)], "gzip", 1_000_000)).toBe("grpc.message_too_large");
    expect(codeOfRead([...frameMessage(bomb, 1)], "gzip", 100_000_000)).toBe("grpc.message_too_large");
    expect(codeOfRead([...frameMessage(gzipSync(new Uint8Array(60_000)), 1)], "gzip", 1_000_000)).toBe("none");
  });

  test("encodingOf() knows identity and gzip", () => {
    expect([undefined, "identity", "gzip", "deflate", "br"].map(encodingOf)).toEqual([
      "identity",
      "identity",
      "gzip",
      undefined,
      undefined,
    ]);
  });
});

describe("status", () => {
  test("a message comes back when it was encoded, in printable ASCII", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 100 }).filter((text) => text.isWellFormed()),
        (message) => {
          const encoded = encodeStatusMessage(message);
          expect(encoded).toMatch(/^[ -~]*$/);
          expect(decodeStatusMessage(encoded)).toBe(message);
        },
      ),
    );
  });

  test("decodeStatusMessage() leaves what is no encoding", () => {
    expect(["100%", "%zz", "%4", "a%20b"].map(decodeStatusMessage)).toEqual(["100%", "%zz", "%4", "a b"]);
  });

  test("statusOfTrailers() reads what trailersOfStatus() wrote", () => {
    const status = { code: 5, message: "nö\r\nx: y", details: new Uint8Array([8, 5]) };
    const trailers = trailersOfStatus(status);
    expect(trailers.join("")).not.toMatch(/[\r\n]/);
    expect(statusOfTrailers(trailers)).toEqual(status);
  });

  test("statusOfTrailers() knows none when there is none", () => {
    expect([[], ["grpc-status", "x"], ["grpc-status", ""], ["a", "b"]].map(statusOfTrailers)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("codes and HTTP statuses map as the tables say", () => {
    const pairs = Array.from({ length: 17 }, (_, code) => [nameOfCode(code), httpOfCode(code)].join(" "));
    expect(pairs).toEqual([
      "OK 200",
      "CANCELLED 499",
      "UNKNOWN 500",
      "INVALID_ARGUMENT 400",
      "DEADLINE_EXCEEDED 504",
      "NOT_FOUND 404",
      "ALREADY_EXISTS 409",
      "PERMISSION_DENIED 403",
      "RESOURCE_EXHAUSTED 429",
      "FAILED_PRECONDITION 400",
      "ABORTED 409",
      "OUT_OF_RANGE 400",
      "UNIMPLEMENTED 501",
      "INTERNAL 500",
      "UNAVAILABLE 503",
      "DATA_LOSS 500",
      "UNAUTHENTICATED 401",
    ]);
    expect([nameOfCode(99), httpOfCode(99)]).toEqual(["UNKNOWN", 500]);
    expect([200, 204, 400, 404, 409, 418, 429, 500, 503].map((status) => nameOfCode(codeOfApiReply(status)))).toEqual([
      "OK",
      "OK",
      "INVALID_ARGUMENT",
      "NOT_FOUND",
      "ABORTED",
      "FAILED_PRECONDITION",
      "RESOURCE_EXHAUSTED",
      "UNKNOWN",
      "UNAVAILABLE",
    ]);
    expect([400, 404, 418, 503].map((status) => nameOfCode(codeOfForeignReply(status)))).toEqual([
      "INTERNAL",
      "UNIMPLEMENTED",
      "UNKNOWN",
      "UNAVAILABLE",
    ]);
  });

  test("jsonOfStatus() keeps details when their type is not known", () => {
    // google.rpc.Status { code: 5, details: [Any { type_url: "a/b.C", value: 0x01 }] }
    const details = new Uint8Array([8, 5, 0x1a, 10, 0x0a, 5, ...Buffer.from("a/b.C"), 0x12, 1, 1]);
    expect(jsonOfStatus({ code: codeOf("NOT_FOUND"), message: "m", details }, undefined)).toEqual({
      code: 5,
      status: "NOT_FOUND",
      message: "m",
      details: [{ "@type": "a/b.C", value: "AQ==" }],
    });
    expect(jsonOfStatus({ code: 5, message: "", details: new Uint8Array([0x1a, 99]) }, undefined)).toEqual({
      code: 5,
      status: "NOT_FOUND",
      message: "",
    });
  });

  test("encodeBinaryField() leaves padding out", () => {
    expect(encodeBinaryField(new Uint8Array([1]))).toBe("AQ");
  });
});

describe("time-outs", () => {
  test("parseTimeout() reads digits and a unit, and nothing else", () => {
    expect(["1H", "2M", "3S", "400m", "500000u", "6n", "99999999m"].map(parseTimeout)).toEqual([
      3_600_000, 120_000, 3000, 400, 500, 6e-6, 99_999_999,
    ]);
    expect(["", "1", "m", "123456789m", "-1m", "1.5S", "1 m", "1x"].map(parseTimeout)).toEqual(
      Array(8).fill(undefined),
    );
  });

  test("formatTimeout() gives at most eight digits and never a longer time", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e13, noNaN: true }), (timeoutMs) => {
        const text = formatTimeout(timeoutMs);
        expect(text).toMatch(/^\d{1,8}[HMSmun]$/);
        expect(parseTimeout(text)!).toBeLessThanOrEqual(timeoutMs * (1 + 1e-12) + 1e-9);
        // At most one unit is lost.
        expect(timeoutMs - parseTimeout(text)!).toBeLessThanOrEqual(
          Math.max(timeoutMs * 1.1e-5, 1e-3, timeoutMs > 6e12 ? 3_600_000 : 0),
        );
      }),
    );
    expect([0, 0.5, 1, 1500, 1e9].map(formatTimeout)).toEqual(["0n", "500000n", "1000u", "1500000u", "1000000S"]);
  });
});

describe("gRPC-web", () => {
  test("trailers come back when they were framed", () => {
    const frame = trailersFrame(["grpc-status", "0", "x", "a: b"]);
    expect([frame[0], readWebTrailers(frame.subarray(5))]).toEqual([0x80, ["grpc-status", "0", "x", "a: b"]]);
  });

  test("Base64Reader gives the bytes when each write was padded and pieces are of any size", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 })),
        fc.integer({ min: 1, max: 9 }),
        (parts, size) => {
          const text = Buffer.concat(parts.map(encodeBase64));
          const reader = new Base64Reader();
          const read: Uint8Array[] = [];
          for (let at = 0; at < text.length; at += size) read.push(reader.read(text.subarray(at, at + size)));
          reader.end();
          expect(Buffer.concat(read).equals(Buffer.concat(parts))).toBe(true);
        },
      ),
    );
  });

  test.each(["a*cd", "ab=c", "====", "a===", "abc"])("Base64Reader refuses %p", (text) => {
    const reader = new Base64Reader();
    expect(() => {
      reader.read(Buffer.from(text));
      reader.end();
    }).toThrow(Failure);
  });
});

describe("messages of reflection and health", () => {
  const REQUESTS: readonly ReflectionRequest[] = [
    { kind: "file", name: "a.proto" },
    { kind: "symbol", name: "a.B" },
    { kind: "extension", name: "a.B", number: 77 },
    { kind: "extension_numbers", name: "a.B" },
    { kind: "services", name: "*" },
  ];
  test.each(REQUESTS.map((one) => [one]))("a request comes back when it was encoded: %p", (request) => {
    expect(decodeReflectionRequest(encodeReflectionRequest(request))).toEqual(request);
  });

  const REPLIES: readonly ReflectionReply[] = [
    { kind: "files", files: [Buffer.from("abc"), Buffer.from("")] },
    { kind: "services", names: ["a.B", "c.D"] },
    { kind: "error", code: 5, message: "no" },
  ];
  test.each(REPLIES.map((one) => [one]))("a reply comes back when it was encoded: %p", (reply) => {
    const decoded = decodeReflectionReply(encodeReflectionReply(reply, encodeReflectionRequest(REQUESTS[0]!)));
    expect(JSON.stringify(decoded, bytesAsText)).toBe(JSON.stringify(reply, bytesAsText));
  });

  test("decodeHealthRequest() reads the service, and none of an empty message", () => {
    expect([decodeHealthRequest(new Uint8Array([0x0a, 1, 0x61])), decodeHealthRequest(new Uint8Array(0))]).toEqual([
      "a",
      "",
    ]);
    expect([...encodeHealthReply(1)]).toEqual([8, 1]);
  });

  test("decodeReflectionRequest() refuses what is no message", () => {
    expect(() => decodeReflectionRequest(new Uint8Array([0x1a, 200]))).toThrow(Failure);
  });
});

function bytesAsText(_: string, value: unknown): unknown {
  return value instanceof Uint8Array || (typeof value === "object" && value !== null && "data" in value)
    ? Buffer.from(value as Uint8Array).toString("hex")
    : value;
}
