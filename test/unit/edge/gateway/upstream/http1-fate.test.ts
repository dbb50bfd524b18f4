/** Connections that die, time out, or leave HTTP. */
import { describe, expect, test } from "bun:test";
import { systemClock } from "../../../../../src/base/clock.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import { UpstreamPools } from "../../../../../src/edge/gateway/upstream/index.ts";
import { BytesSource } from "../../../../../src/wire/http/index.ts";
import { acceptOf } from "../../../../../src/wire/websocket/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { until } from "../../../../support/until.ts";
import { headers, settings } from "../../../wire/http2/rig.ts";
import { type AskOptions, answering, ask, FedBody, Heard, OK, once, openServer, type Peer, request } from "./rig.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const SLOW = { connectMs: 5_000, headMs: 1_000, idleMs: 500, totalMs: 10_000 };

/** Answers one request on the first connection and closes it when the second one comes; later connections answer always. */
function dyingFirst() {
  const answer = answering(OK).data!;
  return openServer({
    data: (peer) => {
      if (peer.number === 0 && peer.requests === 2) peer.reset();
      else answer(peer);
    },
  });
}

async function askTwice(options: AskOptions) {
  const server = dyingFirst();
  const upstreams = new UpstreamPools({ clock: new SteppedClock() });
  await ask(upstreams, server.port).done();
  const heard = await ask(upstreams, server.port, options).done();
  server[Symbol.dispose]();
  return { heard, connections: server.peers.length, agains: upstreams.counts().agains };
}

describe("a part of ours that throws while an upstream speaks", () => {
  test.each(["1.1", "2"] as const)(
    "costs the connection, is told, and ends the request, over HTTP/%s",
    async (version) => {
      const defects: Failure[] = [];
      const upstreams = new UpstreamPools({ clock: systemClock, onDefect: (failure) => void defects.push(failure) });
      using server = openServer({
        open: (peer) => version === "2" && peer.write(settings()),
        data: once((peer) => {
          if (version === "1.1") return peer.write(OK);
          peer.write(headers(1, [[":status", "200"]], false));
        }).data!,
      });
      const heard = new Heard();
      heard.onReply = () => {
        throw new Error("a part has thrown");
      };
      upstreams.ask(request(server.port, { version }), heard);
      await until("it is over", () => heard.overs.length === 1);
      await until("the connection is gone", () => server.peers[0]?.isOpen === false);
      expect(defects.map(({ code, message }) => [code, message])).toEqual([
        ["gateway.defect", expect.stringContaining("a part has thrown")],
      ]);
      expect([heard.overs[0]?.message, upstreams.counts().connections]).toEqual([
        expect.stringContaining("a part has thrown"),
        0,
      ]);
      upstreams.close(new Failure("test.over", "the test is over"));
    },
  );
});

describe("a connection that dies under a request", () => {
  test.each(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])("ask() sends %s again on a fresh one", async (method) => {
    const { agains, connections, heard } = await askTwice({ method });
    expect(heard.head?.status).toBe(200);
    expect({ agains, connections }).toEqual({ agains: 1, connections: 2 });
  });

  test.each(["POST", "PATCH"])("ask() never sends %s again", async (method) => {
    const { connections, heard } = await askTwice({ method });
    expect(heard.failure?.code).toBe("gateway.upstream_closed");
    expect(heard.isUnsent).toBe(false);
    expect(connections).toBe(1);
  });

  test("ask() never sends a body again that has begun to flow", async () => {
    const { connections, heard } = await askTwice({ method: "PUT", body: new BytesSource(Buffer.from("x")) });
    expect(heard.failure?.code).toBe("gateway.upstream_closed");
    expect(connections).toBe(1);
  });

  test("ask() does not send a request again that a fresh connection died under", async () => {
    using server = openServer(once((peer) => peer.reset()));
    const upstreams = new UpstreamPools({ clock: new SteppedClock() });
    const heard = await ask(upstreams, server.port).done();
    expect(heard.failure?.code).toBe("gateway.upstream_closed");
    expect(server.peers.length).toBe(1);
  });

  test("ask() sends a request again once, not to one old connection after the other", async () => {
    const answers: (() => void)[] = [];
    using server = openServer({
      data: (peer) => {
        if (peer.requests === 1) answers.push(() => peer.write(OK));
        else peer.reset();
      },
    });
    const lookups = [Promise.resolve([{ address: "127.0.0.1", family: 4 as const, ttl: 1 }])];
    const resolve = () => lookups.shift() ?? new Promise<never>(() => {}); // no fresh connection comes about
    const clock = new SteppedClock();
    const upstreams = new UpstreamPools({ clock, resolve });
    const two = [1, 2].map(() => ask(upstreams, server.port, { host: "up.example" }));
    await until("two connections", () => answers.length === 2);
    answers[0]!();
    await until("one is free", () => two.some(({ isDone }) => isDone));
    clock.advance(1_000);
    const heard = ask(upstreams, server.port, { host: "up.example" });
    await until("it waits", () => upstreams.counts().waiting === 1);
    answers[1]!();
    await heard.done();
    expect(heard.failure?.code).toBe("gateway.upstream_closed");
    expect(upstreams.counts()).toMatchObject({ agains: 1, opened: 2 });
  });

  test("ask() does not send a request again of whose reply a byte has come", async () => {
    const answer = answering(OK).data!;
    using server = openServer({
      data: (peer) => {
        if (peer.number > 0 || peer.requests < 2) return answer(peer);
        peer.write("HTTP/1.1 200");
        peer.end();
      },
    });
    const upstreams = new UpstreamPools({ clock: new SteppedClock() });
    await ask(upstreams, server.port).done();
    const heard = await ask(upstreams, server.port).done();
    expect(heard.failure?.code).toBe("gateway.upstream_closed");
    expect(server.peers.length).toBe(1);
  });

  test("ask() opens a fresh one when the upstream has closed the idle one", async () => {
    using server = openServer(answering(OK));
    const upstreams = new UpstreamPools({ clock: new SteppedClock() });
    await ask(upstreams, server.port).done();
    server.peers[0]!.end();
    await until("it is closed", () => upstreams.counts().connections === 0);
    expect((await ask(upstreams, server.port, { method: "POST" }).done()).text).toBe("ok");
    expect(server.peers.length).toBe(2);
  });
});

