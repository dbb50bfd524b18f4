/** A collector of traces as OpenTelemetry's and Jaeger's are: takes OTLP over HTTP, and keeps what came by trace. */
import { until } from "./until.ts";

export interface TakenSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly status?: { readonly code: number; readonly message: string };
  /** Of the resource: the node that made it. */
  readonly node: string;
}

interface Exported {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: TakenSpan["attributes"] };
    readonly scopeSpans: readonly { readonly spans: readonly Omit<TakenSpan, "node">[] }[];
  }[];
}

export class TraceCollector implements AsyncDisposable {
  readonly spans: TakenSpan[] = [];
  readonly #server: Bun.Server<undefined>;

  constructor() {
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async (request) => {
        if (new URL(request.url).pathname !== "/v1/traces") return new Response(null, { status: 404 });
        this.#take((await request.json()) as Exported);
        return Response.json({});
      },
    });
  }

  /** What a process is told to send everything here. */
  get env(): Readonly<Record<string, string>> {
    const endpoint = `http://127.0.0.1:${this.#server.port}`;
    return { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER_ARG: "1" };
  }

  of(traceId: string): readonly TakenSpan[] {
    return this.spans.filter((each) => each.traceId === traceId);
  }

  /** By trace, in the order in which they came. */
  traces(): ReadonlyMap<string, readonly TakenSpan[]> {
    return Map.groupBy(this.spans, ({ traceId }) => traceId);
  }

  /** Resolves with all spans of a trace that has so many. */
  untilTrace(traceId: string, spans: number): Promise<readonly TakenSpan[]> {
    return until(`trace ${traceId} has ${spans} spans`, () => {
      const found = this.of(traceId);
      return found.length >= spans && found;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  #take({ resourceSpans }: Exported): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const node = textOf(resource.attributes, "service.instance.id")!;
      for (const { spans } of scopeSpans) for (const span of spans) this.spans.push({ ...span, node });
    }
  }
}

export function textOf(attributes: TakenSpan["attributes"], key: string): string | undefined {
  const found = attributes.find((each) => each.key === key)?.value;
  return found && String(Object.values(found)[0]);
}

/** `node name` of each, below each other, by indents: what a page of traces shows. Spans of one parent stand by name. */
export function treeOf(spans: readonly TakenSpan[], parent: string | undefined, depth = 0): readonly string[] {
  const label = ({ name, node }: TakenSpan): string => `${"  ".repeat(depth)}${node} ${name}`;
  return spans
    .filter(({ parentSpanId }) => parentSpanId === parent)
    .toSorted((one, other) => (label(one) < label(other) ? -1 : 1))
    .flatMap((span) => [label(span), ...treeOf(spans, span.spanId, depth + 1)]);
}
