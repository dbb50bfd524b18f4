/** Which target is asked, what is known of each, and the one that is asked beside it: hedges. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import type { GroupSettings, NamedRequest } from "../../../../../src/edge/gateway/upstream/index.ts";
import type { TargetPlan } from "../../../../../src/edge/gateway/words/index.ts";
import { BytesSource } from "../../../../../src/wire/http/index.ts";
import { type AskGroup, GroupRig, target } from "./group-rig.ts";
import { FedBody } from "./rig.ts";

const GONE = new Failure("gateway.client_gone", "the client went");
const HEALTH = { path: "/health", intervalMs: 1_000, timeoutMs: 200, healthyAfter: 2, unhealthyAfter: 2 };

function count(hosts: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    [...new Set(hosts)].sort().map((host) => [host, hosts.filter((each) => each === host).length]),
  );
}

describe("choosing", () => {
  test("ask() shares requests by weight, and gives none to weight 0", () => {
    const targets = [target("a", { weight: 3 }), target("b"), target("canary", { weight: 0 })];
    const rig = new GroupRig({ targets });
    rig.upstreams.script = (reached) => reached.reply();
    for (let each = 0; each < 40; each++) rig.ask();
    expect(count(rig.upstreams.hosts)).toEqual({ a: 30, b: 10 });
  });

  test("ask() keeps a client with the target that its cookie names, also with weight 0", () => {
    const rig = new GroupRig({ targets: [target("a"), target("b"), target("canary", { weight: 0 })] });
    for (const name of ["b", "b", "canary", "b"]) rig.ask({ sticky: name });
    expect(rig.upstreams.hosts).toEqual(["b", "b", "canary", "b"]);
    rig.ask({ sticky: "nobody" });
    expect(["a", "b"]).toContain(rig.upstreams.last.host);
  });

  test("ask() leaves the cookie's target when that cannot be reached", () => {
    const rig = new GroupRig({ targets: [target("a"), target("b")], retries: 1 });
    rig.ask({ sticky: "b" });
    rig.upstreams.last.fail();
    expect(rig.upstreams.hosts).toEqual(["b", "a"]);
  });

  test("ask() asks the target that was chosen and no other, also again", () => {
    const targets = [target("a"), target("b", { weight: 0 })];
    const rig = new GroupRig({ targets, retries: 1 });
    rig.ask({ target: targets[1]! });
    rig.upstreams.last.fail();
    rig.clock.advance(1_000);
    expect(rig.upstreams.hosts).toEqual(["b", "b"]);
  });

  test("ask() takes a target that is none of the route's for dynamic", () => {
    const rig = new GroupRig();
    rig.ask();
    expect(rig.upstreams.last.request.isDynamic).toBe(false);
    rig.ask({ target: target("elsewhere") });
    expect(rig.upstreams.last.host).toBe("elsewhere");
    expect(rig.upstreams.last.request.isDynamic).toBe(true);
  });

  test("ask() fills a dynamic origin in", () => {
    const rig = new GroupRig({ targets: [target("{name}", { isDynamic: true })] });
    rig.ask({ originFor: () => ({ scheme: "http", host: "filled", port: 1 }) });
    expect(rig.upstreams.last.request).toMatchObject({ origin: { host: "filled", port: 1 }, isDynamic: true });
  });

  test("ask() gives one key to one target", () => {
    const rig = new GroupRig({ targets: [target("a"), target("b"), target("c")], balancer: "CONSISTENT_HASH" });
    rig.upstreams.script = (reached) => reached.reply();
    for (const hashKey of ["x", "y", "z", "x", "y", "z"]) rig.ask({ hashKey });
    const { hosts } = rig.upstreams;
    expect(hosts.slice(0, 3)).toEqual(hosts.slice(3));
  });

  test("ask() asks named targets through their port", () => {
    const asked: [TargetPlan["kind"], NamedRequest][] = [];
    const service: TargetPlan = {
      kind: "service",
      service: "users",
      method: "get",
      text: "service://users.get",
      weight: 1,
      name: "s",
    };
    const rig = new GroupRig(
      { targets: [service] },
      {
        ask(plan, request, events) {
          asked.push([plan.kind, request]);
          events.onReply({ status: 200, headers: [] }, new BytesSource(Buffer.from("mine")));
          return { cancel: () => {} };
        },
      },
    );
    const context = { params: { id: "7" } };
    const heard = rig.ask({ context });
    expect(heard.text).toBe("mine");
    expect(asked[0]![0]).toBe("service");
    expect(asked[0]![1]).toMatchObject({ context, timeouts: { totalMs: 30_000 } });
  });

  test("standing() counts tries until the end of their replies", () => {
    const rig = new GroupRig();
    rig.ask();
    const second = rig.ask();
    rig.clock.advance(5);
    rig.upstreams.reached[0]!.replyHead();
    expect(rig.standing("a")).toMatchObject({ inflight: 2, asked: 2, failed: 0, health: "unknown", breaker: "closed" });
    rig.upstreams.reached[0]!.events.onOver?.(undefined);
    expect(rig.standing("a").inflight).toBe(1);
    second.call.cancel(GONE);
    expect(rig.upstreams.last.cancelled).toBe(GONE);
    expect(rig.standing("a").inflight).toBe(0);
    expect(rig.standing("a").latency).toMatchObject({ total: 1, maxMs: 5 });
  });
});

describe("TargetGroup.goOnFrom()", () => {
  test("goOnFrom() counts on what targets of the same text had before a reload", () => {
    const former = new GroupRig({ targets: [target("a"), target("b")] });
    former.upstreams.script = (reached) => reached.reply(reached.host === "a" ? 200 : 500);
    for (let each = 0; each < 10; each++) former.ask();
    const rig = new GroupRig({ targets: [target("b"), target("c")] });
    rig.upstreams.script = (reached) => reached.reply(200);
    for (let each = 0; each < 2; each++) rig.ask();
    rig.group.goOnFrom(former.group);
    expect(rig.standing("b")).toMatchObject({ asked: 6, failed: 5, inflight: 0, latency: { total: 6 } });
    expect(rig.standing("c")).toMatchObject({ asked: 1, failed: 0 });
  });
});

describe("TargetGroup.counts()", () => {
  test("counts() goes on from what the group before a reload had retried and mirrored", () => {
    const settings = { retries: 1, mirror: target("shadow"), mirrorShare: 1 };
    const [former, rig] = [new GroupRig(settings), new GroupRig(settings)];
    for (const each of [former, rig]) {
      each.upstreams.script = (reached) => reached.fail();
      each.ask();
    }
    const { retries } = former.group.counts();
    expect(retries).toBeGreaterThan(0);
    rig.group.goOnFrom(former.group);
    expect(rig.group.counts()).toMatchObject({ requests: 2, mirrored: 2, mirrorsSkipped: 0, retries: 2 * retries });
  });
});

describe("trouble", () => {
  test("a breaker opens after failures in a row, and lets a few through after a while", () => {
    const rig = new GroupRig({ breaker: true });
    for (let each = 0; each < 10; each++) {
      rig.ask();
      rig.upstreams.last.fail();
    }
    const refused = rig.ask();
    expect(refused.failure?.code).toBe("gateway.no_target");
    expect(refused.failure?.data).toEqual({ retryAfterMs: 5_000 });
    expect(refused.isUnsent).toBe(true);
    expect(rig.upstreams.reached.length).toBe(10);
    expect(rig.standing("a").breaker).toBe("open");
    rig.clock.advance(5_000);
    for (let each = 0; each < 3; each++) {
      rig.ask();
      rig.upstreams.last.reply();
    }
    expect(rig.standing("a").breaker).toBe("closed");
    expect(rig.events.map((event) => event.type === "breaker" && event.to)).toEqual(["open", "half_open", "closed"]);
    expect(rig.group.counts().noTarget).toBe(1);
  });

  test("a breaker of one target sends all to the others", () => {
    const rig = new GroupRig({ targets: [target("a"), target("b")], breaker: true });
    rig.upstreams.script = (reached) => (reached.host === "a" ? reached.reply(500) : reached.reply());
    for (let each = 0; each < 60; each++) rig.ask();
    expect(count(rig.upstreams.hosts.slice(30))).toEqual({ b: 30 });
  });

  test("a cancelled probe does not hold a breaker half open", () => {
    const rig = new GroupRig({ breaker: true });
    for (let each = 0; each < 10; each++) {
      rig.ask();
      rig.upstreams.last.fail();
    }
    rig.clock.advance(5_000);
    for (let each = 0; each < 5; each++) rig.ask().call.cancel(GONE);
    expect(rig.upstreams.reached.length).toBe(15);
  });

  test("outliers get no requests for a while", () => {
    const rig = new GroupRig({ targets: [target("a"), target("b"), target("c")], outliers: true });
    rig.upstreams.script = (reached) => (reached.host === "a" ? reached.reply(503) : reached.reply());
    for (let each = 0; each < 60; each++) rig.ask();
    rig.clock.advance(5_001);
    const before = rig.upstreams.reached.length;
    for (let each = 0; each < 60; each++) rig.ask();
    expect(count(rig.upstreams.hosts.slice(before))).toEqual({ b: 30, c: 30 });
    expect(rig.standing("a").isEjected).toBe(true);
    expect(rig.events.map(({ type }) => type)).toEqual(["ejected"]);
  });

  test("statuses that say something of the request are not the target's fault", () => {
    const rig = new GroupRig();
    for (const status of [400, 404, 429, 501, 505]) {
      rig.ask();
      rig.upstreams.last.reply(status);
    }
    expect(rig.standing("a").failed).toBe(0);
    rig.ask();
    rig.upstreams.last.reply(500);
    rig.ask();
    rig.upstreams.last.reply(200, "", ["grpc-status", "14"]);
    expect(rig.standing("a").failed).toBe(2);
  });

  test("a target whose checks fail gets no requests until they pass", () => {
    const rig = new GroupRig({ targets: [target("a"), target("b")], health: HEALTH });
    let isUp = false;
    rig.upstreams.script = (reached) => {
      const isBad = reached.host === "a" && !isUp;
      reached.reply(isBad ? 500 : 200);
    };
    rig.clock.advance(3_000);
    expect(rig.upstreams.reached.some(({ request }) => request.head.target === "/health")).toBe(true);
    expect([rig.standing("a").health, rig.standing("b").health]).toEqual(["unhealthy", "healthy"]);
    const before = rig.upstreams.reached.length;
    for (let each = 0; each < 10; each++) rig.ask();
    expect(count(rig.upstreams.hosts.slice(before))).toEqual({ b: 10 });
    isUp = true;
    rig.clock.advance(3_000);
    expect(rig.standing("a").health).toBe("healthy");
    expect(
      rig.events.filter(({ target: plan }) => plan.name === "a").map((event) => event.type === "health" && event.to),
    ).toEqual(["unhealthy", "healthy"]);
    rig.group.close();
    expect(rig.clock.timers).toBe(0);
  });

  test("a check without an answer fails and is cancelled; all unhealthy is no target", () => {
    const rig = new GroupRig({ health: HEALTH });
    rig.clock.advance(5_000);
    expect(rig.standing("a").health).toBe("unhealthy");
    expect(rig.upstreams.reached[0]!.cancelled?.code).toBe("gateway.unwanted");
    const heard = rig.ask();
    expect(heard.failure?.code).toBe("gateway.no_target");
  });

  test("a grpc target is checked by its health service", () => {
    const rig = new GroupRig({ targets: [target("g", { scheme: "grpc" })], health: HEALTH });
    let isServing = true;
    rig.upstreams.script = (reached) => {
      const { head } = reached.takeBody().request;
      expect([head.method, head.target, reached.text]).toEqual(["POST", "/grpc.health.v1.Health/Check", "\0\0\0\0\0"]);
      const bytes = Uint8Array.of(0, 0, 0, 0, 2, 8, isServing ? 1 : 2);
      reached.events.onReply({ status: 200, headers: [] }, new BytesSource(bytes, ["grpc-status", "0"]));
    };
    rig.clock.advance(1_000);
    expect(rig.standing("g").health).toBe("healthy");
    isServing = false;
    rig.clock.advance(3_000);
    expect(rig.standing("g").health).toBe("unhealthy");
  });
});

describe("health of gRPC", () => {
  test("one service is asked for when the check names it", () => {
    const health = { ...HEALTH, path: "grpc:a.v1.B" };
    const rig = new GroupRig({ targets: [target("g", { scheme: "grpc" })], health });
    const asked: string[] = [];
    rig.upstreams.script = (reached) => {
      reached.takeBody();
      asked.push(reached.text);
      reached.events.onReply(
        { status: 200, headers: [] },
        new BytesSource(Uint8Array.of(0, 0, 0, 0, 2, 8, 1), ["grpc-status", "0"]),
      );
    };
    rig.clock.advance(1_000);
    expect(rig.standing("g").health).toBe("healthy");
    expect(asked[0]).toBe("\0\0\0\0\x08\x0a\x06a.v1.B");
  });
});

describe("hedging", () => {
  const HEDGED: Partial<GroupSettings> = { targets: [target("a"), target("b")], hedgeMs: 100 };

  test("a second target is asked when the first is silent; the first answer counts, the other try is cancelled", () => {
    const rig = new GroupRig(HEDGED);
    const heard = rig.ask();
    rig.clock.advance(99);
    expect(rig.upstreams.reached.length).toBe(1);
    rig.clock.advance(1);
    expect(rig.upstreams.hosts).toEqual(["a", "b"]);
    rig.upstreams.last.reply(200, "from b");
    expect(heard.text).toBe("from b");
    expect(heard.call.target?.name).toBe("b");
    expect(rig.upstreams.reached[0]!.cancelled?.code).toBe("gateway.outrun");
    expect(rig.group.counts()).toMatchObject({ hedges: 1, hedgesWon: 1 });
    expect(rig.standing("a")).toMatchObject({ inflight: 0, failed: 0 });
  });

  test("a failure of one is of no matter while the other is under way", () => {
    const rig = new GroupRig(HEDGED);
    const heard = rig.ask();
    rig.clock.advance(100);
    rig.upstreams.reached[0]!.fail("gateway.upstream_closed");
    expect(heard.isDone).toBe(false);
    rig.upstreams.last.reply();
    expect(heard.text).toBe("ok");
  });

  test.each<readonly [string, AskGroup, (rig: GroupRig) => unknown]>([
    ["answered in time", {}, (rig) => rig.upstreams.last.reply()],
    ["POST", { method: "POST" }, () => {}],
    ["a body that is not whole", { method: "PUT", body: new FedBody() }, (rig) => rig.upstreams.last.takeBody()],
  ])("no second target is asked: %s", (_, options, act) => {
    const rig = new GroupRig(HEDGED);
    rig.ask(options);
    act(rig);
    rig.clock.advance(1_000);
    expect(rig.upstreams.reached.length).toBe(1);
  });

  test("no second target is asked when there is none, or the budget is spent", () => {
    const alone = new GroupRig({ hedgeMs: 100 });
    alone.ask();
    alone.clock.advance(1_000);
    expect(alone.upstreams.reached.length).toBe(1);
    const poor = new GroupRig({ ...HEDGED, retryBudget: 0 });
    for (let each = 0; each < 30; each++) poor.ask();
    poor.clock.advance(100);
    expect(poor.upstreams.reached.length).toBe(40);
    expect(poor.group.counts().unbudgeted).toBe(20);
  });

  test("both get the whole body", () => {
    const rig = new GroupRig(HEDGED);
    rig.ask({ method: "PUT", body: new BytesSource(Buffer.from("hello")) });
    rig.upstreams.last.takeBody();
    rig.clock.advance(100);
    rig.upstreams.last.takeBody();
    expect(rig.upstreams.reached.map(({ text }) => text)).toEqual(["hello", "hello"]);
  });
});
