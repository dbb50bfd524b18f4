/** Long bodies: masked in turns, others in between, bounded together, and gone when nobody wants them any more. */
import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { Failure } from "../../../../../src/base/errors.ts";
import { MaskWork } from "../../../../../src/edge/gateway/guard/index.ts";
import { until } from "../../../../support/until.ts";
import { OpenBody } from "../core/rig.ts";
import { BusyClock, post, rigOf } from "./mask-rig.ts";

const CARD = "4111111111111111";
const HIDDEN = "************1111";
const JSON_TYPE = ["content-type", "application/json"];
const TEXT_TYPE = ["content-type", "text/plain"];
const MASK = "request;response|card|mask|keep_last=4";
const KIB = 1024;
const MIB = KIB * KIB;

/** About so many bytes, the last of them a card. */
const listOf = (bytes: number, last = CARD): string => `[${'"some words 12",'.repeat(bytes / 16)}"${last}"]`;
const wordsOf = (bytes: number, last = CARD): string => `${"some words 12\n".repeat(bytes / 14)}${last}`;

function* work(name: string, steps: number, log: string[]): Generator<undefined, string> {
  for (let step = 0; step < steps; step++) {
    log.push(name);
    yield undefined;
  }
  return name;
}

describe("MaskWork", () => {
  test("run() gives each a turn behind the others when several are long, and none of it within the call", () => {
    const clock = new BusyClock(1); // two steps and the look at the beginning are one turn of 3 ms
    const all = new MaskWork(clock, MIB);
    const log: string[] = [];
    const done: unknown[] = [];
    for (const name of ["a", "b"]) all.run(work(name, 5, log), (outcome) => done.push(outcome));
    expect(log).toEqual([]);
    const turns: string[] = [];
    for (let before = 0; clock.turn(); before = log.length) turns.push(log.slice(before).join(""));
    expect(turns.length).toBeGreaterThan(3);
    expect(turns.slice(0, 4)).toEqual(["aaa", "bbb", "aa", "bb"]);
    expect(done).toEqual([{ result: "a" }, { result: "b" }]);
    expect(clock.timers).toBe(0);
  });

  test("run() tells a failure when the work breaks, and goes on with the others", () => {
    const clock = new BusyClock(0);
    const all = new MaskWork(clock, MIB);
    const done: unknown[] = [];
    const broken = (function* (): Generator<undefined, string> {
      yield undefined;
      throw new Failure("gateway.body_unreadable", "no JSON");
    })();
    all.run(broken, (outcome) => done.push(outcome instanceof Failure ? outcome.code : outcome));
    all.run(work("b", 2, []), (outcome) => done.push(outcome));
    while (clock.turn());
    expect(done).toEqual(["gateway.body_unreadable", { result: "b" }]);
  });

  test("cancel() ends the work without a word", () => {
    const clock = new BusyClock(1);
    const all = new MaskWork(clock, MIB);
    const log: string[] = [];
    const job = all.run(work("a", 9, log), () => log.push("done"));
    clock.turn();
    job.cancel();
    while (clock.turn());
    expect(log).toEqual(["a", "a", "a"]);
  });
});

