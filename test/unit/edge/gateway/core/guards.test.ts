import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import type { ReplyGuard } from "../../../../../src/edge/gateway/core/index.ts";
import { holding } from "./holding.ts";
import { CoreRig } from "./rig.ts";

const rigWith = (...guards: ReplyGuard[]) =>
  new CoreRig("route|r|/*|http://up|retries=0", { guardsFor: () => ({ steps: [], guards }) });

const LOUD = holding(10, (text) => text.toUpperCase());
const REFUSAL = { status: 403, code: "waf.blocked", detail: "the request was refused" };

describe("guardReply()", () => {
  test("guardReply() puts a reply through the guards in their order, each sees what the one before has opened", () => {
    const seen: unknown[] = [];
    const marking: ReplyGuard = {
      isStrict: false,
      take(_passage, head, length, open) {
        seen.push([head.headers, length]);
        return open({ ...head, headers: ["seen", "1"] }, length);
      },
    };
    const rig = rigWith(
      LOUD,
      marking,
      holding(20, (text) => `${text}!`),
    );
    const client = rig.send("/");
    const body = rig.asked().begins(200, ["x", "1"]);
    body.write("he");
    expect([client.head, seen]).toEqual([undefined, []]);
    body.write("llo");
    body.sink!.end(["t", "1"]);
    expect(seen).toEqual([[["x", "1"], 5]]);
    expect([client.status, client.text, client.head!.headers, client.length, client.sink!.trailers]).toEqual([
      ...[200, "HELLO!", ["seen", "1"], 6, ["t", "1"]],
    ]);
    expect(rig.ended).toHaveLength(1);
  });

  test("guardReply() passes a reply on with its back-pressure when the guards open it at once", () => {
    const rig = rigWith({ isStrict: false, take: (_passage, head, length, open) => open(head, length) });
    const client = rig.send("/");
    const body = rig.asked().begins(200);
    expect(body.write("abc")).toBe(true);
    client.sink!.takes = false;
    expect(body.write("d")).toBe(false);
    client.sink!.onReady!();
    expect(body.readies).toBe(1);
    body.sink!.end();
    expect(client.text).toBe("abcd");
  });

  test("guardReply() refuses when a guard does, and nothing of the body goes out", () => {
    const rig = rigWith({ isStrict: true, take: () => REFUSAL }, LOUD);
    const client = rig.send("/");
    const body = rig.asked().begins(200);
    expect([client.status, client.problem.code, body.sink, rig.asked().cancelled?.code]).toEqual([
      ...[403, "waf.blocked", undefined, "waf.blocked"],
    ]);
    expect(rig.ended).toHaveLength(1);
  });

  test("guardReply() refuses when a guard breaks, at once or when one before it opens the reply", () => {
    const broken: ReplyGuard = {
      isStrict: true,
      take: () => {
        throw new Failure("gateway.body_unreadable", "no JSON");
      },
    };
    for (const guards of [[broken], [LOUD, broken]]) {
      const rig = rigWith(...guards);
      const client = rig.send("/");
      rig.asked().replies(200, [], "secret");
      expect([client.status, client.problem.code, client.text.includes("secret")]).toEqual([
        ...[400, "gateway.body_unreadable", false],
      ]);
      expect(rig.ended).toHaveLength(1);
    }
  });

  test("guardReply() refuses when the reply breaks off before it was whole, or is longer than is taken, and stops the upstream", () => {
    const rig = rigWith(LOUD);
    const cut = rig.send("/");
    const body = rig.asked().begins(200);
    body.write("x");
    body.sink!.abort(new Failure("gateway.upstream_closed", "cut"));
    expect([cut.status, cut.problem.code]).toEqual([502, "gateway.upstream_closed"]);
    const long = rig.send("/");
    const more = rig.asked(1).begins(200);
    more.write("0123456789");
    expect([long.head, more.write("x"), long.status]).toEqual([undefined, false, 502]);
    expect([more.cancelled?.code, rig.gateway.counts().inFlight]).toEqual(["gateway.body_too_large", 0]);
  });

  test("guardReply() cancels the upstream when the client goes while the reply is gathered", () => {
    const rig = rigWith(LOUD);
    const client = rig.send("/");
    const body = rig.asked().begins(200);
    client.goes();
    expect(rig.asked().cancelled?.code).toBe("gateway.client_gone");
    body.write("x");
    body.sink!.end();
    expect([client.head, rig.ended.length]).toEqual([undefined, 1]);
  });

  test("inform() tells nothing when a guard is strict", () => {
    const rig = rigWith(LOUD);
    const client = rig.send("/");
    rig.asked().events.onInform!({ status: 103, headers: ["link", "</secret>"] });
    expect(client.informed).toEqual([]);
  });
});
