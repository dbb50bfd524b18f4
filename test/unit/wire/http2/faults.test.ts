/** What RFC 9113 forbids, by its sections, and what it costs: the stream, or the connection. Each row is bytes of a client to a server. */
import { describe, expect, test } from "bun:test";
import { block, type Field, frame, GET, Hand, headers, POST, PREFACE, settings, TYPE, uint32 } from "./rig.ts";

const [NONE, PROTOCOL, FLOW, CLOSED, SIZE, REFUSED, CANCEL, COMPRESSION] = [0, 1, 3, 5, 6, 7, 8, 9];
const END_STREAM = 1;
const END_HEADERS = 4;
const PADDED = 8;
const PRIORITY = 0x20;

type Row = readonly [section: string, what: string, frames: readonly Uint8Array[], code: number];

const connectionFaults: Row[] = [
  ["4.2", "DATA larger than 16,384", [headers(1, POST, false), frame(TYPE.data, 0, 1, new Uint8Array(16_385))], SIZE],
  ["4.2", "HEADERS larger than 16,384", [frame(TYPE.headers, 5, 1, new Uint8Array(16_385))], SIZE],
  ["4.2", "SETTINGS larger than 16,384", [frame(TYPE.settings, 0, 0, new Uint8Array(16_386))], SIZE],
  ["4.3", "a block that is no HPACK", [frame(TYPE.headers, 5, 1, [0x00, 0x85, 0xf2, 0xb2, 0x4a, 0x84])], COMPRESSION],
  [
    "4.3",
    "a PRIORITY between the pieces of a head",
    [frame(TYPE.headers, 1, 1, block(GET)), frame(TYPE.priority, 0, 1, [0, 0, 0, 0, 9])],
    PROTOCOL,
  ],
  [
    "4.3",
    "a head of another stream between the pieces",
    [frame(TYPE.headers, 1, 1, block(GET)), headers(3, GET)],
    PROTOCOL,
  ],
  ["5.1", "DATA on an idle stream", [frame(TYPE.data, END_STREAM, 1, [1])], PROTOCOL],
  ["5.1", "RST_STREAM on an idle stream", [frame(TYPE.reset, 0, 1, uint32(CANCEL))], PROTOCOL],
  ["5.1", "WINDOW_UPDATE on an idle stream", [frame(TYPE.window, 0, 1, uint32(100))], PROTOCOL],
  ["5.1", "CONTINUATION on an idle stream", [frame(TYPE.continuation, 4, 1, block(GET))], PROTOCOL],
  ["5.1.1", "a stream with an even number", [headers(2, GET)], PROTOCOL],
  ["5.1.1", "a stream with a number that was passed over", [headers(5, GET), headers(3, GET)], CLOSED],
  ["6.1", "DATA on stream 0", [frame(TYPE.data, 0, 0, [1])], PROTOCOL],
  ["6.1", "padding as long as DATA", [headers(1, POST, false), frame(TYPE.data, PADDED, 1, [5, 1, 2, 3, 4])], PROTOCOL],
  ["6.1", "padding without room for its length", [headers(1, POST, false), frame(TYPE.data, PADDED, 1)], PROTOCOL],
  ["6.2", "HEADERS on stream 0", [headers(0, GET)], PROTOCOL],
  ["6.2", "padding longer than HEADERS", [frame(TYPE.headers, 5 | PADDED, 1, [200, ...block(GET)])], PROTOCOL],
  ["6.2", "HEADERS too short for their priority", [frame(TYPE.headers, 5 | PRIORITY, 1, [0, 0, 0])], PROTOCOL],
  ["6.3", "PRIORITY on stream 0", [frame(TYPE.priority, 0, 0, [0, 0, 0, 1, 9])], PROTOCOL],
  ["6.4", "RST_STREAM on stream 0", [frame(TYPE.reset, 0, 0, uint32(CANCEL))], PROTOCOL],
  ["6.4", "RST_STREAM of 3 bytes", [headers(1, POST, false), frame(TYPE.reset, 0, 1, [0, 0, 0])], SIZE],
  ["6.5", "an acknowledgement with a payload", [frame(TYPE.settings, 1, 0, [0, 3, 0, 0, 0, 9])], SIZE],
  ["6.5", "SETTINGS on a stream", [frame(TYPE.settings, 0, 1)], PROTOCOL],
  ["6.5", "SETTINGS of 3 bytes", [frame(TYPE.settings, 0, 0, [0, 3, 0])], SIZE],
  ["6.5.2", "ENABLE_PUSH of 2", [settings([2, 2])], PROTOCOL],
  ["6.5.2", "an initial window above 2^31-1", [settings([4, 2 ** 31])], FLOW],
  ["6.5.2", "a frame size below 16,384", [settings([5, 16_383])], PROTOCOL],
  ["6.5.2", "a frame size above 2^24-1", [settings([5, 2 ** 24])], PROTOCOL],
  ["RFC 8441", "ENABLE_CONNECT_PROTOCOL of 2", [settings([8, 2])], PROTOCOL],
  ["RFC 8441", "ENABLE_CONNECT_PROTOCOL taken back", [settings([8, 1]), settings([8, 0])], PROTOCOL],
  ["6.6", "PUSH_PROMISE of a client", [frame(TYPE.push, 4, 1, [0, 0, 0, 2, ...block(GET)])], PROTOCOL],
  ["6.7", "PING on a stream", [frame(TYPE.ping, 0, 1, new Uint8Array(8))], PROTOCOL],
  ["6.7", "PING of 6 bytes", [frame(TYPE.ping, 0, 0, new Uint8Array(6))], SIZE],
  ["6.8", "GOAWAY on a stream", [frame(TYPE.goaway, 0, 1, new Uint8Array(8))], PROTOCOL],
  ["6.8", "GOAWAY of 4 bytes", [frame(TYPE.goaway, 0, 0, new Uint8Array(4))], SIZE],
  ["6.9", "WINDOW_UPDATE by 0", [frame(TYPE.window, 0, 0, uint32(0))], PROTOCOL],
  ["6.9", "WINDOW_UPDATE of 3 bytes", [frame(TYPE.window, 0, 0, [0, 0, 1])], SIZE],
  ["6.9.1", "WINDOW_UPDATE above 2^31-1", [frame(TYPE.window, 0, 0, uint32(2 ** 31 - 1))], FLOW],
  [
    "6.9.2",
    "an initial window that makes one too large",
    [headers(1, POST, false), frame(TYPE.window, 0, 1, uint32(2 ** 31 - 1 - 65_535)), settings([4, 65_536])],
    FLOW,
  ],
  [
    "6.10",
    "CONTINUATION without HEADERS",
    [headers(1, POST, false), frame(TYPE.continuation, 4, 1, block([["a", "b"]]))],
    PROTOCOL,
  ],
  [
    "6.10",
    "CONTINUATION on stream 0",
    [frame(TYPE.headers, 1, 1, block(GET)), frame(TYPE.continuation, 4, 0, block(GET))],
    PROTOCOL,
  ],
  [
    "6.10",
    "CONTINUATION after DATA",
    [headers(1, POST, false), frame(TYPE.data, 0, 1, [1]), frame(TYPE.continuation, 4, 1)],
    PROTOCOL,
  ],
];

