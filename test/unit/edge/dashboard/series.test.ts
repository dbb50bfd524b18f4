import { describe, expect, test } from "bun:test";
import type { GatewayRouteView } from "../../../../src/edge/dashboard/index.ts";
import {
  GATEWAY_REFUSED,
  GATEWAY_REQUESTS,
  pipelineSeries,
  routeSeries,
  seriesOf,
  serviceSeries,
  stageSeries,
  TOTAL_BYTES,
  TOTAL_CALLS,
  TOTAL_READ,
} from "../../../../src/edge/dashboard/page/logic/series.ts";
import { gatewayView, overviewOf, pipelineView, routeView, stageView } from "../../../support/overview.ts";

const link = (bytesSent: number) => ({ peer: "n2", isOpen: true, bytesSent, bytesTaken: 0 });
const service = (calls: number, errors: number) => ({
  name: "users",
  versions: [],
  nodes: [],
  healthy: 1,
  calls,
  errors,
});

describe("seriesOf()", () => {
  test("seriesOf() gives rates with the node's own time, and their totals", () => {
    const before = overviewOf({
      monotonicMs: 10_000,
      pipelines: [pipelineView("a", { read: 100, stages: [stageView("s", { out: 50, waitedMs: 0 })] })],
      links: [link(1_000)],
      services: [service(10, 1)],
    });
    const now = overviewOf({
      monotonicMs: 12_000,
      pipelines: [
        pipelineView("a", {
          read: 300,
          stages: [stageView("s", { out: 250, waitedMs: 4_000, queueMax: 8, p99Ms: 7 })],
        }),
        pipelineView("b", { read: 40 }),
      ],
      links: [link(5_000)],
      services: [service(30, 2)],
    });
    const values = seriesOf(before, now);
    const { id } = now.pipelines[0]!;
    expect(values.get(pipelineSeries(id, "read"))).toBe(100);
    expect(values.get(stageSeries(id, "s", "out"))).toBe(100);
    expect(values.get(stageSeries(id, "s", "pressure"))).toBe(0.25);
    expect(values.get(stageSeries(id, "s", "p99"))).toBe(7);
    expect(values.get(serviceSeries("users", "errors"))).toBe(0.5);
    expect(values.get(TOTAL_READ)).toBe(100);
    expect(values.get(TOTAL_CALLS)).toBe(10);
    expect(values.get(TOTAL_BYTES)).toBe(2_000);
    expect(values.has(pipelineSeries(now.pipelines[1]!.id, "read"))).toBe(false);
  });

  test("seriesOf() gives rates of a gateway and of each route, none for a route that is new", () => {
    const look = (monotonicMs: number, requests: number, refused: number, more: readonly GatewayRouteView[] = []) =>
      overviewOf({
        monotonicMs,
        gateway: gatewayView({
          requests,
          malformed: [{ code: "http.bad_request", count: refused }],
          routes: [
            routeView("users", {
              ...{ requests, byStatus: { "2xx": 1, "5xx": requests / 2, none: refused }, p99Ms: 9 },
              refused: [{ code: "gateway.limit_full", count: refused }],
            }),
            ...more,
          ],
        }),
      });
    const values = seriesOf(look(1_000, 100, 10), look(3_000, 200, 14, [routeView("new", { requests: 3 })]));
    expect(values.get(GATEWAY_REQUESTS)).toBe(50);
    expect(values.get(GATEWAY_REFUSED)).toBe(4);
    expect(values.get(routeSeries("users", "requests"))).toBe(50);
    expect(values.get(routeSeries("users", "failed"))).toBe(27);
    expect(values.get(routeSeries("users", "p99"))).toBe(9);
    expect(values.has(routeSeries("new", "requests"))).toBe(false);
    expect(seriesOf(overviewOf(), overviewOf()).has(GATEWAY_REQUESTS)).toBe(false);
  });

  test("seriesOf() gives no rate when the node lives anew, and values all the same", () => {
    const stage = stageView("s", { out: 5, queued: 4, queueMax: 8 });
    const pipelines = [pipelineView("a", { read: 5, stages: [stage] })];
    const values = seriesOf(
      overviewOf({ life: "one", pipelines, monotonicMs: 0 }),
      overviewOf({ life: "two", pipelines, monotonicMs: 1_000 }),
    );
    expect([...values.keys()]).toEqual([stageSeries(pipelines[0]!.id, "s", "pressure")]);
    expect([...values.values()]).toEqual([0.5]);
  });

  test("seriesOf() never says that a stage held others up for more than all the time", () => {
    const at = (monotonicMs: number, waitedMs: number) =>
      overviewOf({ monotonicMs, pipelines: [pipelineView("a", { stages: [stageView("s", { waitedMs })] })] });
    const now = at(1_000, 9_000);
    expect(seriesOf(at(0, 0), now).get(stageSeries(now.pipelines[0]!.id, "s", "pressure"))).toBe(1);
  });
});
