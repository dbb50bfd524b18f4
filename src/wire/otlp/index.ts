/** Spans to a collector, over OTLP/HTTP. */
export { type OtlpCounts, OtlpExporter, type OtlpOptions } from "./exporter.ts";
export { type Resource, tracesRequest } from "./traces-request.ts";