describe("time-outs", () => {
  test("ask() fails when no reply has come in time", async () => {
    using server = openServer({});
    const clock = new SteppedClock();
    const upstreams = new UpstreamPools({ clock });
    const heard = ask(upstreams, server.port, { timeouts: SLOW });
    await until("the request", () => server.peers[0]?.requests);
    clock.advance(999);
    expect(heard.failure).toBeUndefined();
    clock.advance(1);
    expect(heard.failure?.code).toBe("gateway.upstream_timeout");
    expect(heard.isUnsent).toBe(false);
    expect(upstreams.counts().connections).toBe(0);
  });

  test("ask() does not count the time that the client takes for its body", async () => {
    using server = openServer({});
    const clock = new SteppedClock();
    const body = new FedBody();
    const heard = ask(new UpstreamPools({ clock }), server.port, { method: "POST", body, timeouts: SLOW });
    await until("the body is started", () => body.sink);
    clock.advance(5_000);
    expect(heard.failure).toBeUndefined();
    body.sink!.end();
    clock.advance(999);
    expect(heard.failure).toBeUndefined();
    clock.advance(1);
    expect(heard.failure?.code).toBe("gateway.upstream_timeout");
  });

  test("ask() aborts a reply whose next piece does not come in time", async () => {
    using server = openServer(answering("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"));
    const clock = new SteppedClock();
    const heard = ask(new UpstreamPools({ clock }), server.port, { timeouts: SLOW });
    await until("the first half", () => heard.text === "half");
    clock.advance(499);
    expect(heard.aborted).toBeUndefined();
    clock.advance(1);
    expect(heard.aborted?.code).toBe("gateway.upstream_timeout");
  });

  test("ask() does not count the time in which nobody takes the reply", async () => {
    using server = openServer(answering("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"));
    const clock = new SteppedClock();
    const heard = ask(new UpstreamPools({ clock }), server.port, { timeouts: SLOW, isLazy: true });
    await until("the head", () => heard.head);
    clock.advance(5_000);
    heard.source!.start(heard);
    await until("the first half", () => heard.text === "half");
    expect(heard.aborted).toBeUndefined();
  });

  test("ask() ends a call that takes too long as a whole", async () => {
    using server = openServer(answering("HTTP/1.1 200 OK\r\n\r\n"));
    const clock = new SteppedClock();
    const heard = ask(new UpstreamPools({ clock }), server.port, { timeouts: SLOW });
    await until("the head", () => heard.head);
    for (let count = 0; count < 24; count++) {
      server.peers[0]!.write("x");
      await until("a piece", () => heard.text.length > count);
      clock.advance(400);
    }
    expect(heard.aborted).toBeUndefined();
    clock.advance(400);
    expect(heard.aborted?.code).toBe("gateway.upstream_timeout");
  });

  test("ask() closes connections that are idle for long, and no others", async () => {
    using server = openServer(answering(OK));
    const clock = new SteppedClock();
    const upstreams = new UpstreamPools({ clock, limits: { idleMs: 1_000 } });
    await ask(upstreams, server.port).done();
    clock.advance(900);
    await ask(upstreams, server.port).done();
    clock.advance(900);
    expect(upstreams.counts().connections).toBe(1);
    clock.advance(100);
    expect(upstreams.counts()).toMatchObject({ connections: 0, origins: 0 });
    expect(clock.timers).toBe(0);
  });
});

