/** Which requests are tried again, and which never. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { BytesSource } from "../../../../../src/wire/http/index.ts";
import { GroupRig, target } from "./group-rig.ts";
import { FedBody } from "./rig.ts";

const TWO = [target("a"), target("b")];
const GONE = new Failure("gateway.client_gone", "the client went");
const CLOSED = "gateway.upstream_closed";

describe("ask() of a group", () => {
  test("ask() passes a reply on with the target that gave it", () => {
    const rig = new GroupRig();
    const heard = rig.ask();
    rig.upstreams.last.reply();
    expect(heard.text).toBe("ok");
    expect(heard.overs).toEqual([undefined]);
    expect(heard.tried).toEqual([["a", "first"]]);
    expect(heard.call.target?.name).toBe("a");
    expect(rig.upstreams.last.request.head.target).toBe("/a");
  });

  test("ask() tries another target when one cannot be reached, also with POST", () => {
    const rig = new GroupRig({ targets: TWO, retries: 1 });
    const heard = rig.ask({ method: "POST", body: new BytesSource(Buffer.from("hello")) });
    rig.upstreams.last.fail();
    rig.upstreams.last.takeBody().reply();
    expect(heard.text).toBe("ok");
    expect(rig.upstreams.hosts).toEqual(["a", "b"]);
    expect(rig.upstreams.last.text).toBe("hello");
    expect(heard.tried).toEqual([
      ["a", "first"],
      ["b", "retry"],
    ]);
    expect(rig.group.counts()).toMatchObject({ requests: 1, retries: 1 });
  });

  test.each([
    ["GET", {}, true],
    ["PUT", {}, true],
    ["DELETE", {}, true],
    ["POST", {}, false],
    ["PATCH", {}, false],
    ["POST", { headers: ["idempotency-key", "k1"] }, true],
    ["POST", { isIdempotent: true }, true],
    ["GET", { isIdempotent: false }, false],
    ["GET", { protocol: "websocket" }, false],
  ])("ask() after a reply that never came: %s %p is tried again: %p", (method, options, isTriedAgain) => {
    for (const code of [CLOSED, "gateway.upstream_timeout", "gateway.upstream_protocol"]) {
      const rig = new GroupRig({ targets: TWO, retries: 2 });
      const heard = rig.ask({ method, ...options });
      rig.upstreams.last.fail(code);
      expect(rig.upstreams.reached.length).toBe(isTriedAgain ? 2 : 1);
      expect(heard.failure?.code).toBe(isTriedAgain ? undefined : code);
    }
  });

  test.each([
    ["GET", 503, true],
    ["GET", 502, true],
    ["GET", 500, false],
    ["POST", 503, false],
  ])("ask() after the status: %s %p is tried again: %p", (method, status, isTriedAgain) => {
    const rig = new GroupRig({ targets: TWO, retries: 1 });
    const heard = rig.ask({ method });
    rig.upstreams.last.reply(status, "no");
    expect(rig.upstreams.reached.length).toBe(isTriedAgain ? 2 : 1);
    expect(heard.head?.status).toBe(isTriedAgain ? undefined : status);
  });

  test("ask() passes the last status on when the retries are used up", () => {
    const rig = new GroupRig({ targets: TWO, retries: 1 });
    const heard = rig.ask();
    rig.upstreams.last.reply(503, "first");
    rig.upstreams.last.reply(503, "second");
    expect(heard.head?.status).toBe(503);
    expect(heard.text).toBe("second");
    expect(heard.overs).toEqual([undefined]);
  });

  test.each(["gateway.address_denied", "gateway.bad_header", "gateway.client_gone", "gateway.bad_length"])(
    "ask() never tries again after %s",
    (code) => {
      const rig = new GroupRig({ targets: TWO, retries: 3 });
      const heard = rig.ask();
      rig.upstreams.last.fail(code, true);
      expect(rig.upstreams.reached.length).toBe(1);
      expect(heard.failure?.code).toBe(code);
      expect(rig.standing("a").failed).toBe(0);
    },
  );

  test("ask() waits a moment before it tries the only target again", () => {
    const rig = new GroupRig({ retries: 1 });
    rig.ask();
    rig.upstreams.last.fail();
    expect(rig.upstreams.reached.length).toBe(1);
    rig.clock.advance(25);
    expect(rig.upstreams.reached.length).toBe(2);
  });

  test("cancel() while it waits ends it", () => {
    const rig = new GroupRig({ retries: 1 });
    const heard = rig.ask();
    rig.upstreams.last.fail();
    heard.call.cancel(GONE);
    rig.clock.advance(1_000);
    expect(rig.upstreams.reached.length).toBe(1);
    expect(heard.isDone).toBe(false);
  });

  test("ask() gives each try the time that is left of the whole", () => {
    const rig = new GroupRig({ targets: TWO, retries: 3, timeouts: { connectMs: 1_000, totalMs: 10_000 } });
    const heard = rig.ask();
    rig.clock.advance(4_000);
    rig.upstreams.last.fail(CLOSED);
    expect(rig.upstreams.last.request.timeouts).toEqual({ connectMs: 1_000, totalMs: 6_000 });
    rig.clock.advance(6_000);
    rig.upstreams.last.fail("gateway.upstream_timeout");
    expect(rig.upstreams.reached.length).toBe(2);
    expect(heard.failure?.code).toBe("gateway.upstream_timeout");
  });

  test("ask() takes the shorter of the route's time and the request's", () => {
    const rig = new GroupRig();
    rig.ask({ timeoutMs: 2_000 });
    expect(rig.upstreams.last.request.timeouts.totalMs).toBe(2_000);
    rig.ask({ timeoutMs: 2_000_000 });
    expect(rig.upstreams.last.request.timeouts.totalMs).toBe(30_000);
  });

  test("ask() spends the budget on a target that refuses what it was not sent, too", () => {
    const rig = new GroupRig({ targets: [target("a")], retries: 5, retryBudget: 0.1 });
    for (let count = 0; count < 200; count++) rig.ask({ method: "POST" });
    rig.upstreams.script = (reached) => reached.fail(CLOSED, true);
    for (const reached of rig.upstreams.reached.slice()) reached.fail(CLOSED, true);
    rig.clock.advance(10_000);
    expect(rig.upstreams.reached.length).toBe(200 + 30); // a tenth, and ten in any case
  });

  test("ask() goes on to targets that were not tried without any budget, and no further", () => {
    const targets = ["a", "b", "c"].map((name) => target(name));
    const rig = new GroupRig({ targets, retries: 5, retryBudget: 0 });
    rig.upstreams.script = (reached) => reached.fail(CLOSED, true);
    for (let count = 0; count < 20; count++) rig.ask({ method: "POST" });
    rig.clock.advance(10_000);
    expect(rig.upstreams.reached.length).toBe(20 * 3 + 10); // ten in any case
    const named = new GroupRig({ targets, retries: 5, retryBudget: 0 });
    named.upstreams.script = (reached) => reached.fail(CLOSED, true);
    for (let count = 0; count < 20; count++) named.ask({ target: targets[0]! });
    named.clock.advance(10_000);
    expect(named.upstreams.reached.length).toBe(20 + 10); // it is the only one that may be asked
  });

  test("ask() does not spend more on retries than the budget", () => {
    const rig = new GroupRig({ targets: TWO, retries: 1, retryBudget: 0.1 });
    for (let count = 0; count < 100; count++) rig.ask();
    for (const reached of rig.upstreams.reached.slice()) reached.fail(CLOSED);
    expect(rig.upstreams.reached.length).toBe(100 + 20); // a tenth, and ten in any case
    expect(rig.group.counts()).toMatchObject({ retries: 20, unbudgeted: 80 });
  });
});

describe("a body", () => {
  test("ask() sends what was kept again from its beginning, and then what comes", () => {
    const rig = new GroupRig({ targets: TWO, retries: 1 });
    const body = new FedBody();
    rig.ask({ method: "PUT", body });
    rig.upstreams.last.takeBody();
    body.sink!.write(Buffer.from("one "));
    body.sink!.write(Buffer.from("two "));
    rig.upstreams.last.fail(CLOSED);
    rig.upstreams.last.takeBody();
    expect(rig.upstreams.last.text).toBe("one two ");
    body.sink!.write(Buffer.from("three"));
    body.sink!.end();
    expect(rig.upstreams.last.text).toBe("one two three");
    expect(rig.upstreams.last.isSent).toBe(true);
    expect(rig.upstreams.reached[0]!.text).toBe("one two ");
  });

  test("ask() makes the client wait between tries", () => {
    const rig = new GroupRig({ retries: 1 });
    const body = new FedBody();
    rig.ask({ method: "PUT", body });
    rig.upstreams.last.takeBody();
    expect(body.sink!.write(Buffer.from("one "))).toBe(true);
    rig.upstreams.last.fail(CLOSED);
    expect(body.sink!.write(Buffer.from("two "))).toBe(false);
    expect(body.cancelled).toBeUndefined();
    rig.clock.advance(250);
    rig.upstreams.last.takeBody();
    expect(body.readies).toBe(1);
    expect(rig.upstreams.last.text).toBe("one two ");
  });

  test("ask() does not try again when the body was too long to be kept", () => {
    const rig = new GroupRig({ targets: TWO, retries: 1 });
    const body = new FedBody();
    const heard = rig.ask({ method: "PUT", body });
    rig.upstreams.last.takeBody();
    for (let count = 0; count < 5; count++) body.sink!.write(Buffer.alloc(16_384, "x"));
    rig.upstreams.last.fail(CLOSED);
    expect(rig.upstreams.reached.length).toBe(1);
    expect(heard.failure?.code).toBe(CLOSED);
    expect(body.cancelled?.code).toBe(CLOSED);
    expect(rig.upstreams.last.text.length).toBe(5 * 16_384);
    expect(rig.group.counts().unkept).toBe(1);
  });

  test("ask() tries again with a long body that was not begun", () => {
    const rig = new GroupRig({ targets: TWO, retries: 1 });
    const long = "y".repeat(1_000_000);
    rig.ask({ method: "POST", body: new BytesSource(Buffer.from(long)) });
    rig.upstreams.last.fail();
    rig.upstreams.last.takeBody().reply();
    expect(rig.upstreams.last.text === long).toBe(true);
  });

  test("ask() tells the client that nobody wants the rest of its body once that is certain", () => {
    const rig = new GroupRig({ targets: TWO, retries: 1 });
    const body = new FedBody();
    const heard = rig.ask({ method: "PUT", body });
    const first = rig.upstreams.last.takeBody();
    body.sink!.write(Buffer.from("one "));
    first.events.onReply({ status: 413, headers: [] }, new BytesSource(Buffer.from("too long")));
    first.onCancel!(new Failure(CLOSED, "it reads no more"));
    expect(heard.head?.status).toBe(413);
    expect(body.cancelled?.code).toBe(CLOSED);
  });

  test("cancel() reaches the upstream and lets the body go", () => {
    const rig = new GroupRig({ targets: TWO, retries: 1 });
    const body = new FedBody();
    const heard = rig.ask({ method: "PUT", body });
    rig.upstreams.last.takeBody();
    rig.ask();
    heard.call.cancel(GONE);
    expect(rig.upstreams.reached[0]!.cancelled).toBe(GONE);
    expect(rig.standing("a").inflight + rig.standing("b").inflight).toBe(1);
  });
});
