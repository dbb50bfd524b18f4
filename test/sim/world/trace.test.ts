import { expect, test } from "bun:test";
import { Trace, textTag } from "./index.ts";

type Event = Parameters<Trace["event"]>;

const BASE: Event = [12.345, 2, 1, 0, 99];

function digestOf(...events: readonly Event[]): string {
  const trace = new Trace();
  for (const event of events) trace.event(...event);
  return trace.digest;
}

test("Trace.digest differs when any part of an event differs, or their order, and is the same otherwise", () => {
  const others: readonly Event[] = [
    [12.346, 2, 1, 0, 99],
    [12.345, 3, 1, 0, 99],
    [12.345, 2, 2, 0, 99],
    [12.345, 2, 1, 3, 99],
    [12.345, 2, 1, 0, 98],
  ];
  const digests = [digestOf(), digestOf(BASE), digestOf(BASE, BASE), ...others.map((event) => digestOf(event))];
  expect(new Set(digests).size).toBe(digests.length);
  expect(digestOf(BASE, others[0]!)).not.toBe(digestOf(others[0]!, BASE));
  expect(digestOf(BASE)).toBe(digestOf(BASE));
  expect(digestOf(BASE)).toMatch(/^[0-9a-f]{16}$/);
});

test("Trace.line() prints seconds and text when lines are wanted, and changes no digest", () => {
  const lines: string[] = [];
  const trace = new Trace((line) => lines.push(line));
  const { digest } = trace;
  trace.line(1_500, "something");
  expect([lines, trace.digest]).toEqual([["    1.500000 something"], digest]);
  trace.text("something");
  expect(trace.digest).not.toBe(digest);
  expect(textTag("a")).not.toBe(textTag("b"));
});
