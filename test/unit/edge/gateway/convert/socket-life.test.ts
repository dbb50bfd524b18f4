/** How long silent and rude peers of WebSockets are waited for. */
import { expect, test } from "bun:test";
import { OPCODE, writeFrame } from "../../../../../src/wire/websocket/index.ts";
import { Rig, type TestExchange } from "./fakes.ts";
import { closing, heard, MASK, open, say, UpstreamSocket } from "./socket-fakes.ts";

const IDLE_MS = 60_000;

function opened(idleTimeoutMs = IDLE_MS): { rig: Rig; exchange: TestExchange } {
  const rig = new Rig({ scheme: "http", plan: { mode: "websocket-http" }, idleTimeoutMs });
  return { rig, exchange: open(rig, "/") };
}

function opcodes({ raw }: TestExchange): number[] {
  return heard(raw!.sink).map(([opcode]) => opcode);
}

test("a client is pinged after half of the idle time, closed after all of it, and gets our end in order when it does not answer", () => {
  const { exchange, rig } = opened();
  rig.clock.advance(IDLE_MS / 2);
  expect(opcodes(exchange)).toEqual([OPCODE.ping]);
  rig.clock.advance(IDLE_MS / 2);
  expect(heard(exchange.raw!.sink).at(-1)).toEqual([OPCODE.close, "1001 there was no sign of life"]);
  rig.clock.advance(4_999);
  expect(exchange.raw!.sink.isEnded).toBe(false);
  rig.clock.advance(1);
  const { aborted, isEnded } = exchange.raw!.sink;
  expect([isEnded, aborted, rig.converter.counts().failed["websocket-http"]]).toEqual([true, undefined, 1]);
  expect(exchange.raw!.source.cancelled?.code).toBe("gateway.close_timeout");
  expect(rig.clock.timers).toBe(0);
});

test("a quiet client lives as long as it answers pings", () => {
  const { exchange, rig } = opened();
  let pings = 0;
  for (let turn = 0; turn < 100; turn++) {
    rig.clock.advance(IDLE_MS / 2);
    if (opcodes(exchange).length === pings) continue;
    pings++;
    exchange.raw!.source.sink!.write(writeFrame(OPCODE.pong, new Uint8Array(0), MASK));
  }
  expect(opcodes(exchange)).toEqual(new Array(50).fill(OPCODE.ping)); // between two pings there is a turn with a pong
});

test("a client is not waited for when we hold it back, or it has not taken what we wrote", () => {
  const { exchange, rig } = opened();
  exchange.raw!.sink.takesMore = false;
  say(exchange, "{");
  for (let turn = 0; turn < 10; turn++) rig.clock.advance(IDLE_MS);
  expect(opcodes(exchange)).toEqual([OPCODE.text]);
});

test("a client may be silent for ever when there is no idle time", () => {
  const { exchange, rig } = opened(0);
  rig.clock.advance(24 * 3_600_000);
  expect([opcodes(exchange), rig.clock.timers]).toEqual([[], 0]);
});

test("nothing is waited for when both sides have said good-bye and the connection has ended", () => {
  const { exchange, rig } = opened();
  exchange.raw!.source.sink!.write(closing(1000));
  expect(rig.clock.timers).toBe(1);
  exchange.raw!.source.sink!.end();
  expect(rig.clock.timers).toBe(0);
});

test("the connection is given up when both sides have said good-bye and the client leaves its own side open", () => {
  const { exchange, rig } = opened();
  exchange.raw!.source.sink!.write(closing(1000));
  rig.clock.advance(5_000);
  expect(exchange.raw!.source.cancelled?.code).toBe("gateway.close_timeout");
});

test("both sides of a passed socket are waited for, each by itself", () => {
  const rig = new Rig({ scheme: "ws", idleTimeoutMs: IDLE_MS });
  const exchange = open(rig, "/socket");
  const upstream = new UpstreamSocket(rig.upstream.call);
  rig.clock.advance(IDLE_MS / 2);
  expect([opcodes(exchange), heard(upstream.sink).map(([opcode]) => opcode)]).toEqual([[OPCODE.ping], [OPCODE.ping]]);
  upstream.say("here");
  rig.clock.advance(IDLE_MS / 2);
  expect(heard(exchange.raw!.sink).at(-1)![1]).toStartWith("1001");
  rig.clock.advance(5_000);
  expect([exchange.raw!.sink.isEnded, exchange.raw!.source.cancelled?.code]).toEqual([true, "gateway.close_timeout"]);
  expect(heard(upstream.sink).at(-1)![1]).toStartWith("1001");
  rig.clock.advance(5_000);
  expect([upstream.sink.isEnded, upstream.source.cancelled?.code, rig.clock.timers]).toEqual([
    true,
    "gateway.close_timeout",
    0,
  ]);
});
