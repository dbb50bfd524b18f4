import { describe, expect, test } from "bun:test";
import { GATEWAY_ROUTES_MAX, gatewayMetrics } from "../../../../src/app/observe/gateway-metrics.ts";
import { httpMetrics, ROUTES_MAX } from "../../../../src/app/observe/http-metrics.ts";
import { linkMetrics, PEERS_MAX } from "../../../../src/app/observe/link-metrics.ts";
import type { ObservedParts } from "../../../../src/app/observe/observation.ts";
import { Observation } from "../../../../src/app/observe/observation.ts";
import { pipelineMetrics } from "../../../../src/app/observe/pipeline-metrics.ts";
import { PROCESSES_MAX, processTreeMetrics } from "../../../../src/app/observe/process-tree-metrics.ts";
import { countLeaderChanges, raftMetrics } from "../../../../src/app/observe/raft-metrics.ts";
import { METHODS_MAX, serviceMetrics } from "../../../../src/app/observe/service-metrics.ts";
import { workerMetrics } from "../../../../src/app/observe/worker-metrics.ts";
import { type Collect, MetricRegistry } from "../../../../src/base/metrics.ts";
import { metricsText } from "../../../../src/base/metrics-text.ts";
import {
  allParts,
  durations,
  gatewayRouteSample,
  gatewaySample,
  runSample,
  stageSample,
} from "../../../support/observed.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

/** The samples that a collector says, without the program's prefix. */
function said(collect: Collect): string[] {
  const registry = new MetricRegistry({ clock: new SteppedClock() });
  registry.add("it", collect);
  const text = metricsText(registry.collect());
  expect(text).toContain('series_left_out{reason="duplicate"} 0');
  expect(text).toContain('series_left_out{reason="value"} 0');
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.replace("distributed_system_", ""));
}

function part<K extends keyof ObservedParts>(name: K): NonNullable<ObservedParts[K]> {
  return allParts()[name]!;
}

describe("linkMetrics()", () => {
  test("linkMetrics() tells each link by its peer, and what came to the door", () => {
    expect(said(linkMetrics(part("links")))).toEqual(
      expect.arrayContaining([
        'link_open{peer="n2"} 1',
        'link_sent_bytes_total{peer="n2"} 5',
        'link_received_requests_total{peer="n2"} 2',
        'link_round_trip_seconds{peer="n2"} 0.002',
        'link_refused_total{reason="timed_out"} 5',
        "links 1",
      ]),
    );
  });

  test("linkMetrics() tells the peers beyond a bound in one, and loses none of what they count", () => {
    const [link] = part("links").links();
    const links = Array.from({ length: PEERS_MAX + 5 }, (_, at) => ({ ...link!, peer: { id: `n${1_000 + at}` } }));
    const lines = said(linkMetrics({ links: () => links, roundTripMs: () => undefined }));
    expect(lines).toContain('link_sent_bytes_total{peer="(others)"} 25');
    expect(lines.filter((line) => line.startsWith("link_sent_bytes_total"))).toHaveLength(PEERS_MAX + 1);
    expect(lines).toContain(`links ${PEERS_MAX + 5}`);
    expect(lines.filter((line) => line.startsWith("link_round_trip_seconds"))).toEqual([]);
  });
});

