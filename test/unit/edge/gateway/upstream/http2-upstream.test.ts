/** HTTP/2 upstreams on real sockets: node:http2 servers that do as a test says, and bytes by hand where a server has to misbehave. */
import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { systemClock } from "../../../../../src/base/clock.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import { UpstreamPools } from "../../../../../src/edge/gateway/upstream/index.ts";
import { BytesSource } from "../../../../../src/wire/http/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { until } from "../../../../support/until.ts";
import { frame, headers, settings, TYPE, uint32 } from "../../../wire/http2/rig.ts";
import { type AskOptions, ask, FedBody, openServer, type Peer, type RawServer } from "./rig.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

type OnStream = (stream: ServerHttp2Stream, fields: IncomingHttpHeaders, session: number) => void;

async function serve(
  onStream: OnStream,
  options = {},
): Promise<{ port: number; sessions: () => number; server: Http2Server }> {
  const server = createServer(options);
  let sessions = 0;
  server.on("session", (session) => {
    const number = sessions++;
    session.on("error", () => {});
    session.on("stream", (stream, fields) => {
      stream.on("error", () => {});
      onStream(stream, fields, number);
    });
    cleanups.push(() => session.destroy());
  });
  cleanups.push(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as { port: number }).port, sessions: () => sessions, server };
}

function pools(clock = systemClock): UpstreamPools {
  const upstreams = new UpstreamPools({ clock });
  cleanups.push(() => upstreams.close(new Failure("test.over", "the test is over")));
  return upstreams;
}

const H2: AskOptions = { version: "2" };

describe("exchanges", () => {
  test("ask() carries head, body and trailers both ways when the upstream speaks HTTP/2", async () => {
    let seen: IncomingHttpHeaders = {};
    const { port } = await serve((stream, fields) => {
      seen = fields;
      stream.additionalHeaders({ ":status": 103, link: "</a>" });
      stream.respond({ ":status": 201, "x-a": "b" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "1" }));
      stream.pipe(stream);
    });
    const heard = ask(pools(), port, {
      ...H2,
      method: "POST",
      target: "/p?q",
      headers: ["x-c", "d", "host", "no"],
      body: new BytesSource(Buffer.from("hello")),
    });
    await heard.done();
    expect([heard.head?.status, heard.text, heard.trailers]).toEqual([201, "hello", ["x-sum", "1"]]);
    expect(heard.informed.map(({ status }) => status)).toEqual([103]);
    expect([
      seen[":method"],
      seen[":path"],
      seen[":authority"],
      seen["x-c"],
      seen["content-length"],
      seen.host,
    ]).toEqual(["POST", "/p?q", "example.org", "d", "5", undefined]);
    expect(heard.overs).toEqual([undefined]);
  });

  test("ask() shares one connection when many requests are under way", async () => {
    const { port, sessions } = await serve((stream, fields) => {
      stream.respond();
      stream.end(String(fields[":path"]));
    });
    const upstreams = pools();
    await ask(upstreams, port, H2).done();
    const all = Array.from({ length: 90 }, (_, at) => ask(upstreams, port, { ...H2, target: `/${at}` }));
    await Promise.all(all.map((heard) => heard.done()));
    expect(all.map(({ text }) => text)).toEqual(all.map((_, at) => `/${at}`));
    expect(sessions()).toBe(1);
  });

  test("ask() waits for room or opens another connection when the upstream takes few streams", async () => {
    const held: ServerHttp2Stream[] = [];
    const { port, sessions } = await serve((stream) => void held.push(stream), {
      settings: { maxConcurrentStreams: 2 },
    });
    const upstreams = pools();
    const first = ask(upstreams, port, H2);
    await until("the first", () => held.length === 1);
    const others = [1, 2, 3].map(() => ask(upstreams, port, H2));
    await until("all of them", () => held.length === 4);
    expect(sessions()).toBeGreaterThan(1);
    for (const stream of held) {
      stream.respond();
      stream.end("ok");
    }
    await Promise.all([first, ...others].map((heard) => heard.done()));
    expect(others.map(({ text }) => text)).toEqual(["ok", "ok", "ok"]);
  });

  test("a large reply comes whole, and is held back while nobody takes it", async () => {
    const body = Buffer.alloc(3_000_000, "0123456789");
    const { port } = await serve((stream) => {
      stream.respond();
      stream.end(body);
    });
    const heard = ask(pools(), port, { ...H2, isLazy: true });
    await until("the head", () => heard.head);
    heard.takes = false;
    heard.source!.start(heard);
    await until("the first bytes", () => heard.text.length > 0);
    const before = heard.text.length;
    expect(before).toBeLessThan(body.length);
    heard.takes = true;
    heard.onReady!();
    await heard.done();
    expect(heard.text === body.toString()).toBe(true);
  });

  test("a request's body flows as it comes, and its sink says when it is enough", async () => {
    let size = 0;
    let paused: ServerHttp2Stream | undefined;
    const { port } = await serve((stream) => {
      paused = stream;
      stream.respond();
    });
    const body = new FedBody();
    const heard = ask(pools(), port, { ...H2, method: "POST", body });
    const sink = await until("somebody wants it", () => body.sink);
    while (sink.write(new Uint8Array(100_000))) size += 100_000;
    size += 100_000;
    expect(size).toBeLessThan(2_000_000);
    const stream = await until("the stream", () => paused);
    let received = 0;
    stream.on("data", (chunk: Buffer) => {
      received += chunk.length;
    });
    stream.on("end", () => stream.end("done"));
    await until("it wants more", () => body.readies > 0);
    sink.end();
    await heard.done();
    expect([received, heard.text]).toEqual([size, "done"]);
  });

  test("a WebSocket runs in a stream when the upstream takes it (RFC 8441), and fails when it does not", async () => {
    let seen: IncomingHttpHeaders = {};
    const takes = await serve(
      (stream, fields) => {
        seen = fields;
        stream.respond();
        stream.pipe(stream);
      },
      { settings: { enableConnectProtocol: true } },
    );
    const options = { ...H2, protocol: "websocket", headers: ["sec-websocket-key", "abc"] };
    const heard = ask(pools(), takes.port, options);
    const { sink } = await until("the upgrade", () => heard.stream);
    sink.write(Buffer.from("ping"));
    await until("the echo", () => heard.text === "ping");
    sink.end();
    await heard.done();
    expect([seen[":method"], seen[":protocol"], seen["sec-websocket-key"]]).toEqual([
      "CONNECT",
      "websocket",
      undefined,
    ]);

    const refuses = await serve((stream) => stream.respond());
    const refused = await ask(pools(), refuses.port, options).done();
    expect([refused.failure?.code, refused.isUnsent]).toEqual(["gateway.upstream_protocol", true]);
  });
});

