/** Connections that leave HTTP: bytes both ways, nothing lost before, between and behind. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import type { RawStream } from "../../../../../src/wire/http/index.ts";
import { OPCODE, writeFrame } from "../../../../../src/wire/websocket/index.ts";
import { until } from "../../../../support/until.ts";
import { listen, RawClient, RecordingSink, SETTINGS, sayOk, statuses } from "./rig.ts";

const ASK = "GET /ws HTTP/1.1^Host: a^Connection: Upgrade^Upgrade: websocket^Sec-WebSocket-Key: k^^";

async function tunnel(early = "") {
  const rig = listen();
  const client = await RawClient.connect(rig.listener.port);
  client.send(`${ASK}${early}`);
  const exchange = await until("the request", () => rig.exchanges[0]);
  const stream: RawStream = exchange.upgrade(["sec-websocket-accept", "x"]);
  await client.says("\r\n\r\n");
  return { rig, client, stream, exchange };
}

describe("upgrade()", () => {
  test("answers 101, and bytes go both ways", async () => {
    const { client, rig, stream } = await tunnel();
    expect(client.text).toBe(
      "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    );
    const sink = new RecordingSink();
    stream.source.start(sink);
    client.send("GET / not HTTP\x00");
    await until("bytes in", () => sink.text === "GET / not HTTP\x00");
    stream.sink.write(Buffer.from("out"));
    await client.says("\r\n\r\nout");
    rig.clock.advance(10 * SETTINGS.keepAliveMs);
    expect(client.isEnded).toBe(false);
    client.cut();
    await rig[Symbol.asyncDispose]();
  });

  test("answers the client's key when whoever takes it did not: an upstream of HTTP/2 never got it", async () => {
    await using rig = listen({ handle: (exchange) => void exchange.upgrade(["x-a", "b"]) });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(
      "GET / HTTP/1.1^Host: a^Connection: Upgrade^Upgrade: websocket^Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==^^",
    );
    expect(await client.says("\r\n\r\n")).toContain("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
    expect(client.text).toContain("x-a: b");
  });

  test("a WebSocket that outlives the time to drain hears that the gateway goes away (1001), unless it waits for the rest of a frame", async () => {
    const word = writeFrame(OPCODE.text, Buffer.from("word"), undefined);
    for (const [sent, isTold] of [
      [word, true],
      [word.subarray(0, 3), false],
    ] as const) {
      const { client, rig, stream } = await tunnel();
      const sink = new RecordingSink();
      stream.source.start(sink);
      stream.sink.write(sent);
      await client.says(Buffer.from(sent).toString("latin1"));
      const closing = rig.listener.close(5_000);
      rig.clock.advance(5_000);
      await closing;
      await client.ended();
      expect(client.text.endsWith("\x88\x02\x03\xe9")).toBe(isTold);
      expect(sink.aborted?.code).toBe("gateway.closing");
    }
  });

  test("keeps what the client sent behind its request, and what comes before somebody listens", async () => {
    const { client, rig, stream } = await tunnel("early ");
    client.send("and late");
    client.finish();
    const sink = new RecordingSink();
    stream.source.start(sink);
    await until("all of it", () => sink.isEnded);
    expect(sink.text).toBe("early and late");
    await rig[Symbol.asyncDispose]();
  });

  test("keeps what came in one piece with the request when it is upgraded at once", async () => {
    const sink = new RecordingSink();
    await using rig = listen({ handle: (exchange) => void exchange.upgrade([]).source.start(sink) });
    await using client = await RawClient.connect(rig.listener.port);
    client.send(`${ASK}frames`);
    await until("the bytes", () => sink.text === "frames");
  });

  test("holds the client back while the sink is full", async () => {
    const { client, rig, stream } = await tunnel();
    const sink = new RecordingSink();
    sink.isFull = true;
    stream.source.start(sink);
    let sent = 0;
    await until("the system takes no more", () => {
      const taken = client.trySend(new Uint8Array(1 << 20));
      sent += Math.max(0, taken);
      return taken === 0;
    });
    expect(sink.size).toBeLessThan(sent);
    sink.isFull = false;
    sink.onReady?.();
    await until("the rest", () => sink.size === sent);
    client.cut();
    await rig[Symbol.asyncDispose]();
  });

  test("ends the connection behind the last byte when our side ends", async () => {
    const { client, rig, stream } = await tunnel();
    const sink = new RecordingSink();
    stream.source.start(sink);
    stream.sink.write(Buffer.from("bye"));
    stream.sink.end();
    expect((await client.ended()).endsWith("bye")).toBe(true);
    expect(sink.isEnded).toBe(true);
    await rig[Symbol.asyncDispose]();
  });

  test("tells both sides when the client is cut off", async () => {
    const { client, rig, stream } = await tunnel();
    const sink = new RecordingSink();
    let cancelled = "";
    stream.sink.onCancel = ({ code }) => {
      cancelled = code;
    };
    stream.source.start(sink);
    client.cut();
    await until("both know", () => sink.aborted && cancelled);
    expect([sink.aborted?.code, cancelled, sink.isEnded]).toEqual([
      "gateway.client_gone",
      "gateway.client_gone",
      false,
    ]);
    expect(stream.sink.write(Buffer.from("x"))).toBe(false);
    await rig[Symbol.asyncDispose]();
  });

  test("closes the connection when the stream is aborted", async () => {
    const { client, rig, stream } = await tunnel();
    stream.sink.abort(new Failure("test.broken", "it broke"));
    await client.ended();
    await rig[Symbol.asyncDispose]();
  });

  test("throws when nobody asked for it, and the request can still be answered", async () => {
    await using rig = listen({
      handle: (exchange) => {
        expect(() => exchange.upgrade([])).toThrow("did not ask");
        sayOk(exchange);
      },
    });
    await using client = await RawClient.connect(rig.listener.port);
    client.send("GET / HTTP/1.1^Host: a^Connection: Upgrade^Upgrade: h2c^^");
    expect(statuses(await client.says("ok"))).toEqual([200]);
  });
});