const streamFaults: Row[] = [
  ["5.1", "DATA after the end", [headers(1, GET), frame(TYPE.data, END_STREAM, 1, [1])], CLOSED],
  ["5.1", "HEADERS after the end", [headers(1, GET), headers(1, GET)], CLOSED],
  [
    "5.3.1",
    "HEADERS that depend on their own stream",
    [frame(TYPE.headers, 5 | PRIORITY, 1, [0, 0, 0, 1, 9, ...block(GET)])],
    PROTOCOL,
  ],
  ["6.3", "PRIORITY of 4 bytes", [headers(1, POST, false), frame(TYPE.priority, 0, 1, [0, 0, 0, 0])], SIZE],
  ["6.9", "WINDOW_UPDATE by 0", [headers(1, POST, false), frame(TYPE.window, 0, 1, uint32(0))], PROTOCOL],
  [
    "6.9.1",
    "WINDOW_UPDATE above 2^31-1",
    [headers(1, POST, false), frame(TYPE.window, 0, 1, uint32(2 ** 31 - 1))],
    FLOW,
  ],
  ["8.1", "a second head without its end", [headers(1, POST, false), headers(1, [["a", "b"]], false)], PROTOCOL],
  ["8.1", "a pseudo field in trailers", [headers(1, POST, false), headers(1, [[":path", "/"]])], PROTOCOL],
  [
    "8.1.1",
    "less DATA than content-length",
    [headers(1, [...POST, ["content-length", "2"]], false), frame(TYPE.data, END_STREAM, 1, [1])],
    PROTOCOL,
  ],
  [
    "8.1.1",
    "more DATA than content-length",
    [headers(1, [...POST, ["content-length", "2"]], false), frame(TYPE.data, 0, 1, [1, 2, 3])],
    PROTOCOL,
  ],
  ["8.1.1", "content-length without DATA", [headers(1, [...POST, ["content-length", "2"]])], PROTOCOL],
  [
    "8.1.1",
    "less DATA than content-length before trailers",
    [headers(1, [...POST, ["content-length", "2"]], false), headers(1, [["a", "b"]])],
    PROTOCOL,
  ],
];

