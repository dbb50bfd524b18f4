/** HTTP/2 on real sockets: with curl, nghttp and node:http2 as clients, and with bytes by hand where a client has to misbehave. */
import { describe, expect, test } from "bun:test";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { Failure } from "../../../../../src/base/errors.ts";
import type { Exchange } from "../../../../../src/edge/gateway/words/index.ts";
import { until } from "../../../../support/until.ts";
import { frame, GET, headers, POST, PREFACE, settings, TYPE, uint32 } from "../../../wire/http2/rig.ts";
import { listen, RawClient, RecordingSink, type Rig, SETTINGS } from "./rig.ts";

const ok = (exchange: Exchange): void => exchange.send({ status: 200, headers: ["x-a", "b"] }, Buffer.from("ok"));
const echo = (exchange: Exchange): void =>
  exchange.body.start(exchange.respond({ status: 200, headers: ["content-type", "text/echo"] }));

async function run(...command: string[]): Promise<string> {
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
  const [out] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  return out;
}

class Client implements Disposable {
  readonly session: ClientHttp2Session;

  constructor(rig: Rig) {
    this.session = connect(`http://127.0.0.1:${rig.listener.port}`);
    this.session.on("error", () => {});
  }

  ask(fields: Record<string, string> = {}, options = {}): Asked {
    return new Asked(this.session.request({ ":path": "/", ...fields }, options));
  }

  [Symbol.dispose](): void {
    this.session.destroy();
  }
}

class Asked {
  readonly stream: ClientHttp2Stream;
  readonly chunks: Buffer[] = [];
  head: IncomingHttpHeaders | undefined;
  trailers: IncomingHttpHeaders | undefined;
  informs: number[] = [];
  isEnded = false;
  isClosed = false;

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream;
    stream.on("response", (head) => {
      this.head = head;
    });
    stream.on("headers", (head) => void this.informs.push(Number(head[":status"])));
    stream.on("trailers", (trailers) => {
      this.trailers = trailers;
    });
    stream.on("data", (chunk: Buffer) => void this.chunks.push(chunk));
    stream.on("end", () => {
      this.isEnded = true;
    });
    stream.on("close", () => {
      this.isClosed = true;
    });
    stream.on("error", () => {});
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  async done(): Promise<this> {
    await until("the stream is closed", () => this.isClosed);
    return this;
  }
}

describe("other people's clients", () => {
  test("curl gets replies and sends bodies when it knows that the server speaks HTTP/2", async () => {
    await using rig = listen({
      handle: (exchange) => (exchange.request.method === "POST" ? echo(exchange) : ok(exchange)),
    });
    const url = `http://127.0.0.1:${rig.listener.port}/a?b=c`;
    const reply = await run("curl", "-si", "--max-time", "10", "--http2-prior-knowledge", url);
    expect(reply.replaceAll("\r", "")).toBe(
      "HTTP/2 200 \nx-a: b\ncontent-length: 2\ndate: Thu, 01 Jan 1970 00:00:00 GMT\n\nok",
    );
    expect(await run("curl", "-s", "--max-time", "10", "--http2-prior-knowledge", "-d", "hello", url)).toBe("hello");
    const { request } = rig.exchanges[0]!;
    expect([request.version, request.scheme, request.target, request.authority]).toEqual([
      "2",
      "http",
      "/a?b=c",
      `127.0.0.1:${rig.listener.port}`,
    ]);
    expect([rig.exchanges[1]!.body.length, rig.exchanges[0]!.peer.address]).toEqual([5, "127.0.0.1"]);
  });

  test("nghttp gets trailers and h2load all of its replies when many streams run at once", async () => {
    await using rig = listen({
      handle: (exchange) => {
        if (exchange.request.target !== "/t") return ok(exchange);
        const sink = exchange.respond({ status: 200, headers: [] });
        sink.write(Buffer.from("body"));
        sink.end(["x-trailer", "end"]);
      },
    });
    const url = `http://127.0.0.1:${rig.listener.port}`;
    expect(await run("nghttp", "-v", "--timeout=10", `${url}/t`)).toContain("x-trailer: end");
    const load = await run("h2load", "-n", "2000", "-c", "4", "-m", "50", "-T", "10", `${url}/`);
    expect(load).toContain("2000 succeeded, 0 failed, 0 errored, 0 timeout");
  });

  test("a large body comes back whole when node:http2 sends it and reads it", async () => {
    await using rig = listen({ handle: echo });
    using client = new Client(rig);
    const asked = client.ask({ ":method": "POST" });
    const body = Buffer.alloc(3_000_000, "abcdefg");
    asked.stream.end(body);
    await asked.done();
    expect(Buffer.concat(asked.chunks).equals(body)).toBe(true);
  });
});