describe("gatewayMetrics()", () => {
  test("gatewayMetrics() tells routes, targets, clients, firewalls and limits", () => {
    expect(said(gatewayMetrics(part("gateway")))).toEqual(
      expect.arrayContaining([
        'gateway_requests_total{route="users",status="2xx"} 6',
        'gateway_refused_total{code="gateway.limit_full",route="users"} 8',
        'gateway_request_duration_seconds_count{route="users"} 2',
        'gateway_target_tries_total{route="users",target="http://127.0.0.1:9001"} 9',
        'gateway_target_up{route="users",target="http://127.0.0.1:9001"} 1',
        "gateway_connections 1",
        'gateway_malformed_total{reason="http.bad_request"} 6',
        'gateway_waf_blocked_total{waf="crs"} 2',
        'gateway_masked_total{route="users"} 11',
        'gateway_mask_refused_total{route="users"} 2',
        'gateway_dropped_fields_total{from="request",route="users"} 3',
        'gateway_dropped_fields_total{from="reply",route="users"} 1',
        'gateway_extra_requests_total{kind="retry",route="users"} 9',
        'gateway_extra_requests_total{kind="hedge",route="users"} 5',
        'gateway_extra_requests_total{kind="mirror",route="users"} 30',
        'gateway_hedges_won_total{route="users"} 2',
        'gateway_extra_requests_left_out_total{route="users",why="budget"} 4',
        'gateway_extra_requests_left_out_total{route="users",why="body"} 1',
        'gateway_extra_requests_left_out_total{route="users",why="mirror"} 6',
        'gateway_limit_keys{limit="limit-1"} 8',
        "gateway_reloads_total 5",
      ]),
    );
  });

  test("gatewayMetrics() tells the routes beyond a bound in one, and loses none of what they count", () => {
    const idle = { latency: durations(1), masks: { masked: 3, refused: 1 } };
    const routes = [
      ...Array.from({ length: 40 }, (_, at) => gatewayRouteSample(`idle-${at}`, idle)),
      ...Array.from({ length: GATEWAY_ROUTES_MAX }, (_, at) => gatewayRouteSample(`busy-${at}`)),
    ];
    routes[0] = gatewayRouteSample("idle-0", { ...idle, masks: undefined });
    const lines = said(gatewayMetrics({ sample: () => gatewaySample({ routes }) }));
    expect(lines).toContain('gateway_masked_total{route="(others)"} 117');
    expect(lines).toContain('gateway_mask_refused_total{route="(others)"} 39');
    expect(lines).toContain('gateway_dropped_fields_total{from="request",route="(others)"} 120');
    expect(lines).toContain('gateway_extra_requests_total{kind="retry",route="(others)"} 360');
    expect(lines.filter((line) => line.startsWith("gateway_masked_total")).length).toBe(GATEWAY_ROUTES_MAX + 1);
    expect(lines).toContain('gateway_requests_total{route="(others)",status="5xx"} 280');
    expect(lines).toContain('gateway_refused_total{code="gateway.limit_full",route="(others)"} 320');
    expect(lines).toContain('gateway_request_duration_seconds_count{route="(others)"} 40');
    expect(lines.filter((line) => line.startsWith("gateway_received_bytes_total")).length).toBe(GATEWAY_ROUTES_MAX + 1);
    expect(lines.some((line) => line.includes("idle-"))).toBe(false);
  });

  test("gatewayMetrics() says when certificates end, those that end first of very many", () => {
    const certificates = Array.from({ length: 40 }, (_, at) => ({ file: `upstream_ca=${at}.crt`, endMs: 1e12 - at }));
    expect(said(gatewayMetrics({ sample: () => gatewaySample() }))).toContain(
      'gateway_certificate_end_timestamp_seconds{file="tls_certificate=server.crt"} 1800000000',
    );
    const lines = said(gatewayMetrics({ sample: () => gatewaySample({ certificates }) }));
    const ends = lines.filter((line) => line.startsWith("gateway_certificate_end"));
    expect([
      ends.length,
      ends.some((line) => line.includes("39.crt")),
      ends.some((line) => line.includes("=0.crt")),
    ]).toEqual([32, true, false]);
  });

  test("gatewayMetrics() says nothing of masks when a route has none", () => {
    const routes = [gatewayRouteSample("plain", { masks: undefined })];
    const lines = said(gatewayMetrics({ sample: () => gatewaySample({ routes }) }));
    expect(lines.filter((line) => line.includes("mask"))).toEqual([]);
  });

  test("gatewayMetrics() says a place once that stands twice on a line, a reason that two parts count, and few of many targets", () => {
    const target = { target: "http://a", isUp: false, tries: 1, failures: 1 };
    const many = Array.from({ length: 64 }, (_, at) => ({ ...target, target: `http://b${at}`, tries: 0 }));
    const routes = [gatewayRouteSample("r", { targets: [target, { ...target, isUp: true, tries: 5 }, ...many] })];
    const malformed: readonly (readonly [string, number])[] = [
      ["gateway.no_route", 2],
      ["gateway.no_route", 3],
    ];
    const lines = said(gatewayMetrics({ sample: () => gatewaySample({ routes, malformed }) }));
    expect(lines).toContain('gateway_target_up{route="r",target="http://a"} 1');
    expect(lines).toContain('gateway_target_tries_total{route="r",target="http://a"} 6');
    expect(lines).toContain('gateway_malformed_total{reason="gateway.no_route"} 5');
    expect(lines.filter((line) => line.startsWith("gateway_target_up")).length).toBe(16);
  });
});

describe("raftMetrics()", () => {
  test("raftMetrics() tells where a group is and how far its members are behind", () => {
    expect(said(raftMetrics(part("raft")))).toEqual(
      expect.arrayContaining([
        'raft_term{group="main"} 3',
        'raft_leader{group="main"} 1',
        'raft_has_leader{group="main"} 1',
        'raft_damaged{group="main"} 0',
        'raft_follower_lag_entries{group="main",member="n2"} 3',
        'raft_members{group="main",kind="voter"} 2',
        'raft_leader_changes_total{group="main"} 2',
        'raft_snapshot_bytes{group="main"} 20',
      ]),
    );
  });

  test("countLeaderChanges() counts each group's changes from then on", () => {
    const hear: (() => void)[] = [];
    const group = (name: string) => ({ name, onLeadership: (listener: () => void) => void hear.push(listener) });
    const changes = countLeaderChanges([group("main"), group("east")]);
    hear[1]!();
    hear[1]!();
    expect([changes("main"), changes("east"), changes("west")]).toEqual([0, 2, 0]);
  });
});