const path = (value: string): Field[] => [...GET.slice(0, 2), [":path", value], GET[3]!];

const malformed: [what: string, fields: Field[]][] = [
  ["a name with a capital letter", [...GET, ["X-Test", "ok"]]],
  ["an empty name", [...GET, ["", "ok"]]],
  ["a blank in a name", [...GET, ["x y", "ok"]]],
  ["a colon in a name", [...GET, ["x:y", "ok"]]],
  ["a line end in a name", [...GET, ["x\r\ny", "ok"]]],
  ["a line end in a value", [...GET, ["x", "a\r\nhost: evil"]]],
  ["a line feed in a value", [...GET, ["x", "a\nb"]]],
  ["a NUL in a value", [...GET, ["x", "a\0b"]]],
  ["DEL in a value", [...GET, ["x", "a\x7fb"]]],
  ["a blank before a value", [...GET, ["x", " a"]]],
  ["a tab behind a value", [...GET, ["x", "a\t"]]],
  ["connection", [...GET, ["connection", "keep-alive"]]],
  ["keep-alive", [...GET, ["keep-alive", "5"]]],
  ["proxy-connection", [...GET, ["proxy-connection", "close"]]],
  ["transfer-encoding", [...GET, ["transfer-encoding", "chunked"]]],
  ["upgrade", [...GET, ["upgrade", "h2c"]]],
  ["te other than trailers", [...GET, ["te", "trailers, deflate"]]],
  ["an unknown pseudo field", [...GET, [":test", "ok"]]],
  ["a pseudo field of replies", [...GET, [":status", "200"]]],
  ["a pseudo field after others", [GET[0]!, GET[1]!, GET[3]!, ["x", "y"], GET[2]!]],
  [":method twice", [GET[0]!, ...GET]],
  [":path twice", [...GET, [":path", "/b"]]],
  ["no :method", GET.slice(1)],
  ["no :scheme", [GET[0]!, GET[2]!, GET[3]!]],
  ["no :path", [GET[0]!, GET[1]!, GET[3]!]],
  ["an empty :path", path("")],
  ["a :path without slash", path("index.html")],
  ["a :path with a blank", path("/a b")],
  ["a :path with a line end", path("/a\r\nx: y")],
  ["a :path with a fragment", path("/a#b")],
  ["an absolute URL as :path", path("http://example.com/")],
  ["an asterisk without OPTIONS", path("*")],
  ["a :method that is no token", [[":method", "GE T"], ...GET.slice(1)]],
  ["a :scheme that is none of HTTP", [GET[0]!, [":scheme", "ftp"], GET[2]!, GET[3]!]],
  ["neither :authority nor host", GET.slice(0, 3)],
  ["a user in :authority", [...GET.slice(0, 3), [":authority", "user@example.com"]]],
  ["an empty :authority", [...GET.slice(0, 3), [":authority", ""]]],
  ["a host that differs from :authority", [...GET, ["host", "other.com"]]],
  ["host twice", [...GET.slice(0, 3), ["host", "a.com"], ["host", "a.com"]]],
  ["content-length twice", [...GET, ["content-length", "0"], ["content-length", "0"]]],
  ["a signed content-length", [...GET, ["content-length", "+0"]]],
  ["a list as content-length", [...GET, ["content-length", "0, 0"]]],
  ["an empty content-length", [...GET, ["content-length", ""]]],
  [
    "CONNECT with a :path",
    [
      [":method", "CONNECT"],
      [":path", "/"],
      [":authority", "a.com:1"],
    ],
  ],
  [
    "CONNECT without :authority",
    [
      [":method", "CONNECT"],
      ["host", "a.com:1"],
    ],
  ],
  [":protocol without CONNECT", [...GET, [":protocol", "websocket"]]],
  [
    "extended CONNECT without :path",
    [
      [":method", "CONNECT"],
      [":protocol", "websocket"],
      [":scheme", "http"],
      [":authority", "a.com"],
    ],
  ],
];

