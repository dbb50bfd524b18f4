/** Peers that want to cost more than they pay. Each flood ends with ENHANCE_YOUR_CALM; each honest neighbour of it goes on. */
import { describe, expect, test } from "bun:test";
import { ERROR } from "../../../../src/wire/http2/index.ts";
import { block, encoded, type Field, frame, GET, Hand, headers, POST, settings, TYPE, uint32 } from "./rig.ts";

const CALM = ERROR.calm;

/** Heard again and again, in one turn; how often until it was over, at most `max`. */
function repeat(hand: Hand, max: number, bytes: (turn: number) => Uint8Array[]): number {
  for (let turn = 0; turn < max; turn++) {
    hand.hear(...bytes(turn));
    if (hand.log.over !== undefined) return turn;
  }
  return max;
}

const reset = (id: number): Uint8Array => frame(TYPE.reset, 0, id, uint32(ERROR.cancel));

test.each<[string, (turn: number) => Uint8Array[]]>([
  ["resets each of its requests (CVE-2023-44487)", (turn) => [headers(turn * 2 + 1, GET, false), reset(turn * 2 + 1)]],
  [
    "makes us reset each of its requests (CVE-2025-8671)",
    (turn) => [headers(turn * 2 + 1, POST, false), frame(TYPE.window, 0, turn * 2 + 1, uint32(0))],
  ],
  ["sends malformed requests", (turn) => [headers(turn * 2 + 1, [...GET, ["Upper", "x"]])]],
  ["asks for pings", () => [frame(TYPE.ping, 0, 0, new Uint8Array(8))]],
  ["sends settings", () => [settings([4, 65_535])]],
  ["sends priorities", () => [frame(TYPE.priority, 0, 9, [0, 0, 0, 1, 9])]],
  ["sends unknown frames", () => [frame(0x77, 0, 0, [1])]],
  ["widens the window by 1", () => [frame(TYPE.window, 0, 0, uint32(1))]],
  ["acknowledges what was not said", () => [frame(TYPE.settings, 1, 0)]],
])("receive() ends the connection when a client %s without end", (_what, bytes) => {
  const hand = Hand.server();
  expect(repeat(hand, 5_000, bytes)).toBeLessThan(5_000);
  expect(hand.goaway).toBe(CALM);
});

test("receive() ends the connection when a client sends empty DATA without end", () => {
  const hand = Hand.server().hear(headers(1, POST, false));
  expect(repeat(hand, 5_000, () => [frame(TYPE.data, 0, 1)])).toBeLessThan(5_000);
  expect(hand.goaway).toBe(CALM);
});

test("receive() ends the connection when a client goes on opening refused streams", () => {
  const hand = Hand.server({ streamsMax: 10 });
  expect(repeat(hand, 2_000, (turn) => [headers(turn * 2 + 1, POST, false)])).toBeLessThan(2_000);
  expect(hand.goaway).toBe(CALM);
  expect(hand.log.events.filter((event) => event.startsWith("request")).length).toBe(10);
  expect(new Set(hand.resets.values())).toEqual(new Set([ERROR.refused]));
});

describe("honest clients", () => {
  test("receive() goes on when a client cancels now and then for a long time", () => {
    const hand = Hand.server();
    const turns = repeat(hand, 5_000, (turn) => {
      hand.nowMs += 50;
      return [headers(turn * 2 + 1, GET, false), reset(turn * 2 + 1)];
    });
    expect(turns).toBe(5_000);
  });

  test("receive() goes on when a client cancels as many requests as it lets end", () => {
    const hand = Hand.server();
    hand.log.request = (stream, head) => {
      if (head.target === "/") hand.connection.reply(stream, { status: 200, headers: [] }, true);
    };
    const other: Field[] = [GET[0]!, GET[1]!, [":path", "/slow"], GET[3]!];
    const turns = repeat(hand, 3_000, (turn) => [
      headers(turn * 4 + 1, GET),
      headers(turn * 4 + 3, other, false),
      reset(turn * 4 + 3),
    ]);
    expect(turns).toBe(3_000);
  });

  test("receive() goes on when a client widens the window for each frame of DATA that it gets", () => {
    const hand = Hand.server();
    hand.hear(headers(1, GET));
    const stream = hand.log.streams.get(1)!;
    hand.connection.reply(stream, { status: 200, headers: [] }, false);
    const turns = repeat(hand, 10_000, () => {
      hand.connection.data(stream, new Uint8Array(100));
      hand.pull().sent = [];
      return [frame(TYPE.window, 0, 0, uint32(100)), frame(TYPE.window, 0, 1, uint32(100))];
    });
    expect(turns).toBe(10_000);
  });
});

