/** The flags of commands that may record traces. */
import type { Tracing } from "../app/observe/tracing.ts";

export const traceArgs = {
  "otlp-endpoint": {
    type: "string",
    valueHint: "URL",
    description: "send traces there, over OTLP/HTTP: http://127.0.0.1:4318 (also OTEL_EXPORTER_OTLP_ENDPOINT)",
  },
  "trace-ratio": {
    type: "string",
    valueHint: "0..1",
    description: "share of traces that is recorded (0.01; also OTEL_TRACES_SAMPLER_ARG)",
  },
} as const;

export interface TraceFlags {
  readonly "otlp-endpoint"?: string | undefined;
  readonly "trace-ratio"?: string | undefined;
}

export async function tracingFrom(
  flags: TraceFlags,
  name: string,
  version: string,
  warn: (text: string) => void,
): Promise<Tracing> {
  const { openTracing, tracingWords } = await import("../app/observe/tracing.ts");
  const words = tracingWords({ endpoint: flags["otlp-endpoint"], ratio: flags["trace-ratio"] });
  return openTracing(words, { name, version, warn });
}
