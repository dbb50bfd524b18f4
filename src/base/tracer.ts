/**
 * A tracer that records a share of traces: whether a trace is recorded is decided where it begins, by chance, and everybody after
 * that goes by the flag in its context (OpenTelemetry's parent-based ratio sampler), so that a trace is whole or not there.
 * Finished spans go to a sink; what is not recorded costs an id at the beginning of a trace and nothing behind it.
 */
import type { Clock } from "./clock.ts";
import { assert } from "./errors.ts";
import { seededRandom } from "./random.ts";
import {
  type Attributes,
  type AttributeValue,
  isUnsampled,
  NO_TRACER,
  readTraceparent,
  type Span,
  type SpanKind,
  type SpanOptions,
  type TraceContext,
  type Tracer,
  writeTraceparent,
} from "./trace.ts";

export interface SpanEvent {
  readonly name: string;
  readonly atMs: number;
  readonly attributes: Attributes;
}

export interface FinishedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly traceId: string;
  readonly spanId: string;
  /** Left out where it begins the trace. */
  readonly parentSpanId: string | undefined;
  /** Milliseconds since the epoch, with a fraction. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  /** What its work failed with; undefined when it did not. */
  readonly failure: string | undefined;
}

/** Must not throw, and must not wait. */
export type SpanSink = (span: FinishedSpan) => void;

export interface TracerOptions {
  readonly clock: Pick<Clock, "now" | "monotonic">;
  /** So many bytes by chance; ids of many processes must not meet. */
  readonly entropy: (bytes: number) => Uint8Array;
  /** Share of the traces begun here that is recorded, 0 to 1. */
  readonly ratio: number;
  readonly sink: SpanSink;
}

/** OpenTelemetry's defaults are 128; nothing here says more than a dozen things of a span. */
const ATTRIBUTES_MAX = 64;
const EVENTS_MAX = 32;
const VALUE_CHARS_MAX = 1_024;
const NAME_CHARS_MAX = 256;
/** Chance is asked for in large pieces: a call for each id costs more than the span. */
const POOL_BYTES = 4_096;

export function createTracer({ clock, entropy, ratio, sink }: TracerOptions): Tracer {
  assert(ratio >= 0 && ratio <= 1, `the share of traces that is recorded is ${ratio}; 0 to 1 is required`);
  const ids = new Ids(entropy);
  const unsampled = unsampledContexts(ids);
  const chance = seededRandom(Buffer.from(entropy(4)).readUInt32LE());
  const epochMs = clock.now() - clock.monotonic(); // one origin: spans of a process never overlap by a set clock
  const nowMs = (): number => epochMs + clock.monotonic();
  const begin = (name: string, options: SpanOptions, context: TraceContext, parentSpanId?: string): Span =>
    new RecordedSpan({ name, options, context, parentSpanId, nowMs, sink });
  return {
    isEnabled: true,
    start(name, options = {}) {
      if (isUnsampled(options.parent)) return NO_TRACER.start(name, options);
      const parent = readTraceparent(options.parent);
      if (parent && !parent.isSampled) return NO_TRACER.start(name, options);
      if (parent) return begin(name, options, { ...parent, spanId: ids.next(8) }, parent.spanId);
      if (chance.next() >= ratio) return NO_TRACER.start(name, { parent: unsampled() }); // the decision goes with it
      return begin(name, options, { traceId: ids.next(16), spanId: ids.next(8), isSampled: true });
    },
  };
}

/** Contexts of traces that nobody records: ids that are nobody else's, and cost a count. Most requests get one. */
function unsampledContexts(ids: Ids): () => string {
  const [trace, span] = [ids.next(12), ids.next(8)];
  let count = 0;
  return () => {
    count = (count + 1) >>> 0;
    return `00-${trace}${(0x1_0000_0000 + count).toString(16).slice(1)}-${span}-00`;
  };
}

class Ids {
  readonly #entropy: (bytes: number) => Uint8Array;
  #pool = "";
  #at = 0;

  constructor(entropy: (bytes: number) => Uint8Array) {
    this.#entropy = entropy;
  }

  /** In hexadecimal, never all zeros. */
  next(bytes: number): string {
    for (;;) {
      if (this.#at + 2 * bytes > this.#pool.length) {
        this.#pool = Buffer.from(this.#entropy(POOL_BYTES)).toString("hex");
        this.#at = 0;
      }
      const id = this.#pool.slice(this.#at, this.#at + 2 * bytes);
      this.#at += 2 * bytes;
      if (!/^0+$/.test(id)) return id;
    }
  }
}

interface SpanParts {
  readonly name: string;
  readonly options: SpanOptions;
  readonly context: TraceContext;
  readonly parentSpanId: string | undefined;
  readonly nowMs: () => number;
  readonly sink: SpanSink;
}

class RecordedSpan implements Span {
  readonly isRecording = true;
  readonly traceparent: string;
  readonly #parts: SpanParts;
  readonly #startMs: number;
  readonly #attributes: Record<string, AttributeValue> = {};
  readonly #events: SpanEvent[] = [];
  #attributeCount = 0;
  #failure: string | undefined;
  #isEnded = false;

  constructor(parts: SpanParts) {
    this.#parts = parts;
    this.#startMs = parts.options.startMs ?? parts.nowMs();
    this.traceparent = writeTraceparent(parts.context);
    if (parts.options.attributes) this.set(parts.options.attributes);
  }

  set(attributes: Attributes): void {
    for (const [key, value] of Object.entries(attributes)) {
      if (!Object.hasOwn(this.#attributes, key) && ++this.#attributeCount > ATTRIBUTES_MAX) return;
      this.#attributes[key] = typeof value === "string" ? value.slice(0, VALUE_CHARS_MAX) : value;
    }
  }

  event(name: string, attributes: Attributes = {}): void {
    if (this.#isEnded || this.#events.length >= EVENTS_MAX) return;
    this.#events.push({ name: name.slice(0, NAME_CHARS_MAX), atMs: this.#parts.nowMs(), attributes });
  }

  fail(thrown: unknown): void {
    const { code } = (thrown ?? {}) as { readonly code?: unknown }; // of a Failure or of the system
    if (typeof code === "string") this.set({ "error.type": code });
    this.#failure ??= (thrown instanceof Error ? thrown.message : String(thrown)).slice(0, VALUE_CHARS_MAX);
  }

  end(endMs?: number): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { context, name, nowMs, options, parentSpanId, sink } = this.#parts;
    sink({
      name: name.slice(0, NAME_CHARS_MAX),
      kind: options.kind ?? "internal",
      traceId: context.traceId,
      spanId: context.spanId,
      parentSpanId,
      startMs: this.#startMs,
      endMs: Math.max(this.#startMs, endMs ?? nowMs()),
      attributes: this.#attributes,
      events: this.#events,
      failure: this.#failure,
    });
  }
}
