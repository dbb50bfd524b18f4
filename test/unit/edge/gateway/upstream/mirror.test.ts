/** Copies of requests for another target: when there is one, and that it harms nobody. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { BytesSource, NO_BODY } from "../../../../../src/wire/http/index.ts";
import { GroupRig, target } from "./group-rig.ts";
import { FedBody } from "./rig.ts";

describe("mirrors", () => {
  const MIRRORED = { mirror: target("shadow"), mirrorShare: 1 };

  test("a copy of each request goes to the mirror, and its reply nowhere", () => {
    const rig = new GroupRig(MIRRORED);
    const heard = rig.ask({ method: "POST", body: new BytesSource(Buffer.from("hello")) });
    const original = rig.upstreams.reached.find(({ host }) => host === "a")!;
    original.takeBody();
    const copy = rig.upstreams.reached.find(({ host }) => host === "shadow")!;
    copy.takeBody().reply(500, "of the mirror");
    expect(copy.text).toBe("hello");
    expect(heard.isDone).toBe(false);
    original.reply();
    expect(heard.text).toBe("ok");
    expect(rig.group.counts()).toMatchObject({ mirrored: 1, mirrorsSkipped: 0, requests: 1 });
  });

  test("a mirror that fails is told of, and harms nobody", () => {
    const rig = new GroupRig(MIRRORED);
    const heard = rig.ask();
    rig.upstreams.reached.find(({ host }) => host === "shadow")!.fail();
    rig.upstreams.reached.find(({ host }) => host === "a")!.reply();
    expect(heard.text).toBe("ok");
    expect(rig.events.map(({ type }) => type)).toEqual(["mirror_failed"]);
  });

  test("a mirror that takes nothing does not make the request wait", () => {
    const rig = new GroupRig(MIRRORED);
    const body = new FedBody();
    rig.ask({ method: "POST", body });
    rig.upstreams.last.takeBody();
    expect(body.sink!.write(Buffer.from("x"))).toBe(true);
    body.sink!.end();
    expect(rig.upstreams.hosts).toEqual(["a", "shadow"]);
  });

  test("there is no copy of a long body, nor when too many are under way", () => {
    const rig = new GroupRig(MIRRORED);
    rig.ask({ method: "POST", body: new BytesSource(new Uint8Array(100_000)) });
    expect(rig.upstreams.hosts).toEqual(["a"]);
    for (let each = 0; each < 200; each++) rig.ask();
    expect(rig.upstreams.hosts.filter((host) => host === "shadow").length).toBe(128);
    expect(rig.group.counts()).toMatchObject({ mirrored: 128, mirrorsSkipped: 73 });
  });

  test("requests that end without their body do not use up the copies", () => {
    const rig = new GroupRig(MIRRORED);
    rig.upstreams.script = (reached) => reached.host === "a" && reached.fail();
    for (let each = 0; each < 200; each++) rig.ask({ method: "POST", body: new FedBody() });
    rig.upstreams.script = undefined;
    rig.ask();
    expect(rig.upstreams.hosts.filter((host) => host === "shadow").length).toBe(1);
  });

  test("requests that are answered without their body do not use up the copies", () => {
    const rig = new GroupRig(MIRRORED);
    rig.upstreams.script = ({ events, host }) => {
      if (host === "a") events.onReply({ status: 405, headers: [] }, NO_BODY);
    };
    for (let each = 0; each < 200; each++) rig.ask({ method: "PUT", body: new FedBody(10) });
    expect(rig.group.counts()).toMatchObject({ mirrored: 0, mirrorsSkipped: 200 });
    rig.ask();
    expect(rig.group.counts()).toMatchObject({ mirrored: 1, mirrorsSkipped: 200 });
  });

  test("a request goes without a copy when it makes no host of the mirror", () => {
    const rig = new GroupRig({ mirror: target("shadow", { isDynamic: true }), mirrorShare: 1 });
    const originFor = (): never => {
      throw new Failure("gateway.bad_host", "as the test says");
    };
    const heard = rig.ask({ originFor });
    rig.upstreams.last.reply();
    expect([rig.upstreams.hosts, heard.text]).toEqual([["a"], "ok"]);
    expect(rig.group.counts()).toMatchObject({ mirrored: 0, mirrorsSkipped: 1 });
  });

  test("only a share of the requests is copied", () => {
    const rig = new GroupRig({ ...MIRRORED, mirrorShare: 0.25 });
    rig.upstreams.script = (reached) => reached.reply();
    for (let each = 0; each < 400; each++) rig.ask();
    const { mirrored } = rig.group.counts();
    expect(mirrored).toBeGreaterThan(60);
    expect(mirrored).toBeLessThan(140);
  });
});
