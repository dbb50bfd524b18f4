/** HTTP/2 upstreams that take few streams at once, or refuse some: what they have not begun goes out again, and nobody hears of it. */
import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type ServerHttp2Stream } from "node:http2";
import { systemClock } from "../../../../../src/base/clock.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import { UpstreamPools } from "../../../../../src/edge/gateway/upstream/index.ts";
import { BytesSource } from "../../../../../src/wire/http/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { until } from "../../../../support/until.ts";
import { frame, headers, settings, TYPE, uint32 } from "../../../wire/http2/rig.ts";
import { type AskOptions, ask, FedBody, openServer, type Peer, type RawServer } from "./rig.ts";

const H2: AskOptions = { version: "2", method: "POST" };
const REFUSED = uint32(7);
const STREAMS_MAX = 3;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function pools(clock = systemClock): UpstreamPools {
  const upstreams = new UpstreamPools({ clock });
  cleanups.push(() => upstreams.close(new Failure("test.over", "the test is over")));
  return upstreams;
}

function body(text: string): BytesSource {
  return new BytesSource(Buffer.from(text));
}

/** Echoes bodies; `held`: those that wait for a test. */
async function serve(maxConcurrentStreams: number, held?: ServerHttp2Stream[]) {
  const server = createServer({ settings: { maxConcurrentStreams } });
  let sessions = 0;
  let refused = 0;
  server.on("session", (session) => {
    sessions++;
    session.on("error", () => {});
    session.on("stream", (stream) => {
      stream.on("error", () => refused++);
      if (held === undefined) echo(stream);
      else held.push(stream);
    });
    cleanups.push(() => session.destroy());
  });
  cleanups.push(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as { port: number }).port, sessions: () => sessions, refused: () => refused };
}

function echo(stream: ServerHttp2Stream): void {
  stream.respond();
  stream.pipe(stream);
}

/** Bytes by hand: `onRequests` after each piece that has come. */
function hand(onBytes: (peer: Peer) => void, first: Uint8Array = settings([3, 100])): RawServer {
  const server = openServer({ open: (peer) => peer.write(first), data: onBytes });
  cleanups.push(() => server[Symbol.dispose]());
  return server;
}

describe("an upstream that takes few streams", () => {
  test("ask() has all answered when more come at once than a new connection takes", async () => {
    const { port, sessions } = await serve(STREAMS_MAX);
    const upstreams = pools();
    const all = Array.from({ length: 30 }, (_, at) => ask(upstreams, port, { ...H2, body: body(`b${at}`) }));
    await Promise.all(all.map((heard) => heard.done()));
    expect(all.map(({ text, failure }) => failure?.code ?? text)).toEqual(all.map((_, at) => `b${at}`));
    expect(upstreams.counts().agains).toBe(0); // nothing was sent on trust
    expect(sessions()).toBeLessThanOrEqual(10);
  });

  test("ask() says that the upstream is late, not that it is full, when it never says how much it takes", async () => {
    const clock = new SteppedClock();
    const upstreams = pools(clock);
    const server = hand(() => {}, new Uint8Array(0));
    const all = Array.from({ length: 3 }, () => ask(upstreams, server.port, H2));
    await until("the connection is there, and the first is on it", () => (server.peers[0]?.text ?? "").length > 24);
    for (let count = 0; count < 60 && all.some(({ failure }) => failure === undefined); count++) {
      clock.advance(1_000);
      await Bun.sleep(0);
    }
    expect(all.slice(1).map(({ failure, isUnsent }) => [failure?.code, isUnsent])).toEqual([
      ["gateway.upstream_timeout", true],
      ["gateway.upstream_timeout", true],
    ]);
  });

  test("ask() opens as many connections as are needed when it has heard how much each takes", async () => {
    const held: ServerHttp2Stream[] = [];
    const { port, sessions } = await serve(STREAMS_MAX, held);
    const upstreams = pools();
    const all = Array.from({ length: 10 }, () => ask(upstreams, port, { ...H2, body: body("b") }));
    await until("all are there at once", () => held.length === 10);
    expect(sessions()).toBe(4);
    for (const stream of held) echo(stream);
    await Promise.all(all.map((heard) => heard.done()));
    expect(all.map(({ text }) => text)).toEqual(all.map(() => "b"));
  });

  test("ask() waits on one connection when the upstream takes none", async () => {
    const server = hand(() => {}, settings([3, 0]));
    const clock = new SteppedClock();
    const upstreams = pools(clock);
    const all = Array.from({ length: 5 }, () =>
      ask(upstreams, server.port, { ...H2, timeouts: { connectMs: 60_000 } }),
    );
    await until("it is connected", () => upstreams.counts().connections === 1);
    clock.advance(70_000);
    // The first one may have gone out before the upstream said so.
    expect(all.slice(1).map(({ failure }) => failure?.code)).toEqual([1, 2, 3, 4].map(() => "gateway.upstream_busy"));
    expect(server.peers.length).toBe(1);
  });

  test("those that wait fail together when a connection closes before it has said anything", async () => {
    const server = hand((peer) => peer.reset(), new Uint8Array(0));
    const upstreams = pools();
    const all = Array.from({ length: 5 }, () => ask(upstreams, server.port, H2));
    await Promise.all(all.map((heard) => heard.done()));
    expect(all.map(({ failure }) => failure?.code)).toEqual(all.map(() => "gateway.upstream_closed"));
    expect(all.map(({ isUnsent }) => isUnsent)).toEqual([false, true, true, true, true]);
    expect(server.peers.length).toBe(1);
  });
});

