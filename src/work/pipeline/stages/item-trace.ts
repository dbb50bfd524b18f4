/**
 * A batch that belongs to a recorded trace carries this on its way; whoever does something with it makes a span below the batch's. A
 * batch without one is not recorded, and costs nothing.
 */
import type { Attributes, Span, SpanOptions, Tracer } from "../../../base/trace.ts";

export class ItemTrace {
  readonly #tracer: Tracer;
  readonly #span: Span;

  private constructor(tracer: Tracer, span: Span) {
    this.#tracer = tracer;
    this.#span = span;
  }

  /** Undefined where nothing is recorded: without a tracer, and for a trace that was not chosen. */
  static begin(tracer: Tracer | undefined, name: string, options: SpanOptions): ItemTrace | undefined {
    const span = tracer?.start(name, options);
    return tracer && span?.isRecording ? new ItemTrace(tracer, span) : undefined;
  }

  /** A span below it. */
  start(name: string, options: Omit<SpanOptions, "parent"> = {}): Span {
    return this.#tracer.start(name, { ...options, parent: this.#span.traceparent });
  }

  /** A span below it, for the spans of what is done within it. */
  within(name: string): ItemTrace {
    return new ItemTrace(this.#tracer, this.start(name));
  }

  set(attributes: Attributes): void {
    this.#span.set(attributes);
  }

  /** `work` as a span below it, with what it threw. */
  async during<T>(name: string, options: Omit<SpanOptions, "parent">, work: () => Promise<T>): Promise<T> {
    const span = this.start(name, options);
    try {
      return await work();
    } catch (thrown) {
      span.fail(thrown);
      throw thrown;
    } finally {
      span.end();
    }
  }

  end(thrown?: unknown): void {
    if (thrown !== undefined) this.#span.fail(thrown);
    this.#span.end();
  }
}