describe("RouteMasks in long requests", () => {
  test.each([
    ["JSON", JSON_TYPE, listOf(MIB)],
    ["a text", TEXT_TYPE, wordsOf(MIB)],
    ["a form", ["content-type", "application/x-www-form-urlencoded"], `${"a=words+12&".repeat(90_000)}c=${CARD}`],
  ])("step() masks %s in many turns, and a short request goes on in between", (_what, headers, text) => {
    const { clock, own, rig, work: all } = rigOf([MASK]);
    post(rig, text, headers);
    clock.turn();
    expect([rig.upstreams.asked.length, all.heldBytes]).toEqual([0, text.length]);
    post(rig, `["${CARD}"]`, JSON_TYPE);
    expect(rig.asked().upload.text).toBe(`["${HIDDEN}"]`);
    let turns = 0;
    while (clock.turn()) turns++;
    expect(turns).toBeGreaterThan(5);
    expect(rig.asked(1).upload.text).toBe(text.replace(CARD, HIDDEN));
    expect([own.counts, all.heldBytes]).toEqual([{ masked: 2, refused: 0 }, 0]);
  });

  test("step() masks a body at once when it is short", () => {
    const { clock, rig } = rigOf([MASK]);
    post(rig, listOf(60 * KIB), JSON_TYPE);
    expect([rig.upstreams.asked.length, clock.timers]).toEqual([1, 0]);
  });

  test("step() refuses JSON that is broken at its end when it is masked in turns", () => {
    const { clock, own, rig, work: all } = rigOf([MASK]);
    const client = post(rig, `${listOf(MIB)}]`, JSON_TYPE);
    while (clock.turn());
    expect([client.status, client.problem.code, rig.upstreams.asked.length]).toEqual([
      ...[400, "gateway.body_unreadable", 0],
    ]);
    expect([own.counts.refused, all.heldBytes]).toEqual([1, 0]);
  });

  test("step() inflates a coded body elsewhere, holds what it may become, and masks it in turns", async () => {
    const { clock, rig, work: all } = rigOf([MASK]);
    const text = `${Array.from({ length: 40_000 }, (_, at) => `line ${at * 7919}`).join("\n")} ${CARD}`;
    const coded = gzipSync(text);
    post(rig, coded, [...TEXT_TYPE, "content-encoding", "gzip"]);
    expect(all.heldBytes).toBeGreaterThanOrEqual(Math.min(16 * MIB, coded.length * 100));
    await until("the body is inflated", () => clock.timers > 0);
    expect(all.heldBytes).toBe(coded.length + text.length);
    while (clock.turn());
    expect([rig.asked().upload.text === text.replace(CARD, HIDDEN), rig.asked().header("content-encoding")]).toEqual([
      ...[true, undefined],
    ]);
    expect(all.heldBytes).toBe(0);
  });

  test("step() refuses a coded body when it inflates to more than is taken, or is none", async () => {
    const { own, rig } = rigOf([MASK]);
    const bomb = post(rig, gzipSync(Buffer.alloc(32 * MIB)), [...TEXT_TYPE, "content-encoding", "gzip"]);
    const broken = post(rig, Buffer.alloc(9_000, "x"), [...TEXT_TYPE, "content-encoding", "br"]);
    await until("both are refused", () => own.counts.refused === 2);
    expect([bomb.status, broken.status, rig.upstreams.asked.length]).toEqual([413, 400, 0]);
  });

  test("step() refuses with 503 when those of a client hold too much, and takes more when they are done", () => {
    const { clock, own, rig, work: all } = rigOf([MASK], { heldBytesMax: 8 * MIB });
    const slow = new OpenBody();
    rig.send("/", { method: "POST", body: slow, headers: JSON_TYPE });
    slow.write(listOf(1.5 * MIB));
    const turned = post(rig, listOf(MIB), JSON_TYPE);
    expect([turned.status, turned.problem.code, turned.header("retry-after")]).toEqual([
      503,
      "gateway.bodies_full",
      "1",
    ]);
    expect(own.counts.refused).toBe(1);
    slow.sink!.end();
    while (clock.turn());
    post(rig, listOf(MIB), JSON_TYPE);
    while (clock.turn());
    expect([rig.upstreams.asked.length, all.heldBytes]).toEqual([2, 0]);
  });

  test("step() drops the work and what it holds when the client goes", () => {
    const { clock, rig, work: all } = rigOf([MASK]);
    const client = post(rig, listOf(MIB), JSON_TYPE);
    clock.turn();
    client.goes();
    expect(all.heldBytes).toBe(0);
    clock.turn();
    expect([clock.timers, rig.upstreams.asked.length, rig.ended.length]).toEqual([0, 0, 1]);
  });
});