describe("upgrades", () => {
  const HEAD = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nx-a: b\r\n";
  const accept = ({ text }: Peer): string => {
    const key = /sec-websocket-key: (.*)\r\n/.exec(text)?.[1] ?? "";
    return `${HEAD}sec-websocket-accept: ${acceptOf(key)}\r\n\r\n`;
  };
  const GONE = new Failure("gateway.client_gone", "the client went");

  test("ask() gives the connection as a stream when the upstream agrees, and what came behind its reply", async () => {
    using server = openServer(once((peer) => peer.write(`${accept(peer)}first`)));
    const upstreams = new UpstreamPools({ clock: new SteppedClock() });
    const heard = ask(upstreams, server.port, { protocol: "websocket", headers: ["sec-websocket-key", KEY] });
    await until("what came behind", () => heard.text === "first");
    expect(heard.head).toEqual({ status: 101, headers: ["x-a", "b", "sec-websocket-accept", acceptOf(KEY)] });
    const [peer] = server.peers;
    expect(peer!.text).toContain("connection: upgrade\r\nupgrade: websocket\r\n");
    heard.stream!.sink.write(Buffer.from("from the client"));
    await until("the client's bytes", () => peer!.text.endsWith("from the client"));
    peer!.write("more");
    await until("more", () => heard.text === "firstmore");
    peer!.end();
    await heard.done();
    expect(heard.isEnded).toBe(true);
    expect(heard.overs).toEqual([undefined]);
    expect(upstreams.counts().connections).toBe(0);
  });

  test("ask() makes a key where the client of another protocol has sent none", async () => {
    using server = openServer(once((peer) => peer.write(accept(peer))));
    const heard = ask(new UpstreamPools({ clock: new SteppedClock() }), server.port, {
      method: "CONNECT",
      protocol: "websocket",
    });
    await until("the stream", () => heard.stream);
    const { text } = server.peers[0]!;
    expect(text).toStartWith("GET / HTTP/1.1\r\n");
    expect(text).toMatch(/sec-websocket-version: 13\r\nsec-websocket-key: [A-Za-z0-9+/]{22}==\r\n/);
    expect(heard.head).toEqual({ status: 101, headers: ["x-a", "b"] });
  });

  test.each([
    ["is missing", ""],
    ["answers another key", `sec-websocket-accept: ${acceptOf("another")}\r\n`],
  ])("ask() fails when the upstream's answer to the key %s", async (_, field) => {
    using server = openServer(once((peer) => peer.write(`${HEAD}${field}\r\n`)));
    const upstreams = new UpstreamPools({ clock: new SteppedClock() });
    const heard = await ask(upstreams, server.port, { protocol: "websocket" }).done();
    expect(heard.failure?.code).toBe("gateway.upstream_protocol");
    expect(heard.stream).toBeUndefined();
    expect(upstreams.counts()).toMatchObject({ connections: 0, active: 0 });
  });

  test("ask() tells what the upstream replies instead of agreeing", async () => {
    using server = openServer(answering(OK));
    const upstreams = new UpstreamPools({ clock: new SteppedClock() });
    const heard = await ask(upstreams, server.port, { protocol: "websocket" }).done();
    expect(heard.text).toBe("ok");
    expect(heard.stream).toBeUndefined();
  });

  test("ask() stops reading a stream while nobody takes it", async () => {
    using server = openServer(once((peer) => peer.write(accept(peer))));
    const heard = ask(new UpstreamPools({ clock: new SteppedClock() }), server.port, { protocol: "websocket" });
    await until("the stream", () => heard.stream);
    heard.takes = false;
    const long = "y".repeat(2_000_000);
    server.peers[0]!.write(long);
    while (heard.text.length < long.length) {
      const { length } = heard.text;
      heard.onReady?.();
      await until("more", () => heard.text.length > length);
    }
    expect(heard.text === long).toBe(true);
  });

  test("the end or abort of a stream's sink closes the connection", async () => {
    using server = openServer(once((peer) => peer.write(accept(peer))));
    const upstreams = new UpstreamPools({ clock: new SteppedClock() });
    for (const how of ["end", "abort", "cancel"] as const) {
      const heard = ask(upstreams, server.port, { protocol: "websocket" });
      await until("the stream", () => heard.stream);
      if (how === "end") heard.stream!.sink.end();
      else if (how === "abort") heard.stream!.sink.abort(GONE);
      else heard.call!.cancel(GONE);
      if (how !== "cancel") await heard.done();
      await until("the server sees it", () => server.peers.every(({ isOpen }) => !isOpen));
      expect(upstreams.counts()).toMatchObject({ connections: 0, active: 0 });
    }
  });

  test("a stream in which nothing moves is cut off, whatever the call's total time", async () => {
    using server = openServer(once((peer) => peer.write(accept(peer))));
    const clock = new SteppedClock();
    const heard = ask(new UpstreamPools({ clock }), server.port, { protocol: "websocket", timeouts: SLOW });
    await until("the stream", () => heard.stream);
    for (let count = 0; count < 40; count++) {
      clock.advance(400);
      heard.stream!.sink.write(Buffer.from("x"));
    }
    expect(heard.aborted).toBeUndefined();
    clock.advance(500);
    expect(heard.aborted?.code).toBe("gateway.upstream_timeout");
  });
});
