/** Limits of a route: all or none, waiting in order, what is told. */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  addRateHeaders,
  GatewayLimits,
  type LimitRequest,
  Limits,
  type LimitVerdict,
  Pressure,
} from "../../../../../src/edge/gateway/limit/index.ts";
import type { LimitPlan } from "../../../../../src/edge/gateway/words/index.ts";
import { limitPlan } from "../../../../support/limit-plans.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

const ANN: LimitRequest = { client: "192.0.2.1", headers: [] };

function rig(...plans: LimitPlan[]): {
  readonly limits: Limits;
  admit(request?: LimitRequest, nowMs?: number): LimitVerdict;
} {
  const limits = new Limits(plans);
  const route = limits.forRoute("r");
  if (route === undefined) throw new Error("nothing limits it");
  return { limits, admit: (request = ANN, nowMs = 0) => limits.admit(route, request, nowMs) };
}

/** Admits, and collects what becomes of those that wait. */
function queued(plan: Partial<LimitPlan>) {
  const made = rig(limitPlan({ action: "DELAY", delayMsMax: 1_000, ...plan }));
  const settled: string[] = [];
  const enter = (name: string, nowMs: number, request = ANN): LimitVerdict => {
    const verdict = made.admit(request, nowMs);
    verdict.onSettled = ({ kind }) => settled.push(`${name} ${kind}`);
    return verdict;
  };
  return { ...made, settled, enter };
}

