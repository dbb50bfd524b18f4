/** Masked replies that come in very small pieces: what has to wait is joined, and many small results go out as few writes. */

import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { rigOf } from "./mask-rig.ts";

const MASK = "response|$..a|mask";
const NDJSON = ["content-type", "application/x-ndjson"];
const RECORD = '{"a":"secret","b":1}\n';
const MASKED = '{"a":"***ret","b":1}\n';

function begun(lines: readonly string[], headers: readonly string[]) {
  const { clock, rig } = rigOf(lines);
  const client = rig.send("/");
  const body = rig.asked().begins(200, [...headers]);
  let writes = 0;
  const sink = () => client.sink!;
  const countWrites = (): void => {
    const { write } = sink();
    sink().write = (chunk) => {
      writes++;
      return write.call(sink(), chunk);
    };
  };
  return { body, client, clock, countWrites, sink, writes: () => writes };
}

describe("FlowSink", () => {
  test("write() joins what waits for the client when it comes in small pieces", () => {
    const flow = begun([MASK], NDJSON);
    flow.countWrites();
    flow.sink().takes = false;
    flow.body.write(RECORD);
    for (const piece of RECORD.repeat(1_000)) flow.body.write(piece);
    expect([flow.client.text, flow.writes()]).toEqual([MASKED, 1]);
    flow.sink().takes = true;
    flow.sink().onReady!();
    expect(flow.client.text).toBe(MASKED.repeat(1_001));
    expect(flow.writes()).toBeLessThan(40); // blocks, the first of 512 bytes, each twice the one before
  });

  test("write() writes once when one piece holds many records", () => {
    const flow = begun([MASK], NDJSON);
    flow.countWrites();
    flow.body.write(RECORD.repeat(1_000));
    while (flow.clock.turn()) {}
    expect([flow.client.text === MASKED.repeat(1_000), flow.writes() < 10]).toEqual([true, true]);
  });

  test("write() keeps no string for each piece when a text of JSON comes in small ones", () => {
    const flow = begun([MASK], ["content-type", "application/json"]);
    flow.body.write(`["${"x".repeat(1_100_000)}","`); // long enough to flow
    while (flow.clock.turn()) {}
    const strings = (): number => {
      Bun.gc(true);
      return heapStats().objectTypeCounts.string ?? 0;
    };
    const before = strings();
    for (let at = 0; at < 20_000; at++) flow.body.write("yz");
    expect(strings() - before).toBeLessThan(2_000);
    flow.body.write('"]');
    flow.body.sink!.end();
    while (flow.clock.turn()) {}
    expect(flow.client.text).toBe(`["${"x".repeat(1_100_000)}","${"yz".repeat(20_000)}"]`);
  });
});