describe("what goes wrong", () => {
  test("cancel() resets the stream when the asker wants no more, and the connection is used on", async () => {
    const codes: number[] = [];
    const { port, sessions } = await serve((stream, fields) => {
      stream.on("close", () => void codes.push(stream.rstCode));
      if (fields[":path"] !== "/slow") {
        stream.respond();
        stream.end("ok");
      }
    });
    const upstreams = pools();
    await ask(upstreams, port, H2).done();
    const slow = ask(upstreams, port, { ...H2, target: "/slow" });
    await until("two requests", () => upstreams.counts().active === 1);
    slow.call!.cancel(new Failure("test.enough", "enough"));
    await until("the reset", () => codes.length === 2);
    expect((await ask(upstreams, port, H2).done()).text).toBe("ok");
    expect([codes[1], sessions(), slow.failure, slow.overs]).toEqual([8, 1, undefined, []]);
  });

  test("a reply is aborted when its stream is reset", async () => {
    using server = hand((peer) =>
      peer.write(
        Buffer.concat([
          headers(1, [[":status", "200"]], false),
          frame(TYPE.data, 0, 1, Buffer.from("half")),
          frame(TYPE.reset, 0, 1, uint32(2)),
        ]),
      ),
    );
    const heard = await ask(pools(), server.port, H2).done();
    expect(heard.text).toBe("half");
    expect([heard.aborted?.code, heard.overs.length]).toEqual(["gateway.upstream_closed", 1]);
  });

  test("ask() fails by itself and asks whether the connection lives when no reply comes in time", async () => {
    const clock = new SteppedClock();
    let peer: Peer | undefined;
    using server = hand((one) => {
      peer = one;
    });
    const upstreams = pools(clock);
    const timeouts = { connectMs: 60_000 };
    const heard = ask(upstreams, server.port, { ...H2, timeouts: { ...timeouts, headMs: 1_000 } });
    const other = ask(upstreams, server.port, { ...H2, target: "/other", timeouts });
    await until("the requests", () => peer?.text.includes("/other"));
    clock.advance(1_500);
    expect([heard.failure?.code, heard.isUnsent]).toEqual(["gateway.upstream_timeout", false]);
    await until("a ping", () =>
      peer!.text.includes(Buffer.from([0, 0, 8, TYPE.ping, 0, 0, 0, 0, 0]).toString("latin1")),
    );
    expect([other.failure, upstreams.counts().connections]).toEqual([undefined, 1]);
    clock.advance(11_000);
    expect([other.failure?.code, upstreams.counts().connections]).toEqual(["gateway.upstream_closed", 0]);
  });

  test("requests go out again when GOAWAY says that they were not begun", async () => {
    using server = hand((peer) => {
      if (server.peers.length > 1) return answer(peer, 1);
      // The first connection has served stream 1 only.
      peer.write(
        Buffer.concat([headers(1, [[":status", "204"]]), frame(TYPE.goaway, 0, 0, [...uint32(1), ...uint32(0)])]),
      );
    });
    const upstreams = pools();
    const both = [
      ask(upstreams, server.port, { ...H2, method: "POST" }),
      ask(upstreams, server.port, { ...H2, method: "POST" }),
    ];
    await Promise.all(both.map((heard) => heard.done()));
    expect(both.map(({ head, failure }) => head?.status ?? failure?.code)).toEqual([204, 204]);
    expect([server.peers.length, upstreams.counts().agains]).toEqual([2, 1]);
  });

  test("a GET goes out again when an old connection dies under it; not a POST, nor on a new one", async () => {
    const once = (): RawServer => {
      const server: RawServer = openServer({
        open: (peer) => peer.write(settings()),
        data: (peer) => {
          // The first request of each connection is served, the second one kills it. HPACK makes its host one byte.
          if (!peer.text.includes("/first")) return peer.text.includes("/kill") ? peer.reset() : undefined;
          if (peer.text.includes("/second") && server.peers.length === 1) peer.reset();
          else if (!answered.has(peer)) answer(peer, answered.add(peer) && 1);
        },
      });
      const answered = new Set<Peer>();
      cleanups.push(() => server[Symbol.dispose]());
      return server;
    };
    const codes: (string | undefined)[] = [];
    for (const method of ["GET", "POST"]) {
      const upstreams = pools();
      const server = once();
      await ask(upstreams, server.port, { ...H2, target: "/first" }).done();
      const second = await ask(upstreams, server.port, { ...H2, method, target: "/second/first" }).done();
      codes.push(second.failure?.code ?? String(second.head?.status));
    }
    const fresh = await ask(pools(), once().port, { ...H2, target: "/kill" }).done();
    expect([...codes, fresh.failure?.code]).toEqual(["204", "gateway.upstream_closed", "gateway.upstream_closed"]);
  });

  test.each<[string, Uint8Array]>([
    ["garbage", Buffer.from("HTTP/1.1 200 OK\r\n\r\n")],
    [
      "a malformed reply",
      headers(1, [
        [":status", "200"],
        ["Upper", "x"],
      ]),
    ],
    ["a frame that is too large", Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1])],
    ["a push", frame(TYPE.push, 4, 1, [0, 0, 0, 2])],
  ])("ask() fails when the upstream sends %s", async (_what, bytes) => {
    using server = hand((peer) => peer.write(bytes));
    const heard = await ask(pools(), server.port, { ...H2, method: "POST" }).done();
    expect(heard.failure?.code).toBe("gateway.upstream_protocol");
  });

  test("ask() fails and nothing is sent when a field would be two", async () => {
    using server = hand((peer) => answer(peer, 1));
    const upstreams = pools();
    const bad = await ask(upstreams, server.port, { ...H2, headers: ["x", "a\r\nb: c"] }).done();
    expect([bad.failure?.code, bad.isUnsent]).toEqual(["gateway.bad_header", true]);
    expect((await ask(upstreams, server.port, H2).done()).head?.status).toBe(204);
  });

  test("an idle connection is closed when its time is over", async () => {
    const clock = new SteppedClock();
    using server = hand((peer) => answer(peer, 1));
    const upstreams = pools(clock);
    await ask(upstreams, server.port, { ...H2, timeouts: { connectMs: 60_000 } }).done();
    expect(upstreams.counts().connections).toBe(1);
    clock.advance(10_000);
    await until("it is closed", () => upstreams.counts().connections === 0);
  });
});

/** A server that says its settings, and then on its first request what a test wants. */
function hand(onRequest: (peer: Peer) => void): RawServer {
  const asked = new Set<Peer>();
  return openServer({
    open: (peer) => peer.write(settings()),
    data: (peer) => {
      if (asked.has(peer) || !peer.text.includes("example.org")) return;
      asked.add(peer);
      onRequest(peer);
    },
  });
}

function answer(peer: Peer, id: number): void {
  peer.write(headers(id, [[":status", "204"]]));
}
