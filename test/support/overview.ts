/** A cluster at a glance, made up: for tests of what shows it. */
import type { GatewayRouteView, GatewayView, Overview, StageView, TreeView } from "../../src/edge/dashboard/index.ts";

export function stageView(name: string, more: Partial<StageView> = {}): StageView {
  return { name, in: 0, out: 0, retries: 0, restarts: 0, ...more };
}

export function treeView(name: string, more: Partial<TreeView> = {}): TreeView {
  return { name, kind: "supervisor", state: "running", restarts: 0, children: [], ...more };
}

/** Nothing but a node that is alone. */
export function overviewOf(more: Partial<Overview> = {}): Overview {
  return {
    ...{ atMs: 1_000, monotonicMs: 1_000, life: "life-1", node: "n1", version: "0.1.0" },
    nodes: [nodeView("n1", { isSelf: true })],
    ...{ links: [], pipelines: [], services: [], instances: [], deadLetters: [], groups: [] },
    ...{ events: [], lastEvent: 0, missing: [], cut: [] },
    ...more,
  };
}

export function nodeView(id: string, more: Partial<Overview["nodes"][number]> = {}): Overview["nodes"][number] {
  return {
    ...{ id, name: id, address: "127.0.0.1:8080", roles: ["worker"], state: "alive", ageMs: 3_700_000 },
    ...{ isSelf: false, isLeader: false, capacities: {} },
    ...more,
  };
}

export function pipelineView(
  name: string,
  more: Partial<Overview["pipelines"][number]> = {},
): Overview["pipelines"][number] {
  return {
    ...{ id: `${name}-20260101-k7xq`, name, state: "running", submittedMs: 0, read: 0, written: 0, deadLettered: 0 },
    ...{ rewinds: 0, stages: [] },
    ...more,
  };
}

export function gatewayView(more: Partial<GatewayView> = {}): GatewayView {
  return {
    ...{ address: "127.0.0.1:8443", tls: true, processes: 1, file: "/etc/gateway.txt", loadedMs: 500, reloads: 0 },
    ...{ connections: 0, requests: 0, inFlight: 0, malformed: [], routes: [], wafs: [], proposals: [] },
    ...more,
  };
}

export function routeView(id: string, more: Partial<GatewayRouteView> = {}): GatewayRouteView {
  return {
    ...{ id, pattern: `/${id}/*`, targets: [], requests: 0, inFlight: 0, byStatus: {}, refused: [] },
    ...more,
  };
}

