/** Requests of HTTP/2 whose reply is whole before they are: their rest is let in for a while, then the stream is reset. */
import { expect, test } from "bun:test";
import type { SocketUser } from "../../../../../src/edge/gateway/listener/connection.ts";
import { openHttp2 } from "../../../../../src/edge/gateway/listener/http2-server.ts";
import { until } from "../../../../support/until.ts";
import { frame, framesOf, GET, headers, POST, PREFACE, type Seen, settings, TYPE } from "../../../wire/http2/rig.ts";
import { listen, RawClient, RecordingSink, type Rig } from "./rig.ts";

const LINGER_MS = 2_000;
const LEAVE_MS = 15_000;
const NO = { status: 403, headers: [] };

/** A listener whose sockets send all, and say that they are full when the test says so: from the reply on at first. */
function listenFull() {
  let user: SocketUser | undefined;
  let isFull = false;
  const rig = listen({
    http2: (port, context) => {
      const write = (bytes: Uint8Array) => port.write(bytes) && !isFull;
      const [end, destroy] = [() => port.end(), () => port.destroy()];
      const [pause, resume] = [() => port.pause(), () => port.resume()];
      const { sentBytes, waitingBytes } = port;
      user = openHttp2({ write, end, destroy, pause, resume, sentBytes, waitingBytes }, context);
      return user;
    },
    handle: (exchange) => {
      isFull = true;
      exchange.send(NO, Buffer.from("no"));
    },
  });
  return {
    rig,
    fill: () => {
      isFull = true;
    },
    drain: () => {
      isFull = false;
      user!.onDrain();
    },
  };
}

async function byHand(rig: Rig, ...pieces: Uint8Array[]): Promise<RawClient> {
  const client = await RawClient.connect(rig.listener.port);
  return client.sendBytes(Buffer.concat([PREFACE, settings(), ...pieces]));
}

function seen(client: RawClient, type: number, id: number): Seen[] {
  return framesOf(Buffer.from(client.text, "latin1")).filter((one) => one.type === type && one.id === id);
}

async function pinged(client: RawClient): Promise<void> {
  const count = seen(client, TYPE.ping, 0).length;
  client.sendBytes(frame(TYPE.ping, 0, 0, new Uint8Array(8)));
  await until("a ping is answered", () => seen(client, TYPE.ping, 0).length > count);
}

test("a stream is reset with NO_ERROR two seconds behind its reply, not with it, when its client sends on", async () => {
  await using rig = listen({ handle: (exchange) => exchange.send(NO, Buffer.from("no")) });
  await using client = await byHand(rig, headers(1, POST, false));
  await until("the reply", () => seen(client, TYPE.data, 1).length > 0);
  rig.clock.advance(LINGER_MS - 100);
  client.sendBytes(frame(TYPE.data, 0, 1, Buffer.alloc(1_000)));
  await pinged(client);
  expect(seen(client, TYPE.reset, 1)).toEqual([]);
  rig.clock.advance(200);
  await until("the reset", () => seen(client, TYPE.reset, 1).length > 0);
  expect([...seen(client, TYPE.reset, 1)[0]!.payload]).toEqual([0, 0, 0, 0]);
  client.sendBytes(frame(TYPE.data, 0, 1, Buffer.alloc(1_000))); // was on its way
  await pinged(client);
  expect(rig.faults).toEqual([]);
});

test("a stream is over without a reset when its client ends it in time, and whoever read it was told at the reply", async () => {
  const sink = new RecordingSink();
  await using rig = listen({
    handle: (exchange) => {
      if (exchange.request.method === "POST") exchange.body.start(sink);
      exchange.send(NO);
    },
  });
  await using client = await byHand(rig, headers(1, POST, false));
  await until("the body broke", () => sink.aborted !== undefined);
  client.sendBytes(Buffer.concat([frame(TYPE.data, 1, 1, Buffer.alloc(10)), headers(3, GET)]));
  await until("the next reply", () => seen(client, TYPE.headers, 3).length > 0);
  rig.clock.advance(2 * LINGER_MS);
  await pinged(client);
  expect([seen(client, TYPE.reset, 1), sink.aborted?.code]).toEqual([[], "gateway.client_gone"]);
});

test("a stream's two seconds begin when its reply has left the socket, and not anew when the socket stops again", async () => {
  const { drain, fill, rig } = listenFull();
  await using _ = rig;
  await using client = await byHand(rig, headers(1, POST, false));
  await until("the reply", () => seen(client, TYPE.data, 1).length > 0);
  rig.clock.advance(3 * LINGER_MS);
  drain();
  await pinged(client);
  expect(seen(client, TYPE.reset, 1)).toEqual([]);
  for (let round = 0; round < 3; round++) {
    fill();
    await pinged(client);
    rig.clock.advance(LINGER_MS / 2);
    drain();
  }
  await until("the reset", () => seen(client, TYPE.reset, 1).length > 0);
});

test("a stream is reset when its reply has waited for the socket for too long", async () => {
  const { drain, rig } = listenFull();
  await using _ = rig;
  await using client = await byHand(rig, headers(1, POST, false));
  await until("the reply", () => seen(client, TYPE.data, 1).length > 0);
  rig.clock.advance(LEAVE_MS + 1_000);
  drain();
  await until("the reset", () => seen(client, TYPE.reset, 1).length > 0);
});