describe("pipelineMetrics()", () => {
  test("pipelineMetrics() tells where every record went: in and added are out and dropped", () => {
    const lines = said(pipelineMetrics(part("pipelines")));
    const own = 'pipeline="orders",stage="enrich"';
    expect(lines).toEqual(
      expect.arrayContaining([
        'pipeline_records_read_total{pipeline="orders"} 100',
        'pipeline_records_written_total{pipeline="orders"} 80',
        `stage_records_received_total{${own}} 90`,
        `stage_records_sent_total{${own}} 80`,
        'stage_records_dropped_total{pipeline="orders",reason="filtered",stage="enrich"} 5',
        'stage_records_dropped_total{pipeline="orders",reason="dead_lettered",stage="enrich"} 3',
        'stage_records_dropped_total{pipeline="orders",reason="skipped",stage="enrich"} 2',
        'stage_records_dropped_total{pipeline="orders",reason="malformed",stage="source"} 10',
        'pipeline_backpressure_seconds_total{pipeline="orders"} 0.25',
        'pipeline_fill_ratio{pipeline="orders"} 0.25',
        `stage_queue_fill_ratio{${own}} 0.25`,
        'pipelines{state="running"} 1',
        'pipelines{state="failed"} 0',
      ]),
    );
    expect(lines.filter((line) => line.startsWith("stage_errors"))).toEqual([]); // workers tell these
  });

  test("pipelineMetrics() tells of the processes too where these are its own", () => {
    const lines = said(pipelineMetrics({ ...part("pipelines"), isLocal: true }));
    const own = 'pipeline="orders",stage="enrich"';
    expect(lines).toEqual(
      expect.arrayContaining([
        `stage_errors_total{${own}} 4`,
        `stage_retries_total{${own}} 3`,
        `stage_host_restarts_total{${own}} 1`,
        `stage_backpressure_seconds_total{${own}} 1.5`,
        `stage_processes{${own}} 2`,
        `stage_breaker_open{${own}} 1`,
        'stage_limits_exceeded_total{limit="memory",pipeline="orders",stage="enrich"} 2',
      ]),
    );
  });

  test("pipelineMetrics() tells the latest of several submissions of one name, and of those that are over their number", () => {
    const older = { name: "orders", state: "running", rewinds: 7, run: runSample() };
    const latest = { ...older, rewinds: 1 };
    const over = { name: "daily", state: "ended", run: undefined };
    const lines = said(pipelineMetrics({ isLocal: false, pipelines: () => [older, over, over, latest] }));
    expect(lines).toContain('pipeline_rewinds_total{pipeline="orders"} 1');
    expect(lines).toContain('pipelines{state="ended"} 2');
    expect(lines.filter((line) => line.includes("daily"))).toEqual([]);
  });
});

describe("workerMetrics()", () => {
  test("workerMetrics() adds up a stage that several masters have placed here", () => {
    const placed = (stage: object) => ({ pipeline: "orders", queue: 1, stages: [stageSample(stage)] });
    const closed = { breaker: undefined, limits: { memory: 1, cpu: 1 }, failures: undefined };
    const lines = said(workerMetrics({ capacity: 4, progress: () => [placed({}), placed(closed)] }));
    const own = 'pipeline="orders",stage="enrich"';
    expect(lines).toEqual(
      expect.arrayContaining([
        "worker_capacity 4",
        "worker_batches 2",
        "worker_deployments 2",
        `stage_batches{${own}} 4`,
        `stage_errors_total{${own}} 4`,
        `stage_backpressure_seconds_total{${own}} 3`,
        `stage_breaker_open{${own}} 1`,
        'stage_limits_exceeded_total{limit="memory",pipeline="orders",stage="enrich"} 3',
        'stage_limits_exceeded_total{limit="cpu",pipeline="orders",stage="enrich"} 1',
      ]),
    );
    expect(lines.filter((line) => line.startsWith("worker_tasks"))).toEqual([]);
  });
});