/** A busy one, as it looks some seconds after its start: counters grow with the time. */
export function busyOverview(seconds: number, nowMs: number): Overview {
  const wave = (period: number, phase = 0): number => (1 + Math.sin((2 * Math.PI * seconds) / period + phase)) / 2;
  const grown = (rate: number): number => Math.round(rate * seconds + (rate * 8 * wave(20)) / 2);
  return overviewOf({
    ...{ atMs: nowMs, monotonicMs: seconds * 1_000, node: "master1" },
    nodes: [
      nodeView("master1", {
        isSelf: true,
        isLeader: true,
        roles: ["master"],
        cpu: 0.21 + 0.2 * wave(9),
        memory: 0.4,
      }),
      nodeView("master2", { roles: ["master"], address: "127.0.0.1:8081" }),
      nodeView("master3", { roles: ["master"], address: "127.0.0.1:8082" }),
      nodeView("worker1", { address: "127.0.0.1:8083", cpu: 0.5 + 0.4 * wave(7), memory: 0.61, queue: 12 }),
      nodeView("worker2", { address: "127.0.0.1:8084", cpu: 0.93, memory: 0.72, queue: 31 }),
      nodeView("worker3", { address: "127.0.0.1:8085", cpu: 0.1, memory: 0.35, queue: 0, isDraining: true }),
      nodeView("worker4", { address: "127.0.0.1:8086", state: "suspect" }),
      nodeView("gateway2", { roles: ["gateway"], address: "127.0.0.1:8087" }),
    ],
    links: ["master2", "master3", "worker1", "worker2", "worker3", "worker4"].map((peer, index) => ({
      ...{ peer, isOpen: peer !== "worker4", roundTripMs: 0.4 + index / 10 },
      ...{ bytesSent: grown(40_000 * (index + 1) ** 2), bytesTaken: grown(10_000 * (index + 1)) },
    })),
    master: "master1",
    pipelines: [
      pipelineView("orders", {
        ...{ read: grown(12_400), written: grown(12_300), deadLettered: Math.floor(seconds / 3) },
        ...{ readBytes: grown(2_000_000), totalBytes: 900_000_000, rewinds: 1 },
        stages: ["validate", "enrich", "aggregate", "encrypt"].map((name, index) =>
          stageView(name, {
            ...{ library: `plugins/${name}.ts`, in: grown(12_400 - index * 300), out: grown(12_300 - index * 300) },
            ...{ retries: index, restarts: index === 1 ? 2 : 0, queued: Math.round(8 * wave(11, index)), queueMax: 8 },
            ...{ waitedMs: grown(200 * index), p50Ms: 1.2 + index, p99Ms: 4 + 3 * index + 3 * wave(13, index) },
          }),
        ),
      }),
      pipelineView("invoices", {
        state: "paused",
        read: 55_000,
        written: 55_000,
        stages: [stageView("tax", { in: 55_000, out: 55_000 })],
      }),
      pipelineView("refunds", { state: "failed", detail: "stage settle: the plugin exited 5 times in 60 s", read: 10 }),
    ],
    services: [
      {
        ...{ name: "users", versions: ["1.2.0", "2.0.0"], nodes: ["master1", "worker1"], healthy: 3 },
        ...{ calls: grown(840), errors: Math.floor(seconds / 2), p50Ms: 0.31, p99Ms: 2.4 },
      },
      { name: "billing", versions: ["0.9.1"], nodes: ["worker2"], healthy: 0, calls: 20, errors: 20 },
    ],
    instances: [
      {
        ...{ pid: 4_100, command: "master", name: "master1", isSelf: true },
        tree: treeView("distributed_system", {
          ...{ pid: 4_100, uptimeMs: seconds * 1_000, memoryBytes: 61e6, cpuMs: 9_000 },
          children: [treeView("master master1", { detail: "127.0.0.1:8080, 7 members known" })],
        }),
      },
      { pid: 4_200, command: "run", name: "/srv/pipelines/clicks.txt", isSelf: false, tree: runTree(seconds, nowMs) },
    ],
    deadLetters: [
      {
        ...{ pipeline: "orders", total: Math.floor(seconds / 3) + 42 },
        reasons: [
          { stage: "validate", reason: "email is “nobody@”; an address is required", count: 40 },
          {
            stage: "validate",
            reason: "amount is -3; a number above 0 is required",
            count: Math.floor(seconds / 3) + 2,
          },
        ],
      },
    ],
    groups: [
      {
        ...{ group: "masters", role: "leader", term: 4, leader: "master1", commit: grown(20), applied: grown(20) },
        ...{ logBytes: 4e6, members: 3 },
      },
    ],
    gateway: gatewayView({
      ...{
        loadedMs: nowMs - 90_000,
        requests: grown(2_100),
        connections: 64,
        inFlight: 12,
        malformed: [{ code: "http.bad_request", count: 7 }],
      },
      routes: [
        routeView("users", {
          ...{ requests: grown(1_500), byStatus: { "2xx": grown(1_480), "5xx": grown(4) }, p50Ms: 1.2, p99Ms: 9 },
          ...{ refused: [{ code: "gateway.limit_full", count: grown(16) }] },
          targets: ["healthy", "ejected"].map((state, index) => ({
            ...{ target: `http://10.0.0.${index + 1}:8080`, state, requests: grown(750), failures: grown(index * 4) },
          })),
        }),
        routeView("grpc", { pattern: "/grpc/service/*", requests: grown(600), byStatus: { "2xx": grown(600) } }),
      ],
      wafs: [
        {
          ...{ id: "crs", mode: "detect", rules: 620, unsupported: 2 },
          ...{ requests: grown(2_000), blocked: 0, wouldBlock: grown(2) },
        },
      ],
      proposals: [
        {
          ...{ waf: "crs", exclude: "942100:ARGS:q", message: "SQL Injection Attack Detected via libinjection" },
          ...{ requests: 310, clients: 42, share: 0.12 },
        },
      ],
    }),
    cache: { entries: 812, bytes: 4e6, hits: grown(300), misses: grown(20), evictions: 3, redis: "up" },
    events: [
      { id: 1, atMs: nowMs - 60_000, level: "info", kind: "member", subject: "worker3", text: "is a member: join" },
      { id: 2, atMs: nowMs - 40_000, level: "info", kind: "pipeline", subject: "orders", text: "starting → running" },
      {
        id: 3,
        atMs: nowMs - 20_000,
        level: "warn",
        kind: "member",
        subject: "worker4",
        text: "is suspected: no answer",
      },
      {
        id: 4,
        atMs: nowMs - 5_000,
        level: "error",
        kind: "pipeline",
        subject: "refunds",
        text: "retrying → failed: the plugin exited 5 times in 60 s",
      },
    ],
    lastEvent: 4,
  });
}

function runTree(seconds: number, nowMs: number): TreeView {
  const lane = treeView("lane 1", {
    ...{
      kind: "worker",
      pid: 4_210,
      uptimeMs: 9_000,
      restarts: 3 + Math.floor(seconds / 10),
      memoryBytes: 38e6,
      cpuMs: 2_100,
    },
    lastExit: { code: null, signal: "SIGKILL", reason: "its memory grew over 512 MiB", atMs: nowMs - 9_000 },
  });
  const stages = ["validate", "enrich"].map((name) =>
    treeView(name, { strategy: "one_for_one", children: [lane] } as Partial<TreeView>),
  );
  return treeView("distributed_system", {
    ...{ pid: 4_200, uptimeMs: seconds * 1_000, memoryBytes: 55e6, cpuMs: 30_000 },
    children: [treeView("clicks", { children: stages }), treeView("control", { kind: "worker" })],
  });
}
