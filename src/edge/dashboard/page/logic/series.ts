/** Which values two looks at the cluster give, each under a name of its own: rates out of totals, and what is a value already. Pure. */
import { ratePerSecond } from "../../../../base/rate.ts";
import type { GatewayRouteView, GatewayView, Overview, PipelineView, ServiceView, StageView } from "../../words.ts";

export type StageMetric = "out" | "p99" | "pressure";
export type PipelineMetric = "read" | "written" | "p99";
export type ServiceMetric = "calls" | "errors";
export type RouteMetric = "requests" | "failed" | "p99";

export const TOTAL_READ = "total read";
export const TOTAL_WRITTEN = "total written";
export const TOTAL_CALLS = "total calls";
export const TOTAL_BYTES = "total bytes";
export const GATEWAY_REQUESTS = "gateway requests";
export const GATEWAY_REFUSED = "gateway refused";

export function stageSeries(pipeline: string, stage: string, metric: StageMetric): string {
  return `stage ${pipeline} ${stage} ${metric}`;
}

export function pipelineSeries(pipeline: string, metric: PipelineMetric): string {
  return `pipeline ${pipeline} ${metric}`;
}

export function serviceSeries(service: string, metric: ServiceMetric): string {
  return `service ${service} ${metric}`;
}

export function routeSeries(route: string, metric: RouteMetric): string {
  return `route ${route} ${metric}`;
}

export function linkSeries(peer: string): string {
  return `link ${peer}`;
}

/** Nothing for rates when the node has begun a new life between the two. */
export function seriesOf(before: Overview | undefined, now: Overview): Map<string, number> {
  const values = new Map<string, number>();
  const put = (name: string, value: number | undefined): void => {
    if (value !== undefined && Number.isFinite(value)) values.set(name, value);
  };
  const elapsedMs = before?.life === now.life ? now.monotonicMs - before.monotonicMs : 0;
  const rate = (was: number | undefined, is: number | undefined): number | undefined =>
    ratePerSecond(was, is, elapsedMs);
  for (const pipeline of now.pipelines) {
    putPipeline(
      put,
      rate,
      before?.pipelines.find(({ id }) => id === pipeline.id),
      pipeline,
    );
  }
  for (const service of now.services) {
    const was = before?.services.find(({ name }) => name === service.name);
    put(serviceSeries(service.name, "calls"), rate(was?.calls, service.calls));
    put(serviceSeries(service.name, "errors"), rate(was?.errors, service.errors));
  }
  for (const link of now.links) {
    const was = before?.links.find(({ peer }) => peer === link.peer);
    put(linkSeries(link.peer), rate(was && was.bytesSent + was.bytesTaken, link.bytesSent + link.bytesTaken));
  }
  if (now.gateway) putGateway(put, rate, before?.gateway, now.gateway);
  put(
    TOTAL_READ,
    sum(
      values,
      now.pipelines.map(({ id }) => pipelineSeries(id, "read")),
    ),
  );
  put(
    TOTAL_WRITTEN,
    sum(
      values,
      now.pipelines.map(({ id }) => pipelineSeries(id, "written")),
    ),
  );
  put(
    TOTAL_CALLS,
    sum(
      values,
      now.services.map(({ name }: ServiceView) => serviceSeries(name, "calls")),
    ),
  );
  put(
    TOTAL_BYTES,
    sum(
      values,
      now.links.map(({ peer }) => linkSeries(peer)),
    ),
  );
  return values;
}

type Put = (name: string, value: number | undefined) => void;
type Rate = (was: number | undefined, is: number | undefined) => number | undefined;

function putPipeline(put: Put, rate: Rate, before: PipelineView | undefined, now: PipelineView): void {
  put(pipelineSeries(now.id, "read"), rate(before?.read, now.read));
  put(pipelineSeries(now.id, "written"), rate(before?.written, now.written));
  put(pipelineSeries(now.id, "p99"), now.p99Ms);
  for (const stage of now.stages) {
    const was = before?.stages.find(({ name }) => name === stage.name);
    put(stageSeries(now.id, stage.name, "out"), rate(was?.out, stage.out));
    put(stageSeries(now.id, stage.name, "p99"), stage.p99Ms);
    put(stageSeries(now.id, stage.name, "pressure"), pressureOf(was, stage, rate));
  }
}

function putGateway(put: Put, rate: Rate, before: GatewayView | undefined, now: GatewayView): void {
  put(GATEWAY_REQUESTS, rate(before?.requests, now.requests));
  put(GATEWAY_REFUSED, rate(before && refusedBy(before), refusedBy(now)));
  for (const route of now.routes) {
    const was = before?.routes.find(({ id }) => id === route.id);
    put(routeSeries(route.id, "requests"), rate(was?.requests, route.requests));
    put(routeSeries(route.id, "failed"), rate(was && failedOf(was), failedOf(route)));
    put(routeSeries(route.id, "p99"), route.p99Ms);
  }
}

/** Replies that say that the gateway or what is behind it failed, and requests that got none. */
export function failedOf({ byStatus }: Pick<GatewayRouteView, "byStatus">): number {
  return (byStatus["5xx"] ?? 0) + (byStatus.none ?? 0);
}

/** What the gateway answered by itself on all its routes, and what reached none. */
export function refusedBy({ malformed, routes }: Pick<GatewayView, "malformed" | "routes">): number {
  return [...malformed, ...routes.flatMap(({ refused }) => refused)].reduce((total, { count }) => total + count, 0);
}

/**
 * How many batches wait for the stage on average, of those that may be under way in it; where waiting is not told, how full its queue
 * is. 0 to 1.
 */
function pressureOf(before: StageView | undefined, now: StageView, rate: Rate): number | undefined {
  const waited = rate(before?.waitedMs, now.waitedMs);
  if (waited !== undefined) return Math.min(1, waited / 1000 / (now.queueMax || 1));
  return fillOf(now);
}

/** 0 to 1. */
export function fillOf({ queued, queueMax }: Pick<StageView, "queued" | "queueMax">): number | undefined {
  return queued === undefined || !queueMax ? undefined : Math.min(1, queued / queueMax);
}

/** Undefined when none of them is known. */
function sum(values: ReadonlyMap<string, number>, names: readonly string[]): number | undefined {
  const known = names.flatMap((name) => values.get(name) ?? []);
  return known.length === 0 ? undefined : known.reduce((total, each) => total + each, 0);
}
