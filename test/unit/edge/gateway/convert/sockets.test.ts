/** WebSocket clients and WebSocket upstreams. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import type { ConvertAsk } from "../../../../../src/edge/gateway/convert/index.ts";
import {
  binaryOf,
  frameMessage,
  jsonOfMessage,
  messageOfBinary,
  messageOfJson,
} from "../../../../../src/wire/protobuf/index.ts";
import { acceptOf, OPCODE, writeFrame } from "../../../../../src/wire/websocket/index.ts";
import { LIBRARY, load } from "../../../wire/protobuf/protos.ts";
import { Rig, TestCall, type TestExchange } from "./fakes.ts";
import { closing, HANDSHAKE, heard, KEY, open, say, UpstreamSocket } from "./socket-fakes.ts";

const store = await load({ "library.proto": LIBRARY });
function bookBytes(json: unknown): Uint8Array {
  const desc = store.message("library.v1.Book")!;
  return binaryOf(desc, messageOfJson(desc, JSON.stringify(json), { registry: store.registry }));
}

describe("handshakes", () => {
  test.each([
    ["another version", ["sec-websocket-version", "8", "sec-websocket-key", KEY]],
    ["no version", ["sec-websocket-key", KEY]],
    ["no key", ["sec-websocket-version", "13"]],
    ["a broken key", ["sec-websocket-version", "13", "sec-websocket-key", "abc"]],
  ])("are refused when there is %s", (_, headers) => {
    for (const scheme of ["grpc", "http", "ws"] as const) {
      const rig = new Rig({ store, scheme, plan: { mode: scheme === "http" ? "websocket-http" : "auto" } });
      const exchange = open(rig, "/library.v1.Library/Chat", headers);
      expect([exchange.status, rig.upstream.calls.length]).toEqual([400, 0]);
    }
  });

  test("are answered with the key's proof", () => {
    const exchange = open(new Rig({ store }), "/library.v1.Library/Chat");
    expect(exchange.header("sec-websocket-accept")).toBe(acceptOf(KEY));
  });
});

describe("convertSocketToGrpc()", () => {
  test("passes JSON messages both ways and ends with the status", () => {
    const rig = new Rig({ store });
    const exchange = open(rig, "/library.v1.Library/Chat");
    say(exchange, `{"name":"1"}`);
    say(exchange, `{"name":"2"}`);
    const { call } = rig.upstream;
    expect([call.request.head.target, call.request.head.protocol, call.body.bytes]).toEqual([
      "/library.v1.Library/Chat",
      undefined,
      Buffer.concat([frameMessage(bookBytes({ name: "1" })), frameMessage(bookBytes({ name: "2" }))]),
    ]);
    const sink = call.answer();
    sink.write(frameMessage(bookBytes({ name: "3" })));
    say(exchange, "");
    expect(call.body.isEnded).toBe(true);
    sink.end(["grpc-status", "0"]);
    expect(heard(exchange.raw!.sink)).toEqual([
      [OPCODE.text, `{"name":"3"}`],
      [OPCODE.close, "1000 "],
    ]);
  });

  test("puts what path and query say into each message", () => {
    const rig = new Rig({ store });
    const exchange = open(rig, "/v1/books/7?parts=1&parts=2&shelf.theme=a");
    say(exchange, `{"deep":true}`);
    const Get = store.message("library.v1.GetBook")!;
    const { call } = rig.upstream;
    expect([
      call.request.head.target,
      JSON.parse(jsonOfMessage(Get, messageOfBinary(Get, call.body.bytes.subarray(5)), store.registry)),
    ]).toEqual(["/library.v1.Library/Get", { name: "7", deep: true, parts: [1, 2], shelf: { theme: "a" } }]);
    const named = open(rig, "/library.v1.Library/Watch?name=q");
    say(named, bookBytes({}));
    const bytes = rig.upstream.call.body.bytes.subarray(5);
    expect(JSON.parse(jsonOfMessage(Get, messageOfBinary(Get, bytes), store.registry))).toEqual({ name: "q" });
  });

  test("counts what a reply holds and no descriptor knows", () => {
    const rig = new Rig({ store });
    const exchange = open(rig, "/library.v1.Library/Chat");
    say(exchange, "{}");
    rig.upstream.call.answer().write(frameMessage(new Uint8Array([0xc0, 0x3e, 1])));
    expect([heard(exchange.raw!.sink), rig.dropped]).toEqual([[[OPCODE.text, "{}"]], ["reply #1000"]]);
  });

  test("refuses a message whose JSON gives a field of the path another value", () => {
    const rig = new Rig({ store });
    const exchange = open(rig, "/v1/books/7");
    say(exchange, `{"name":"8"}`);
    expect(heard(exchange.raw!.sink).at(-1)![1]).toStartWith("4003 INVALID_ARGUMENT");
    expect(rig.upstream.call.cancelled?.code).toBe("gateway.convert_unexpected");
  });

  test("refuses with HTTP when a parameter belongs nowhere", () => {
    const rig = new Rig({ store });
    const exchange = open(rig, "/v1/books/7?nothing=1");
    expect([exchange.status, exchange.raw, rig.blamed]).toEqual([400, undefined, ["protobuf.unknown_field"]]);
  });

  test("keeps the order of messages when a long one is converted in turns", () => {
    const rig = new Rig({ store, plan: { messageBytesMax: 1_000_000 } });
    const exchange = open(rig, "/library.v1.Library/Chat");
    const tags = Array.from({ length: 9000 }, (_, index) => `t${index}`);
    say(exchange, JSON.stringify({ name: "1", tags }));
    say(exchange, `{"name":"2"}`);
    say(exchange, bookBytes({ name: "3" }));
    const { call } = rig.upstream;
    expect(call.body.chunks).toEqual([]);
    say(exchange, "");
    rig.clock.advance(0);
    expect([call.body.bytes, call.body.isEnded]).toEqual([
      Buffer.concat([{ name: "1", tags }, { name: "2" }, { name: "3" }].map((book) => frameMessage(bookBytes(book)))),
      true,
    ]);
  });

  test("passes bytes as they are when the client speaks binary", () => {
    const rig = new Rig({ store });
    const exchange = open(rig, "/library.v1.Library/Chat");
    const message = bookBytes({ name: "1" });
    say(exchange, message);
    expect(rig.upstream.call.body.bytes).toEqual(Buffer.from(frameMessage(message)));
    rig.upstream.call.answer().write(frameMessage(message));
    expect(heard(exchange.raw!.sink)).toEqual([[OPCODE.binary, Buffer.from(message).toString("hex")]]);
  });

  test("ends the client's half by itself when the method takes one message", () => {
    const rig = new Rig({ store });
    const exchange = open(rig, "/library.v1.Library/Watch");
    say(exchange, "{}");
    expect(rig.upstream.call.body.isEnded).toBe(true);
    say(exchange, "{}");
    expect(heard(exchange.raw!.sink).at(-1)![1]).toStartWith("4003 INVALID_ARGUMENT");
    expect(rig.upstream.call.cancelled?.code).toBe("gateway.convert_websocket");
  });

  test("tells the status in a last message, a code and a reason when it is not OK", () => {
    const rig = new Rig({ store });
    const exchange = open(rig, "/library.v1.Library/Chat");
    rig.upstream.call.answer(["content-type", "application/grpc", "grpc-status", "5", "grpc-message", "none"]).end();
    expect(heard(exchange.raw!.sink)).toEqual([
      [OPCODE.text, `{"error":{"code":5,"status":"NOT_FOUND","message":"none"}}`],
      [OPCODE.close, "4005 NOT_FOUND: none"],
    ]);
  });

  test("breaks the call off when a message cannot be converted", () => {
    const rig = new Rig({ store });
    const exchange = open(rig, "/library.v1.Library/Chat");
    say(exchange, `{"nmae":1}`);
    expect([rig.upstream.call.cancelled?.code, heard(exchange.raw!.sink).at(-1)![1].slice(0, 4)]).toEqual([
      "protobuf.unknown_field",
      "4003",
    ]);
  });

  test("cancels the call when the client closes, or is gone", () => {
    const rig = new Rig({ store });
    open(rig, "/library.v1.Library/Chat").raw!.source.sink!.write(closing(1000));
    expect(rig.upstream.call.cancelled?.code).toBe("gateway.client_gone");
    open(rig, "/library.v1.Library/Chat").raw!.source.sink!.abort(new Failure("x.y", "z"));
    expect([rig.upstream.calls[1]!.cancelled?.code, rig.converter.counts().failed["websocket-grpc"]]).toEqual([
      "gateway.client_gone",
      1,
    ]);
  });

  test("refuses with HTTP when the path names no method", () => {
    const exchange = open(new Rig({ store }), "/nothing");
    expect([exchange.status, exchange.raw]).toEqual([404, undefined]);
  });

  test("holds the client back when the upstream takes no more, and the upstream when the client does not", () => {
    const rig = new Rig({ store });
    const exchange = open(rig, "/library.v1.Library/Chat");
    rig.upstream.call.body.takesMore = false;
    say(exchange, "{}");
    const written = rig.upstream.call.body.chunks.length;
    say(exchange, "{}");
    expect(rig.upstream.call.body.chunks.length).toBe(written);
    rig.upstream.call.body.takesMore = true;
    rig.upstream.call.body.onReady!();
    expect(rig.upstream.call.body.chunks.length).toBe(written + 1);
    exchange.raw!.sink.takesMore = false;
    const sink = rig.upstream.call.answer();
    expect(sink.write(frameMessage(bookBytes({})))).toBe(false);
    let resumed = 0;
    sink.onReady = () => resumed++;
    exchange.raw!.sink.onReady!();
    expect(resumed).toBe(1);
  });
});

describe("convertHttpToSocket()", () => {
  test("sends the body as a message and answers with the one of the same id", () => {
    const rig = new Rig({ scheme: "ws" });
    const exchange = rig.post("/socket", `{"id":"q","n":12345678901234567890}`, ["authorization", "t"]);
    const { call } = rig.upstream;
    expect([call.request.head.method, call.request.head.protocol, call.header("authorization")]).toEqual([
      "GET",
      "websocket",
      "t",
    ]);
    const socket = new UpstreamSocket(call);
    expect(heard(socket.sink)).toEqual([[OPCODE.text, `{"id":"q","n":12345678901234567890}`]]);
    socket.say(`{"id":"other"}`);
    socket.say("noise");
    socket.say(new Uint8Array([1]));
    expect(exchange.status).toBeUndefined();
    socket.say(`{"id":"q","m":12345678901234567890}`);
    expect([exchange.status, Buffer.from(exchange.sent!).toString(), heard(socket.sink).at(-1)]).toEqual([
      200,
      `{"id":"q","m":12345678901234567890}`,
      [OPCODE.close, "1000 "],
    ]);
    socket.close(1000);
    socket.source.sink!.end();
    expect(rig.clock.timers).toBe(0);
  });

  test.each([
    [`{"n":1}`, `{"id":"id-1","n":1}`],
    ["{}", `{"id":"id-1"}`],
  ])("gives %s an id when it has none", (body, message) => {
    const rig = new Rig({ scheme: "ws" });
    rig.post("/socket", body);
    expect(heard(new UpstreamSocket(rig.upstream.call).sink)).toEqual([[OPCODE.text, message]]);
  });

  test("says that no answer came in time, also when the socket says at once that it is closed", () => {
    let call: TestCall | undefined;
    let socket: UpstreamSocket | undefined;
    const ask: ConvertAsk = (request, events) => {
      call = new TestCall(request, events);
      return { cancel: (cause) => socket!.source.sink!.abort(cause) };
    };
    const rig = new Rig({ scheme: "ws", ask });
    const exchange = rig.post("/socket", "{}");
    socket = new UpstreamSocket(call!);
    rig.clock.advance(30_000);
    expect(exchange.status).toBe(504);
  });

  test("fails when no answer comes in time, the socket closes, lies, or is none", () => {
    const late = new Rig({ scheme: "ws" });
    const lateExchange = late.post("/socket", "{}", ["x-request-timeout", "5s"]);
    new UpstreamSocket(late.upstream.call);
    late.clock.advance(5000);
    expect(lateExchange.status).toBe(504);
    const closed = new Rig({ scheme: "ws" });
    const closedExchange = closed.post("/socket", "{}");
    const closedSocket = new UpstreamSocket(closed.upstream.call);
    closedSocket.close(1011);
    closedSocket.source.sink!.end();
    expect([closedExchange.status, closed.clock.timers]).toEqual([503, 0]);
    const lying = new Rig({ scheme: "ws" });
    const lyingExchange = lying.post("/socket", "{}");
    expect(new UpstreamSocket(lying.upstream.call, "x").sink.aborted?.code).toBe("gateway.upstream_protocol");
    expect(lyingExchange.status).toBe(500);
    const plain = new Rig({ scheme: "ws" });
    const plainExchange = plain.post("/socket", "{}");
    plain.upstream.call.answer([], 200);
    expect(plainExchange.status).toBe(503);
  });

  test.each(["[]", "1", "{", `"x"`])("refuses the body %s", (body) => {
    const rig = new Rig({ scheme: "ws" });
    expect([rig.post("/socket", body).status, rig.upstream.calls.length]).toEqual([400, 0]);
  });

  test("gives messages as events when the client accepts them", () => {
    const rig = new Rig({ scheme: "ws" });
    const exchange = rig.send("GET", "/socket", ["accept", "text/event-stream"]);
    const socket = new UpstreamSocket(rig.upstream.call);
    socket.say("a\nevent: forged\r\n\r\nb");
    socket.say(new Uint8Array([255]));
    socket.close(1000);
    expect(exchange.sink!.bytes.toString()).toBe(
      "data: a\ndata: event: forged\ndata: \ndata: b\n\nevent: binary\ndata: /w==\n\n",
    );
    expect(exchange.sink!.isEnded).toBe(true);
  });

  test("tells an error last when the socket of events ends badly, and closes it when the client goes", () => {
    const rig = new Rig({ scheme: "ws" });
    const exchange = rig.send("GET", "/socket", ["accept", "text/event-stream"]);
    new UpstreamSocket(rig.upstream.call).close(1011);
    expect(exchange.sink!.bytes.toString()).toStartWith("event: error\n");
    const gone = rig.send("GET", "/socket", ["accept", "text/event-stream"]);
    const socket = new UpstreamSocket(rig.upstream.call);
    gone.sink!.onCancel!(new Failure("x.y", "z"));
    expect(heard(socket.sink)).toEqual([[OPCODE.close, "1001 "]]);
  });
});

describe("passSocket()", () => {
  function joined(): { rig: Rig; exchange: TestExchange; socket: UpstreamSocket } {
    const rig = new Rig({ scheme: "ws" });
    const exchange = open(rig, "/socket", [...HANDSHAKE, "sec-websocket-protocol", "chat", "cookie", "c"]);
    expect(exchange.status).toBeUndefined();
    return { rig, exchange, socket: new UpstreamSocket(rig.upstream.call) };
  }

  test("passes messages both ways", () => {
    const { exchange, rig, socket } = joined();
    expect([rig.upstream.call.header("sec-websocket-protocol"), rig.upstream.call.header("cookie")]).toEqual([
      "chat",
      "c",
    ]);
    expect(rig.upstream.call.header("sec-websocket-key")).not.toBe(KEY);
    say(exchange, "hello");
    say(exchange, new Uint8Array([1, 2]));
    socket.say("back");
    expect([heard(socket.sink), heard(exchange.raw!.sink)]).toEqual([
      [
        [OPCODE.text, "hello"],
        [OPCODE.binary, "0102"],
      ],
      [[OPCODE.text, "back"]],
    ]);
  });

  test("passes a close with its code, and tells the other side when one is lost", () => {
    const closed = joined();
    closed.exchange.raw!.source.sink!.write(closing(4001));
    expect(heard(closed.socket.sink)).toEqual([[OPCODE.close, "4001 "]]);
    const lost = joined();
    lost.socket.source.sink!.abort(new Failure("x.y", "z"));
    expect(heard(lost.exchange.raw!.sink)[0]![1]).toStartWith("1014");
  });

  test("lets nothing malformed through", () => {
    const { exchange, socket } = joined();
    exchange.raw!.source.sink!.write(writeFrame(OPCODE.text, Buffer.from("unmasked"), undefined));
    expect(heard(socket.sink).every(([opcode]) => opcode === OPCODE.close)).toBe(true);
    expect(heard(exchange.raw!.sink)[0]![1]).toStartWith("1002");
  });

  test("gives the upstream's own answer when it wants no socket, and the gateway's when it is not there", () => {
    const rig = new Rig({ scheme: "ws" });
    const refused = open(rig, "/socket");
    const sink = rig.upstream.call.answer(["x-a", "b"], 403);
    sink.end();
    expect([refused.status, refused.sink!.isEnded]).toEqual([403, true]);
    const none = open(rig, "/socket");
    rig.upstream.call.events.onFailure(new Failure("gateway.connect_failed", "x"), true);
    expect([none.status, rig.refused]).toEqual([undefined, ["gateway.connect_failed"]]);
  });

  test("says that the upstream is not there in the gateway's own words, to a request over HTTP too", () => {
    const rig = new Rig({ scheme: "ws" });
    const events = rig.send("GET", "/socket", ["accept", "text/event-stream"]);
    rig.upstream.call.events.onFailure(new Failure("gateway.connect_failed", "x"), true);
    expect([events.status, rig.refused]).toEqual([undefined, ["gateway.connect_failed"]]);
  });

  test("holds one side back when the other takes no more", () => {
    const { exchange, socket } = joined();
    socket.sink.takesMore = false;
    say(exchange, "1");
    const { length } = heard(socket.sink);
    say(exchange, "2");
    expect(heard(socket.sink).length).toBe(length);
    socket.sink.takesMore = true;
    socket.sink.onReady!();
    expect(heard(socket.sink).length).toBe(length + 1);
  });
});
