/** What a route's line says of time, as a group takes it. */
import { describe, expect, test } from "bun:test";
import { parseGatewayFile } from "../../../../../src/edge/gateway/file/index.ts";
import { groupSettings } from "../../../../../src/edge/gateway/upstream/index.ts";
import { GroupRig, target } from "./group-rig.ts";

function settingsOf(options: string) {
  return groupSettings(parseGatewayFile(`route|a|/|http://u|${options}`, "g.txt").plan.routes[0]!);
}

function timeoutsOf(options: string) {
  return settingsOf(options).timeouts;
}

describe("groupSettings()", () => {
  test("groupSettings() gives each try the time that the route has for one, and the whole time where it has none", () => {
    const whole = { connectMs: 1_000, idleMs: 2_000, totalMs: 10_000 };
    const common = "timeout=10s,connect_timeout=1s,idle_timeout=2s";
    expect(timeoutsOf(common)).toEqual({ ...whole, headMs: 10_000 });
    expect(timeoutsOf(`${common},try_timeout=3s`)).toEqual({ ...whole, headMs: 3_000 });
    expect(timeoutsOf("timeout=0,idle_timeout=2s")).toMatchObject({ headMs: 2_000, totalMs: undefined });
    expect(timeoutsOf("timeout=0,idle_timeout=0,try_timeout=1s")).toMatchObject({ headMs: 1_000, totalMs: undefined });
  });

  test.each([
    ["shop.example:81", "shop.example:81"],
    ["target", undefined],
    ["client", undefined],
  ])("groupSettings() has health checks name the host of the route, where it has one: host=%s", (host, named) => {
    expect(settingsOf(`health=/hz,host=${host}`).host).toBe(named);
  });

  test("ask() has time for another target when one is silent for as long as a try may take", () => {
    const timeouts = timeoutsOf("timeout=10s,try_timeout=3s");
    const rig = new GroupRig({ targets: [target("a"), target("b")], retries: 1, timeouts });
    const heard = rig.ask();
    expect(rig.upstreams.last.request.timeouts).toMatchObject({ headMs: 3_000, totalMs: 10_000 });
    rig.clock.advance(3_000);
    rig.upstreams.last.fail("gateway.upstream_timeout");
    expect(rig.upstreams.last.request.timeouts).toMatchObject({ headMs: 3_000, totalMs: 7_000 });
    rig.upstreams.last.reply();
    expect(heard.text).toBe("ok");
  });
});
