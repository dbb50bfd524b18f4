/** Frames and messages, case by case as a strict endpoint is tested: framing, pings, reserved bits, opcodes, fragments, UTF-8, closes, limits. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { acceptOf, isKey, MessageReader, OPCODE, writeFrame } from "../../../../src/wire/websocket/index.ts";

const MASK = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d);
const { text, binary, continuation, close, ping, pong } = OPCODE;

/** What a server makes of these bytes. */
function read(pieces: readonly Uint8Array[], { isMasked = true, messageBytesMax = 100_000 } = {}): string[] {
  const events: string[] = [];
  const note = (event: string): void => void events.push(event);
  const reader = new MessageReader(
    {
      onMessage: (data, isText) =>
        note(isText ? `text ${Buffer.from(data).toString()}` : `binary ${Buffer.from(data).toString("hex")}`),
      onPing: (data) => note(`ping ${Buffer.from(data).toString()}`),
      onPong: (data) => note(`pong ${Buffer.from(data).toString()}`),
      onCloseFrame: (code, reason) => note(`close ${code} ${reason}`.trim()),
      onFault: (code) => note(`fault ${code}`),
    },
    isMasked,
    { messageBytesMax },
  );
  for (const piece of pieces) reader.read(piece.slice());
  return events;
}

const frame = (opcode: number, payload: string | Uint8Array = "", isFinal = true): Uint8Array =>
  writeFrame(opcode, typeof payload === "string" ? Buffer.from(payload) : payload, MASK, isFinal);
const hex = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits.replaceAll(" ", ""), "hex"));
const utf8 = (digits: string): Uint8Array => frame(text, hex(digits));
const closing = (code: number, reason = ""): Uint8Array =>
  frame(close, Buffer.concat([Uint8Array.of(code >> 8, code & 255), Buffer.from(reason)]));

const cases: [what: string, frames: Uint8Array[], events: string[]][] = [
  ["an empty text", [frame(text)], ["text"]],
  ["a text of 125 bytes", [frame(text, "*".repeat(125))], [`text ${"*".repeat(125)}`]],
  ["a text of 126 bytes", [frame(text, "*".repeat(126))], [`text ${"*".repeat(126)}`]],
  ["a text of 65,535 bytes", [frame(text, "*".repeat(65_535))], [`text ${"*".repeat(65_535)}`]],
  ["a text of 65,536 bytes", [frame(text, "*".repeat(65_536))], [`text ${"*".repeat(65_536)}`]],
  ["a binary message", [frame(binary, hex("00ff80"))], ["binary 00ff80"]],
  ["a ping with a payload", [frame(ping, "hello")], ["ping hello"]],
  ["a ping of 125 bytes", [frame(ping, "p".repeat(125))], [`ping ${"p".repeat(125)}`]],
  ["a ping of 126 bytes", [frame(ping, "p".repeat(126))], ["fault 1002"]],
  ["a pong that nobody asked for", [frame(pong, "x")], ["pong x"]],
  ["a ping in pieces", [frame(ping, "x", false)], ["fault 1002"]],
  ["a close in pieces", [frame(close, "", false)], ["fault 1002"]],
  ["the first reserved bit (a compressed message)", [hex("c1 80 37fa213d")], ["fault 1002"]],
  ["the second reserved bit", [hex("a1 80 37fa213d")], ["fault 1002"]],
  ["the third reserved bit", [hex("91 80 37fa213d")], ["fault 1002"]],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, Uint8Array[], string[]] => [
    `the opcode ${opcode}`,
    [frame(opcode, "")],
    ["fault 1002"],
  ]),
  ["a text in two pieces", [frame(text, "ab", false), frame(continuation, "cd")], ["text abcd"]],
  [
    "a ping between two pieces",
    [frame(text, "ab", false), frame(ping, "x"), frame(continuation, "cd")],
    ["ping x", "text abcd"],
  ],
  ["empty pieces", [frame(text, "", false), frame(continuation, "", false), frame(continuation, "")], ["text"]],
  ["a continuation of nothing", [frame(continuation, "x")], ["fault 1002"]],
  ["a continuation after a whole message", [frame(text, "a"), frame(continuation, "x")], ["text a", "fault 1002"]],
  ["a text within a text", [frame(text, "a", false), frame(text, "b")], ["fault 1002"]],
  ["a binary within a text", [frame(text, "a", false), frame(binary, "b")], ["fault 1002"]],
  ["a frame without a mask", [writeFrame(text, Buffer.from("a"), undefined)], ["fault 1002"]],
  ["a length of two bytes that fits into none", [hex("81 fe 0005 37fa213d")], ["fault 1002"]],
  ["a length of eight bytes that fits into two", [hex("81 ff 000000000000ffff 37fa213d")], ["fault 1002"]],
  ["a length above 2^63", [hex("82 ff 8000000000000000 37fa213d")], ["fault 1009"]],
  ["a message larger than allowed, by its head alone", [hex("82 ff 00000000000186a1 37fa213d")], ["fault 1009"]],
  [
    "pieces that are larger than allowed together",
    [frame(binary, new Uint8Array(60_000), false), frame(continuation, new Uint8Array(40_001))],
    ["fault 1009"],
  ],
  ["UTF-8 of all lengths", [utf8("c3a9 e282ac f09f9880")], ["text é€😀"]],
  ["a character in two pieces", [frame(text, hex("e282"), false), frame(continuation, hex("ac"))], ["text €"]],
  ["a surrogate as UTF-8", [utf8("eda080")], ["fault 1007"]],
  ["an overlong character", [utf8("c080")], ["fault 1007"]],
  ["a character above U+10FFFF", [utf8("f4908080")], ["fault 1007"]],
  ["a character that is cut", [utf8("61e282")], ["fault 1007"]],
  ["a character that does not go on", [utf8("e28261")], ["fault 1007"]],
  ["a close without a code", [frame(close)], ["close 1005"]],
  ["a close of one byte", [frame(close, "x")], ["fault 1002"]],
  ["a close with a reason", [closing(1000, "bye")], ["close 1000 bye"]],
  ["a reason of 123 bytes", [closing(1000, "r".repeat(123))], [`close 1000 ${"r".repeat(123)}`]],
  ["a reason of 124 bytes", [closing(1000, "r".repeat(124))], ["fault 1002"]],
  ["a reason that is no UTF-8", [frame(close, hex("03e8 ff"))], ["fault 1007"]],
  ["a message after a close", [closing(1000), frame(text, "x")], ["close 1000"]],
  ["a ping after a fault", [frame(continuation, "x"), frame(ping, "x")], ["fault 1002"]],
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].map(
    (code): [string, Uint8Array[], string[]] => [`the close code ${code}`, [closing(code)], [`close ${code}`]],
  ),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map(
    (code): [string, Uint8Array[], string[]] => [`the close code ${code}`, [closing(code)], ["fault 1002"]],
  ),
];