describe("Limits.admit()", () => {
  test("admit() passes as many as the limit and refuses the rest with the plan's action when one client asks", () => {
    for (const [action, kind] of [
      ["REJECT", "reject"],
      ["DROP", "drop"],
    ] as const) {
      const { admit } = rig(limitPlan({ limit: 3, action }));
      expect([admit().kind, admit().kind, admit().kind, admit().kind]).toEqual(["pass", "pass", "pass", kind]);
      expect(admit({ ...ANN, client: "192.0.2.2" }).kind).toBe("pass");
      expect(admit(ANN, 334).kind).toBe("pass");
    }
  });

  test("admit() counts IPv6 by its network and IPv4 in IPv6 as IPv4 when it counts addresses", () => {
    const { admit } = rig(limitPlan({ limit: 1 }));
    const kinds = ["2001:db8::1", "2001:db8:0:0:ffff::9", "2001:db8:0:1::1", "::ffff:10.0.0.1", "10.0.0.1"].map(
      (client) => admit({ ...ANN, client }).kind,
    );
    expect(kinds).toEqual(["pass", "reject", "pass", "pass", "reject"]);
  });

  test("admit() takes from all limits or from none when one of them refuses", () => {
    const { admit } = rig(limitPlan({ id: "a", limit: 5 }), limitPlan({ id: "b", limit: 2, key: { kind: "global" } }));
    for (let at = 0; at < 20; at++) admit();
    const verdict = admit(ANN, 500);
    expect([verdict.kind, verdict.limit?.id]).toEqual(["pass", "b"]);
    const { admit: alone } = rig(limitPlan({ id: "a", limit: 5 }));
    for (let at = 0; at < 3; at++) alone();
    expect(alone(ANN, 0).remaining).toBe(1);
  });

  test("admit() takes nothing from the first limit when the second refuses", () => {
    const limits = new Limits([limitPlan({ id: "a", limit: 3 }), limitPlan({ id: "b", limit: 1, routes: ["tight"] })]);
    const tight = limits.forRoute("tight")!;
    const wide = limits.forRoute("wide")!;
    expect(limits.forRoute("wide")).toBeDefined();
    const kinds = [tight, tight, tight, tight, wide, wide, wide].map((route) => limits.admit(route, ANN, 0).kind);
    expect(kinds).toEqual(["pass", "reject", "reject", "reject", "pass", "pass", "reject"]);
  });

  test("admit() lets the strongest action count and tells the longest wait when several refuse", () => {
    const { admit } = rig(
      limitPlan({ id: "slow", limit: 1, windowMs: 9_000 }),
      limitPlan({ id: "hard", limit: 1, action: "DROP" }),
    );
    admit();
    const verdict = admit();
    expect([verdict.kind, verdict.limit?.id, verdict.retryMs]).toEqual(["drop", "hard", 9_000]);
  });

  test("admit() reads headers and claims and does what missing says when there are none", () => {
    const expected = ["pass", "pass", "reject", "pass", "pass"] as LimitVerdict["kind"][];
    const header = { kind: "header", name: "X-Api-Key" } as const;
    const with1 = { client: "192.0.2.1", headers: ["x-api-key", "k1"], claims: { sub: "ann" } };
    const with2 = { client: "192.0.2.1", headers: ["x-api-key", "k2"], claims: { sub: 7 } };
    for (const key of [header, { kind: "claim", name: "sub" } as const]) {
      const { admit } = rig(limitPlan({ key, limit: 1 }));
      expect([with1, with2, with1, ANN, ANN].map((each) => admit(each).kind)).toEqual(expected);
      const denied = rig(limitPlan({ key, missing: "deny" })).admit();
      expect([denied.kind, denied.cause, denied.status]).toEqual(["reject", "missing", key === header ? 400 : 403]);
      const { admit: byAddress } = rig(limitPlan({ key, limit: 1, missing: "client_ip" }));
      const posing = { client: "198.51.100.1", headers: ["x-api-key", "192.0.2.1"], claims: { sub: "192.0.2.1" } };
      expect([posing, ANN, ANN].map((each) => byAddress(each).kind)).toEqual(["pass", "pass", "reject"]);
    }
  });

  test("admit() counts a header that comes twice by who sends it, and refuses it where the header is needed", () => {
    const twice = (value: string, client = ANN.client): LimitRequest => ({
      client,
      headers: ["x", value, "x", "real"],
    });
    const key = { kind: "header", name: "X" } as const;
    for (const missing of ["allow", "client_ip"] as const) {
      const { admit } = rig(limitPlan({ limit: 1, key, missing }));
      const kinds = ["1", "2", "3"].map((value) => admit(twice(value)).kind);
      expect(kinds).toEqual(["pass", "reject", "reject"]);
      expect(admit(twice("1", "192.0.2.9")).kind).toBe("pass");
      expect(admit({ ...ANN, headers: ["x", "real"] }).kind).toBe("pass");
    }
    const { cause, kind } = rig(limitPlan({ limit: 1, key, missing: "deny" })).admit(twice("1"));
    expect([kind, cause]).toEqual(["reject", "missing"]);
  });

  test("admit() never takes a text for the digest of another one", () => {
    const { admit } = rig(limitPlan({ limit: 1, key: { kind: "header", name: "x" } }));
    const long = "k".repeat(200);
    const digest = createHash("sha256").update(long).digest("base64");
    const texts = [long, `sha256:${digest}`, `\0sha256:${digest}`];
    expect(texts.map((text) => admit({ ...ANN, headers: ["x", text] }).kind)).toEqual(["pass", "pass", "pass"]);
    expect(admit({ ...ANN, headers: ["x", long] }).kind).toBe("reject");
  });

  test("admit() keeps a digest when a key is long", () => {
    const { admit } = rig(limitPlan({ key: { kind: "header", name: "x" }, limit: 1 }));
    const long = (end: string): LimitRequest => ({ ...ANN, headers: ["x", "a".repeat(8_000) + end] });
    expect([admit(long("1")).kind, admit(long("2")).kind, admit(long("1")).kind]).toEqual(["pass", "pass", "reject"]);
  });

  test("admit() passes as many at once as a limit of concurrency says, and further ones when one is released", () => {
    const { admit, limits } = rig(limitPlan({ algorithm: "concurrency", limit: 2 }));
    const first = admit();
    expect([admit().kind, admit().kind]).toEqual(["pass", "reject"]);
    limits.release(first);
    limits.release(first);
    expect([admit().kind, admit().kind, limits.counts()[0]?.keys]).toEqual(["pass", "reject", 1]);
  });

  test("admit() refuses what it cannot count when a limit of concurrency has no room for another key", () => {
    const { admit } = rig(limitPlan({ algorithm: "concurrency", keysMax: 1 }));
    expect([admit().kind, admit({ ...ANN, client: "192.0.2.9" }).kind]).toEqual(["pass", "reject"]);
  });
});