describe("connection errors", () => {
  test.each(connectionFaults)(
    "receive() ends the connection as of %s when there is %s",
    (_section, _what, frames, code) => {
      const hand = Hand.server().hear(...frames);
      expect(hand.goaway).toBe(code);
      expect(hand.log.over?.code).toBe("http2.connection_error");
      const before = hand.log.events.length;
      hand.hear(headers(101, GET));
      expect(hand.log.events.length).toBe(before);
    },
  );

  test.each(connectionFaults)(
    "receive() sees the same fault as of %s when %s comes byte by byte",
    (_section, _what, frames, code) => {
      const hand = Hand.server();
      for (const bytes of frames) for (const byte of bytes) hand.hear(Uint8Array.of(byte));
      expect(hand.goaway).toBe(code);
    },
  );
});

describe("stream errors", () => {
  test.each(streamFaults)("receive() resets the stream as of %s when there is %s", (_section, _what, frames, code) => {
    const hand = Hand.server().hear(...frames);
    expect(hand.resets).toEqual(new Map([[1, code]]));
    expect(hand.goaway).toBeUndefined();
    // The others go on.
    hand.hear(headers(3, GET));
    expect(hand.log.events.at(-1)).toBe("request 3 end");
  });

  test.each(malformed)("receive() resets the stream and nobody sees the request when it has %s", (_what, fields) => {
    const hand = Hand.server().hear(headers(1, fields));
    expect(hand.resets).toEqual(new Map([[1, PROTOCOL]]));
    expect(hand.log.events).toEqual([]);
  });
});