describe("processTreeMetrics()", () => {
  const lane = (number: number) =>
    ({ name: `lane ${number}`, kind: "worker", state: "running", restarts: 2, pid: number + 1, children: [] }) as const;
  const tree = (lanes: number) => {
    const common = { kind: "supervisor", state: "running", restarts: 0 } as const;
    const stage = { ...common, name: "enrich", children: Array.from({ length: lanes }, (_, at) => lane(at)) };
    return { ...common, name: "orders", children: [stage] };
  };

  test("processTreeMetrics() tells processes by their place, and nothing of one that is gone but that it restarts", () => {
    const usage = (pid: number) => (pid === 1 ? { memoryBytes: 4_096, cpuMs: 1_500 } : undefined);
    const lines = said(processTreeMetrics({ trees: () => [tree(2)], usage }));
    expect(lines).toEqual(
      expect.arrayContaining([
        'plugin_memory_bytes{place="orders/enrich/lane 0"} 4096',
        'plugin_cpu_seconds_total{place="orders/enrich/lane 0"} 1.5',
        'plugin_restarts_total{place="orders/enrich/lane 1"} 2',
        'plugin_up{place="orders/enrich/lane 1"} 1',
      ]),
    );
    expect(lines.filter((line) => line.startsWith("plugin_memory_bytes"))).toHaveLength(1);
  });

  test("processTreeMetrics() looks at a bounded number of processes", () => {
    const looked: number[] = [];
    const usage = (pid: number) => void looked.push(pid);
    said(processTreeMetrics({ trees: () => [tree(PROCESSES_MAX + 50)], usage: usage as () => undefined }));
    expect(looked).toHaveLength(PROCESSES_MAX);
  });
});

describe("serviceMetrics()", () => {
  test("serviceMetrics() tells calls, failures by code, breakers, and what this node offers", () => {
    expect(said(serviceMetrics(part("services")))).toEqual(
      expect.arrayContaining([
        'service_calls_total{method="get",service="users"} 10',
        'service_errors_total{code="service.unavailable",method="get",service="users"} 1',
        'service_call_duration_seconds_count{method="get",service="users"} 2',
        'service_breaker_open{node="n2",service="users",version="1.0.0"} 1',
        'service_breaker_open{node="n2",service="users",version="2.0.0"} 0',
        'service_processes{service="users",version="1.0.0"} 2',
        "services 3",
      ]),
    );
  });

  test("serviceMetrics() tells the busiest methods when there are very many", () => {
    const [call] = part("services").calls();
    const calls = Array.from({ length: METHODS_MAX + 10 }, (_, at) => ({ ...call!, method: `m${at}`, calls: at }));
    const lines = said(serviceMetrics({ calls: () => calls })).filter((line) => line.startsWith("service_calls_total"));
    expect(lines).toHaveLength(METHODS_MAX);
    expect(lines.some((line) => line.includes('method="m9"'))).toBe(false);
  });
});

describe("httpMetrics()", () => {
  test("httpMetrics() tells a bounded number of routes, the busiest", () => {
    const routes = Array.from({ length: ROUTES_MAX + 1 }, (_, at) => {
      const latency = durations(...Array.from({ length: at + 1 }, () => 1));
      return { route: `/r${at}`, verb: "GET", status: "2xx", latency };
    });
    const lines = said(httpMetrics(() => ({ ...part("http")(), routes })));
    const counts = lines.filter((line) => line.startsWith("http_request_duration_seconds_count"));
    expect(counts).toHaveLength(ROUTES_MAX);
    expect(counts.some((line) => line.includes('"/r0"'))).toBe(false);
    expect(lines).toContain("http_unauthenticated_total 4");
  });
});

describe("Observation", () => {
  const process = { command: "master", name: "n1", startedMs: -2_000, version: "1.2.3" };

  test("scrape() tells of every part that is watched, and of the process", () => {
    const clock = new SteppedClock();
    const observation = new Observation({ clock, process, watchesLoop: false });
    observation.watch(allParts());
    const { contentType, text } = observation.scrape("application/openmetrics-text");
    expect(contentType).toStartWith("application/openmetrics-text");
    expect(text).toContain('command="master",name="n1"');
    expect(text).toContain("distributed_system_uptime_seconds 2\n");
    for (const name of ["links", "members", "raft_term", "worker_capacity", "services", "cache_entries", "trace_spans"])
      expect(text).toContain(`distributed_system_${name}`);
    for (const from of ["memory", "redis", "joined"]) expect(text).toContain(`cache_hits_total{from="${from}"}`);
    expect(text).toContain('tokens_refused_total{code="auth.token_expired"} 4');
    expect(text).toContain('membership_dropped_total{reason="wrong_key"} 5');
    expect(text).toContain('members{state="suspect"} 1');
    expect(text).toContain("swim_late_seconds_total 1.5");
  });

  test("Observation says how late timers are, until it is closed", () => {
    const clock = new SteppedClock();
    const observation = new Observation({ clock, process, watchesLoop: true });
    clock.sleep(530); // 30 ms too late
    clock.advance(0);
    clock.advance(500);
    const { text } = observation.scrape();
    expect(text).toContain("distributed_system_event_loop_lag_seconds_count 2\n");
    expect(text).toContain("distributed_system_event_loop_lag_seconds_sum 0.03\n");
    observation.close();
    expect(clock.timers).toBe(0);
  });
});