describe("Limits.tick()", () => {
  test("tick() lets those that wait through one by one in their order when tokens come", () => {
    const { enter, limits, settled } = queued({ limit: 10, burst: 1 });
    expect(["a", "b", "c"].map((name) => enter(name, 0).kind)).toEqual(["pass", "wait", "wait"]);
    expect(limits.nextDeadlineMs).toBe(100);
    limits.tick(100);
    expect(settled).toEqual(["b pass"]);
    expect(enter("late", 200).kind).toBe("wait");
    limits.tick(200);
    limits.tick(300);
    expect(settled).toEqual(["b pass", "c pass", "late pass"]);
    expect([limits.nextDeadlineMs, limits.counts()[0]?.waiting]).toEqual([Number.POSITIVE_INFINITY, 0]);
  });

  test("tick() lets the next one through at the same time when the one before it has gone", () => {
    const { enter, limits, settled } = queued({ limit: 10, burst: 1 });
    const [, gone] = ["a", "gone", "c"].map((name) => enter(name, 0));
    limits.cancel(gone!);
    limits.tick(100);
    expect(settled).toEqual(["c pass"]);
  });

  test("admit() refuses at once when waiting would take too long or too many wait", () => {
    const { enter } = queued({ limit: 10, burst: 1, delayMsMax: 250 });
    const kinds = ["a", "b", "c", "d"].map((name) => enter(name, 0).kind);
    expect(kinds).toEqual(["pass", "wait", "wait", "reject"]);
    const crowd = queued({ limit: 1_000_000, burst: 1, windowMs: 1_000_000, delayMsMax: 1e9, key: { kind: "global" } });
    const verdicts = Array.from({ length: 102 }, (_, at) => crowd.enter(String(at), 0));
    expect([verdicts[100]?.kind, verdicts[101]?.kind, verdicts[101]?.cause]).toEqual(["wait", "reject", "crowded"]);
    const many = queued({ limit: 1, burst: 1, delayMsMax: 1e9, keysMax: 10_000 });
    const clients = Array.from({ length: 1_100 }, (_, at) => ({ ...ANN, client: `10.0.${at >> 8}.${at & 255}` }));
    for (const client of clients) many.enter("first", 0, client);
    const waits = clients.map((client) => many.enter("second", 0, client).kind);
    expect(waits.filter((kind) => kind === "wait")).toHaveLength(1_000);
  });

  test("admit() lets no client take more than its share of the places to wait, whatever keys it chooses", () => {
    const key = { kind: "header", name: "x" } as const;
    const { admit, limits } = rig(limitPlan({ action: "DELAY", limit: 1, windowMs: 1_000, delayMsMax: 600_000, key }));
    const from = (client: string, nowMs = 0): LimitVerdict[] =>
      Array.from({ length: 200 }, (_, at) =>
        admit({ client, headers: ["x", `${client.slice(0, 9)} ${at % 10}`] }, nowMs),
      );
    const waiting = (verdicts: readonly LimitVerdict[]) => verdicts.filter(({ kind }) => kind === "wait");
    const first = from("2001:db8::1");
    expect(waiting(first)).toHaveLength(100);
    expect(waiting(from("2001:db8::2"))).toHaveLength(0);
    expect(waiting(from("192.0.2.7"))).toHaveLength(100);
    limits.cancel(waiting(first)[0]!);
    expect(waiting(from("2001:db8::3"))).toHaveLength(1);
    limits.tick(600_000);
    expect(waiting(from("2001:db8::4", 600_000))).toHaveLength(100);
  });

  test("tick() lets one through when a place is released, and refuses those that waited too long", () => {
    const { enter, limits, settled } = queued({ algorithm: "concurrency", limit: 1, delayMsMax: 500 });
    const first = enter("a", 0);
    enter("b", 0);
    enter("c", 10);
    let dues = 0;
    limits.onDue = () => dues++;
    limits.release(first);
    expect([dues, limits.nextDeadlineMs]).toEqual([1, Number.NEGATIVE_INFINITY]);
    limits.tick(20);
    expect(settled).toEqual(["b pass"]);
    limits.tick(510);
    expect(settled).toEqual(["b pass", "c reject"]);
  });
});

