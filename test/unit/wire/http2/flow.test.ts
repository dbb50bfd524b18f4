/** Two connections of ours against each other: bodies, windows, fairness, trailers, the end. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../src/base/errors.ts";
import { ERROR, type Http2Stream } from "../../../../src/wire/http2/index.ts";
import { LINGER_BYTES_MAX } from "../../../../src/wire/http2/limits.ts";
import {
  type Field,
  frame,
  GET,
  Hand,
  headers,
  type Log,
  Pair,
  POST,
  requestHead,
  settings,
  TYPE,
  uint32,
} from "./rig.ts";

const REPLY = { status: 200, headers: ["x", "y"] };

describe("exchanges", () => {
  test("reply() reaches the client with body and trailers when they are sent one after the other", () => {
    const pair = new Pair();
    pair.server.request = (stream) => {
      pair.serverSide.inform(stream, { status: 103, headers: ["link", "</a>"] });
      pair.serverSide.reply(stream, REPLY, false);
      pair.serverSide.data(stream, Buffer.from("hello"));
      pair.serverSide.end(stream, ["grpc-status", "0"]);
    };
    pair.clientSide.request(requestHead(), true, "");
    pair.flow();
    expect(pair.client.events).toEqual(["inform 1 103", "reply 1 200", "end 1 grpc-status 0", "closed 1"]);
    expect(pair.client.bytesOf(1).toString()).toBe("hello");
    expect(pair.server.events).toEqual(["request 1 end", "closed 1"]);
  });

  test("end() puts the end on the frame before when that has not left yet", () => {
    const hand = Hand.server();
    hand.log.request = (stream) => {
      hand.connection.reply(stream, REPLY, false);
      hand.connection.data(stream, Buffer.from("a"));
      hand.connection.end(stream);
    };
    hand.hear(headers(1, GET));
    expect(hand.sent.map(({ type, flags }) => [type, flags])).toEqual([
      [TYPE.headers, 4],
      [TYPE.data, 1],
    ]);
  });

  test("end() sends an empty frame when the one before has left", () => {
    const hand = Hand.server().hear(headers(1, GET));
    const stream = hand.log.streams.get(1)!;
    hand.connection.reply(stream, REPLY, false);
    hand.pull().connection.end(stream);
    expect(
      hand
        .pull()
        .of(TYPE.data)
        .map(({ flags, payload }) => [flags, payload.length]),
    ).toEqual([[1, 0]]);
  });

  test("end() drops the rest of the request and opens the windows when the server has said all before it came", () => {
    const hand = Hand.server().hear(headers(1, POST, false));
    const held = Buffer.alloc(10_000);
    hand.hear(frame(TYPE.data, 0, 1, held));
    hand.connection.reply(hand.log.streams.get(1)!, REPLY, true);
    expect(hand.pull().resets.size).toBe(0);
    const opened = hand.of(TYPE.window).map(({ id, payload }) => [id, Buffer.from(payload).readUInt32BE(0)]);
    expect(opened).toEqual([
      [1, LINGER_BYTES_MAX],
      [0, LINGER_BYTES_MAX],
    ]);
    hand.hear(frame(TYPE.data, 0, 1, held), frame(TYPE.data, 1, 1, held));
    expect(hand.log.bytesOf(1).length).toBe(held.length); // what came before the reply
    expect(hand.log.events).toEqual(["request 1", "replied 1", "end 1", "closed 1"]);
    expect([hand.resets.size, hand.goaway, hand.connection.active]).toEqual([0, undefined, 0]);
  });

  test("end() opens the connection's window once when many requests are left unread", () => {
    const hand = Hand.server();
    for (let id = 1; id < 41; id += 2) {
      hand.hear(headers(id, POST, false));
      hand.connection.reply(hand.log.streams.get(id)!, REPLY, true);
      hand.connection.reset(hand.log.streams.get(id)!, ERROR.none);
    }
    const opened = hand.pull().of(TYPE.window, 0);
    expect(opened.map(({ payload }) => Buffer.from(payload).readUInt32BE(0))).toEqual([LINGER_BYTES_MAX]);
  });

  test("a reset of the client is no fault when its reply was whole, however many there are", () => {
    const hand = Hand.server();
    hand.log.request = (stream) => hand.connection.reply(stream, REPLY, true);
    for (let id = 1; id < 1_000; id += 2) {
      hand.hear(headers(id, POST, false), frame(TYPE.reset, 0, id, uint32(ERROR.cancel)));
    }
    expect([hand.goaway, hand.connection.active]).toEqual([undefined, 0]);
    expect(hand.log.events.slice(-3)).toEqual(["request 999", "replied 999", "closed 999"]);
  });

  test.each([
    [200, LINGER_BYTES_MAX, 0],
    [200, LINGER_BYTES_MAX + 1, 1],
    [403, LINGER_BYTES_MAX + 1, 0],
  ])(
    "end() behind a %i lets a request of %i bytes be sent on, or resets it when it would not end",
    (status, size, resets) => {
      const hand = Hand.server().hear(headers(1, [...POST, ["content-length", String(size)]], false));
      hand.connection.reply(hand.log.streams.get(1)!, { status, headers: [] }, true);
      expect([hand.pull().resets.size, hand.connection.active]).toEqual([resets, 1 - resets]);
    },
  );

  test("reply() goes out in several frames when its head is larger than one", () => {
    const pair = new Pair();
    const large = ["x-large", "v".repeat(40_000)];
    pair.server.request = (stream) => pair.serverSide.reply(stream, { status: 200, headers: large }, true);
    pair.clientSide.request(requestHead("GET", "/", large), true, "");
    pair.flow();
    expect([pair.server.heads[0]!.headers, pair.client.heads[0]!.headers]).toEqual([large, large]);
  });

  test("request() and reply() carry any bytes whole when pieces, windows and the wire's cuts are any", () => {
    const piecesArb = fc.array(fc.nat(90_000), { maxLength: 8 });
    fc.assert(
      fc.property(piecesArb, piecesArb, fc.integer({ min: 1_000, max: 200_000 }), (up, down, cut) => {
        const pair = new Pair({ streamWindowBytes: 65_535, connectionWindowBytes: 80_000 });
        pair.cut = cut;
        pair.server.onChunk = (stream, chunk) => pair.serverSide.consumed(stream, chunk.length);
        pair.client.onChunk = (stream, chunk) => pair.clientSide.consumed(stream, chunk.length);
        const bytes = (sizes: number[]): Buffer[] => sizes.map((size, at) => Buffer.alloc(size, at + 1));
        pair.server.request = (stream) => {
          pair.serverSide.reply(stream, REPLY, false);
          for (const chunk of bytes(down)) pair.serverSide.data(stream, chunk);
        };
        const stream = pair.clientSide.request(requestHead("POST"), false, "");
        for (const chunk of bytes(up)) pair.clientSide.data(stream, chunk);
        pair.clientSide.end(stream, ["x-up", "1"]);
        pair.flow();
        pair.serverSide.end(pair.server.streams.get(1)!, ["x-down", "1"]);
        pair.flow();
        expect(pair.server.bytesOf(1).equals(Buffer.concat(bytes(up)))).toBe(true);
        expect(pair.client.bytesOf(1).equals(Buffer.concat(bytes(down)))).toBe(true);
        const told = ({ events }: Log): string[] => events.filter((event) => !event.startsWith("ready"));
        expect(told(pair.server)).toEqual(["request 1", "end 1 x-up 1", "closed 1"]);
        expect(told(pair.client)).toEqual(["reply 1 200", "end 1 x-down 1", "closed 1"]);
      }),
      { numRuns: 60 },
    );
  });
});

describe("windows", () => {
  test("data() sends no more than the peer's window when nothing is consumed", () => {
    const pair = new Pair({ streamWindowBytes: 65_535, streamWindowBytesMax: 65_535 });
    const stream = pair.clientSide.request(requestHead("POST"), false, "");
    expect(pair.clientSide.data(stream, new Uint8Array(200_000))).toBe(false);
    pair.flow();
    expect(pair.server.bytesOf(1).length).toBe(65_535);
    expect(pair.client.events).toEqual([]);
    pair.serverSide.consumed(pair.server.streams.get(1)!, 65_535);
    pair.flow();
    expect(pair.server.bytesOf(1).length).toBe(131_070);
  });

  test("data() reaches the peer on other streams when many streams are read by nobody", () => {
    const pair = new Pair({ streamWindowBytes: 100_000, connectionWindowBytes: 150_000 });
    for (let at = 0; at < 20; at++) {
      pair.clientSide.data(pair.clientSide.request(requestHead("POST"), false, ""), new Uint8Array(200_000));
      pair.flow();
    }
    const received = [1, 3, 19, 39].map((id) => pair.server.bytesOf(id).length);
    expect(received).toEqual([100_000, 100_000, 100_000, 100_000]);
    const other = pair.clientSide.request(requestHead("POST"), false, "");
    pair.server.onChunk = (stream, chunk) => pair.serverSide.consumed(stream, chunk.length);
    pair.clientSide.data(other, new Uint8Array(1_000_000), true);
    pair.flow();
    expect([pair.server.bytesOf(other.id).length, pair.server.events.at(-1)]).toEqual([1_000_000, `end ${other.id}`]);
  });

  test("consumed() lets a stream's window grow while its owner takes all, to its bound and to that of all together", () => {
    const first = 65_535;
    const limits = { streamWindowBytes: first, streamWindowBytesMax: first * 4, grownBytesMax: first * 4 };
    const pair = new Pair({ ...limits, connectionWindowBytes: 10_000_000 });
    let takes = true;
    pair.server.onChunk = (stream, chunk) => {
      if (takes) pair.serverSide.consumed(stream, chunk.length);
    };
    const send = (): Http2Stream<string> => {
      takes = true;
      const stream = pair.clientSide.request(requestHead("POST"), false, "");
      pair.clientSide.data(stream, new Uint8Array(first * 8));
      pair.flow();
      takes = false;
      pair.clientSide.data(stream, new Uint8Array(first * 8));
      pair.flow();
      return stream;
    };
    const ours = (stream: Http2Stream<string>): Http2Stream<string> => pair.server.streams.get(stream.id)!;
    const inFull = (stream: Http2Stream<string>): number => ours(stream).windowBytes / first;
    const all = [send(), send(), send()];
    expect(all.map(inFull)).toEqual([4, 2, 1]); // 3 more for the first, what was left for the second
    for (const stream of all) expect(ours(stream).heldBytes).toBeLessThanOrEqual(ours(stream).windowBytes);
    for (const stream of all) pair.serverSide.reset(ours(stream), ERROR.cancel);
    pair.flow();
    expect(inFull(send())).toBe(4);
  });

  test("onReady() is called when most of what waited is on its way", () => {
    const pair = new Pair({ streamWindowBytes: 65_535 });
    const stream = pair.clientSide.request(requestHead("POST"), false, "");
    expect(pair.clientSide.data(stream, new Uint8Array(150_000))).toBe(false);
    pair.flow();
    pair.serverSide.consumed(pair.server.streams.get(1)!, 65_535);
    pair.flow();
    expect(pair.client.events).toEqual(["ready 1"]);
  });

  test("pull() takes the streams in turns when several have much to send", () => {
    const hand = Hand.server({}, [4, 1_000_000]);
    hand.hear(headers(1, GET), headers(3, GET), headers(5, GET));
    hand.sent = [];
    for (const stream of hand.log.streams.values()) {
      hand.connection.reply(stream, REPLY, false);
      hand.connection.data(stream, new Uint8Array(20_000), true);
    }
    expect(
      hand
        .pull()
        .of(TYPE.data)
        .map(({ id }) => id),
    ).toEqual([1, 3, 5, 1, 3, 5]);
  });

  test("receive() moves the windows of open streams when the initial window changes, also below zero", () => {
    const hand = Hand.server({}, [4, 10]);
    hand.hear(headers(1, GET));
    const stream = hand.log.streams.get(1)!;
    hand.connection.reply(stream, REPLY, false);
    hand.connection.data(stream, new Uint8Array(30), true);
    const sizes = (): number[] => hand.of(TYPE.data).map(({ payload }) => payload.length);
    expect(hand.pull() && sizes()).toEqual([10]);
    expect(hand.hear(settings([4, 4])) && sizes()).toEqual([10]);
    expect(hand.hear(frameWindow(1, 6)) && sizes()).toEqual([10]);
    expect(hand.hear(frameWindow(1, 1)) && sizes()).toEqual([10, 1]);
    expect(hand.hear(settings([4, 100])) && sizes()).toEqual([10, 1, 19]);
  });

  test("receive() cuts the stream when there is more DATA than its window", () => {
    const piece = Uint8Array.from([0, 0x40, 0, 0, 0, 0, 0, 0, 1, ...new Uint8Array(16_384)]);
    const hand = Hand.server({ streamWindowBytes: 65_535 }).hear(headers(1, POST, false), piece, piece, piece);
    expect(hand.resets).toEqual(new Map());
    expect(hand.hear(piece).resets).toEqual(new Map([[1, ERROR.flowControl]]));
  });

  test("receive() gives the connection's window back when half of it has come, whoever reads it", () => {
    const hand = Hand.server({ connectionWindowBytes: 65_535 }).hear(headers(1, POST, false));
    const piece = (flags: number, id: number): Uint8Array =>
      Uint8Array.from([0, 0x40, 0, 0, flags, 0, 0, 0, id, ...new Uint8Array(16_384)]);
    const given = (): number[][] => hand.of(TYPE.window, 0).map(({ payload }) => [...payload]);
    expect(hand.hear(piece(0, 1)) && given()).toEqual([]);
    expect(hand.hear(piece(0, 1)) && given()).toEqual([uint32(32_768)]);
    hand.connection.reset(hand.log.streams.get(1)!, ERROR.cancel);
    expect(hand.hear(piece(0, 1), piece(1, 1)) && given()).toEqual([uint32(32_768), uint32(32_768)]);
    expect(hand.of(TYPE.window, 1)).toEqual([]);
  });

  test("unwanted() drops what comes and shuts the stream's window, and its end is still told", () => {
    const pair = new Pair({ streamWindowBytes: 65_535 });
    const stream = pair.clientSide.request(requestHead("POST"), false, "");
    pair.clientSide.data(stream, new Uint8Array(65_000));
    pair.flow();
    const mine = pair.server.streams.get(stream.id)!;
    pair.serverSide.unwanted(mine);
    pair.clientSide.data(stream, new Uint8Array(535), true);
    pair.flow();
    expect([pair.server.bytesOf(1).length, mine.heldBytes, pair.server.events]).toEqual([
      65_000,
      0,
      ["request 1", "end 1"],
    ]);
  });

  test("room is none while a client holds more than it may, and told when most has been consumed", () => {
    const pair = new Pair({ heldBytesMax: 100_000 });
    pair.server.request = (stream) => {
      pair.serverSide.reply(stream, REPLY, false);
      pair.serverSide.data(stream, new Uint8Array(60_000), true);
    };
    const ask = (): Http2Stream<string> => {
      const stream = pair.clientSide.request(requestHead(), true, "");
      pair.flow();
      return stream;
    };
    const first = ask();
    expect(pair.clientSide.room).toBeGreaterThan(0);
    const second = ask(); // whole, and not read: its stream is over
    expect([pair.clientSide.active, pair.clientSide.room]).toEqual([0, 0]);
    pair.clientSide.consumed(first, 60_000);
    expect([pair.clientSide.room, pair.client.events.includes("room")]).toEqual([0, false]);
    pair.clientSide.consumed(second, 60_000);
    expect(pair.clientSide.room).toBeGreaterThan(0);
    expect(pair.client.events.filter((event) => event === "room").length).toBe(1);
  });

  test("end() of a refused CONNECT lets the rest of the stream be, that of an accepted one when nobody reads it any more", () => {
    const fields: Field[] = [...GET.slice(1), [":method", "CONNECT"], [":protocol", "websocket"]];
    const hand = Hand.server().hear(headers(1, fields, false), headers(3, fields, false));
    const [refused, accepted] = [1, 3].map((id) => hand.log.streams.get(id)!) as [
      Http2Stream<string>,
      Http2Stream<string>,
    ];
    hand.connection.reply(refused, { status: 403, headers: [] }, false);
    hand.connection.data(refused, Buffer.from("no"), true);
    hand.connection.reply(accepted, { status: 200, headers: [] }, false);
    hand.connection.end(accepted);
    expect([refused.isLingering, accepted.isLingering]).toEqual([true, false]);
    hand.connection.unwanted(accepted);
    expect([accepted.isLingering, hand.log.events.slice(2)]).toEqual([true, ["replied 1", "replied 3"]]);
  });
});

describe("the end", () => {
  test("drain() serves what is under way and what was on its way when a server goes", () => {
    const pair = new Pair();
    pair.clientSide.request(requestHead(), true, "");
    pair.flow();
    pair.serverSide.drain();
    pair.clientSide.request(requestHead(), true, ""); // it has not heard yet
    pair.flow();
    expect(pair.clientSide.room).toBe(0);
    expect(pair.server.events).toEqual(["request 1 end", "request 3 end"]);
    for (const stream of pair.server.streams.values()) pair.serverSide.reply(stream, REPLY, true);
    pair.serverSide.settle();
    pair.flow();
    expect(pair.client.events).toEqual(["reply 1 200 end", "closed 1", "reply 3 200 end", "closed 3"]);
    expect(pair.server.over?.code).toBe("http2.drained");
  });

  test("receive() gives requests back as unsent when GOAWAY names an earlier stream", () => {
    const hand = Hand.client();
    for (let at = 0; at < 3; at++) hand.connection.request(requestHead(), true, "");
    hand.pull().hear(goaway(3));
    expect(hand.log.events).toEqual(["reset 5 unsent http2.goaway", "closed 5"]);
    expect([hand.connection.room, hand.connection.active]).toEqual([0, 2]);
  });

  test("receive() gives a request back as unsent when the server refuses its stream", () => {
    const hand = Hand.client();
    hand.connection.request(requestHead(), true, "");
    hand.pull().hear(Uint8Array.from([0, 0, 4, TYPE.reset, 0, 0, 0, 0, 1, ...uint32(ERROR.refused)]));
    expect(hand.log.events).toEqual(["reset 1 unsent http2.reset", "closed 1"]);
  });

  test("lost() ends all streams without a word when the socket is gone", () => {
    const hand = Hand.server().hear(headers(1, GET), headers(3, POST, false));
    hand.sent = [];
    hand.connection.lost(new Failure("test.gone", "gone"));
    expect(hand.pull().sent).toEqual([]);
    expect(hand.log.events.slice(2)).toEqual(["reset 1 test.gone", "closed 1", "reset 3 test.gone", "closed 3"]);
  });

  test("room follows the smaller of both sides' limits when settings come", () => {
    expect(new Hand("client", { streamsMax: 500 }).connection.room).toBe(100);
    expect(Hand.client({ streamsMax: 500 }).connection.room).toBe(500);
    expect(Hand.client({ streamsMax: 500 }, [3, 7]).connection.room).toBe(7);
    expect(Hand.client({ streamsMax: 5 }, [3, 7]).connection.room).toBe(5);
  });

  test("ping() is answered with onPong() when the peer lives", () => {
    const pair = new Pair();
    pair.clientSide.ping();
    pair.flow();
    expect(pair.client.events).toEqual(["pong"]);
  });
});

function frameWindow(id: number, bytes: number): Uint8Array {
  return Uint8Array.from([0, 0, 4, TYPE.window, 0, 0, 0, 0, id, ...uint32(bytes)]);
}

function goaway(lastId: number): Uint8Array {
  return Uint8Array.from([0, 0, 8, TYPE.goaway, 0, 0, 0, 0, 0, ...uint32(lastId), ...uint32(0)]);
}
