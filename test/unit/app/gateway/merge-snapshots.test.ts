/** Several processes counted as one gateway. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ProposalView } from "../../../../src/app/gateway/gateway-contract.ts";
import { mergeSnapshots, withoutPresent } from "../../../../src/app/gateway/merge-snapshots.ts";
import {
  type GatewaySnapshot,
  type RouteSnapshot,
  readSnapshot,
  snapshotJson,
  type TargetSnapshot,
} from "../../../../src/app/gateway/snapshot.ts";
import { Histogram } from "../../../../src/base/histogram.ts";

function histogram(...durations: readonly number[]): Histogram {
  const made = new Histogram();
  for (const each of durations) made.record(each);
  return made;
}

function target(over: Partial<TargetSnapshot> = {}): TargetSnapshot {
  return {
    ...{ target: "http://a", name: "a", state: "healthy", isUp: true, inFlight: 1, tries: 10, failures: 2 },
    ...over,
  };
}

function route(id: string, over: Partial<RouteSnapshot> = {}): RouteSnapshot {
  return {
    ...{ id, requests: 3, inFlight: 1, byClass: [0, 0, 2, 0, 0, 1], refused: [["gateway.limit_rate", 1]] },
    ...{ receivedBytes: 10, sentBytes: 20, latency: histogram(1, 2), targets: [target()] },
    ...over,
  };
}

function snapshot(over: Partial<GatewaySnapshot> = {}): GatewaySnapshot {
  return {
    ...{ connections: 2, accepted: 5, turnedAway: 1, requests: 4, inFlight: 1, upstreamConnections: 3 },
    malformed: [["http.bad_header", 2]],
    routes: [route("one")],
    wafs: [{ id: "waf-1", transactions: 4, blocked: 1, wouldBlock: 2, latency: histogram(0.5) }],
    limits: [{ id: "limit-1", keys: 2, waiting: 1 }],
    proposals: [],
    ...over,
  };
}

/** As JSON has it, for comparing. */
function shown(of: GatewaySnapshot): unknown {
  return JSON.parse(JSON.stringify(snapshotJson(of)));
}

