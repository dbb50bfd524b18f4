import { expect, test } from "bun:test";
import type { FinishedSpan } from "../../../../src/base/tracer.ts";
import { OtlpExporter, type OtlpOptions } from "../../../../src/wire/otlp/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

interface Sent {
  readonly url: string;
  readonly spans: readonly { readonly name: string; readonly startTimeUnixNano: string }[];
}

function rig(answer: (at: number) => Response | Error, options: Partial<OtlpOptions> = {}) {
  const clock = new SteppedClock();
  const sent: Sent[] = [];
  const warnings: string[] = [];
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const body = JSON.parse(String(init.body)); // of our own writing
    sent.push({ url, spans: body.resourceSpans[0].scopeSpans[0].spans });
    const given = answer(sent.length);
    if (given instanceof Error) throw given;
    return given;
  };
  const exporter = new OtlpExporter({
    endpoint: "http://127.0.0.1:4318",
    resource: { "service.name": "test" },
    clock,
    fetch,
    warn: (text) => void warnings.push(text),
    ...options,
  });
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  return { clock, exporter, pass, sent, warnings };
}

function span(name: string): FinishedSpan {
  const ids = { traceId: "a".repeat(32), spanId: "b".repeat(16), parentSpanId: undefined };
  const times = { startMs: 1_700_000_000_000.25, endMs: 1_700_000_000_001 };
  return {
    name,
    kind: "server",
    ...ids,
    ...times,
    attributes: { rows: 3, share: 0.5 },
    events: [],
    failure: undefined,
  };
}

test("export() sends what has come within a second in one request", async () => {
  const { exporter, pass, sent } = rig(() => new Response());
  exporter.export(span("one"));
  exporter.export(span("two"));
  expect(sent.length).toBe(0);
  await pass(1_000);
  expect(sent.map(({ url }) => url)).toEqual(["http://127.0.0.1:4318/v1/traces"]);
  expect(sent[0]!.spans.map(({ name }) => name)).toEqual(["one", "two"]);
  expect(sent[0]!.spans[0]).toEqual({
    traceId: "a".repeat(32),
    spanId: "b".repeat(16),
    name: "one",
    kind: 2,
    startTimeUnixNano: "1700000000000250000",
    endTimeUnixNano: "1700000000001000000",
    attributes: [
      { key: "rows", value: { intValue: "3" } },
      { key: "share", value: { doubleValue: 0.5 } },
    ],
  } as never); // the parts that this test types are among them
  expect(exporter.counts()).toEqual({ exported: 2, dropped: 0, failedRequests: 0, waiting: 0 });
});

test("export() sends again what a collector could not take yet, with growing pauses", async () => {
  const { exporter, pass, sent, warnings } = rig((at) =>
    at < 3 ? new Response(null, { status: 503 }) : new Response(),
  );
  exporter.export(span("one"));
  await pass(1_000);
  await pass(1_000);
  expect(sent.length).toBe(2);
  await pass(1_000);
  expect(sent.length).toBe(2);
  await pass(1_000);
  expect(sent.length).toBe(3);
  expect(exporter.counts()).toEqual({ exported: 1, dropped: 0, failedRequests: 2, waiting: 0 });
  expect(warnings.length).toBe(1);
});

test("export() drops and counts what is refused for good, and what has failed five times", async () => {
  const refused = rig(() => new Response(null, { status: 400 }));
  refused.exporter.export(span("one"));
  await refused.pass(1_000);
  expect(refused.exporter.counts()).toMatchObject({ dropped: 1, waiting: 0 });
  const gone = rig(() => new Error("connection refused"));
  gone.exporter.export(span("one"));
  for (let turn = 0; turn < 60; turn++) await gone.pass(1_000);
  expect(gone.sent.length).toBe(5);
  expect(gone.exporter.counts()).toEqual({ exported: 0, dropped: 1, failedRequests: 5, waiting: 0 });
});

test("export() holds so many spans and drops the others when nobody takes them", async () => {
  const { exporter } = rig(() => new Error("connection refused"));
  for (let at = 0; at < 5_000; at++) exporter.export(span("one"));
  expect(exporter.counts()).toMatchObject({ dropped: 5_000 - 4_096, waiting: 4_096 });
});

test("close() sends what waits, and takes nothing more", async () => {
  const { exporter, sent } = rig(() => new Response());
  for (let at = 0; at < 600; at++) exporter.export(span("one"));
  await exporter.close();
  expect(sent.reduce((sum, { spans }) => sum + spans.length, 0)).toBe(600);
  exporter.export(span("late"));
  expect(exporter.counts()).toMatchObject({ exported: 600, dropped: 1, waiting: 0 });
});

test("new OtlpExporter() refuses what is no address of a collector", () => {
  for (const endpoint of ["", "localhost:4318", "ftp://x/", "http://user:secret@x/"]) {
    expect(() => rig(() => new Response(), { endpoint })).toThrow("the collector's address is");
  }
});