describe("GatewayLimits", () => {
  test("admit() settles those that wait by the clock", () => {
    const clock = new SteppedClock();
    const limits = new GatewayLimits([limitPlan({ limit: 10, burst: 1, action: "DELAY", delayMsMax: 1_000 })], clock);
    const route = limits.forRoute("r")!;
    limits.admit(route, ANN);
    const settled: string[] = [];
    limits.admit(route, ANN).onSettled = ({ kind }) => settled.push(kind);
    clock.advance(99);
    expect(settled).toEqual([]);
    clock.advance(1);
    expect(settled).toEqual(["pass"]);
    limits.stop();
  });

  test("GatewayLimits goes on counting under limits that are the same when it is made out of another", () => {
    const clock = new SteppedClock();
    const plans = [
      limitPlan({ id: "same", limit: 1 }),
      limitPlan({ id: "other", limit: 1, key: { kind: "header", name: "x" } }),
    ];
    const former = new GatewayLimits(plans, clock);
    former.admit(former.forRoute("r")!, { ...ANN, headers: ["x", "1"] });
    const next = new GatewayLimits(
      [
        { ...plans[0]!, action: "DROP" },
        { ...plans[1]!, limit: 2 },
      ],
      clock,
      former,
    );
    expect(next.admit(next.forRoute("r")!, { ...ANN, headers: ["x", "1"] }).kind).toBe("drop");
    expect(next.admit(next.forRoute("r")!, { client: "192.0.2.77", headers: ["x", "1"] }).kind).toBe("pass");
  });

  test("GatewayLimits goes on with a limit without an id wherever its line stands, and with no other one in its place", () => {
    const clock = new SteppedClock();
    const login = limitPlan({ id: "limit-1", limit: 1, routes: ["login"] });
    const former = new GatewayLimits([login], clock);
    former.admit(former.forRoute("login")!, ANN);
    const next = new GatewayLimits(
      [
        { ...login, routes: ["other"] },
        { ...login, id: "limit-2" },
      ],
      clock,
      former,
    );
    expect(["login", "other"].map((id) => next.admit(next.forRoute(id)!, ANN).kind)).toEqual(["reject", "pass"]);
  });

  test("GatewayLimits wakes those that wait when a place is released under its former self", () => {
    const clock = new SteppedClock();
    const plan = limitPlan({ algorithm: "concurrency", limit: 1, action: "DELAY", delayMsMax: 1_000 });
    const former = new GatewayLimits([plan], clock);
    const held = former.admit(former.forRoute("r")!, ANN);
    const next = new GatewayLimits([plan], clock, former);
    const settled: string[] = [];
    next.admit(next.forRoute("r")!, ANN).onSettled = ({ kind }) => settled.push(kind);
    former.release(held);
    clock.advance(0);
    expect(settled).toEqual(["pass"]);
  });
});

describe("addRateHeaders()", () => {
  test("addRateHeaders() tells policies, what is left, and when to come back", () => {
    const { admit } = rig(
      limitPlan({ id: 'per "ip"', limit: 2, windowMs: 60_000 }),
      limitPlan({ id: "at-once", algorithm: "concurrency", limit: 5 }),
    );
    const policy = '"per \\"ip\\"";q=2;w=60, "at-once";q=5;qu="concurrent-requests"';
    const headersOf = (verdict: LimitVerdict): string[] => {
      const headers: string[] = [];
      addRateHeaders(verdict, headers);
      return headers;
    };
    expect(headersOf(admit())).toEqual(["ratelimit-policy", policy, "ratelimit", '"per \\"ip\\"";r=1;t=30']);
    admit();
    expect(headersOf(admit())).toEqual([
      ...["ratelimit-policy", policy, "ratelimit", '"per \\"ip\\"";r=0;t=60', "retry-after", "30"],
    ]);
  });
});

describe("Pressure", () => {
  test("retryMs() says how long it is full when that was reported, and nothing when it is over", () => {
    const pressure = new Pressure();
    expect(pressure.retryMs("p", 0)).toBe(0);
    pressure.report("p", 500, 0);
    expect([pressure.retryMs("p", 100), pressure.retryMs("q", 100), pressure.retryMs("p", 500)]).toEqual([400, 0, 0]);
    pressure.report("p", 500, 1_000);
    pressure.report("p", 0, 1_001);
    expect(pressure.retryMs("p", 1_002)).toBe(0);
  });
});