describe("the beginning", () => {
  test("receive() ends the connection when the preface is another one", () => {
    const hand = new Hand("server").hear(Buffer.from("GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
    expect(hand.goaway).toBe(PROTOCOL);
  });

  test("receive() ends the connection when the first frame is not SETTINGS", () => {
    expect(new Hand("server").hear(PREFACE, frame(TYPE.ping, 0, 0, new Uint8Array(8))).goaway).toBe(PROTOCOL);
    expect(new Hand("server").hear(PREFACE, frame(TYPE.settings, 1, 0)).goaway).toBe(PROTOCOL);
    expect(new Hand("client").hear(headers(1, [[":status", "200"]])).goaway).toBe(PROTOCOL);
  });
});

describe("what is allowed", () => {
  test.each<[string, Uint8Array[], string[]]>([
    ["unknown frames", [frame(0x16, 0xff, 0, [1, 2]), headers(1, GET)], ["request 1 end"]],
    ["unknown settings", [settings([0xff, 1]), headers(1, GET)], ["request 1 end"]],
    ["PRIORITY on an idle stream", [frame(TYPE.priority, 0, 7, [0, 0, 0, 1, 9]), headers(1, GET)], ["request 1 end"]],
    [
      "padding and priority",
      [frame(TYPE.headers, 5 | PADDED | PRIORITY, 1, [3, 0, 0, 0, 3, 9, ...block(GET), 0, 0, 0])],
      ["request 1 end"],
    ],
    [
      "padded DATA",
      [headers(1, POST, false), frame(TYPE.data, PADDED | END_STREAM, 1, [2, 65, 66, 0, 0])],
      ["request 1", "end 1"],
    ],
    [
      "DATA of padding only",
      [headers(1, POST, false), frame(TYPE.data, PADDED | END_STREAM, 1, [3, 0, 0, 0])],
      ["request 1", "end 1"],
    ],
    [
      "a head in pieces",
      [
        frame(TYPE.headers, 1, 1, block(GET.slice(0, 2))),
        frame(TYPE.continuation, 0, 1),
        frame(TYPE.continuation, 4, 1, block(GET.slice(2))),
      ],
      ["request 1 end"],
    ],
    [
      "trailers",
      [headers(1, POST, false), frame(TYPE.data, 0, 1, [65]), headers(1, [["x-sum", "1"]])],
      ["request 1", "end 1 x-sum 1"],
    ],
    ["te: trailers", [headers(1, [...GET, ["te", "trailers"]])], ["request 1 end"]],
    ["a host like :authority", [headers(1, [...GET, ["host", "EXAMPLE.com"]])], ["request 1 end"]],
    ["a host without :authority", [headers(1, [...GET.slice(0, 3), ["host", "example.com"]])], ["request 1 end"]],
    [
      "OPTIONS *",
      [
        headers(1, [
          [":method", "OPTIONS"],
          [":scheme", "http"],
          [":path", "*"],
          [":authority", "a"],
        ]),
      ],
      ["request 1 end"],
    ],
    [
      "an extended CONNECT",
      [
        headers(
          1,
          [
            [":method", "CONNECT"],
            [":protocol", "websocket"],
            [":scheme", "http"],
            [":path", "/c"],
            [":authority", "a"],
          ],
          false,
        ),
      ],
      ["request 1"],
    ],
    ["the reserved bit of a stream's number", [frame(TYPE.headers, 5, 0x80000001 | 0, block(GET))], ["request 1 end"]],
  ])("receive() goes on when there is %s", (_what, frames, events) => {
    const whole = Hand.server().hear(...frames);
    expect(whole.log.events).toEqual(events);
    const cut = Hand.server();
    for (const bytes of frames) for (const byte of bytes) cut.hear(Uint8Array.of(byte));
    expect(cut.log.events).toEqual(events);
    expect([whole.goaway, cut.goaway]).toEqual([undefined, undefined]);
  });

  test("receive() joins cookies when they come in several fields", () => {
    const hand = Hand.server().hear(headers(1, [...GET, ["cookie", "a=1"], ["x", "y"], ["cookie", "b=2"]]));
    expect(hand.log.heads[0]!.headers).toEqual(["cookie", "a=1; b=2", "x", "y"]);
  });

  test("receive() ignores frames of a stream when it has just cut that stream itself", () => {
    const hand = Hand.server().hear(headers(1, POST, false));
    hand.connection.reset(hand.log.streams.get(1)!, REFUSED);
    hand.hear(frame(TYPE.data, 0, 1, [1]), frame(TYPE.window, 0, 1, uint32(9)), frame(TYPE.reset, 0, 1, uint32(NONE)));
    hand.hear(headers(1, [["x", "y"]]), headers(3, GET));
    expect(hand.goaway).toBeUndefined();
    expect(hand.log.events).toEqual(["request 1", "closed 1", "request 3 end"]);
  });

  test("receive() ends the connection when frames come on a stream that both sides have ended", () => {
    for (const late of [frame(TYPE.data, 0, 1, [1]), headers(1, GET)]) {
      const hand = Hand.server();
      hand.log.request = (stream) => hand.connection.reply(stream, { status: 204, headers: [] }, true);
      hand.hear(headers(1, GET), late);
      expect(hand.goaway).toBe(CLOSED);
    }
  });
});

describe("replies, as a client sees them", () => {
  test.each<[string, Uint8Array[]]>([
    ["no :status", [headers(1, [["x", "y"]])]],
    ["a :status that is no number", [headers(1, [[":status", "2x0"]])]],
    ["101", [headers(1, [[":status", "101"]])]],
    ["an interim reply with an end", [headers(1, [[":status", "103"]])]],
    [
      "a pseudo field of requests",
      [
        headers(1, [
          [":status", "200"],
          [":path", "/"],
        ]),
      ],
    ],
    ["DATA before its head", [frame(TYPE.data, 0, 1, [1])]],
    [
      "more DATA than its length",
      [
        headers(
          1,
          [
            [":status", "200"],
            ["content-length", "1"],
          ],
          false,
        ),
        frame(TYPE.data, 1, 1, [1, 2]),
      ],
    ],
    [
      "less DATA than its length",
      [
        headers(
          1,
          [
            [":status", "200"],
            ["content-length", "1"],
          ],
          false,
        ),
        frame(TYPE.data, 1, 1),
      ],
    ],
    ["DATA with a 204", [headers(1, [[":status", "204"]], false), frame(TYPE.data, 1, 1, [1])]],
  ])("receive() cuts the stream when a reply has %s", (_what, frames) => {
    const hand = Hand.client();
    hand.connection.request(
      { method: "GET", target: "/", scheme: "http", authority: "a", headers: [], version: "2" },
      true,
      "",
    );
    hand.pull().hear(...frames);
    expect(hand.resets).toEqual(new Map([[1, PROTOCOL]]));
    expect(hand.log.events).toContain("reset 1 http2.stream_error");
  });

  test.each<[string, Uint8Array]>([
    ["PUSH_PROMISE", frame(TYPE.push, END_HEADERS, 1, [0, 0, 0, 2, ...block(GET)])],
    ["a stream that nobody began", headers(7, [[":status", "200"]])],
    ["a stream of its own", headers(2, GET)],
    ["ENABLE_PUSH of 1", settings([2, 1])],
  ])("receive() ends the connection when a server sends %s", (_what, bytes) => {
    const hand = Hand.client();
    hand.connection.request(
      { method: "GET", target: "/", scheme: "http", authority: "a", headers: [], version: "2" },
      true,
      "",
    );
    expect(hand.pull().hear(bytes).goaway).toBe(PROTOCOL);
  });
});
