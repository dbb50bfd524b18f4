import { expect, test } from "bun:test";
import { Lingering } from "../../../../../src/edge/gateway/listener/lingering.ts";

function endedAt(lingering: Lingering<string>, nowMs: number): string[] {
  const ended: string[] = [];
  lingering.sweep(nowMs, (stream) => {
    ended.push(stream);
    lingering.delete(stream);
  });
  return ended;
}

test("sweep() ends a stream two seconds behind the write that its reply has left by", () => {
  const lingering = new Lingering<string>();
  lingering.add("a", 0);
  lingering.written(true, 10);
  expect(endedAt(lingering, 2_009)).toEqual([]);
  expect(endedAt(lingering, 2_010)).toEqual(["a"]);
  expect(lingering.sweep(9_999, () => {})).toBe(Number.POSITIVE_INFINITY);
});

test("drained() begins the time of replies that were written before it, and not of those that came to their end since", () => {
  const lingering = new Lingering<string>();
  lingering.add("a", 0);
  lingering.written(false, 0);
  lingering.add("b", 1_000);
  lingering.drained(5_000);
  lingering.written(false, 5_000);
  lingering.drained(6_500);
  expect(endedAt(lingering, 7_000)).toEqual(["a"]);
  expect(endedAt(lingering, 8_500)).toEqual(["b"]);
});

test("sweep() ends a stream whose reply does not leave, written or not", () => {
  const lingering = new Lingering<string>();
  lingering.add("written", 0);
  lingering.written(false, 0);
  lingering.add("waiting", 1_000);
  expect(lingering.sweep(14_999, () => {})).toBe(15_000);
  expect(endedAt(lingering, 15_000)).toEqual(["written"]);
  expect(endedAt(lingering, 16_000)).toEqual(["waiting"]);
});
