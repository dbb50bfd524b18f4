/** HTTP/2 upstreams whose streams are shared with clients that do not read, and with WebSockets that were refused or have ended. */
import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { systemClock } from "../../../../../src/base/clock.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import { UpstreamPools } from "../../../../../src/edge/gateway/upstream/index.ts";
import { BytesSource } from "../../../../../src/wire/http/index.ts";
import { until } from "../../../../support/until.ts";
import { frame, headers, settings, TYPE } from "../../../wire/http2/rig.ts";
import { listen, type Rig } from "../listener/rig.ts";
import { type AskOptions, ask, type Heard, openServer, type Peer, type RawServer } from "./rig.ts";

const H2: AskOptions = { version: "2" };
const WEBSOCKET: AskOptions = { ...H2, protocol: "websocket" };
const BIG = 2 * 1024 * 1024;
const CAUSE = new Failure("test.cause", "as the test says");

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

interface Upstream {
  readonly port: number;
  readonly open: ReadonlySet<ServerHttp2Stream>;
  readonly sessions: () => number;
}

async function serve(
  onStream: (stream: ServerHttp2Stream, fields: IncomingHttpHeaders) => void,
  settings = {},
): Promise<Upstream> {
  const server = createServer({ settings });
  const open = new Set<ServerHttp2Stream>();
  let sessions = 0;
  server.on("session", (session) => {
    sessions++;
    session.on("error", () => {});
    session.on("stream", (stream, fields) => {
      open.add(stream);
      stream.on("close", () => open.delete(stream));
      stream.on("error", () => {});
      onStream(stream, fields);
    });
    cleanups.push(() => session.destroy());
  });
  cleanups.push(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as { port: number }).port, open, sessions: () => sessions };
}

function pools(): UpstreamPools {
  const upstreams = new UpstreamPools({ clock: systemClock });
  cleanups.push(() => upstreams.close(CAUSE));
  return upstreams;
}

describe("replies that nobody reads", () => {
  const files = (): Rig =>
    listen({
      settings: { streamsMax: 1_000 },
      handle: (exchange) => {
        const head = { status: 200, headers: [] };
        const { target } = exchange.request;
        if (target === "/echo") exchange.body.start(exchange.respond(head));
        else exchange.send(head, target === "/big" ? Buffer.alloc(BIG, 1) : Buffer.from("small"));
      },
    });

  test("20 of them stop nobody else on their connection, and none holds more than its window", async () => {
    await using server = files();
    const { port } = server.listener;
    const upstreams = pools();
    await ask(upstreams, port, H2).done();
    // Half of them read for a while before they stop: their windows are as large as windows get.
    const stuck = Array.from({ length: 20 }, () => ask(upstreams, port, { ...H2, target: "/big", isLazy: true }));
    for (const [at, heard] of stuck.entries()) {
      await until("its head", () => heard.head);
      heard.takes = at % 2 === 0;
      heard.source!.start(heard);
    }
    await until("the first half", () => stuck.every((heard, at) => at % 2 === 1 || heard.isEnded));
    const late = Array.from({ length: 10 }, () => ask(upstreams, port, { ...H2, target: "/big" }));
    for (const heard of late) {
      heard.write = (chunk) => {
        heard.text += "x".repeat(chunk.byteLength);
        return heard.text.length < BIG / 2;
      };
    }
    await until("they stop", () => late.every(({ text }) => text.length >= BIG / 2));
    const body = new BytesSource(Buffer.alloc(300_000, "b"));
    const good = [
      ...Array.from({ length: 10 }, () => ask(upstreams, port, H2)),
      ...Array.from({ length: 3 }, () => ask(upstreams, port, { ...H2, target: "/big" })),
      ask(upstreams, port, { ...H2, target: "/echo", method: "POST", body }),
    ];
    await Promise.all(good.map((heard) => heard.done()));
    expect(good.map(({ isEnded, text }) => (isEnded ? text.length : -1))).toEqual([
      ...Array(10).fill(5),
      ...Array(3).fill(BIG),
      300_000,
    ]);
    expect(upstreams.counts().connections).toBe(1);
    expect(stuck.filter((_, at) => at % 2 === 1).every(({ text }) => text.length <= 16_384)).toBe(true);
  }, 30_000);

  test("a further connection is opened when one holds too much, and the first is used again once that was read", async () => {
    await using server = files();
    const { port } = server.listener;
    const upstreams = pools();
    await ask(upstreams, port, H2).done();
    const stuck: Heard[] = [];
    while (upstreams.counts().connections === 1 && stuck.length < 300) {
      const heard = ask(upstreams, port, { ...H2, target: "/big", isLazy: true });
      stuck.push(heard);
      await until("its head", () => heard.head);
    }
    // 8 MiB in windows of 64 KiB, and what was on its way.
    expect(stuck.length).toBeGreaterThan(100);
    expect(upstreams.counts().connections).toBe(2);
    expect((await ask(upstreams, port, H2).done()).text).toBe("small");
    for (const heard of stuck) heard.source!.cancel(CAUSE);
    const all = Array.from({ length: 150 }, () => ask(upstreams, port, H2));
    await Promise.all(all.map((heard) => heard.done()));
    expect(upstreams.counts().connections).toBe(2);
  }, 30_000);
});

