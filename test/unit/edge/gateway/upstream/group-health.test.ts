/** Groups that check their targets for others, and groups that are told. */
import { describe, expect, test } from "bun:test";
import { GroupRig, target } from "./group-rig.ts";

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

describe("TargetGroup.checked()", () => {
  test("checked() gives nothing when there are no active checks", () => {
    expect(new GroupRig({ targets }).group.checked()).toEqual([]);
  });
});
