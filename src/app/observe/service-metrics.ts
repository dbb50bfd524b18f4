/** Services: the calls that this node has made or passed on, and what it knows of who offers what. */
import type { Histogram } from "../../base/histogram.ts";
import { type Collect, counter, gauge, histogram } from "../../base/metrics.ts";

const CALLS = counter("distributed_system_service_calls_total", "Calls of a method through this node.");
const ERRORS = counter("distributed_system_service_errors_total", "Calls that failed, by code.");
const RETRIES = counter("distributed_system_service_retries_total", "Attempts beyond the first one.");
const FALLBACKS = counter("distributed_system_service_fallbacks_total", "Calls that were answered by a fallback.");
const IN_FLIGHT = gauge("distributed_system_service_calls_in_flight", "Calls that have no answer yet.");
const TOOK = histogram(
  "distributed_system_service_call_duration_seconds",
  "From a call to its answer, retries among it.",
);
const BREAKER = gauge(
  "distributed_system_service_breaker_open",
  "1 while the breaker of a version of a service on a node lets nothing through.",
);
const PROCESSES = gauge(
  "distributed_system_service_processes",
  "Processes of this node that serve, by service and version.",
);
const SERVICES = gauge("distributed_system_services", "Services that are known of the whole cluster.");

export interface ServiceCallSample {
  readonly service: string;
  readonly method: string;
  readonly calls: number;
  /** By the failure's code. */
  readonly errors: Readonly<Record<string, number>>;
  readonly retries: number;
  readonly fallbacks: number;
  readonly inFlight: number;
  readonly latency: Histogram;
}

export interface ServicesPort {
  readonly calls: () => readonly ServiceCallSample[];
  readonly breakers?: (() => readonly BreakerSample[]) | undefined;
  /** Of this node. */
  readonly offers?: (() => readonly OfferSample[]) | undefined;
  /** How many are known of the whole cluster. */
  readonly known?: (() => number) | undefined;
}

export interface BreakerSample {
  readonly service: string;
  /** Versions side by side on one node have breakers of their own. */
  readonly version: string;
  readonly node: string;
  readonly state: string;
}

export interface OfferSample {
  readonly description: { readonly name: string; readonly version: string };
  readonly healthy: number;
}

/** Some thirty series each; the busiest are told. */
export const METHODS_MAX = 60;

export function serviceMetrics({ breakers, calls, known, offers }: ServicesPort): Collect {
  return (out) => {
    out.set(SERVICES, known?.());
    for (const { description, healthy } of offers?.() ?? [])
      out.set(PROCESSES, healthy, { service: description.name, version: description.version });
    for (const { state, ...labels } of breakers?.() ?? []) out.set(BREAKER, state === "open" ? 1 : 0, labels);
    const busiest = calls().toSorted((left, right) => right.calls - left.calls);
    for (const { errors, fallbacks, inFlight, latency, method, retries, service, ...rest } of busiest.slice(
      0,
      METHODS_MAX,
    )) {
      const labels = { service, method };
      out.set(CALLS, rest.calls, labels);
      out.set(RETRIES, retries, labels);
      out.set(FALLBACKS, fallbacks, labels);
      out.set(IN_FLIGHT, inFlight, labels);
      out.durations(TOOK, latency, labels);
      for (const [code, count] of Object.entries(errors)) out.set(ERRORS, count, { ...labels, code });
    }
  };
}
