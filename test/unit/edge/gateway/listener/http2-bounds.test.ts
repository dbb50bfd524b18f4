/** What a stream of HTTP/2 may cost and how long it may be quiet, by hand and with time moved by hand. */
import { describe, expect, test } from "bun:test";
import type { Exchange } from "../../../../../src/edge/gateway/words/index.ts";
import { until } from "../../../../support/until.ts";
import { type Field, frame, GET, headers, POST, PREFACE, settings, TYPE, uint32 } from "../../../wire/http2/rig.ts";
import { listen, RawClient, RecordingSink, type Rig, SETTINGS } from "./rig.ts";

async function byHand(rig: Rig, ...frames: Uint8Array[]): Promise<RawClient> {
  const client = await RawClient.connect(rig.listener.port);
  client.sendBytes(Buffer.concat([PREFACE, settings(), ...frames]));
  return client;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const wasReset = (client: RawClient, id: number): boolean =>
  client.text.includes(text(frame(TYPE.reset, 0, id, uint32(8))));

/** Keeps the pieces as they come. */
class PieceSink extends RecordingSink {
  readonly pieces: Uint8Array[] = [];

  override write(chunk: Uint8Array): boolean {
    this.pieces.push(chunk);
    return super.write(chunk);
  }
}

describe("a body that is not what its length says", () => {
  for (const [length, before] of [
    ["0", ""],
    ["3", "abc"],
  ] as const)
    test(`it is no whole request to whoever reads it when more than ${length} bytes come, however late`, async () => {
      const sink = new RecordingSink();
      await using rig = listen({ handle: (exchange) => exchange.body.start(sink) });
      const fields: Field[] = [...POST, ["content-length", length]];
      await using client = await byHand(rig, headers(1, fields, false));
      if (before !== "") client.sendBytes(frame(TYPE.data, 0, 1, Buffer.from(before)));
      client.sendBytes(frame(TYPE.ping, 0, 0, new Uint8Array(8)));
      await client.says(text(frame(TYPE.ping, 1, 0, new Uint8Array(8)))); // by then all of it is there
      client.sendBytes(frame(TYPE.data, 1, 1, Buffer.from("more")));
      await until("the fault", () => sink.aborted !== undefined);
      expect([sink.text.length < 3, sink.isEnded]).toEqual([true, false]);
      expect(rig.exchanges[0]!.request.headers.includes("0")).toBe(false);
    });
});

describe("a body that nobody reads yet", () => {
  test("it comes whole and joined when its client sent it byte by byte", async () => {
    await using rig = listen();
    const sent = Buffer.alloc(20_000, "0123456789");
    const frames = [...sent].map((byte) => frame(TYPE.data, 0, 1, [byte]));
    await using client = await byHand(
      rig,
      headers(1, POST, false),
      ...frames,
      frame(TYPE.ping, 0, 0, new Uint8Array(8)),
    );
    await client.says(text(frame(TYPE.ping, 1, 0, new Uint8Array(8)))); // by then all of it is there
    const sink = new PieceSink();
    rig.exchanges[0]!.body.start(sink);
    expect(Buffer.concat(sink.pieces)).toEqual(sent);
    expect(sink.pieces.length).toBeLessThan(10);
  });

  test("it keeps no more in memory than about twice its size when the rest of each read was another stream's", async () => {
    await using rig = listen({
      handle: (exchange) => {
        if (exchange.request.method === "PUT") exchange.body.start(new RecordingSink());
      },
    });
    const put: Field[] = [[":method", "PUT"], ...POST.slice(1)];
    await using client = await byHand(rig, headers(1, POST, false), headers(3, put, false));
    await until("both", () => rig.exchanges.length === 2);
    const piece = 6_000;
    for (let round = 0; round < 10; round++) {
      const other = frame(TYPE.data, 0, 3, new Uint8Array(12_000));
      const ping = frame(TYPE.ping, 0, 0, [0, 0, 0, 0, 0, 0, 9, round]);
      client.sendBytes(Buffer.concat([frame(TYPE.data, 0, 1, new Uint8Array(piece)), other, ping]));
      await client.says(text(frame(TYPE.ping, 1, 0, [0, 0, 0, 0, 0, 0, 9, round])));
    }
    const sink = new PieceSink();
    rig.exchanges[0]!.body.start(sink);
    expect(sink.size).toBe(10 * piece);
    const buffers = new Set(sink.pieces.map(({ buffer }) => buffer));
    const kept = [...buffers].reduce((sum, buffer) => sum + buffer.byteLength, 0);
    expect(kept).toBeLessThanOrEqual(2 * 10 * piece);
  });

  test("its pieces come one by one when its reader says after each that it is enough", async () => {
    await using rig = listen();
    const frames = Array.from({ length: 5 }, (_, at) =>
      frame(TYPE.data, at === 4 ? 1 : 0, 1, new Uint8Array(8_000).fill(at)),
    );
    await using client = await byHand(
      rig,
      headers(1, POST, false),
      ...frames,
      frame(TYPE.ping, 0, 0, new Uint8Array(8)),
    );
    await client.says(text(frame(TYPE.ping, 1, 0, new Uint8Array(8))));
    const sink = new PieceSink();
    sink.isFull = true;
    rig.exchanges[0]!.body.start(sink);
    for (let count = 1; count < 5; count++) {
      expect([sink.pieces.length, sink.isEnded]).toEqual([count, false]);
      sink.onReady!();
    }
    expect([sink.pieces.map((each) => each[0]), sink.isEnded]).toEqual([[0, 1, 2, 3, 4], true]);
  });
});

describe("a client that is quiet", () => {
  const LONG_MS = 10 * SETTINGS.bodyIdleMs;
  const grpc: Field[] = [...POST, ["content-type", "application/grpc+proto"]];

  const quietFor = async (rig: Rig, fields: Field[]): Promise<RawClient> => {
    const client = await byHand(rig, headers(1, fields, false), frame(TYPE.data, 0, 1, [65]));
    await until("the request", () => rig.exchanges.length === 1);
    for (let at = 0; at < LONG_MS; at += 5_000) rig.clock.advance(5_000);
    return client;
  };

  test("it is cut off when it owes its request", async () => {
    await using rig = listen({ handle: (exchange) => exchange.body.start(new RecordingSink()) });
    await using client = await quietFor(rig, POST);
    await until("it is cut off", () => wasReset(client, 1));
  });

  const serving: readonly (readonly [string, Field[], (exchange: Exchange) => void])[] = [
    ["it sends messages of gRPC", grpc, (exchange) => exchange.body.start(new RecordingSink())],
    [
      "it reads the reply already",
      POST,
      (exchange) => {
        exchange.respond({ status: 200, headers: [] }).write(Buffer.from("hello"));
        exchange.body.start(new RecordingSink());
      },
    ],
  ];
  test.each(serving)("its stream goes on when %s", async (_what, fields, handle) => {
    await using rig = listen({ handle });
    await using client = await quietFor(rig, fields);
    client.sendBytes(frame(TYPE.ping, 0, 0, new Uint8Array(8)));
    await client.says(text(frame(TYPE.ping, 1, 0, new Uint8Array(8))));
    expect([wasReset(client, 1), rig.faults, client.isEnded]).toEqual([false, [], false]);
  });

  test("a client of gRPC that takes nothing of its reply is cut off", async () => {
    await using rig = listen({
      handle: (exchange) => void exchange.respond({ status: 200, headers: [] }).write(Buffer.alloc(100_000)),
    });
    await using client = await quietFor(rig, grpc);
    await until("it is cut off", () => wasReset(client, 1));
  });
});

describe("a client that is told to go", () => {
  test("its new streams are refused when it has not answered within seconds", async () => {
    await using rig = listen({
      handle: (exchange) => exchange.send({ status: 200, headers: [] }),
      settings: { requestsPerConnectionMax: 2 },
    });
    await using client = await byHand(rig, headers(1, POST, false), headers(3, GET), headers(5, GET));
    await until("the requests", () => rig.exchanges.length === 3); // on their way while it was told
    rig.clock.advance(20_000);
    client.sendBytes(headers(7, GET));
    await client.ended();
    expect(rig.exchanges.length).toBe(3);
  });
});

describe("an exchange whose client is gone", () => {
  test("what is said on it is dropped, whichever way, and an answer given twice before is still a defect", async () => {
    await using rig = listen();
    const ids = [1, 3, 5, 7];
    await using _client = await byHand(
      rig,
      ...ids.map((id) => headers(id, POST, false)),
      ...ids.map((id) => frame(TYPE.reset, 0, id, uint32(8))),
      headers(9, GET),
    );
    await until("the requests", () => rig.exchanges.length === 5);
    const [sent, responded, informed, cut, alive] = rig.exchanges as [Exchange, Exchange, Exchange, Exchange, Exchange];
    sent.send({ status: 200, headers: [] }, Buffer.from("x"), ["t", "1"]);
    const sink = responded.respond({ status: 200, headers: [] });
    expect(sink.write(Buffer.from("x"))).toBe(false);
    sink.end();
    informed.inform({ status: 103, headers: [] });
    cut.reset({} as never);
    alive.send({ status: 200, headers: [] });
    expect(() => alive.send({ status: 200, headers: [] })).toThrow("answered twice");
  });
});