describe("mergeSnapshots()", () => {
  test("mergeSnapshots() adds up what masks of a route hid and refused, and has none where there are none", () => {
    const one = snapshot({ routes: [route("one", { masks: { masked: 2, refused: 1 } }), route("two")] });
    const merged = mergeSnapshots(one, [readSnapshot(JSON.parse(JSON.stringify(snapshotJson(one)))), snapshot()]);
    expect(merged.routes.map(({ masks }) => masks)).toEqual([{ masked: 4, refused: 2 }, undefined]);
  });

  test("mergeSnapshots() adds up what conversions of a route left out, and has nothing where that is nothing", () => {
    const one = snapshot({ routes: [route("one", { dropped: { request: 2, reply: 1 } }), route("two")] });
    const merged = mergeSnapshots(one, [readSnapshot(JSON.parse(JSON.stringify(snapshotJson(one)))), snapshot()]);
    expect(merged.routes.map(({ dropped }) => dropped)).toEqual([{ request: 4, reply: 2 }, undefined]);
  });

  test("mergeSnapshots() adds up what a route asked beside its requests, and has none where that is nothing", () => {
    const extra = { retries: 1, hedges: 2, hedgesWon: 1, unbudgeted: 3, unkept: 4, mirrored: 5, mirrorsSkipped: 6 };
    const one = snapshot({ routes: [route("one", { extra }), route("two")] });
    const merged = mergeSnapshots(one, [readSnapshot(JSON.parse(JSON.stringify(snapshotJson(one)))), snapshot()]);
    expect(merged.routes.map((each) => each.extra)).toEqual([
      { retries: 2, hedges: 4, hedgesWon: 2, unbudgeted: 6, unkept: 8, mirrored: 10, mirrorsSkipped: 12 },
      undefined,
    ]);
  });

  test("mergeSnapshots() adds counts up and merges histograms when there are several processes", () => {
    const other = snapshot({
      malformed: [
        ["http.bad_header", 1],
        ["gateway.not_found", 5],
      ],
      routes: [route("one", { byClass: [0, 0, 1], refused: [["gateway.client_gone", 4]], latency: histogram(4) })],
    });
    const merged = mergeSnapshots(snapshot(), [other, snapshot()]);
    expect(merged).toMatchObject({
      ...{ connections: 6, accepted: 15, turnedAway: 3, requests: 12, inFlight: 3, upstreamConnections: 9 },
      malformed: [
        ["http.bad_header", 5],
        ["gateway.not_found", 5],
      ],
      limits: [{ id: "limit-1", keys: 6, waiting: 3 }],
    });
    expect(merged.routes[0]).toMatchObject({
      ...{ requests: 9, inFlight: 3, byClass: [0, 0, 5, 0, 0, 2], receivedBytes: 30, sentBytes: 60 },
      refused: [
        ["gateway.limit_rate", 2],
        ["gateway.client_gone", 4],
      ],
    });
    expect([merged.routes[0]!.latency.total, merged.routes[0]!.latency.maxMs]).toEqual([5, 4]);
    expect(merged.routes[0]!.latency.sumMs).toBeCloseTo(10, 6);
    expect(merged.wafs[0]).toMatchObject({ transactions: 12, blocked: 3, wouldBlock: 6 });
  });

  test("mergeSnapshots() leaves what it is given as it was, and is the first alone when there are no others", () => {
    const [first, other] = [snapshot(), snapshot()];
    const before = [shown(first), shown(other)];
    mergeSnapshots(first, [other]);
    expect([shown(first), shown(other)]).toEqual(before);
    expect(mergeSnapshots(first, [])).toBe(first);
  });

  test("mergeSnapshots() shows routes of the first one only when another one goes by another file", () => {
    const other = snapshot({ routes: [route("gone"), route("one")], wafs: [], limits: [] });
    const merged = mergeSnapshots(snapshot(), [other]);
    expect(merged.routes.map(({ id, requests }) => [id, requests])).toEqual([["one", 6]]);
    expect(merged.wafs.map(({ transactions }) => transactions)).toEqual([4]);
    expect(merged.limits).toEqual([{ id: "limit-1", keys: 2, waiting: 1 }]);
  });

  test("mergeSnapshots() tells the worst state of a target, and a target as up when all may ask it", () => {
    const merged = (...states: readonly (readonly [state: string, isUp: boolean])[]): TargetSnapshot => {
      const [first, ...others] = states.map(([state, isUp]) =>
        snapshot({ routes: [route("one", { targets: [target({ state, isUp })] })] }),
      );
      return mergeSnapshots(first!, others).routes[0]!.targets[0]!;
    };
    expect(merged(["healthy", true], ["ejected", false])).toMatchObject({ state: "ejected", isUp: false, tries: 20 });
    expect(merged(["unhealthy", false], ["open", false])).toMatchObject({ state: "open", isUp: false });
    expect(merged(["unknown", true], ["healthy", true])).toMatchObject({ state: "healthy", isUp: true });
    expect(merged(["unknown", true], ["unknown", true])).toMatchObject({ state: "unknown", isUp: true });
  });

  test("mergeSnapshots() gives the same in whatever order the others come", () => {
    const counts = fc.record({
      requests: fc.nat(1_000),
      inFlight: fc.nat(10),
      ms: fc.double({ min: 0, max: 1e4, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(counts, { minLength: 1, maxLength: 5 }), (each) => {
        const others = each.map(({ inFlight, ms, requests }) =>
          snapshot({ requests, inFlight, routes: [route("one", { requests, latency: histogram(ms) })] }),
        );
        const merged = mergeSnapshots(snapshot(), others);
        expect(shown(mergeSnapshots(snapshot(), others.toReversed()))).toEqual(shown(merged));
        expect(merged.requests).toBe(4 + each.reduce((sum, { requests }) => sum + requests, 0));
        expect(merged.routes[0]!.latency.total).toBe(2 + each.length);
      }),
    );
  });

  test("mergeSnapshots() counts a proposal once when several processes make it, the best founded first", () => {
    const proposal = (directive: string, over: Partial<ProposalView> = {}): ProposalView => ({
      ...{ waf: "waf-1", directive, exclude: "1", message: "m", requests: 10, clients: 3, share: 0.1, routes: ["a"] },
      ...{ sample: "s", ...over },
    });
    const first = snapshot({ proposals: [proposal("one")] });
    const other = snapshot({
      proposals: [
        proposal("two", { requests: 15 }),
        proposal("one", { requests: 30, clients: 9, share: 0.3, routes: ["b"] }),
      ],
    });
    const merged = mergeSnapshots(first, [other]).proposals;
    expect(merged.map(({ directive }) => directive)).toEqual(["one", "two"]);
    // 40 of 200 requests: of 100 there, and of 100 here.
    expect(merged[0]).toMatchObject({ requests: 40, clients: 9, share: 0.2, routes: ["a", "b"] });
  });
});

describe("withoutPresent()", () => {
  test("withoutPresent() keeps what was counted, and nothing of what was under way", () => {
    const past = withoutPresent(snapshot());
    expect(past).toMatchObject({ connections: 0, inFlight: 0, upstreamConnections: 0, requests: 4, accepted: 5 });
    expect(past.routes[0]).toMatchObject({ requests: 3, inFlight: 0 });
    expect(past.routes[0]!.targets[0]).toMatchObject({ inFlight: 0, tries: 10, failures: 2, isUp: true });
    expect(past.limits).toEqual([{ id: "limit-1", keys: 0, waiting: 0 }]);
    const now = mergeSnapshots(snapshot({ routes: [route("one", { targets: [target({ state: "ejected" })] })] }), [
      past,
    ]);
    expect(now.routes[0]!.targets[0]!.state).toBe("ejected");
  });
});

describe("snapshotJson(), readSnapshot()", () => {
  test("readSnapshot() gives what was sent when it has been JSON on the way, sums of histograms too", () => {
    const sent = snapshot({ routes: [route("one", { latency: histogram(1.001, 2.002, 3_333) })] });
    const received = readSnapshot(JSON.parse(JSON.stringify(snapshotJson(sent))));
    expect(shown(received)).toEqual(shown(sent));
    expect(received.routes[0]!.latency.sumMs).toBe(sent.routes[0]!.latency.sumMs);
    expect(received.routes[0]!.latency.quantileMs(0.5)).toBe(sent.routes[0]!.latency.quantileMs(0.5));
  });
});
