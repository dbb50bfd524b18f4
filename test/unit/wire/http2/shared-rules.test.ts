/** What HTTP/1 refuses, for what others could make of it, is refused in HTTP/2 too: protocols, schemes, doubtful names, trailers. */
import { describe, expect, test } from "bun:test";
import type { RequestHead } from "../../../../src/wire/http/index.ts";
import { defaultHttp2Limits, Http2Connection } from "../../../../src/wire/http2/index.ts";
import { type Field, frame, GET, Hand, headers, Log, POST, PREFACE, settings, TYPE } from "./rig.ts";

const NONE = 0;
const PROTOCOL = 1;

function connectTo(protocol: string, more: readonly Field[] = []): Field[] {
  const first: Field[] = [
    [":method", "CONNECT"],
    [":protocol", protocol],
  ];
  return [...first, ...GET.slice(1), ...more];
}

/** Of the reply to stream 1. */
function statusOf(hand: Hand): string | undefined {
  const [head] = hand.of(TYPE.headers, 1);
  return head && hand.fields(head).find(([name]) => name === ":status")?.[1];
}

describe("extended CONNECT", () => {
  test.each(["h2c", "WebSocket", "websocket2", "connect-udp", "tls"])(
    "receive() answers 501 and nobody sees the request when :protocol is %s",
    (protocol) => {
      const hand = Hand.server().hear(headers(1, connectTo(protocol), false));
      expect([statusOf(hand), hand.log.events, hand.goaway]).toEqual(["501", [], undefined]);
      expect(hand.resets).toEqual(new Map([[1, NONE]]));
      hand.hear(frame(TYPE.data, 0, 1, [65])); // on its way: dropped
      hand.hear(headers(3, connectTo("websocket"), false));
      expect(hand.log.events).toEqual(["request 3"]);
    },
  );

  test.each<[string, Field[]]>([
    ["no token", connectTo("web socket")],
    ["empty", connectTo("")],
    ["another one, and more is wrong", connectTo("h2c", [["Upper", "x"]])],
  ])("receive() resets the stream when :protocol is %s", (_what, fields) => {
    const hand = Hand.server().hear(headers(1, fields, false));
    expect([hand.resets, hand.log.events]).toEqual([new Map([[1, PROTOCOL]]), []]);
  });
});

describe("schemes", () => {
  function heard(scheme: "http" | "https", asked: string): Log {
    const log = new Log();
    const server = new Http2Connection<string>(log, { side: "server", limits: defaultHttp2Limits, scheme });
    server.start();
    const fields = GET.map(([name, value]): Field => [name, name === ":scheme" ? asked : value]);
    for (const bytes of [PREFACE, settings(), headers(1, fields)]) server.receive(bytes, 0);
    return log;
  }

  test("receive() gives no request to anybody when its :scheme is not the connection's", () => {
    expect(heard("http", "https").events).toEqual([]);
    expect(heard("https", "http").events).toEqual([]);
    expect(heard("http", "http").events).toEqual(["request 1 end"]);
    expect(heard("https", "https").events).toEqual(["request 1 end"]);
  });
});

describe("fields", () => {
  test.each(["content_length", "transfer_encoding"])("receive() resets the stream when there is %s", (name) => {
    const hand = Hand.server().hear(headers(1, [...GET, [name, "5"]]));
    expect([hand.resets, hand.log.events]).toEqual([new Map([[1, PROTOCOL]]), []]);
  });

  test("receive() resets the stream when a request has several content-type, and lets a reply with them be", () => {
    const types: Field[] = [
      ["content-type", "image/png"],
      ["content-type", "image/png"],
    ];
    const hand = Hand.server().hear(headers(1, [...GET, ...types.slice(1)]), headers(3, [...GET, ...types]));
    expect([hand.resets, hand.log.events]).toEqual([new Map([[3, PROTOCOL]]), ["request 1 end"]]);
    const client = Hand.client();
    const asked: RequestHead = {
      method: "GET",
      target: "/",
      scheme: "http",
      authority: "a",
      headers: [],
      version: "2",
    };
    client.connection.request(asked, true, "");
    client.hear(headers(1, [[":status", "200"], ...types], true));
    expect(client.resets).toEqual(new Map());
  });

  const forbidden = [
    ...["authorization", "cookie", "content-type", "x-forwarded-for", "x-forwarded-proto", "forwarded", "expect"],
    ...["content-encoding", "proxy-authorization", "content_length", "x-real-ip", "set-cookie"],
  ];
  test.each(forbidden)("receive() resets the stream when a client's trailers have %s", (name) => {
    const hand = Hand.server().hear(
      headers(1, POST, false),
      headers(1, [
        ["x-sum", "1"],
        [name, "x"],
      ]),
    );
    expect(hand.resets).toEqual(new Map([[1, PROTOCOL]]));
    expect(hand.log.events).toEqual(["request 1", "reset 1 http2.stream_error", "closed 1"]);
  });

  test("receive() leaves out of a server's trailers what may only stand in a head", () => {
    const hand = Hand.client();
    hand.connection.request(
      { method: "GET", target: "/", scheme: "http", authority: "a", headers: [], version: "2" },
      true,
      "",
    );
    hand.hear(headers(1, [[":status", "200"]], false));
    hand.hear(
      headers(1, [
        ["grpc-status", "0"],
        ["content-type", "application/grpc"],
        ["set-cookie", "a=b"],
        ["x", "1"],
      ]),
    );
    expect(hand.log.events).toEqual(["reply 1 200", "end 1 grpc-status 0 x 1", "closed 1"]);
  });
});

describe("pieces of DATA", () => {
  const chunkOf = (size: number): Uint8Array =>
    Buffer.concat([
      frame(TYPE.data, 0, 1, new Uint8Array(size)),
      ...Array.from({ length: 4 }, () => frame(TYPE.data, 0, 3, new Uint8Array(16_384))),
    ]);

  test.each([1, 999, 5_000])("receive() tells a piece of %d bytes that keeps no large chunk in memory", (size) => {
    const hand = Hand.server().hear(headers(1, POST, false), headers(3, POST, false), chunkOf(size));
    const [piece] = hand.log.data.get(1)!;
    expect(piece!.byteLength).toBe(size);
    expect(piece!.buffer.byteLength).toBe(size);
  });
});

describe("endDrain()", () => {
  test("endDrain() names the last stream and refuses later ones when the client has not answered", () => {
    const hand = Hand.server().hear(headers(1, POST, false));
    hand.connection.drain();
    hand.hear(headers(3, POST, false));
    expect(hand.log.events).toEqual(["request 1", "request 3"]);
    hand.connection.endDrain();
    hand.hear(headers(5, GET));
    expect([hand.log.events, hand.resets]).toEqual([["request 1", "request 3"], new Map([[5, 7]])]);
    const last = hand.of(TYPE.goaway).at(-1)!;
    expect(Buffer.from(last.payload).readUInt32BE(0)).toBe(3);
    expect(hand.log.over).toBeUndefined();
    for (const id of [1, 3]) hand.connection.reset(hand.log.streams.get(id)!, 8);
    hand.connection.settle();
    expect(hand.log.over?.code).toBe("http2.drained");
  });

  test("endDrain() does nothing when nothing drains", () => {
    const hand = Hand.server();
    hand.connection.endDrain();
    hand.hear(headers(1, GET));
    expect([hand.log.events, hand.of(TYPE.goaway)]).toEqual([["request 1 end"], []]);
  });
});
