/** Traces on their way to a collector. */
import { type Collect, counter, gauge } from "../../base/metrics.ts";

const EXPORTED = counter("distributed_system_trace_spans_exported_total", "Spans that a collector has taken.");
const DROPPED = counter(
  "distributed_system_trace_spans_dropped_total",
  "Spans that were dropped: the collector is away or too slow.",
);
const FAILED = counter("distributed_system_trace_export_failures_total", "Requests to the collector that failed.");
const WAITING = gauge("distributed_system_trace_spans_waiting", "Spans that wait to be sent.");

export interface TraceSample {
  readonly exported: number;
  readonly dropped: number;
  readonly failedRequests: number;
  readonly waiting: number;
}

export function traceMetrics(counts: () => TraceSample): Collect {
  return (out) => {
    const { dropped, exported, failedRequests, waiting } = counts();
    out.set(EXPORTED, exported);
    out.set(DROPPED, dropped);
    out.set(FAILED, failedRequests);
    out.set(WAITING, waiting);
  };
}