describe("as a server", () => {
  test.each(cases)("read() is strict about %s when it comes whole and byte by byte", (_what, frames, events) => {
    const trimmed = (seen: string[]): string[] => seen.map((event) => event.trim());
    expect(trimmed(read(frames))).toEqual(events);
    const bytes = Buffer.concat(frames);
    const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(trimmed(read(single))).toEqual(events);
  });

  test("read() refuses a message when it comes in too many pieces", () => {
    const pieces = Array.from({ length: 1_100 }, () => frame(continuation, "", false));
    expect(read([frame(text, "", false), ...pieces])).toEqual(["fault 1008"]);
  });
});

test("read() refuses a frame with a mask when it comes from a server", () => {
  expect(read([frame(text, "a")], { isMasked: false })).toEqual(["fault 1002"]);
  expect(read([writeFrame(text, Buffer.from("a"), undefined)], { isMasked: false })).toEqual(["text a"]);
});

test("read() gives back each message when writeFrame() wrote it, however the bytes are cut", () => {
  const messageArb = fc.tuple(
    fc.boolean(),
    fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 4 }),
  );
  fc.assert(
    fc.property(
      fc.array(messageArb, { maxLength: 5 }),
      fc.boolean(),
      fc.infiniteStream(fc.integer({ min: 1, max: 200 })),
      (messages, isMasked, cuts) => {
        const mask = isMasked ? MASK : undefined;
        const frames = messages.flatMap(([, pieces]) =>
          pieces.map((piece, at) =>
            writeFrame(at === 0 ? binary : continuation, piece, mask, at === pieces.length - 1),
          ),
        );
        const bytes = Buffer.concat(frames);
        const parts: Uint8Array[] = [];
        for (let at = 0; at < bytes.length; ) {
          const size: number = cuts.next().value;
          parts.push(bytes.subarray(at, at + size));
          at += size;
        }
        const whole = messages.map(([, pieces]) => `binary ${Buffer.concat(pieces).toString("hex")}`);
        expect(read(parts, { isMasked })).toEqual(whole);
      },
    ),
  );
});

test("acceptOf() proves the key when it is the one of RFC 6455", () => {
  expect(acceptOf("dGhlIHNhbXBsZSBub25jZQ==")).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  expect([isKey("dGhlIHNhbXBsZSBub25jZQ=="), isKey("short=="), isKey("dGhlIHNhbXBsZSBub25jZQ==x")]).toEqual([
    true,
    false,
    false,
  ]);
});
