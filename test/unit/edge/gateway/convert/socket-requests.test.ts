/** Requests as messages of a socket: what of them enters the gateway, what is answered, and how much of it is kept. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import type { Exchange } from "../../../../../src/edge/gateway/words/index.ts";
import { type BodySink, type HeaderList, headersOf } from "../../../../../src/wire/http/index.ts";
import { Rig, type TestExchange, TestSink } from "./fakes.ts";
import { closing, HANDSHAKE, heard, open, say } from "./socket-fakes.ts";

const MIB = 1024 * 1024;
const PIECE = new Uint8Array(MIB).fill(0x78);

function newRig(): Rig {
  return new Rig({ scheme: "http", plan: { mode: "websocket-http" } });
}

function replied(exchange: TestExchange): Record<string, unknown>[] {
  return heard(exchange.raw!.sink).map(([, text]) => JSON.parse(text));
}

function header({ request }: Exchange, name: string): string[] {
  return headersOf(request.headers, name);
}

function bodyOf(exchange: Exchange): string {
  const sink = new TestSink();
  exchange.body.start(sink);
  return sink.bytes.toString();
}

describe("kindOf()", () => {
  test("passes a WebSocket on when the target is HTTP and the file does not ask for a conversion", () => {
    const words = { method: "GET", target: "/", scheme: "http", authority: "a", version: "1.1" } as const;
    const head = { ...words, headers: HANDSHAKE, protocol: "websocket" };
    const kinds = (["auto", "off", "grpc-json", "websocket-http"] as const).map((mode) =>
      new Rig({ scheme: "http", plan: { mode } }).converter.kindOf(head, "http"),
    );
    expect(kinds).toEqual([undefined, undefined, undefined, "websocket-http"]);
  });
});

describe("a message", () => {
  test("enters as a request with the handshake's credentials, and its own fields instead of the handshake's", () => {
    const rig = newRig();
    const handshake = ["authorization", "t", "x-own", "old", "if-none-match", "e", "idempotency-key", "k"];
    const exchange = open(rig, "/api/?x=1", [...HANDSHAKE, ...handshake, "x-forwarded-for", "192.0.2.9"]);
    say(exchange, `{"id":1,"method":"POST","path":"/a?b=c","headers":{"X-Own":"v"},"body":{"n":1}}`);
    say(exchange, `{"id":"two","path":"/b"}`);
    const [first, second] = rig.entered as [Exchange, Exchange];
    expect([first.request.method, first.request.target, first.request.protocol, first.peer]).toEqual([
      "POST",
      "/api/a?b=c",
      undefined,
      exchange.peer,
    ]);
    const names = ["x-own", "authorization", "x-forwarded-for", "content-type", "content-length"];
    expect(names.map((name) => header(first, name))).toEqual([
      ["v"],
      ["t"],
      ["192.0.2.9"],
      ["application/json"],
      ["7"],
    ]);
    const absent = ["if-none-match", "idempotency-key", "sec-websocket-key", "sec-websocket-version", "upgrade"];
    expect(absent.flatMap((name) => header(first, name))).toEqual([]);
    expect([bodyOf(first), second.request.method, second.body.length]).toEqual([`{"n":1}`, "GET", 0]);
    expect(rig.upstream.calls.length).toBe(0);
  });

  test("is answered with its id, in the order in which replies are whole", () => {
    const rig = newRig();
    const exchange = open(rig, "/api");
    say(exchange, `{"id":1,"path":"/a"}`);
    say(exchange, `{"id":"two","path":"/b"}`);
    const fields = ["content-type", "text/plain", "set-cookie", "a", "set-cookie", "b", "connection", "close"];
    const sink = rig.entered[0]!.respond({ status: 201, headers: fields });
    sink.write(Buffer.from("on"));
    rig.entered[1]!.send({ status: 404, headers: [] }, Buffer.from("2"));
    sink.write(Buffer.from("e"));
    sink.end();
    expect(replied(exchange)).toEqual([
      { id: "two", status: 404, headers: {}, body: "2" },
      { id: 1, status: 201, headers: { "content-type": "text/plain", "set-cookie": ["a", "b"] }, body: "one" },
    ]);
  });

  test("carries its JSON, and its id, as they were written", () => {
    const rig = newRig();
    const exchange = open(rig, "/");
    const body = `{"n":12345678901234567890, "n2": 1.10,"deep":[{"a":[]}], "s":"\\u0041,}"}`;
    say(exchange, `{"id": 12345678901234567890,"body": ${body} ,"method":"POST","path":"/a"}`);
    say(exchange, `{"id":1.50,"path":"/b"}`);
    const [first, second] = rig.entered as [Exchange, Exchange];
    expect(bodyOf(first)).toBe(body);
    for (const entered of [first, second]) entered.send({ status: 204, headers: [] });
    expect(heard(exchange.raw!.sink).map(([, text]) => text.slice(0, 34))).toEqual([
      `{"id":12345678901234567890,"status`,
      `{"id":1.50,"status":204,"headers":`,
    ]);
  });

  test("is answered with the reply's trailers", () => {
    const rig = newRig();
    const exchange = open(rig, "/");
    say(exchange, `{"id":1,"path":"/a"}`);
    rig.entered[0]!.respond({ status: 200, headers: [] }).end(["x-sum", "5", "x-sum", "6"]);
    expect(replied(exchange)).toEqual([
      { id: 1, status: 200, headers: {}, body: "", trailers: { "x-sum": ["5", "6"] } },
    ]);
  });

  test.each([
    ["members of the same name", `{"id":1,"path":"/a","path":"/b"}`, "duplicate"],
    ["members of the same name in its body", `{"id":1,"path":"/a","method":"POST","body":{"a":1,"a":2}}`, "duplicate"],
    [
      "more levels than anybody needs",
      `{"id":1,"path":"/a","body":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
      "levels",
    ],
    ["an id of many levels", `{"id":${"[".repeat(150)}${"]".repeat(150)},"path":"/a"}`, "an array"],
    ["a field that it may not set", `{"id":1,"path":"/a","headers":{"x":["a"]}}`, "one of accept"],
  ])("is refused in few words when it has %s", (_, text, says) => {
    const rig = new Rig({ scheme: "http", plan: { mode: "websocket-http", messageBytesMax: MIB } });
    const exchange = open(rig, "/");
    say(exchange, text);
    rig.clock.advance(1000);
    const [reply] = replied(exchange) as [{ status: number; body: string }];
    expect([reply.status, reply.body, reply.body.length < 400, rig.entered.length]).toEqual([
      400,
      expect.stringContaining(says),
      true,
      0,
    ]);
  });

  test("is answered 413 when it holds more values than it may", () => {
    const rig = newRig();
    const exchange = open(rig, "/");
    say(exchange, `{"id":1,"path":"/a","body":[${"[],".repeat(9000)}1]}`);
    expect(replied(exchange)[0]!.status).toBe(413);
  });

  test("carries bytes in base64 both ways", () => {
    const rig = newRig();
    const exchange = open(rig, "/");
    say(exchange, `{"id":1,"method":"PUT","path":"/a","body":"/wA=","encoding":"base64"}`);
    const [entered] = rig.entered as [Exchange];
    const sink = new TestSink();
    entered.body.start(sink);
    expect([...sink.bytes]).toEqual([255, 0]);
    entered.send({ status: 200, headers: [] }, new Uint8Array([255]));
    expect(replied(exchange)).toEqual([{ id: 1, status: 200, headers: {}, body: "/w==", encoding: "base64" }]);
  });

  test.each([
    ["no JSON", "{", null],
    ["no id", `{"path":"/a"}`, null],
    ["an id that is none", `{"id":{},"path":"/a"}`, null],
    ["no path", `{"id":1}`, 1],
    ["a path that climbs", `{"id":1,"path":"/../secret"}`, 1],
    ["a path that climbs in disguise", `{"id":1,"path":"/%2e%2e/secret"}`, 1],
    ["a path with an encoded slash", `{"id":1,"path":"/a%2fb"}`, 1],
    ["a path with two slashes", `{"id":1,"path":"//evil"}`, 1],
    ["a path with a line end", `{"id":1,"path":"/a\\r\\nX: y"}`, 1],
    ["a URL", `{"id":1,"path":"http://evil/"}`, 1],
    ["a broken encoding", `{"id":1,"path":"/%zz"}`, 1],
    ["an unknown method", `{"id":1,"method":"CONNECT","path":"/"}`, 1],
    ["a field of the hop", `{"id":1,"path":"/","headers":{"Transfer-Encoding":"chunked"}}`, 1],
    ["a field that makes a socket", `{"id":1,"path":"/","headers":{"Upgrade":"websocket"}}`, 1],
    ["a field that the gateway sets", `{"id":1,"path":"/","headers":{"x-forwarded-for":"1.2.3.4"}}`, 1],
    ["another's token", `{"id":1,"path":"/","headers":{"authorization":"x"}}`, 1],
    ["a field with a line end", `{"id":1,"path":"/","headers":{"x-a":"b\\r\\nc: d"}}`, 1],
    ["an unknown member", `{"id":1,"path":"/","boby":1}`, 1],
    ["a body that is no base64", `{"id":1,"path":"/","body":"*","encoding":"base64"}`, 1],
  ])("is answered 400, and the next one enters, when it has %s", (_, text, id) => {
    const rig = newRig();
    const exchange = open(rig, "/api");
    say(exchange, text);
    say(exchange, `{"id":7,"path":"/ok"}`);
    expect(replied(exchange)).toMatchObject([{ id, status: 400 }]);
    expect(rig.entered.map(({ request }) => request.target)).toEqual(["/api/ok"]);
  });

  test("is refused when its id is under way, and taken when it is not any more", () => {
    const rig = newRig();
    const exchange = open(rig, "/");
    say(exchange, `{"id":1,"path":"/a"}`);
    say(exchange, `{"id":1,"path":"/b"}`);
    rig.entered[0]!.reset(new Failure("gateway.limit_drop", "10.0.0.1"));
    say(exchange, `{"id":1,"path":"/c"}`);
    expect(replied(exchange)).toMatchObject([
      { id: 1, status: 400 },
      { id: 1, status: 502 },
    ]);
    expect(rig.entered.length).toBe(2);
  });

  test.each([
    ["breaks off", (sink: BodySink) => sink.abort(new Failure("x.y", "z"))],
    ["is shorter than told", (sink: BodySink) => sink.end()],
  ])("is answered 502 when its reply %s", (_, end) => {
    const rig = newRig();
    const exchange = open(rig, "/");
    say(exchange, `{"id":1,"path":"/a"}`);
    const sink = rig.entered[0]!.respond({ status: 200, headers: [] }, 5);
    sink.write(Buffer.from("abc"));
    end(sink);
    expect(replied(exchange)).toMatchObject([{ id: 1, status: 502 }]);
  });

  test("is answered 502 and its reply is cancelled when that is too large for a message", () => {
    for (const length of [9 * MIB, undefined]) {
      const rig = newRig();
      const exchange = open(rig, "/");
      say(exchange, `{"id":1,"path":"/a"}`);
      const sink = rig.entered[0]!.respond({ status: 200, headers: [] }, length);
      let cancelled: string | undefined;
      sink.onCancel = (cause) => {
        cancelled = cause.code;
      };
      for (let mib = 0; mib < 9 && cancelled === undefined; mib++) sink.write(PIECE);
      expect([cancelled, replied(exchange)]).toMatchObject(["gateway.body_too_large", [{ id: 1, status: 502 }]]);
    }
  });

  test("has a reply without a body when its method is HEAD", () => {
    const rig = newRig();
    const exchange = open(rig, "/");
    say(exchange, `{"id":1,"method":"HEAD","path":"/a"}`);
    rig.entered[0]!.send({ status: 200, headers: ["content-length", "3"] }, Buffer.from("abc"));
    expect(replied(exchange)).toEqual([{ id: 1, status: 200, headers: { "content-length": "3" }, body: "" }]);
  });
});

describe("a socket of requests", () => {
  test("bounds what is under way, and goes on when there is room", () => {
    const rig = newRig();
    const exchange = open(rig, "/");
    for (let id = 0; id < 150; id++) say(exchange, `{"id":${id},"path":"/a"}`);
    expect(rig.entered.length).toBe(100);
    rig.entered[0]!.send({ status: 200, headers: [] });
    expect(rig.entered.length).toBe(101);
  });

  test("takes no more messages when the bodies under way are large", () => {
    const rig = new Rig({ scheme: "http", plan: { mode: "websocket-http", messageBytesMax: 4 * MIB } });
    const exchange = open(rig, "/");
    const body = "x".repeat(3 * MIB);
    for (let id = 0; id < 6; id++) {
      say(exchange, `{"id":${id},"path":"/a","body":"${body}"}`);
      rig.clock.advance(0);
    }
    expect(rig.entered.length).toBe(3);
  });

  test("tells who works for a message when the client goes", () => {
    const rig = newRig();
    const exchange = open(rig, "/");
    say(exchange, `{"id":1,"path":"/a"}`);
    say(exchange, `{"id":2,"path":"/b"}`);
    const told: string[] = [];
    for (const entered of rig.entered) entered.onGone = ({ code }) => void told.push(code);
    rig.entered[1]!.respond({ status: 200, headers: [] }).onCancel = ({ code }) => void told.push(`reply ${code}`);
    exchange.raw!.source.sink!.write(closing(1001));
    expect(told).toEqual(["gateway.client_gone", "gateway.client_gone", "reply gateway.client_gone"]);
  });

  test("answers the first subprotocol when the client offers some", () => {
    const offers: [HeaderList, string | undefined][] = [
      [["sec-websocket-protocol", "chat, other"], "chat"],
      [["sec-websocket-protocol", "not a token"], undefined],
      [[], undefined],
    ];
    for (const [headers, answered] of offers)
      expect(open(newRig(), "/", [...HANDSHAKE, ...headers]).header("sec-websocket-protocol")).toBe(answered);
  });

  /** Replies as upstreams send them: each writes until it is told to wait. */
  class Writer {
    readonly #sink: BodySink;
    #left: number;
    written = 0;

    constructor(exchange: Exchange, mib: number) {
      this.#left = mib;
      this.#sink = exchange.respond({ status: 200, headers: [] }, mib * MIB);
      this.#sink.onReady = () => this.go();
      this.go();
    }

    go(): void {
      while (this.#left > 0) {
        this.#left--;
        this.written++;
        if (!this.#sink.write(PIECE) && this.#left > 0) return;
      }
      this.#sink.end();
    }
  }

  test("keeps no more than its bound when the client asks for much and takes nothing, and answers all when it does", () => {
    const rig = newRig();
    const exchange = open(rig, "/");
    const { sink } = exchange.raw!;
    sink.takesMore = false;
    for (let id = 0; id < 50; id++) say(exchange, `{"id":${id},"path":"/a"}`);
    const writers = rig.entered.map((entered) => new Writer(entered, 6));
    const writtenMib = (): number => writers.reduce((sum, { written }) => sum + written, 0);
    expect(sink.chunks.length).toBe(1); // it was full with the first one
    expect(writtenMib()).toBeLessThanOrEqual(6 + 49); // a piece of each other one
    for (let turn = 0; turn < 50 && sink.chunks.length < 50; turn++) sink.onReady!();
    expect([sink.chunks.length, writtenMib()]).toEqual([50, 300]);
  });

  test("reads only the oldest reply on when much is kept, and all of them come to their end", () => {
    const rig = newRig();
    const exchange = open(rig, "/");
    for (let id = 0; id < 20; id++) say(exchange, `{"id":${id},"path":"/a"}`);
    const sinks = rig.entered.map((entered) => entered.respond({ status: 200, headers: [] }));
    const ready: boolean[] = sinks.map((sink, at) => {
      sink.onReady = () => ready.splice(at, 1, true);
      return sink.write(PIECE);
    });
    expect(ready.filter(Boolean).length).toBe(7);
    expect([sinks[0]!.write(PIECE), sinks[1]!.write(PIECE)]).toEqual([true, false]);
    for (const sink of sinks) sink.end();
    expect(replied(exchange).map(({ status }) => status)).toEqual(sinks.map(() => 200));
  });
});