describe("heads", () => {
  test("receive() answers 431 when a head is larger than allowed, and others are served", () => {
    const hand = Hand.server({ headerListBytesMax: 1_000 });
    hand.hear(headers(1, [...GET, ["x", "v".repeat(1_000)]]), headers(3, GET));
    expect(hand.fields(hand.of(TYPE.headers, 1)[0]!)).toEqual([
      [":status", "431"],
      ["content-length", "0"],
    ]);
    expect(hand.log.events).toEqual(["request 3 end"]);
  });

  test("receive() answers 431 when there are too many fields, and 414 when the target is too long", () => {
    const many = Hand.server({ headersMax: 10 }).hear(
      headers(1, [...GET, ...Array.from({ length: 11 }, (): Field => ["x", ""])]),
    );
    expect(many.fields(many.of(TYPE.headers, 1)[0]!)[0]).toEqual([":status", "431"]);
    const long = Hand.server({ targetBytesMax: 10 }).hear(
      headers(1, [GET[0]!, GET[1]!, [":path", "/0123456789"], GET[3]!]),
    );
    expect(long.fields(long.of(TYPE.headers, 1)[0]!)[0]).toEqual([":status", "414"]);
  });

  test("receive() keeps the table in step when a head was refused", () => {
    const hand = Hand.server({ headerListBytesMax: 1_000 });
    const kept = [0x40, 3, ...Buffer.from("x-a"), 1, 0x62]; // x-a: b, into the table
    hand.hear(frame(TYPE.headers, 5, 1, [...block([...GET, ["x", "v".repeat(1_000)]]), ...kept]));
    hand.hear(frame(TYPE.headers, 5, 3, [...block(GET), 0xbe]));
    expect(hand.log.heads[0]!.headers).toEqual(["x-a", "b"]);
  });

  test("receive() keeps nothing of a bomb when one entry is named a thousand times", () => {
    const hand = Hand.server({ headerListBytesMax: 8_000 });
    const value = "v".repeat(3_000);
    const entry = [0x40, 1, 0x78, 127, 0xb9, 0x16, ...Buffer.from(value)];
    hand.hear(frame(TYPE.headers, 5, 1, [...encoded(GET), ...entry, ...new Uint8Array(8_000).fill(0xbe)]));
    expect(hand.fields(hand.of(TYPE.headers, 1)[0]!)[0]).toEqual([":status", "431"]);
    expect(hand.goaway).toBeUndefined();
  });

  test("receive() ends the connection when a head goes on in CONTINUATIONs without end", () => {
    for (const piece of [new Uint8Array(0), new Uint8Array(16_000).fill(0x82)]) {
      const hand = Hand.server().hear(frame(TYPE.headers, 1, 1, block(GET)));
      expect(repeat(hand, 100, () => [frame(TYPE.continuation, 0, 1, piece)])).toBeLessThan(20);
      expect(hand.goaway).toBe(CALM);
    }
  });
});

test("receive() ends the connection when a client asks for answers and does not read them", () => {
  const hand = Hand.server();
  const pings = Buffer.concat(Array.from({ length: 100 }, () => frame(TYPE.ping, 0, 0, new Uint8Array(8))));
  let turns = 0;
  // No budget of frames is used up: time passes. Nothing is pulled.
  for (; turns < 2_000 && hand.log.over === undefined; turns++) {
    hand.nowMs += 1_000;
    hand.connection.receive(pings.slice(), hand.nowMs);
  }
  expect(turns).toBeLessThan(2_000);
  expect(hand.connection.waitingBytes).toBeLessThan(1_100_000);
});

test("receive() survives when the bytes are any", () => {
  let state = 12345;
  const next = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 8;
  };
  const kinds = Object.values(TYPE);
  for (let run = 0; run < 300; run++) {
    const hand = Hand.server();
    for (let at = 0; at < 40 && hand.log.over === undefined; at++) {
      const payload = Uint8Array.from({ length: next() % 40 }, () => next() & 255);
      const id = next() % 3 === 0 ? 0 : (next() % 8) * 2 + 1;
      const good = next() % 2 === 0 ? headers(at * 2 + 1, POST, false) : frame(TYPE.data, next() & 9, id, payload);
      hand.hear(next() % 3 === 0 ? good : frame(kinds[next() % kinds.length]!, next() & 255, id, payload));
    }
    const closed = hand.log.events.filter((event) => event.startsWith("closed")).length;
    const opened = hand.log.events.filter((event) => event.startsWith("request")).length;
    expect(opened - closed).toBe(hand.connection.active);
  }
});
