/** Samples of every part that can be watched, with something in each number. */

import type { GatewayRouteSample, GatewaySample } from "../../src/app/observe/gateway-metrics.ts";
import type { MembersPort } from "../../src/app/observe/membership-metrics.ts";
import type { ObservedParts } from "../../src/app/observe/observation.ts";
import type { RunSample } from "../../src/app/observe/pipeline-metrics.ts";
import type { StageSample } from "../../src/app/observe/stage-metrics.ts";
import { Histogram } from "../../src/base/histogram.ts";

export function durations(...ms: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const each of ms) histogram.record(each);
  return histogram;
}

export function stageSample(more: Partial<StageSample> = {}): StageSample {
  return {
    ...{
      name: "enrich",
      rows: 100,
      inFlight: 2,
      retries: 3,
      restarts: 1,
      pids: [11, 12],
      failures: 4,
      waitedMs: 1_500,
    },
    ...{ limits: { memory: 2 }, breaker: { state: "open", opened: 1 } },
    ...more,
  };
}

export function runSample(): RunSample {
  const counts = { in: 90, out: 80, filtered: 5, deadLettered: 3, skipped: 2, added: 0 };
  const source = { in: 100, out: 90, filtered: 0, deadLettered: 10, skipped: 0, added: 0 };
  return {
    counts: { source, written: 80, stages: [{ stage: "enrich", counts }] },
    progress: () => ({
      ...{ readBytes: 1_000, totalBytes: 4_000, stages: [stageSample()], latency: durations(3, 40) },
      ...{ inFlight: 2, inFlightMax: 8, heldBackMs: 250 },
    }),
  };
}

/** As much of a membership as is asked. */
export function membersSample(): MembersPort {
  const self = { id: "n1", state: "alive" };
  const other = { id: "n2", state: "suspect" };
  const counts = {
    ...{ datagramsIn: 1, datagramsOut: 2, bytesIn: 3, bytesOut: 4, dropped: { wrongKey: 5 }, suspicions: 6 },
    ...{ syncsSent: 1, syncsAnswered: 2, syncsFailed: 3, syncBytesIn: 4, syncBytesOut: 5 },
    ...{ phi: { linked: 1 }, swim: { probes: 7, gossipQueued: 2, lateMs: 1_500 } },
  };
  const port = {
    ...{ self, hasJoined: true, members: () => [self, other], counts: () => counts },
    explain: () => ({ swim: { healthScore: 2 }, side: { status: "up", reason: "" } }),
  };
  return port as unknown as MembersPort; // the collector asks no more of it
}

export function gatewayRouteSample(route: string, more: Partial<GatewayRouteSample> = {}): GatewayRouteSample {
  return {
    ...{ route, inFlight: 1, receivedBytes: 2, sentBytes: 3, latency: durations(4, 5) },
    byStatus: { "2xx": 6, "5xx": 7 },
    refused: [["gateway.limit_full", 8]],
    targets: [{ target: "http://127.0.0.1:9001", isUp: true, tries: 9, failures: 1 }],
    masks: { masked: 11, refused: 2 },
    dropped: { request: 3, reply: 1 },
    extra: { retries: 9, hedges: 5, hedgesWon: 2, unbudgeted: 4, unkept: 1, mirrored: 30, mirrorsSkipped: 6 },
    ...more,
  };
}

export function gatewaySample(more: Partial<GatewaySample> = {}): GatewaySample {
  return {
    routes: [gatewayRouteSample("users")],
    ...{ connections: 1, accepted: 2, turnedAway: 3, upstreamConnections: 4, reloads: 5 },
    malformed: [["http.bad_request", 6]],
    wafs: [{ id: "crs", transactions: 7, blocked: 2, wouldBlock: 1, latency: durations(1) }],
    limits: [{ id: "limit-1", keys: 8, waiting: 1 }],
    certificates: [{ file: "tls_certificate=server.crt", endMs: 1_800_000_000_999 }],
    ...more,
  };
}

export function allParts(): ObservedParts {
  const linkCounts = { requestsSent: 1, requestsTaken: 2, framesSent: 3, framesTaken: 4, bytesSent: 5, bytesTaken: 6 };
  const link = { peer: { id: "n2" }, isOpen: true, bufferedBytes: 7, counts: linkCounts };
  const group = {
    ...{ group: "main", role: "leader", term: 3, leader: "n1", commit: 9, applied: 8, first: 1, last: 10 },
    ...{ logBytes: 100, dataBytes: 50, snapshot: { index: 4, bytes: 20 } },
    members: [
      { id: "n1", kind: "voter", match: 10 },
      { id: "n2", kind: "voter", match: 7 },
    ],
  };
  const shared = {
    state: "open" as const,
    operations: 5,
    failures: 2,
    timeouts: 1,
    bypassed: 1,
    connections: 1,
    journal: 0,
    forgotten: 0,
  };
  const cache = {
    ...{
      entries: 1,
      bytes: 2,
      hits: 3,
      negativeHits: 1,
      sharedHits: 4,
      misses: 5,
      joined: 6,
      loads: 7,
      loadFailures: 2,
    },
    ...{ refreshes: 1, outdated: 1, evicted: 1, invalidations: 1, heard: 1, shared },
  };
  const call = {
    ...{ service: "users", method: "get", calls: 10, errors: { "service.unavailable": 1 }, retries: 1, fallbacks: 1 },
    ...{ inFlight: 1, latency: durations(1, 2) },
  };
  const tree = { name: "orders", kind: "supervisor", state: "running", restarts: 0 } as const;
  const lane = { name: "lane 0", kind: "worker", state: "running", restarts: 2, pid: 11, children: [] } as const;
  return {
    links: {
      links: () => [link],
      roundTripMs: () => 2,
      door: () => ({ accepted: 1, unauthenticated: 2, overloaded: 3, malformed: 4, timedOut: 5 }),
    },
    membership: membersSample(),
    raft: { groups: () => [group], leaderChanges: () => 2 },
    pipelines: {
      isLocal: false,
      pipelines: () => [{ name: "orders", state: "running", rewinds: 1, run: runSample() }],
    },
    worker: {
      capacity: 2,
      tasks: () => 1,
      progress: () => [{ pipeline: "orders", queue: 2, stages: [stageSample()] }],
    },
    processes: { trees: () => [{ ...tree, children: [lane] }], usage: () => ({ memoryBytes: 4_096, cpuMs: 1_500 }) },
    services: {
      calls: () => [call],
      breakers: () => [
        { service: "users", version: "1.0.0", node: "n2", state: "open" },
        { service: "users", version: "2.0.0", node: "n2", state: "closed" },
      ],
      offers: () => [{ description: { name: "users", version: "1.0.0" }, healthy: 2 }],
      known: () => 3,
    },
    cache: { counts: () => cache, latency: { load: durations(5), shared: durations(1) } },
    http: () => ({
      routes: [{ route: "/rpc/{service}/{method}", verb: "POST", status: "2xx", latency: durations(1) }],
      ...{ open: 1, receivedBytes: 2, sentBytes: 3, authFailures: 4, lockedOut: 5 },
    }),
    tokens: {
      counts: () => ({ issued: 1, verified: 2, remembered: 3, refused: { "auth.token_expired": 4 }, revoked: 5 }),
      lockouts: () => ({ locks: 6 }),
    },
    gateway: { sample: () => gatewaySample() },
    traces: () => ({ exported: 1, dropped: 2, failedRequests: 3, waiting: 4 }),
  };
}
