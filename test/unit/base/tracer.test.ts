import { expect, test } from "bun:test";
import fc from "fast-check";
import { seededRandom } from "../../../src/base/random.ts";
import { isUnsampled, NO_TRACER, readTraceparent, writeTraceparent } from "../../../src/base/trace.ts";
import { createTracer, type FinishedSpan } from "../../../src/base/tracer.ts";

function rig(ratio: number, seed = 1) {
  const random = seededRandom(seed);
  const spans: FinishedSpan[] = [];
  let ms = 0;
  const tracer = createTracer({
    clock: { now: () => 1_000_000 + ms, monotonic: () => ms },
    entropy: (bytes) => Uint8Array.from({ length: bytes }, () => random.below(256)),
    ratio,
    sink: (span) => void spans.push(span),
  });
  return { tracer, spans, pass: (by: number) => (ms += by) };
}

const hex = (digits: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: digits, maxLength: digits });

test("readTraceparent() gives back what writeTraceparent() wrote", () => {
  fc.assert(
    fc.property(hex(32), hex(16), fc.boolean(), (traceId, spanId, isSampled) => {
      fc.pre(!/^0+$/.test(traceId) && !/^0+$/.test(spanId));
      expect(readTraceparent(writeTraceparent({ traceId, spanId, isSampled }))).toEqual({ traceId, spanId, isSampled });
    }),
  );
});

test("readTraceparent() refuses what has not the form", () => {
  const ids = `${"a".repeat(32)}-${"b".repeat(16)}`;
  for (const text of [
    "",
    "00",
    `ff-${ids}-01`,
    `00-${ids}-01-x`,
    `00-${"0".repeat(32)}-${"b".repeat(16)}-01`,
    `00-${ids.toUpperCase()}-01`,
  ]) {
    expect(readTraceparent(text)).toBeUndefined();
  }
  expect(readTraceparent(`01-${ids}-03-more`)).toEqual({
    traceId: "a".repeat(32),
    spanId: "b".repeat(16),
    isSampled: true,
  });
});

test("isUnsampled() says yes exactly when readTraceparent() reads one of version 00 whose trace is not recorded", () => {
  const near = fc.tuple(
    fc.constantFrom("00", "01", "ff", "0"),
    fc.oneof(hex(32), fc.constantFrom("0".repeat(32), "A".repeat(32), "a".repeat(31))),
    fc.oneof(hex(16), fc.constantFrom("0".repeat(16), "b".repeat(17))),
    hex(2),
    fc.constantFrom("", "-", "-more", "\n"),
  );
  fc.assert(
    fc.property(near, ([version, traceId, spanId, flags, more]) => {
      const text = `${version}-${traceId}-${spanId}-${flags}${more}`;
      const read = text.startsWith("00") ? readTraceparent(text) : undefined;
      expect(isUnsampled(text)).toBe(read !== undefined && !read.isSampled);
    }),
  );
  expect(isUnsampled(undefined)).toBe(false);
});

test("start() records a child of the span that is its parent when the trace is sampled", () => {
  const { pass, spans, tracer } = rig(1);
  const parent = tracer.start("read", { kind: "producer", attributes: { rows: 3 } });
  pass(5);
  const child = tracer.start("write", { parent: parent.traceparent });
  pass(7);
  child.fail(Object.assign(new Error("no room"), { code: "sink.full" }));
  child.end();
  parent.end();
  expect(spans.map(({ endMs, failure, name, startMs }) => ({ name, startMs, endMs, failure }))).toEqual([
    { name: "write", startMs: 1_000_005, endMs: 1_000_012, failure: "no room" },
    { name: "read", startMs: 1_000_000, endMs: 1_000_012, failure: undefined },
  ]);
  expect(spans[0]!.parentSpanId).toBe(spans[1]!.spanId);
  expect(spans[0]!.traceId).toBe(spans[1]!.traceId);
  expect(spans[0]!.attributes).toEqual({ "error.type": "sink.full" });
  expect(spans[1]!.attributes).toEqual({ rows: 3 });
});

test("start() goes by the parent's flag, whatever its own ratio", () => {
  const { spans, tracer } = rig(1);
  const unsampled = writeTraceparent({ traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: false });
  const span = tracer.start("call", { parent: unsampled });
  expect(span.isRecording).toBe(false);
  expect(span.traceparent).toBe(unsampled);
  span.end();
  expect(spans).toEqual([]);
  const none = rig(0);
  none.tracer.start("call", { parent: unsampled.replace(/00$/, "01") }).end();
  expect(none.spans.length).toBe(1);
});

test("start() records the asked share of traces, and tells the others that they are not", () => {
  const { spans, tracer } = rig(0.1);
  const begun = Array.from({ length: 10_000 }, () => tracer.start("root"));
  for (const span of begun) span.end();
  expect(spans.length).toBeGreaterThan(850);
  expect(spans.length).toBeLessThan(1_150);
  const flags = begun.map(({ traceparent }) => readTraceparent(traceparent)!.isSampled);
  expect(flags.filter(Boolean).length).toBe(spans.length);
});

test("end() counts once, and attributes and events are bounded", () => {
  const { spans, tracer } = rig(1);
  const span = tracer.start("busy");
  for (let at = 0; at < 100; at++) span.set({ [`key${at}`]: "x".repeat(5_000) });
  for (let at = 0; at < 100; at++) span.event("tick");
  span.end();
  span.end();
  span.event("late");
  expect(spans.length).toBe(1);
  expect(Object.keys(spans[0]!.attributes).length).toBe(64);
  expect(String(spans[0]!.attributes.key0).length).toBe(1_024);
  expect(spans[0]!.events.length).toBe(32);
});

test("NO_TRACER passes the context on and records nothing", () => {
  expect(NO_TRACER.start("x").traceparent).toBeUndefined();
  expect(NO_TRACER.start("x", { parent: "anything" }).traceparent).toBe("anything");
});