describe("WebSockets", () => {
  test.each([
    ["at once", (stream: ServerHttp2Stream) => stream.respond({ ":status": 403 }, { endStream: true })],
    [
      "with a body",
      (stream: ServerHttp2Stream) => {
        stream.respond({ ":status": 403 });
        stream.end("no");
      },
    ],
  ])("a stream is over when the upstream has refused it %s", async (_, refuse) => {
    const { open, port, sessions } = await serve(refuse, { enableConnectProtocol: true, maxConcurrentStreams: 5 });
    const upstreams = pools();
    for (let at = 0; at < 12; at++) expect((await ask(upstreams, port, WEBSOCKET).done()).head?.status).toBe(403);
    await until("no stream is left", () => open.size === 0);
    expect([upstreams.counts().active, sessions()]).toEqual([0, 1]);
  });

  test("a stream is over when the upstream has ended it, and whoever writes is told behind the last byte", async () => {
    const { open, port } = await serve(
      (stream) => {
        stream.respond();
        stream.end(Buffer.alloc(50_000, "m"));
      },
      { enableConnectProtocol: true },
    );
    const upstreams = pools();
    const heard = ask(upstreams, port, { ...WEBSOCKET, isLazy: true });
    const { sink, source } = await until("the upgrade", () => heard.stream);
    const told: number[] = [];
    sink.onCancel = () => void told.push(heard.text.length);
    heard.takes = false;
    source.start(heard);
    await until("the first bytes", () => heard.text.length > 0);
    expect(told).toEqual([]);
    heard.takes = true;
    heard.onReady!();
    await heard.done();
    expect([heard.isEnded, heard.text.length, heard.overs]).toEqual([true, 50_000, [undefined]]);
    expect(told).toEqual([50_000]);
    expect(sink.write(Buffer.from("late"))).toBe(false);
    await until("no stream is left", () => open.size === 0);
    expect(upstreams.counts().active).toBe(0);
  });

  test("nothing is cut off when the upstream resets a stream that it has ended", async () => {
    using server: RawServer = takesConnect((peer) =>
      peer.write(
        Buffer.concat([
          headers(1, [[":status", "200"]], false),
          frame(TYPE.data, 1, 1, Buffer.from("all of it")),
          frame(TYPE.reset, 0, 1, [0, 0, 0, 0]),
        ]),
      ),
    );
    const heard = ask(pools(), server.port, { ...WEBSOCKET, isLazy: true });
    const { sink, source } = await until("the upgrade", () => heard.stream);
    const told: number[] = [];
    sink.onCancel = () => void told.push(heard.text.length);
    expect(told).toEqual([]); // the reset came in the same read as the head
    source.start(heard);
    await heard.done();
    expect([heard.text, heard.isEnded, told]).toEqual(["all of it", true, [9]]);
  });
});

/** A server that offers extended CONNECT, and does this when the first stream has begun. */
function takesConnect(onStream: (peer: Peer) => void): RawServer {
  const begun = new Set<Peer>();
  return openServer({
    open: (peer) => peer.write(Buffer.concat([settings([8, 1]), frame(TYPE.settings, 1, 0)])),
    data: (peer) => {
      if (begun.has(peer) || !peer.text.includes("\0\0\0\x01", 24 + 9)) return;
      begun.add(peer);
      onStream(peer);
    },
  });
}
