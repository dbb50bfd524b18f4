/** Spans as OTLP writes them in JSON (opentelemetry-proto, `ExportTraceServiceRequest`): ids in hexadecimal, times as texts of nanoseconds. */
import type { Attributes, AttributeValue, SpanKind } from "../../base/trace.ts";
import type { FinishedSpan } from "../../base/tracer.ts";

/** Who made the spans: `service.name`, `service.instance.id`, … */
export type Resource = Attributes;

const KINDS: Readonly<Record<SpanKind, number>> = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 };
const STATUS_ERROR = 2;
const SCOPE = "distributed_system";

/** Its JSON text. */
export function tracesRequest(resource: Resource, spans: readonly FinishedSpan[]): string {
  const scopeSpans = [{ scope: { name: SCOPE }, spans: spans.map(spanOf) }];
  return JSON.stringify({ resourceSpans: [{ resource: { attributes: pairsOf(resource) }, scopeSpans }] });
}

function spanOf(span: FinishedSpan) {
  const { attributes, endMs, events, failure, kind, name, parentSpanId, spanId, startMs, traceId } = span;
  return {
    traceId,
    spanId,
    ...(parentSpanId !== undefined && { parentSpanId }),
    name,
    kind: KINDS[kind],
    startTimeUnixNano: nanoseconds(startMs),
    endTimeUnixNano: nanoseconds(endMs),
    attributes: pairsOf(attributes),
    ...(events.length > 0 && {
      events: events.map((each) => ({
        name: each.name,
        timeUnixNano: nanoseconds(each.atMs),
        attributes: pairsOf(each.attributes),
      })),
    }),
    ...(failure !== undefined && { status: { code: STATUS_ERROR, message: failure } }),
  };
}

function pairsOf(attributes: Attributes) {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValueOf(value) }));
}

function anyValueOf(value: AttributeValue) {
  if (typeof value === "string") return { stringValue: value.toWellFormed() };
  if (typeof value === "boolean") return { boolValue: value };
  if (Number.isSafeInteger(value)) return { intValue: String(value) };
  return { doubleValue: Number.isFinite(value) ? value : 0 };
}

/** Whole microseconds: a double holds no more of a time since the epoch. */
function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1000)}000`;
}