describe("exchanges", () => {
  test("inform() and trailers reach the client when they are given, and both ways", async () => {
    let trailers: string[] | undefined;
    await using rig = listen({
      handle: (exchange) => {
        exchange.inform({ status: 103, headers: ["link", "</a>"] });
        exchange.body.start({
          onReady: undefined,
          onCancel: undefined,
          write: () => true,
          abort: () => {},
          end: (fields) => {
            trailers = fields;
            exchange.send({ status: 201, headers: [] }, Buffer.from("x"), ["x-sum", "7"]);
          },
        });
      },
    });
    using client = new Client(rig);
    const asked = client.ask({ ":method": "POST", expect: "100-continue" }, { waitForTrailers: true });
    asked.stream.on("wantTrailers", () => asked.stream.sendTrailers({ "x-up": "1" }));
    asked.stream.end("data");
    await asked.done();
    expect([asked.text, asked.trailers?.["x-sum"], trailers]).toEqual(["x", "7", ["x-up", "1"]]);
    expect(asked.informs).toContain(103);
    expect(rig.exchanges[0]!.request.headers).not.toContain("expect");
  });

  test("a client that expects 100-continue hears it when somebody wants the body", async () => {
    await using rig = listen();
    using client = new Client(rig);
    const asked = client.ask({ ":method": "POST", expect: "100-continue" }, { endStream: false });
    const exchange = await until("the request", () => rig.exchanges[0]);
    expect(asked.informs).toEqual([]);
    const sink = new RecordingSink();
    exchange.body.start(sink);
    await until("the interim reply", () => asked.informs.length > 0);
    asked.stream.end("go");
    await until("the body", () => sink.isEnded);
    ok(exchange);
    expect([sink.text, (await asked.done()).text, asked.informs]).toEqual(["go", "ok", [100]]);
  });

  test("a reply has no body when there must be none", async () => {
    await using rig = listen({
      handle: (exchange) => {
        if (exchange.request.target === "/none") exchange.send({ status: 204, headers: [] }, Buffer.from("dropped"));
        else exchange.respond({ status: 200, headers: [] }, 5).end();
      },
    });
    using client = new Client(rig);
    const none = await client.ask({ ":path": "/none" }).done();
    expect(none.head).toMatchObject({ ":status": 204 });
    expect([none.text, none.head?.["content-length"]]).toEqual(["", undefined]);
    const head = await client.ask({ ":method": "HEAD" }).done();
    expect(head.head).toMatchObject({ ":status": 200, "content-length": "5" });
    expect(head.text).toBe("");
  });

  test("the client sees that a reply is not whole when it is shorter or longer than it said, or aborted", async () => {
    await using rig = listen({
      handle: (exchange) => {
        const sink = exchange.respond({ status: 200, headers: [] }, 3);
        sink.write(Buffer.from(exchange.request.target === "/long" ? "abcd" : "ab"));
        sink.end();
      },
    });
    using client = new Client(rig);
    const [short, long] = [await client.ask().done(), await client.ask({ ":path": "/long" }).done()];
    expect([short.stream.rstCode, long.stream.rstCode]).toEqual([2, 2]);
  });

  test("reset() is told as our fault when a reply has begun, and else as a request that nobody works for", async () => {
    await using rig = listen({
      handle: (exchange) => {
        if (exchange.request.target === "/begun")
          exchange.respond({ status: 200, headers: [] }).write(Buffer.from("a"));
        exchange.reset(new Failure("test.broke", "broke"));
      },
    });
    using client = new Client(rig);
    const [begun, dropped] = [await client.ask({ ":path": "/begun" }).done(), await client.ask().done()];
    expect([begun.stream.rstCode, dropped.stream.rstCode]).toEqual([2, 8]);
  });

  test("respond() throws and the exchange can still be answered when a field would be two", async () => {
    await using rig = listen({
      handle: (exchange) => {
        expect(() => exchange.respond({ status: 200, headers: ["x", "a\r\nb: c"] })).toThrow("control characters");
        ok(exchange);
      },
    });
    using client = new Client(rig);
    expect((await client.ask().done()).text).toBe("ok");
  });

  test("end() resets the stream when a trailer would be two fields", async () => {
    await using rig = listen({
      handle: (exchange) => exchange.respond({ status: 200, headers: [] }).end(["x", "a\r\nb: c"]),
    });
    using client = new Client(rig);
    const asked = await client.ask().done();
    expect([asked.stream.rstCode, asked.trailers]).toEqual([2, undefined]);
  });

  test("the gateway hears of it when a client cuts its stream, and the others go on", async () => {
    await using rig = listen();
    using client = new Client(rig);
    const first = client.ask();
    client.ask();
    await until("both", () => rig.exchanges.length === 2);
    const gone: string[] = [];
    rig.exchanges[0]!.onGone = (cause) => void gone.push(cause.code);
    const sink = rig.exchanges[0]!.respond({ status: 200, headers: [] });
    sink.onCancel = (cause) => void gone.push(`cancel ${cause.code}`);
    first.stream.close(8);
    await until("it is told", () => gone.length === 2);
    expect(gone.toSorted()).toEqual(["cancel gateway.client_gone", "gateway.client_gone"]);
    expect(sink.write(Buffer.from("late"))).toBe(false);
    ok(rig.exchanges[1]!);
  });

  test("a client is held back when nobody takes what it sends", async () => {
    await using rig = listen();
    using client = new Client(rig);
    const asked = client.ask({ ":method": "POST" });
    asked.stream.write(Buffer.alloc(3_000_000));
    const exchange = await until("the request", () => rig.exchanges[0]);
    let size = 0;
    let isFull = true;
    const sink = {
      onReady: undefined as (() => void) | undefined,
      onCancel: undefined,
      write: (chunk: Uint8Array) => {
        size += chunk.length;
        return !isFull;
      },
      end: () => {},
      abort: () => {},
    };
    exchange.body.start(sink);
    await until("the first bytes", () => size > 0);
    // A round trip later the client has sent what the window lets it, and the sink was given one piece.
    await new Promise<void>((resolve) => client.session.ping(() => resolve()));
    await new Promise<void>((resolve) => client.session.ping(() => resolve()));
    expect(size).toBeLessThanOrEqual(524_288);
    isFull = false;
    sink.onReady!();
    await until("all of it", () => size === 3_000_000);
  });

  test("a WebSocket runs in a stream when a client asks for it (RFC 8441)", async () => {
    await using rig = listen({
      handle: (exchange) => {
        const { sink, source } = exchange.upgrade(["sec-websocket-protocol", "chat"]);
        source.start(sink);
      },
    });
    using client = new Client(rig);
    await until("the settings", () => client.session.remoteSettings?.enableConnectProtocol);
    const asked = client.ask({ ":method": "CONNECT", ":protocol": "websocket" }, { endStream: false });
    asked.stream.write("ping");
    await until("the echo", () => asked.text === "ping");
    expect([rig.exchanges[0]!.request.method, rig.exchanges[0]!.request.protocol]).toEqual(["GET", "websocket"]);
    expect(asked.head).toMatchObject({ ":status": 200, "sec-websocket-protocol": "chat" });
    asked.stream.end();
    await asked.done();
  });
});

