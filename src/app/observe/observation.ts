/**
 * What a process can be watched by: the collectors of the parts that it has, in one registry, and the text that a scraper gets. It asks
 * parts when it is asked itself, and keeps nothing but how late timers are.
 */
import type { Clock } from "../../base/clock.ts";
import { MetricRegistry } from "../../base/metrics.ts";
import { METRICS_CONTENT_TYPE, type MetricsFormat, metricsFormat, metricsText } from "../../base/metrics-text.ts";
import { type CacheMetricsPort, cacheMetrics } from "./cache-metrics.ts";
import { type GatewayPort, gatewayMetrics } from "./gateway-metrics.ts";
import { type HttpSample, httpMetrics, type TokensPort, tokenMetrics } from "./http-metrics.ts";
import { type LinksPort, linkMetrics } from "./link-metrics.ts";
import { LoopLag } from "./loop-lag.ts";
import { type MembersPort, membershipMetrics } from "./membership-metrics.ts";
import { type PipelinesPort, pipelineMetrics } from "./pipeline-metrics.ts";
import { type ProcessPort, processMetrics } from "./process-metrics.ts";
import { processTreeMetrics, type TreesPort } from "./process-tree-metrics.ts";
import { type RaftPort, raftMetrics } from "./raft-metrics.ts";
import { type ServicesPort, serviceMetrics } from "./service-metrics.ts";
import { type TraceSample, traceMetrics } from "./trace-metrics.ts";
import { type WorkerPort, workerMetrics } from "./worker-metrics.ts";

/** Parts that a process has not are left out. */
export interface ObservedParts {
  readonly links?: LinksPort | undefined;
  readonly membership?: MembersPort | undefined;
  readonly raft?: RaftPort | undefined;
  readonly pipelines?: PipelinesPort | undefined;
  readonly worker?: WorkerPort | undefined;
  readonly processes?: TreesPort | undefined;
  readonly services?: ServicesPort | undefined;
  readonly cache?: CacheMetricsPort | undefined;
  readonly http?: (() => HttpSample) | undefined;
  readonly tokens?: TokensPort | undefined;
  readonly traces?: (() => TraceSample) | undefined;
  readonly gateway?: GatewayPort | undefined;
}

export interface ObservationPorts {
  readonly clock: Clock;
  readonly process: Pick<ProcessPort, "command" | "name" | "startedMs" | "version">;
  /** Measures how late timers are, until it is closed. */
  readonly watchesLoop: boolean;
  /** Told of each collector that fails. */
  readonly report?: ((what: string, thrown: unknown) => void) | undefined;
}

export interface Scrape {
  readonly contentType: string;
  readonly text: string;
}

export class Observation {
  readonly #registry: MetricRegistry;
  readonly #loopLag: LoopLag | undefined;

  constructor({ clock, process, report, watchesLoop }: ObservationPorts) {
    this.#registry = new MetricRegistry({ clock, ...(report && { report }) });
    this.#loopLag = watchesLoop ? new LoopLag(clock) : undefined;
    const own = { ...process, nowMs: () => clock.now(), loopLag: this.#loopLag?.late };
    this.#registry.add("process", processMetrics(own));
  }

  /** Once for each part: some are there from the start, others when the process has its duty. */
  watch({
    cache,
    gateway,
    http,
    links,
    membership,
    pipelines,
    processes,
    raft,
    services,
    tokens,
    traces,
    worker,
  }: ObservedParts): void {
    const registry = this.#registry;
    if (links) registry.add("links", linkMetrics(links));
    if (membership) registry.add("membership", membershipMetrics(membership));
    if (raft) registry.add("raft", raftMetrics(raft));
    if (pipelines) registry.add("pipelines", pipelineMetrics(pipelines));
    if (worker) registry.add("worker", workerMetrics(worker));
    if (services) registry.add("services", serviceMetrics(services));
    if (cache) registry.add("cache", cacheMetrics(cache));
    if (gateway) registry.add("gateway", gatewayMetrics(gateway));
    if (http) registry.add("http", httpMetrics(http));
    if (tokens) registry.add("tokens", tokenMetrics(tokens));
    if (traces) registry.add("traces", traceMetrics(traces));
    if (processes) registry.add("processes", processTreeMetrics(processes));
  }

  /** In the form that an `Accept` header asks for. */
  scrape(accept?: string | null): Scrape {
    return this.told(metricsFormat(accept));
  }

  told(format: MetricsFormat): Scrape {
    return { contentType: METRICS_CONTENT_TYPE[format], text: metricsText(this.#registry.collect(), format) };
  }

  close(): void {
    this.#loopLag?.close();
  }
}
