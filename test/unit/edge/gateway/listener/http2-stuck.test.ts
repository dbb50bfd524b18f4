/** HTTP/2 clients with uploads that nobody takes, and with WebSockets that were refused: what else is on their connections goes on, and ends. */
import { describe, expect, test } from "bun:test";
import { systemClock } from "../../../../../src/base/clock.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import { UpstreamPools } from "../../../../../src/edge/gateway/upstream/index.ts";
import { type BodySink, BytesSource } from "../../../../../src/wire/http/index.ts";
import { until } from "../../../../support/until.ts";
import {
  type Field,
  frame,
  framesOf,
  headers,
  POST,
  PREFACE,
  type Seen,
  settings,
  TYPE,
} from "../../../wire/http2/rig.ts";
import { ask } from "../upstream/rig.ts";
import { listen, RawClient, RecordingSink, SETTINGS } from "./rig.ts";

const MIB = 1024 * 1024;
const CAUSE = new Failure("test.cause", "as the test says");
const HEAD = { status: 200, headers: [] };
const CONNECT: Field[] = [...POST.slice(1), [":method", "CONNECT"], [":protocol", "websocket"]];

/** A connection that many clients share, as that of a proxy in front: our own towards upstreams. */
function shared() {
  const pools = new UpstreamPools({ clock: systemClock });
  return { pools, [Symbol.dispose]: () => pools.close(CAUSE) };
}

/** Frames of that stream that a client has got, without the windows of its own. */
function saidOn(client: RawClient, stream: number): Seen[] {
  const all = framesOf(Buffer.from(client.text, "latin1"));
  return all.filter(({ id, type }) => id === stream && type !== TYPE.window);
}

describe("uploads", () => {
  test("20 that nobody takes stop nobody else on their connection, whether they are unread, held back or unwanted", async () => {
    const stuck: BodySink[] = [];
    await using rig = listen({
      handle: (exchange) => {
        const { target } = exchange.request;
        if (target === "/good") return exchange.body.start(exchange.respond(HEAD));
        const reply = exchange.respond(HEAD);
        reply.write(Buffer.from("begun"));
        stuck.push(reply);
        if (target === "/unwanted") exchange.body.cancel(CAUSE);
        if (target !== "/full") return;
        const sink = new RecordingSink();
        sink.isFull = true;
        exchange.body.start(sink);
      },
    });
    using client = shared();
    const send = (target: string, bytes: number) =>
      ask(client.pools, rig.listener.port, {
        ...{ version: "2", method: "POST", target },
        body: new BytesSource(Buffer.alloc(bytes, "u")),
      });
    const kinds = ["/unread", "/full", "/unwanted"];
    const bad = Array.from({ length: 20 }, (_, at) => send(kinds[at % 3]!, MIB));
    await until("all of them have begun", () => bad.every(({ text }) => text === "begun"));
    const good = await Promise.all([1, 10_000, 3 * MIB].map((bytes) => send("/good", bytes).done()));
    expect(good.map(({ isEnded, text }) => isEnded && text.length)).toEqual([1, 10_000, 3 * MIB]);
    expect(client.pools.counts().connections).toBe(1);
    for (const reply of stuck) reply.end(); // the rest of their uploads is of no use then
    await Promise.all(bad.map((heard) => heard.done()));
    await until("their streams are over", () => client.pools.counts().active === 0);
  });
});

describe("WebSockets", () => {
  test("a connection whose WebSocket was refused is closed like any other when nothing is asked any more", async () => {
    await using rig = listen({ handle: (exchange) => exchange.send({ status: 403, headers: [] }, Buffer.from("no")) });
    await using client = await RawClient.connect(rig.listener.port);
    client.sendBytes(Buffer.concat([PREFACE, settings(), headers(1, CONNECT, false)]));
    const seen = () => saidOn(client, 1);
    await until("the reset", () => {
      rig.clock.advance(1_000); // the client may have some time to end it by itself
      return seen().some(({ type }) => type === TYPE.reset);
    });
    expect(seen().map(({ flags, type }) => [type, flags & 1])).toEqual([
      [TYPE.headers, 0],
      [TYPE.data, 1],
      [TYPE.reset, 0],
    ]);
    rig.clock.advance(SETTINGS.keepAliveMs + 1);
    await client.ended();
  });

  test("a stream is over when both sides of it have nobody any more, though the client does not end its own", async () => {
    await using rig = listen();
    await using client = await RawClient.connect(rig.listener.port);
    client.sendBytes(Buffer.concat([PREFACE, settings(), headers(1, CONNECT, false)]));
    const { sink, source } = (await until("the request", () => rig.exchanges[0])).upgrade([]);
    const reader = new RecordingSink();
    source.start(reader);
    client.sendBytes(frame(TYPE.data, 0, 1, Buffer.from("hello")));
    await until("what it says", () => reader.text === "hello");
    sink.write(Buffer.from("bye"));
    sink.end();
    reader.onCancel!(CAUSE);
    const seen = () => saidOn(client, 1);
    await until("the reset", () => {
      rig.clock.advance(1_000); // the client may have some time to end it by itself
      return seen().some(({ type }) => type === TYPE.reset);
    });
    expect(seen().map(({ payload, type }) => [type, type === TYPE.data && Buffer.from(payload).toString()])).toEqual([
      [TYPE.headers, false],
      [TYPE.data, "bye"],
      [TYPE.reset, false],
    ]);
    rig.clock.advance(SETTINGS.keepAliveMs + 1);
    await client.ended();
  });
});