describe("RouteMasks in long replies", () => {
  const replying = (headers: string[], length?: number, heldBytesMax = 128 * MIB) => {
    const all = rigOf([MASK], { heldBytesMax });
    const client = all.rig.send("/");
    const body = all.rig.asked().begins(200, [...headers, "etag", '"1"'], length);
    return { ...all, client, body };
  };

  test("guard lets long JSON go while it comes, without its length and tag, and masks all of it", () => {
    const { body, client, clock, own, rig, work: all } = replying(JSON_TYPE);
    const piece = `${'"some words 12",'.repeat(2_000)}"${CARD}",`;
    body.write("[");
    let sent = 1;
    while (client.head === undefined) {
      body.write(piece);
      sent += piece.length;
    }
    expect([sent > MIB, sent < MIB + 2 * piece.length]).toEqual([true, true]);
    expect(client.head.headers).toEqual(JSON_TYPE);
    for (let more = 0; more < 100; more++) {
      if (!body.write(piece)) while (clock.turn());
      expect(all.heldBytes).toBeLessThan(2 * MIB);
    }
    while (clock.turn());
    body.write("1]");
    body.sink!.end(["t", CARD]);
    while (clock.turn());
    expect([client.sink!.isWhole, client.sink!.trailers]).toEqual([true, ["t", HIDDEN]]);
    const values: unknown[] = JSON.parse(client.text);
    expect([values.includes(CARD), values.filter((value) => value === HIDDEN).length]).toEqual([
      false,
      own.counts.masked,
    ]);
    expect([all.heldBytes, rig.ended.length]).toEqual([0, 1]);
  });

  test("guard breaks long JSON off when it is broken behind what has gone out", () => {
    const { body, client, clock, own, work: all } = replying(JSON_TYPE);
    body.write(listOf(2 * MIB));
    while (clock.turn());
    expect(client.status).toBe(200);
    body.write("]");
    expect([client.sink!.broken, body.cancelled?.code]).toEqual(["gateway.body_unreadable", "gateway.body_unreadable"]);
    expect([own.counts.refused, all.heldBytes]).toEqual([1, 0]);
  });

  test("guard breaks long JSON off when it is longer than is taken", () => {
    const { body, client, clock, own } = replying(JSON_TYPE);
    const piece = '"some words 12",'.repeat(MIB / 16);
    body.write("[");
    for (let sent = 0; sent < 17; sent++) {
      body.write(piece);
      while (clock.turn());
    }
    expect([client.sink!.broken, body.cancelled?.code, own.counts.refused]).toEqual([
      ...["gateway.reply_too_large", "gateway.reply_too_large", 0],
    ]);
  });

  test("guard holds the upstream back when the client takes no more of long JSON", () => {
    const { body, client, clock } = replying(JSON_TYPE);
    body.write("[");
    while (client.head === undefined) body.write('"some words 12",'.repeat(4_000));
    while (clock.turn());
    const before = body.readies;
    client.sink!.takes = false;
    expect(body.write('"x",'.repeat(20_000))).toBe(false);
    while (clock.turn());
    expect(body.readies).toBe(before);
    client.sink!.takes = true;
    client.sink!.onReady!();
    expect(body.readies).toBe(before + 1);
  });

  test("guard masks a long text in turns, and writes as much at a time as the client takes", () => {
    const { body, client, clock, work: all } = replying(TEXT_TYPE);
    const text = wordsOf(MIB);
    body.write(text);
    body.sink!.end();
    expect(client.head).toBeUndefined();
    clock.turn();
    expect(client.head).toBeUndefined();
    while (clock.timers > 0 && client.head === undefined) clock.turn();
    expect([client.text, client.header("etag"), all.heldBytes]).toEqual([text.replace(CARD, HIDDEN), undefined, 0]);
    const slow = replying(TEXT_TYPE);
    slow.body.write(text);
    slow.body.sink!.end();
    const respond = slow.client.respond.bind(slow.client);
    slow.client.respond = (head) => {
      const sink = respond(head);
      slow.client.sink!.takes = false;
      return sink;
    };
    while (slow.clock.turn());
    expect([slow.client.text.length < 100 * KIB, slow.work.heldBytes]).toEqual([
      true,
      text.length - slow.client.text.length,
    ]);
    while (slow.client.sink!.ending === undefined) slow.client.sink!.onReady!();
    expect([slow.client.text, slow.work.heldBytes]).toEqual([text.replace(CARD, HIDDEN), 0]);
  });

  test("guard refuses a reply with 503 when all together hold too much", () => {
    const { body, client, own, work: all } = replying(TEXT_TYPE, undefined, 64 * KIB);
    expect(body.write(wordsOf(128 * KIB))).toBe(false);
    expect([client.status, client.problem.code, body.cancelled?.code]).toEqual([
      ...[503, "gateway.bodies_full", "gateway.bodies_full"],
    ]);
    expect([own.counts.refused, all.heldBytes]).toEqual([1, 0]);
  });

  test("guard masks long pieces of a stream in turns, in their order, and ends behind them", () => {
    const { body, client, clock, own, work: all } = replying(["content-type", "application/x-ndjson"]);
    const record = `{"card":"${CARD}"}\n`;
    expect(body.write(record)).toBe(true);
    expect(client.text).toBe(record.replace(CARD, HIDDEN));
    expect([body.write(record.repeat(20_000)), body.write('{"last":1}\n')]).toEqual([false, false]);
    expect(all.heldBytes).toBeGreaterThan(20_000 * record.length);
    body.sink!.end();
    let turns = 0;
    while (clock.turn()) turns++;
    expect(turns).toBeGreaterThan(5);
    expect(client.text === `${record.replace(CARD, HIDDEN).repeat(20_001)}{"last":1}\n`).toBe(true);
    expect([client.sink!.isWhole, own.counts.masked, all.heldBytes]).toEqual([true, 20_001, 0]);
  });

  test.each([
    ["a text in its turns", TEXT_TYPE, wordsOf(MIB)],
    ["JSON that flows", JSON_TYPE, listOf(2 * MIB)],
    ["a stream", ["content-type", "application/x-ndjson"], `${listOf(32 * KIB)}\n`.repeat(8)],
  ])("guard drops the work and what it holds when the client goes within %s", (_what, headers, text) => {
    const { body, client, clock, rig, work: all } = replying(headers);
    body.write(text);
    if (headers === TEXT_TYPE) body.sink!.end();
    clock.turn();
    client.goes();
    clock.turn();
    expect([all.heldBytes, clock.timers, rig.ended.length]).toEqual([0, 0, 1]);
  });
});