describe("an upstream that refuses", () => {
  /** Refuses the first `count` streams that have come with their body, serves the others. */
  function refusing(count: number): RawServer & { readonly seen: number[] } {
    const seen: number[] = [];
    const server = hand((peer) => {
      for (const id of ended(peer)) {
        if (seen.includes(id)) continue;
        seen.push(id);
        const isRefused = seen.length <= count;
        peer.write(isRefused ? frame(TYPE.reset, 0, id, REFUSED) : headers(id, [[":status", "204"]]));
      }
    });
    return Object.assign(server, { seen });
  }

  test("a request goes out again with its body when its stream was refused", async () => {
    const server = refusing(1);
    const upstreams = pools();
    const heard = await ask(upstreams, server.port, { ...H2, body: body("hello") }).done();
    expect([heard.head?.status, heard.failure]).toEqual([204, undefined]);
    expect(server.peers[0]!.text.split("hello").length - 1).toBe(2);
    expect([server.seen, upstreams.counts().agains]).toEqual([[1, 3], 1]);
  });

  test("a request fails as busy, and nothing is held against the upstream, when it is refused again and again", async () => {
    const server = refusing(1_000);
    const fed = new FedBody();
    const heard = ask(pools(), server.port, { ...H2, body: fed });
    const sink = await until("somebody wants it", () => fed.sink);
    sink.write(Buffer.from("hello"));
    sink.end();
    await heard.done();
    expect([heard.failure?.code, heard.isUnsent]).toEqual(["gateway.upstream_busy", true]);
    expect(server.seen).toEqual([1, 3, 5, 7]);
  });

  test("the client is told to stop when the stream of a body that is too long to be kept is refused", async () => {
    let isDone = false;
    const server = hand(
      (peer) => {
        if (isDone || peer.text.length < 70_000) return;
        isDone = true;
        peer.write(frame(TYPE.reset, 0, 1, REFUSED));
      },
      Buffer.concat([settings([3, 100], [4, 1_000_000]), frame(TYPE.window, 0, 0, uint32(1_000_000))]),
    );
    const fed = new FedBody();
    const heard = ask(pools(), server.port, { ...H2, body: fed });
    const sink = await until("somebody wants it", () => fed.sink);
    sink.write(new Uint8Array(80_000));
    await heard.done();
    expect([heard.failure?.code, fed.cancelled?.code]).toEqual(["gateway.upstream_busy", "gateway.upstream_busy"]);
  });

  test("the client's body is given up when it goes while its request waits to go out again", async () => {
    const server = hand((peer) => {
      if (peer.text.includes("example.org") && server.peers.length === 1) {
        peer.write(frame(TYPE.goaway, 0, 0, [...uint32(0), ...uint32(0)]));
      }
    });
    const upstreams = pools();
    const fed = new FedBody();
    const heard = ask(upstreams, server.port, { ...H2, body: fed });
    await until("it goes out again", () => upstreams.counts().agains === 1);
    heard.call!.cancel(new Failure("test.gone", "the client went"));
    expect(fed.cancelled).toBeDefined();
  });
});

/** Numbers of the streams whose END_STREAM has come. */
function ended(peer: Peer): number[] {
  const bytes = Buffer.from(peer.text, "latin1");
  const ids: number[] = [];
  let at = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".length;
  while (at + 9 <= bytes.length) {
    const size = bytes.readUIntBE(at, 3);
    const [type, flags, id] = [bytes[at + 3], bytes[at + 4]!, bytes.readUInt32BE(at + 5)];
    if (at + 9 + size > bytes.length) break;
    if ((type === TYPE.data || type === TYPE.headers) && (flags & 1) === 1) ids.push(id);
    at += 9 + size;
  }
  return ids;
}
