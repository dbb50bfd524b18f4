/** Groups that check their targets for others, and groups that are told. */
import { describe, expect, test } from "bun:test";
import { GroupRig, type Reached, target } from "./group-rig.ts";

const health = { path: "/health", intervalMs: 1_000, timeoutMs: 200, healthyAfter: 2, unhealthyAfter: 2 };
const targets = [target("a"), target("b"), target("d", { isDynamic: true })];

describe("TargetGroup.hear()", () => {
  test("hear() makes targets what the group says that checks them, without a check of its own", () => {
    const checking = new GroupRig({ targets, health });
    const told = new GroupRig({ targets, health }, undefined, true);
    checking.upstreams.script = (reached) => reached.reply(reached.host === "a" ? 500 : 200);
    told.upstreams.script = (reached) => reached.reply(200);
    for (const rig of [checking, told]) rig.clock.advance(3_000);
    expect(told.upstreams.reached.length).toBe(0);
    expect(told.clock.timers).toBe(0);
    expect(told.group.checked().map((each) => each.health)).toEqual(["unknown", "unknown"]);
    told.group.hear(checking.group.checked());
    expect(told.group.checked()).toEqual(checking.group.checked());
    expect(told.standing("a")).toMatchObject({ health: "unhealthy", healthReason: expect.stringContaining("500") });
    for (let each = 0; each < 10; each++) told.ask();
    expect(new Set(told.upstreams.hosts)).toEqual(new Set(["b", "d"]));
    expect(told.events).toEqual([]); // it is in the log of the one that checks
    checking.group.close();
  });

  test("hear() keeps nothing of targets that the group has not", () => {
    const told = new GroupRig({ targets, health }, undefined, true);
    told.group.hear([{ id: "http://elsewhere", health: "unhealthy", reason: "failed" }]);
    expect(told.group.standing().map((each) => each.health)).toEqual(["unknown", "unknown", "unknown"]);
  });
});

describe("health checks", () => {
  test("a check names the host that the route names", () => {
    const rig = new GroupRig({ targets: [target("a")], health, host: "shop.example" });
    rig.clock.advance(1_000);
    expect(rig.upstreams.last.request.head.authority).toBe("shop.example");
    rig.group.close();
  });
});

describe("a breaker that is open", () => {
  const checked = { targets: targets.slice(0, 2), health, breaker: true };
  const isCheck = (reached: Reached): boolean => reached.request.head.target === health.path;
  const breakerEvents = (rig: GroupRig) => rig.events.flatMap((event) => (event.type === "breaker" ? [event.to] : []));

  test("makes its trial at once when a health check passes, and once only until it closes", () => {
    const rig = new GroupRig({ ...checked, targets: [target("a")] });
    let isUp = false;
    rig.upstreams.script = (reached) => reached.reply(isUp || isCheck(reached) ? 200 : 500);
    for (let each = 0; each < 10; each++) rig.ask();
    expect(rig.ask().failure?.code).toBe("gateway.no_target");
    rig.clock.advance(1_200); // the check passes, the trial does not
    expect([rig.ask().head?.status, rig.standing("a").breaker]).toEqual([500, "open"]);
    rig.clock.advance(1_200);
    expect(rig.ask().failure?.code).toBe("gateway.no_target");
    isUp = true;
    rig.clock.advance(5_000);
    for (let each = 0; each < 3; each++) expect(rig.ask().head?.status).toBe(200);
    expect(breakerEvents(rig)).toEqual(["open", "half_open", "open", "half_open", "closed"]);
    rig.group.close();
  });

  test.each([false, true])(
    "makes its trial as soon as its target is healthy again, told by another process: %p",
    (isTold) => {
      const rig = new GroupRig({ ...checked, targets: [target("a")] }, undefined, isTold);
      let isUp = true;
      rig.upstreams.script = (reached) => (isUp ? reached.reply(200) : reached.fail());
      const become = (to: "healthy" | "unhealthy"): void => {
        isUp = to === "healthy";
        if (isTold) rig.group.hear([{ id: "http://a", health: to, reason: "" }]);
        else for (let each = 0; each < 5 && rig.standing("a").health !== to; each++) rig.clock.advance(1_200);
      };
      become("healthy");
      isUp = false;
      for (let each = 0; each < 10; each++) rig.ask();
      become("unhealthy");
      expect(rig.ask().failure?.code).toBe("gateway.no_target");
      for (let each = 0; each < 10 && rig.standing("a").breaker === "open" && !isTold; each++) rig.ask();
      become("healthy");
      for (let each = 0; each < 3; each++) expect(rig.ask().head?.status).toBe(200);
      expect(rig.standing("a").breaker).toBe("closed");
      rig.group.close();
    },
  );

  test("no request fails when two targets are restarted, one behind the other", () => {
    const rig = new GroupRig({ ...checked, retries: 2 });
    let down = "";
    rig.upstreams.script = (reached) => (reached.host === down ? reached.fail() : reached.reply());
    const statuses: unknown[] = [];
    for (const next of ["a", "", "b", "", "a", ""]) {
      down = next;
      for (let ms = 0; ms < 2_300; ms += 20) {
        const heard = rig.ask();
        rig.clock.advance(20);
        statuses.push(heard.head?.status ?? heard.failure?.code);
      }
    }
    expect(new Set(statuses)).toEqual(new Set([200]));
    rig.group.close();
  });

  test("is passed by when all are open and the target's checks pass, by so many requests at once", () => {
    const rig = new GroupRig(checked);
    rig.upstreams.script = (reached) => (isCheck(reached) ? reached.reply() : reached.fail("gateway.upstream_closed"));
    rig.clock.advance(3_000);
    for (let each = 0; each < 60; each++) rig.ask();
    expect([rig.standing("a").breaker, rig.standing("b").breaker]).toEqual(["open", "open"]);
    rig.upstreams.script = undefined;
    const before = rig.upstreams.reached.length;
    const all = Array.from({ length: 100 }, () => rig.ask());
    expect(rig.upstreams.reached.length - before).toBe(64);
    expect(all.filter(({ failure }) => failure?.code === "gateway.no_target").length).toBe(36);
    rig.group.close();
  });

  test("is tried once before its time when all are open and nobody checks them", () => {
    const rig = new GroupRig({ targets: targets.slice(0, 2), breaker: true });
    rig.upstreams.script = (reached) => reached.fail();
    for (let each = 0; each < 40; each++) rig.ask();
    expect(breakerEvents(rig).filter((to) => to === "half_open").length).toBe(2);
    const before = rig.upstreams.reached.length;
    expect(rig.ask().failure?.code).toBe("gateway.no_target");
    expect(rig.upstreams.reached.length).toBe(before);
  });
});

describe("TargetGroup.checked()", () => {
  test("checked() gives nothing when there are no active checks", () => {
    expect(new GroupRig({ targets }).group.checked()).toEqual([]);
  });
});
