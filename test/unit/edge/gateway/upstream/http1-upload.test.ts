/** Bodies of requests on their way to HTTP/1.1 upstreams. */
import { describe, expect, test } from "bun:test";
import type { Socket } from "bun";
import fc from "fast-check";
import { Failure } from "../../../../../src/base/errors.ts";
import { Http1Upload } from "../../../../../src/edge/gateway/upstream/http1-upload.ts";
import { UpstreamPools } from "../../../../../src/edge/gateway/upstream/index.ts";
import { BunSocket } from "../../../../../src/edge/gateway/upstream/socket.ts";
import { BytesSource, HeadWriter } from "../../../../../src/wire/http/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { until } from "../../../../support/until.ts";
import { ask, FedBody, OK, openServer, type Peer } from "./rig.ts";

const GONE = new Failure("gateway.client_gone", "the client went");
const HEAD = "POST / HTTP/1.1\r\nhost: example.org\r\n";

function pools(): UpstreamPools {
  return new UpstreamPools({ clock: new SteppedClock() });
}

/** Answers when what has come ends so. */
function whenEnding(end: string, reply = OK): { data: (peer: Peer) => void } {
  return { data: (peer) => peer.text.endsWith(end) && peer.write(reply) };
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

describe("ask()", () => {
  test("ask() sends a small body in one piece with the head", async () => {
    const pieces: number[] = [];
    using server = openServer({
      data: (peer) => {
        pieces.push(peer.text.length);
        peer.write(OK);
      },
    });
    const heard = await ask(pools(), server.port, { method: "POST", body: new BytesSource(bytes("hello")) }).done();
    expect(heard.text).toBe("ok");
    expect(server.peers[0]!.text).toBe(`${HEAD}content-length: 5\r\n\r\nhello`);
    expect(pieces.length).toBe(1);
  });

  test("ask() says that there is no body where one is usual, and nothing elsewhere", async () => {
    using server = openServer(whenEnding("\r\n\r\n"));
    const upstreams = pools();
    await ask(upstreams, server.port, { method: "POST", headers: ["content-length", "7"] }).done();
    await ask(upstreams, server.port, { method: "DELETE" }).done();
    const second = "DELETE / HTTP/1.1\r\nhost: example.org\r\n\r\n";
    expect(server.peers[0]!.text).toBe(`${HEAD}content-length: 0\r\n\r\n${second}`);
  });

  test("ask() sends chunks and trailers when the length is unknown", async () => {
    using server = openServer(whenEnding("0\r\nx-sum: 5\r\n\r\n"));
    const body = new FedBody();
    const heard = ask(pools(), server.port, { method: "POST", body });
    await until("the body is started", () => body.sink);
    body.sink!.write(bytes("abc"));
    body.sink!.write(bytes(""));
    await until("the first chunk", () => server.peers[0]?.text.endsWith("abc"));
    body.sink!.write(bytes("0123456789abcdefg"));
    body.sink!.end(["x-sum", "5"]);
    await heard.done();
    expect(heard.text).toBe("ok");
    const chunks = "3\r\nabc\r\n11\r\n0123456789abcdefg\r\n0\r\nx-sum: 5\r\n\r\n";
    expect(server.peers[0]!.text).toBe(`${HEAD}transfer-encoding: chunked\r\n\r\n${chunks}`);
  });

  test("ask() sends an empty body of unknown length", async () => {
    using server = openServer(whenEnding("\r\n\r\n0\r\n\r\n"));
    const body = new FedBody();
    const heard = ask(pools(), server.port, { method: "PUT", body });
    await until("the body is started", () => body.sink);
    body.sink!.end();
    expect((await heard.done()).text).toBe("ok");
  });

  test("ask() sends the bytes that it was given when small pieces had to wait behind each other", async () => {
    using server = openServer({ open: (peer) => peer.pause(), ...whenEnding("!") });
    const body = new FedBody(undefined);
    const heard = ask(pools(), server.port, { method: "POST", body });
    await until("the body is started", () => body.sink);
    let expected = "";
    for (let at = 0, takes = true; takes; at++) {
      const piece = String(at).padStart(12_000, "-");
      expected += piece;
      takes = body.sink!.write(bytes(piece));
      if (at % 2 === 0) await Promise.resolve(); // a turn of its own, or together with the next
    }
    server.peers[0]!.resume();
    body.sink!.end(["t", "!"]);
    await until("all of it", () => server.peers[0]!.text.endsWith("t: !\r\n\r\n"), 20_000);
    const sent = server.peers[0]!.text.replaceAll(/\r\n2ee0\r\n/g, "");
    expect(sent.includes(expected)).toBe(true);
    server.peers[0]!.write(OK);
    await heard.done();
  });

  test("ask() makes the body wait while the upstream does not read, and goes on", async () => {
    using server = openServer({ open: (peer) => peer.pause(), ...whenEnding("!") });
    const piece = Buffer.alloc(64 * 1_024, "x");
    const pieces = 400;
    const body = new FedBody(piece.length * pieces + 1);
    const heard = ask(pools(), server.port, { method: "POST", body });
    await until("the body is started", () => body.sink);
    let sent = 0;
    while (sent < pieces && body.sink!.write(piece.slice())) sent++;
    expect(sent).toBeLessThan(pieces);
    server.peers[0]!.resume();
    sent++;
    while (sent < pieces) {
      const { readies } = body;
      if (!body.sink!.write(piece.slice())) await until("more is wanted", () => body.readies > readies);
      sent++;
    }
    body.sink!.write(bytes("!"));
    body.sink!.end();
    await heard.done();
    expect(heard.text).toBe("ok");
    expect(server.peers[0]!.text.length).toBe(
      `${HEAD}content-length: ${body.length}\r\n\r\n`.length + piece.length * pieces + 1,
    );
  });

  test("ask() passes a reply on that comes before the end of the request, stops the body, and gives the connection up", async () => {
    using server = openServer(whenEnding("part"));
    const upstreams = pools();
    const body = new FedBody(100);
    const heard = ask(upstreams, server.port, { method: "POST", body });
    await until("the body is started", () => body.sink);
    body.sink!.write(bytes("part"));
    await heard.done();
    expect(heard.text).toBe("ok");
    expect(body.cancelled?.code).toBe("gateway.upstream_closed");
    expect(upstreams.counts().connections).toBe(0);
  });

  test.each([
    ["longer", 3],
    ["shorter", 9],
  ])("ask() breaks the connection when a body is %s than it said", async (_, length) => {
    using server = openServer({});
    const upstreams = pools();
    const body = new FedBody(length);
    const heard = ask(upstreams, server.port, { method: "POST", body });
    await until("the body is started", () => body.sink);
    body.sink!.write(bytes("12345"));
    body.sink!.end();
    await heard.done();
    expect(heard.failure?.code).toBe("gateway.bad_length");
    expect(upstreams.counts().connections).toBe(0);
    await until("the server sees it", () => !server.peers[0]!.isOpen);
    expect(server.peers[0]!.text.includes("12345")).toBe(false); // it broke in the turn in which it came
  });

  test("ask() breaks the connection when the client goes in the middle of its body", async () => {
    using server = openServer({});
    const body = new FedBody();
    const heard = ask(pools(), server.port, { method: "POST", body });
    await until("the body is started", () => body.sink);
    body.sink!.write(bytes("half"));
    body.sink!.abort(GONE);
    await heard.done();
    expect(heard.failure).toBe(GONE);
    await until("the server sees it", () => server.peers[0] && !server.peers[0].isOpen);
    expect(server.peers[0]!.text.endsWith("0\r\n\r\n")).toBe(false);
  });

  test("cancel() closes the connection and stops the body; nothing is heard any more", async () => {
    using server = openServer({});
    const upstreams = pools();
    const body = new FedBody();
    const heard = ask(upstreams, server.port, { method: "POST", body });
    await until("the body is started", () => body.sink);
    heard.call!.cancel(GONE);
    heard.call!.cancel(GONE);
    expect(body.cancelled).toBe(GONE);
    expect(heard.isDone).toBe(false);
    expect(heard.overs).toEqual([]);
    await until("the server sees it", () => server.peers[0] && !server.peers[0].isOpen);
    expect(upstreams.counts()).toMatchObject({ connections: 0, active: 0 });
  });

  test("cancel() of the reply's body closes the connection and ends the request", async () => {
    using server = openServer(whenEnding("\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"));
    const upstreams = pools();
    const heard = ask(upstreams, server.port);
    await until("the first half", () => heard.text === "half");
    heard.source!.cancel(GONE);
    expect(heard.overs).toEqual([GONE]);
    expect(heard.isDone).toBe(false);
    expect(upstreams.counts().connections).toBe(0);
  });

  test("cancel() of a reply's body that is over does nothing to the next request", async () => {
    using server = openServer(whenEnding("\r\n\r\n"));
    const upstreams = pools();
    const first = await ask(upstreams, server.port).done();
    const second = ask(upstreams, server.port);
    first.source!.cancel(GONE);
    first.call!.cancel(GONE);
    expect((await second.done()).text).toBe("ok");
    expect(server.peers.length).toBe(1);
  });
});

describe("write()", () => {
  /** An upload over a system that takes all, and the calls of it. */
  function recording(length?: number) {
    const calls: string[] = [];
    const write = (bytes: Uint8Array) => calls.push(Buffer.from(bytes).toString("latin1")) && bytes.byteLength;
    const socket = new BunSocket({ opened: () => {}, failed: () => {} }, false);
    socket.connected({ write } as unknown as Socket<BunSocket>); // only what is called
    let moves = 0;
    const ports = { socket, writer: new HeadWriter(), moved: () => void moves++, broke: () => {} };
    const upload = new Http1Upload(ports, length);
    return { upload, calls, moves: () => moves };
  }

  test("write() of many pieces in one turn is one write, when the turn is over", async () => {
    const { calls, moves, upload } = recording();
    upload.begin(bytes("HEAD"), new FedBody());
    for (let count = 0; count < 1_000; count++) expect(upload.write(bytes("x"))).toBe(true);
    expect(calls).toEqual(["HEAD"]);
    await Promise.resolve();
    expect(calls.length).toBe(2);
    expect(calls[1]!.length).toBe(1_000 * "1\r\nx\r\n".length - 2); // the line's end stands before the next one
    expect(moves()).toBe(2);
    upload.write(bytes("y"));
    upload.end();
    expect(calls[2]).toBe("\r\n1\r\ny\r\n0\r\n\r\n");
    await Promise.resolve();
    expect(calls.length).toBe(3);
  });

  test("write() gives exactly the bytes of the body in their order, however large its pieces are and wherever turns end", async () => {
    const sizes = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40_000 }));
    const pieces = fc.array(fc.record({ size: sizes, endsTurn: fc.boolean() }), { maxLength: 30 });
    const property = fc.asyncProperty(pieces, fc.nat(30), async (all, first) => {
      const total = all.reduce((sum, { size }) => sum + size, 0);
      const body = Buffer.from(Array.from({ length: total }, (_, at) => at % 251));
      const { calls, upload } = recording(total);
      let at = 0;
      const next = (size: number) => {
        upload.write(body.slice(at, at + size));
        at += size;
      };
      const source = new FedBody(total);
      source.start = () => {
        for (const { size } of all.slice(0, first)) next(size);
      };
      upload.begin(bytes("HEAD"), source);
      for (const { endsTurn, size } of all.slice(first)) {
        next(size);
        if (endsTurn) await Promise.resolve();
      }
      upload.end();
      expect(calls.join("") === `HEAD${body.toString("latin1")}`).toBe(true);
    });
    await fc.assert(property, { numRuns: 200 });
  });
});
