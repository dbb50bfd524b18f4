/** Connections that have left HTTP, between a client of the listener and an upstream: what was sent before an orderly end arrives. */
import { describe, expect, test } from "bun:test";
import { createServer, type Socket } from "node:net";
import { systemClock } from "../../../../../src/base/clock.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import { UpstreamPools } from "../../../../../src/edge/gateway/upstream/index.ts";
import { acceptOf, WebSocketConnection } from "../../../../../src/wire/websocket/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { until } from "../../../../support/until.ts";
import { listen, RawClient } from "../listener/rig.ts";
import { ask, once, openServer, type Peer, request } from "./rig.ts";

/** More than the system keeps between two sockets. */
const SIZE = 8 * 1024 * 1024;
const ASK =
  "GET /ws HTTP/1.1^Host: a^Connection: Upgrade^Upgrade: websocket^Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==^^";
const CAUSE = new Failure("test.cause", "as the test says");

function accept(text: string): string {
  const key = /sec-websocket-key: (.*)\r\n/.exec(text)?.[1] ?? "";
  return `HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${acceptOf(key)}\r\n\r\n`;
}

/** An upstream that agrees and then does this; a client behind the listener; each passed on to the other. */
async function through(onUpgrade: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (asked) => {
      socket.write(accept(asked.toString("latin1")));
      onUpgrade(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const upstreams = new UpstreamPools({ clock: systemClock });
  const rig = listen({
    handle: (exchange) =>
      void upstreams.ask(request(port, { protocol: "websocket", headers: exchange.request.headers }), {
        onReply: () => {},
        onFailure: () => {},
        onUpgrade: ({ headers }, stream) => {
          const client = exchange.upgrade(headers);
          client.source.start(stream.sink);
          stream.source.start(client.sink);
        },
      }),
  });
  const client = await RawClient.connect(rig.listener.port);
  const close = async (): Promise<void> => {
    client.cut();
    upstreams.close(CAUSE);
    await rig[Symbol.asyncDispose]();
    server.close();
  };
  return { client, upstreams, [Symbol.asyncDispose]: close };
}

describe("a tunnel", () => {
  test("brings all that the upstream sent before its end to a client that reads later", async () => {
    let upstream: Socket | undefined;
    await using way = await through((socket) => {
      upstream = socket;
    });
    const { client } = way;
    client.send(ASK);
    await client.says("\r\n\r\n");
    client.pause();
    upstream!.end(Buffer.alloc(SIZE, "m"));
    client.resume();
    await client.ended();
    expect(client.text.length - client.text.indexOf("\r\n\r\n") - 4).toBe(SIZE);
  });

  test("a WebSocket gets what the upstream sent in one piece with 101 and its close, and then the close", async () => {
    // text "one", text "two", close 1000 "bye": in one write with the head, or right behind it
    const frames = Buffer.from([
      0x81,
      3,
      ...Buffer.from("one"),
      0x81,
      3,
      ...Buffer.from("two"),
      0x88,
      5,
      3,
      0xe8,
      ...Buffer.from("bye"),
    ]);
    using server = openServer(
      once((peer) => {
        peer.write(Buffer.concat([Buffer.from(accept(peer.text), "latin1"), frames]));
      }),
    );
    const asked = ask(new UpstreamPools({ clock: new SteppedClock() }), server.port, {
      protocol: "websocket",
      isLazy: true,
    });
    const told: string[] = [];
    const handler = {
      onMessage: (data: Uint8Array) => void told.push(Buffer.from(data).toString()),
      onReady: () => {},
      onClose: (code: number, reason: string, isClean: boolean) => void told.push(`${code} ${reason} ${isClean}`),
    };
    const stream = await until("the stream", () => asked.stream);
    new WebSocketConnection(stream, handler, { side: "client", messageBytesMax: 1_000, mask: () => new Uint8Array(4) });
    expect(told).toEqual(["one", "two", "1000 bye true"]);
    const [peer] = server.peers;
    await until("our side's end", () => !peer!.isOpen);
  });

  test("sends what waits for an upstream that does not read yet when the client has ended", async () => {
    using server = openServer(
      once((peer) => {
        peer.write(accept(peer.text));
        peer.pause();
      }),
    );
    const heard = ask(new UpstreamPools({ clock: new SteppedClock() }), server.port, { protocol: "websocket" });
    const { sink } = await until("the stream", () => heard.stream);
    let size = 0;
    for (let isTaken = true; isTaken; size += 100_000) isTaken = sink.write(Buffer.alloc(100_000, "c"));
    sink.end();
    await heard.done();
    const [peer] = server.peers;
    peer!.resume();
    await until("the end", () => !peer!.isOpen);
    expect(peer!.text.length - peer!.text.indexOf("\r\n\r\n") - 4).toBe(size);
  });

  test("tells whoever writes behind the last byte when the upstream has ended in order, at once when it broke", async () => {
    using server = openServer(once((peer) => peer.write(`${accept(peer.text)}${"m".repeat(1_000)}`)));
    const open = async () => {
      const heard = ask(new UpstreamPools({ clock: new SteppedClock() }), server.port, { protocol: "websocket" });
      const told: string[] = [];
      heard.takes = false;
      heard.end = () => {
        heard.isEnded = true;
        told.push("end");
      };
      const { sink } = await until("the stream", () => heard.stream);
      sink.onCancel = ({ code }) => void told.push(code);
      await until("its bytes", () => heard.text.length === 1_000);
      return { heard, sink, told, peer: server.peers.at(-1) as Peer };
    };
    const orderly = await open();
    orderly.heard.takes = true;
    orderly.heard.onReady!();
    orderly.peer.end();
    await until("the end", () => orderly.told.length === 2);
    expect(orderly.told).toEqual(["end", "gateway.upstream_closed"]);
    expect(orderly.sink.write(Buffer.from("late"))).toBe(false);
    const given = await open();
    given.peer.end();
    given.heard.onCancel!(CAUSE); // nobody reads it any more
    await until("whoever writes knows", () => given.told.length > 0);
    expect(given.told).toEqual(["test.cause"]);
  });
});
