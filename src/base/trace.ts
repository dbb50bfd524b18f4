/**
 * Traces: who did what for whom, over processes and machines (W3C trace context, OpenTelemetry's words). What makes spans takes a
 * `Tracer`; who records them is chosen elsewhere. A context always travels, also where nothing is recorded: the next one may.
 */

export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";
export type AttributeValue = string | number | boolean;
export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface SpanOptions {
  /** A `traceparent` header's value: the span's parent. Without one it begins a trace. */
  readonly parent?: string | undefined;
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  /** Milliseconds since the epoch, with a fraction; now unless told otherwise. */
  readonly startMs?: number;
}

export interface Span {
  /** What goes with calls made on its behalf; undefined where there is no trace. */
  readonly traceparent: string | undefined;
  /** False for one that is not sampled: attributes need not be computed. */
  readonly isRecording: boolean;
  set(attributes: Attributes): void;
  event(name: string, attributes?: Attributes): void;
  /** Its work failed. It still has to be ended. */
  fail(thrown: unknown): void;
  /** Once; what comes later is ignored. */
  end(endMs?: number): void;
}

export interface Tracer {
  /** Whether any span of this tracer may ever be recorded. */
  readonly isEnabled: boolean;
  start(name: string, options?: SpanOptions): Span;
}

/** Passes the parent's context on and records nothing. */
export const NO_TRACER: Tracer = {
  isEnabled: false,
  start: (_name, options) => (options?.parent === undefined ? NO_SPAN : new PassedSpan(options.parent)),
};

class PassedSpan implements Span {
  readonly isRecording = false;
  constructor(readonly traceparent: string | undefined) {}
  set(): void {}
  event(): void {}
  fail(): void {}
  end(): void {}
}

const NO_SPAN: Span = new PassedSpan(undefined);

export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** What a `traceparent` says; undefined when it has not the form. */
export function readTraceparent(text: string | undefined): TraceContext | undefined {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(text ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

const UNSAMPLED = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f][02468ace]$/;

/** Whether it is of a trace that nobody records, which most are: it then goes on as it is. A third of what reading it costs. */
export function isUnsampled(text: string | undefined): text is string {
  return text !== undefined && UNSAMPLED.test(text);
}

export function writeTraceparent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;
}