describe("bounds", () => {
  const LATE_MS = 25_000;

  async function byHand(rig: Rig, ...frames: Uint8Array[]): Promise<RawClient> {
    const client = await RawClient.connect(rig.listener.port);
    client.sendBytes(Buffer.concat([PREFACE, settings(), ...frames]));
    return client;
  }

  test("a connection is closed when nothing is asked on it for too long", async () => {
    await using rig = listen({ handle: ok });
    await using client = await byHand(rig, headers(1, GET));
    await client.says("ok");
    rig.clock.advance(SETTINGS.keepAliveMs - 100);
    expect(client.isEnded).toBe(false);
    rig.clock.advance(LATE_MS);
    await client.ended();
    expect(rig.faults).toEqual([]);
  });

  test("a connection is closed when a head does not become whole, or no request comes", async () => {
    await using rig = listen({ handle: ok });
    await using half = await byHand(rig, headers(1, GET), frame(TYPE.headers, 1, 3, [0x82]));
    await using silent = await byHand(rig);
    await half.says("ok");
    await until("the other one", () => silent.text.length > 0);
    rig.clock.advance(SETTINGS.headTimeoutMs + LATE_MS);
    await Promise.all([half.ended(), silent.ended()]);
    expect(rig.faults.map(({ failure }) => failure.code)).toEqual(["gateway.client_slow", "gateway.client_slow"]);
  });

  test("a stream is cut when its client neither sends nor takes, and the others go on", async () => {
    await using rig = listen({
      handle: (exchange) => {
        if (exchange.request.method === "POST") exchange.body.start(new RecordingSink());
        else exchange.send({ status: 200, headers: [] }, Buffer.alloc(100_000));
      },
    });
    const gone: string[] = [];
    await using client = await byHand(
      rig,
      frame(TYPE.settings, 0, 0, [0, 4, ...uint32(10)]),
      headers(1, POST, false),
      headers(3, GET),
    );
    await until("both", () => rig.exchanges.length === 2);
    for (const exchange of rig.exchanges) exchange.onGone = (cause) => void gone.push(cause.code);
    rig.clock.advance(2 * SETTINGS.bodyIdleMs + LATE_MS);
    await until("the resets", () =>
      client.text.includes(Buffer.from(frame(TYPE.reset, 0, 3, uint32(8))).toString("latin1")),
    );
    expect(client.text).toContain(Buffer.from(frame(TYPE.reset, 0, 1, uint32(8))).toString("latin1"));
    expect(gone).toEqual(["gateway.client_slow"]); // of the other one, the reply was given whole
  });

  test("a connection takes no more requests when it has had enough of them, or the listener goes", async () => {
    await using rig = listen({ handle: ok, settings: { requestsPerConnectionMax: 2 } });
    using client = new Client(rig);
    const goaways: number[] = [];
    client.session.on("goaway", (code) => void goaways.push(code));
    expect((await client.ask().done()).text).toBe("ok");
    expect((await client.ask().done()).text).toBe("ok");
    await until("GOAWAY", () => goaways.length > 0);
    await until("the end", () => client.session.closed);
    expect(goaways[0]).toBe(0);
  });
});
