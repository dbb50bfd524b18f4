/** Replies of HTTP/1.1 upstreams, good ones and others. */
import { describe, expect, test } from "bun:test";
import { UpstreamPools } from "../../../../../src/edge/gateway/upstream/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { until } from "../../../../support/until.ts";
import { answering, ask, OK, once, openServer } from "./rig.ts";

const LONG = "x".repeat(300_000);

function pools(): UpstreamPools {
  return new UpstreamPools({ clock: new SteppedClock() });
}

describe("ask()", () => {
  test("ask() passes a reply with a length on and keeps the connection", async () => {
    using server = openServer(answering(OK));
    const upstreams = pools();
    for (let count = 0; count < 3; count++) {
      const heard = await ask(upstreams, server.port).done();
      expect(heard.head).toEqual({ status: 200, headers: ["content-length", "2"] });
      expect(heard.text).toBe("ok");
      expect(heard.overs).toEqual([undefined]);
    }
    expect(server.peers.length).toBe(1);
    expect(upstreams.counts()).toMatchObject({ connections: 1, active: 0, asked: 3, opened: 1 });
  });

  test("ask() sends the head as it is and nothing of the hop", async () => {
    using server = openServer(answering(OK));
    await ask(pools(), server.port, {
      target: "/a?b=c",
      headers: ["x-a", "1", "connection", "x-a", "te", "gzip"],
    }).done();
    expect(server.peers[0]!.text).toBe("GET /a?b=c HTTP/1.1\r\nhost: example.org\r\nx-a: 1\r\n\r\n");
  });

  test("ask() refuses a field that would be two, and keeps the connection", async () => {
    using server = openServer(answering(OK));
    const upstreams = pools();
    await ask(upstreams, server.port).done();
    const heard = ask(upstreams, server.port, { headers: ["x-a", "1\r\nx-b: 2"] });
    expect(heard.failure?.code).toBe("gateway.bad_header");
    expect((await ask(upstreams, server.port).done()).text).toBe("ok");
    expect(server.peers.length).toBe(1);
    expect(server.peers[0]!.text).not.toContain("x-b");
  });

  test("ask() passes chunks and trailers on", async () => {
    const reply = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nx-sum: 5\r\n\r\n";
    using server = openServer(answering(reply));
    const upstreams = pools();
    for (let count = 0; count < 2; count++) {
      const heard = await ask(upstreams, server.port).done();
      expect(heard.text).toBe("abcde");
      expect(heard.trailers).toEqual(["x-sum", "5"]);
    }
    expect(server.peers.length).toBe(1);
  });

  test("ask() takes a reply until the end of the connection and opens another one", async () => {
    using server = openServer(
      once((peer) => {
        peer.write("HTTP/1.1 200 OK\r\n\r\nall of it");
        peer.end();
      }),
    );
    const upstreams = pools();
    for (let count = 0; count < 2; count++) expect((await ask(upstreams, server.port).done()).text).toBe("all of it");
    expect(server.peers.length).toBe(2);
    expect(upstreams.counts().connections).toBe(0);
  });

  test("ask() has no body of a reply to HEAD, 204 and 304", async () => {
    const upstreams = pools();
    for (const [method, status] of [
      ["HEAD", 200],
      ["GET", 204],
      ["GET", 304],
    ] as const) {
      using server = openServer(answering(`HTTP/1.1 ${status} X\r\ncontent-length: 7\r\n\r\n`));
      const heard = await ask(upstreams, server.port, { method }).done();
      expect(heard.text).toBe("");
      expect((await ask(upstreams, server.port, { method }).done()).head?.status).toBe(status);
      expect(server.peers.length).toBe(1);
    }
  });

  test("ask() tells interim replies before the reply", async () => {
    using server = openServer(answering(`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${OK}`));
    const heard = await ask(pools(), server.port).done();
    expect(heard.informed).toEqual([{ status: 103, headers: ["link", "</a>"] }]);
    expect(heard.text).toBe("ok");
  });

  test("ask() stops reading while nobody takes the reply, and reads on", async () => {
    using server = openServer(answering(`HTTP/1.1 200 OK\r\ncontent-length: ${LONG.length}\r\n\r\n${LONG}`));
    const upstreams = pools();
    const heard = ask(upstreams, server.port, { isLazy: true });
    await until("the head", () => heard.head);
    expect(heard.text).toBe("");
    heard.takes = false;
    heard.source!.start(heard);
    while (!heard.isDone) {
      const { length } = heard.text;
      heard.onReady?.();
      await until("more", () => heard.text.length > length || heard.isDone);
    }
    expect(heard.text === LONG).toBe(true);
    expect((await ask(upstreams, server.port).done()).text === LONG).toBe(true);
    expect(server.peers.length).toBe(1);
  });

  test("ask() keeps what came when the upstream closes before anybody takes it", async () => {
    using server = openServer(
      once((peer) => {
        peer.write("HTTP/1.1 200 OK\r\n\r\nleft behind");
        peer.end();
      }),
    );
    const heard = ask(pools(), server.port, { isLazy: true });
    await until("the head", () => heard.head);
    await until("the end of the connection", () => !server.peers[0]!.isOpen);
    heard.source!.start(heard);
    await heard.done();
    expect(heard.text).toBe("left behind");
    expect(heard.aborted).toBeUndefined();
  });

  test("ask() never uses a connection again behind which more came than the reply", async () => {
    using server = openServer(answering(`${OK}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison`));
    const upstreams = pools();
    for (let count = 0; count < 3; count++) expect((await ask(upstreams, server.port).done()).text).toBe("ok");
    expect(server.peers.length).toBe(3);
  });

  test("ask() never uses a connection again on which something came while nobody asked", async () => {
    using server = openServer(answering(OK));
    const upstreams = pools();
    await ask(upstreams, server.port).done();
    server.peers[0]!.write("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison");
    await until("it is closed", () => upstreams.counts().connections === 0);
    expect((await ask(upstreams, server.port).done()).text).toBe("ok");
    expect(server.peers.length).toBe(2);
  });

  test("ask() does not use a connection again when the upstream says close", async () => {
    using server = openServer(answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"));
    const upstreams = pools();
    const heard = await ask(upstreams, server.port).done();
    expect(heard.head?.headers).toEqual(["content-length", "2"]);
    expect(upstreams.counts().connections).toBe(0);
  });

  test.each([
    ["garbage", "hello there\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nokk"],
    ["length and chunks", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["huge head", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(70_000)}\r\n\r\n`],
    ["too many fields", `HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(300)}\r\n`],
    ["bare LF", "HTTP/1.1 200 OK\nx: y\n\n"],
    ["unasked upgrade", "HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"],
  ])("ask() fails and closes when the reply is malformed: %s", async (_, reply) => {
    using server = openServer(answering(reply));
    const upstreams = pools();
    const heard = await ask(upstreams, server.port).done();
    expect(heard.failure?.code).toBe("gateway.upstream_protocol");
    expect(heard.isUnsent).toBe(false);
    expect(upstreams.counts().connections).toBe(0);
  });

  test("ask() aborts the body when a reply is cut short", async () => {
    using server = openServer(
      once((peer) => {
        peer.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
        peer.end();
      }),
    );
    const heard = await ask(pools(), server.port).done();
    expect(heard.text).toBe("half");
    expect(heard.aborted?.code).toBe("gateway.upstream_closed");
    expect(heard.overs.map((cause) => cause?.code)).toEqual(["gateway.upstream_closed"]);
  });

  test("ask() aborts the body when a reply until the end is reset", async () => {
    using server = openServer(answering("HTTP/1.1 200 OK\r\n\r\nhalf"));
    const heard = ask(pools(), server.port);
    await until("the first half", () => heard.text === "half");
    server.peers[0]!.reset();
    await heard.done();
    expect(heard.isEnded).toBe(false);
    expect(heard.aborted?.code).toBe("gateway.upstream_closed");
  });

  const CHUNKS = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n";

  test("ask() aborts the body when its chunks are malformed", async () => {
    using server = openServer(once((peer) => peer.write(CHUNKS)));
    const heard = ask(pools(), server.port);
    await until("the good chunk", () => heard.text === "abc");
    server.peers[0]!.write("zz");
    await heard.done();
    expect(heard.aborted?.code).toBe("gateway.upstream_protocol");
  });

  test.each(["zz", "3\r\nabcd", "0\r\nHost: b\r\n\r\n"])(
    "ask() fails, and nobody hears of the reply, when what came with its head is malformed: %j",
    async (rest) => {
      using server = openServer(answering(CHUNKS + rest));
      const upstreams = pools();
      const heard = await ask(upstreams, server.port).done();
      expect([heard.failure?.code, heard.head, heard.text]).toEqual(["gateway.upstream_protocol", undefined, ""]);
      expect(upstreams.counts().connections).toBe(0);
    },
  );

  test("ask() gives a body in chunks that came with its head to whoever begins late", async () => {
    using server = openServer(answering(`${CHUNKS}2\r\nde\r\n0\r\nx-sum: 5\r\n\r\n`));
    const upstreams = pools();
    const heard = ask(upstreams, server.port, { isLazy: true });
    await until("the head", () => heard.head !== undefined);
    heard.source!.start(heard);
    await heard.done();
    expect([heard.text, heard.trailers, upstreams.counts().connections]).toEqual(["abcde", ["x-sum", "5"], 1]);
  });
});
