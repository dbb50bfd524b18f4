import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { Firewall, Inspections } from "../../../../../src/edge/gateway/guard/index.ts";
import type { WafRecord, WafSettings } from "../../../../../src/edge/waf/engine/index.ts";
import { BytesSource } from "../../../../../src/wire/http/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { wafOf } from "../../../../support/waf.ts";
import { CoreRig, OpenBody } from "../core/rig.ts";

const RULES = [
  "SecRuleEngine On",
  "SecRequestBodyAccess On",
  "SecResponseBodyAccess On",
  "SecResponseBodyMimeType text/plain",
  'SecRule REQUEST_HEADERS:X-Bad "@rx evil" "id:1,phase:1,deny,status:403,msg:\'bad header\'"',
  'SecRule REQUEST_HEADERS:Connection "@rx keep-alive.*close" "id:6,phase:1,deny,status:400"',
  'SecRule REQUEST_HEADERS_NAMES "@streq x-no-length" "id:7,phase:1,deny,status:400,chain"',
  'SecRule &REQUEST_HEADERS:Transfer-Encoding "@eq 0" ""',
  'SecRule REQUEST_URI "@contains drop" "id:2,phase:1,drop"',
  'SecRule REQUEST_BODY|ARGS "@rx evil" "id:3,phase:2,deny,status:403"',
  'SecRule RESPONSE_HEADERS:X-Leak "@rx ." "id:4,phase:3,deny,status:503"',
  'SecRule RESPONSE_BODY "@rx secret" "id:5,phase:4,deny,status:503"',
].join("\n");
const FORM = ["content-type", "application/x-www-form-urlencoded"];

const ROUTE = "route|r|/*|http://up|retries=0";
const GRPC_ROUTE = "route|r|/*|grpc://up|retries=0";

function rigWith(
  settings: Partial<WafSettings> = {},
  bounds: ConstructorParameters<typeof Inspections>[1] = {},
  route = ROUTE,
) {
  const records: WafRecord[] = [];
  const { waf } = wafOf(RULES, settings);
  const server = () => ({ address: "127.0.0.1", port: 8443 });
  const clock = new SteppedClock();
  const inspections = new Inspections(clock, bounds);
  const firewall = new Firewall({ waf, server, inspections, onRecord: (record) => void records.push(record) });
  const guards = { steps: [firewall.step], guards: [firewall.guard] };
  const rig = new CoreRig(route, { guardsFor: () => guards });
  return { clock, firewall, inspections, records, rig, waf };
}

/** Turns that are over after the least piece of work: every request takes many. */
const LEAST = { sliceMs: 0, shortSliceMs: 0 };

describe("Firewall.step()", () => {
  test("step() blocks at the head when a rule says so, tells the client nothing of it, and notes it in the log", () => {
    const { records, rig } = rigWith();
    const client = rig.send("/", { headers: ["x-bad", "evil"] });
    expect(client.status).toBe(403);
    expect(client.text).not.toContain("bad header");
    expect(rig.upstreams.asked).toHaveLength(0);
    expect(records).toHaveLength(1);
    expect(rig.ended[0]!.notes).toMatchObject([
      { waf: "w", mode: "block", rules: [expect.stringContaining("1 REQUEST_HEADERS")] },
    ]);
  });

  test("step() shows rules the fields of the hop, and the upstream does not get them", () => {
    const { rig } = rigWith();
    const blocked = rig.send("/", { hop: ["connection", "keep-alive, close"] });
    const unframed = rig.send("/", { headers: ["x-no-length", "1"] });
    const chunked = rig.send("/", { headers: ["x-no-length", "1"], hop: ["transfer-encoding", "chunked"] });
    expect([blocked.status, unframed.status, chunked.status]).toEqual([400, 400, undefined]);
    expect(rig.asked().header("transfer-encoding")).toBeUndefined();
  });

  test("step() drops without a word when a rule says drop", () => {
    const { rig } = rigWith();
    const client = rig.send("/drop");
    expect([client.head, client.resetBy === undefined]).toEqual([undefined, false]);
    expect(rig.gateway.counts().inFlight).toBe(0);
  });

  test("step() looks into a body before any of it goes on, and sends it on as it came", () => {
    const { rig } = rigWith();
    const bad = new OpenBody();
    const blocked = rig.send("/", { method: "POST", headers: FORM, body: bad });
    bad.write("q=ev");
    bad.write("il");
    expect(rig.upstreams.asked).toHaveLength(0);
    bad.sink!.end();
    expect([blocked.status, rig.upstreams.asked.length]).toEqual([403, 0]);
    const good = new OpenBody();
    rig.send("/", { method: "POST", headers: FORM, body: good });
    good.write("q=fi");
    good.write("ne");
    good.sink!.end();
    expect(rig.asked().upload).toMatchObject({ text: "q=fine", isWhole: true });
  });

  test("step() refuses a body when it is longer than it takes, and stops reading it", () => {
    const { rig } = rigWith({ bodyBytesMax: 10 });
    const told = rig.send("/", { method: "POST", headers: [...FORM, "content-length", "11"], body: new OpenBody(11) });
    expect(told.status).toBe(413);
    const body = new OpenBody();
    const client = rig.send("/", { method: "POST", headers: FORM, body });
    body.write("q=12345678");
    expect(body.write("9")).toBe(false);
    expect([client.status, body.cancelled?.code, rig.upstreams.asked.length]).toEqual([413, "gateway.refused", 0]);
    expect(rig.ended).toHaveLength(2);
  });

  test("step() lets a longer body go on whole when it only watches, and counts it", () => {
    const { firewall, records, rig } = rigWith({ bodyBytesMax: 10, mode: "detect" });
    const body = new OpenBody();
    const client = rig.send("/", { method: "POST", headers: FORM, body });
    body.write("q=12345678");
    body.write("9");
    body.write("abc");
    expect(rig.asked().upload.text).toBe("q=123456789abc");
    body.sink!.end();
    expect(rig.asked().upload.isWhole).toBe(true);
    rig.asked().replies(200);
    const told = new OpenBody(11);
    rig.send("/", { method: "POST", headers: [...FORM, "content-length", "11"], body: told });
    told.write("q=123456789");
    expect(rig.asked(1).upload.text).toBe("q=123456789");
    expect([client.status, firewall.counts.unseen]).toEqual([200, 2]);
    expect(records[0]!.wouldBe.kind).toBe("block");
  });

  test("step() blocks nothing when it only watches, and records what it would have blocked", () => {
    const { records, rig } = rigWith({ mode: "detect" });
    rig.send("/", {
      method: "POST",
      headers: [...FORM, "x-bad", "evil"],
      body: new BytesSource(Buffer.from("q=evil")),
    });
    rig.asked().replies(200);
    expect(rig.asked().upload.text).toBe("q=evil");
    expect(records.map(({ verdict, wouldBe }) => [verdict.kind, wouldBe.kind])).toEqual([["pass", "block"]]);
  });

  test("step() counts and lets through what never ends: bodies of gRPC and connections that leave HTTP", () => {
    const { firewall, rig } = rigWith({}, {}, GRPC_ROUTE);
    const types = ["application/grpc", "application/grpc+proto", "Application/gRPC; x=y"];
    for (const [at, type] of types.entries()) {
      const body = new OpenBody();
      rig.send("/", { method: "POST", headers: ["content-type", type], body });
      body.write("evil");
      expect([rig.asked(at).upload.text, firewall.counts.unseen]).toEqual(["evil", at + 1]);
    }
  });

  test.each([
    ["the route has no gRPC", ROUTE, ["content-type", "application/grpc"]],
    ["it is gRPC-web, which ends", GRPC_ROUTE, ["content-type", "application/grpc-web"]],
    ["it only looks like gRPC", GRPC_ROUTE, ["content-type", "application/grpc-x"]],
    ["there is another type beside it", GRPC_ROUTE, ["content-type", "application/grpc", ...FORM]],
  ])("step() looks into a body that is called gRPC when %s", (_when, route, headers) => {
    const { firewall, rig } = rigWith({}, {}, route);
    rig.send("/", { method: "POST", headers, body: new BytesSource(Buffer.from("q=evil")) });
    expect([rig.ended[0]!.why, rig.upstreams.asked.length, firewall.counts.unseen]).toEqual(["waf.rule", 0, 0]);
  });

  test.each([
    ["block", "into", FORM, undefined],
    ["block", "not into", ["content-type", "application/grpc"], undefined],
    ["detect", "into", FORM, ["x", "evil"]],
  ] as const)(
    "step() lets trailers, which no rule sees, go on only where it blocks nothing: %s, body looked %s",
    (mode, _looked, type, went) => {
      const { rig } = rigWith({ mode }, {}, GRPC_ROUTE);
      const body = new OpenBody();
      rig.send("/", { method: "POST", headers: [...type], body });
      body.write("q=fine");
      body.sink!.end(["x", "evil"]);
      expect(rig.asked().upload).toMatchObject({ text: "q=fine", isWhole: true });
      expect(rig.asked().upload.trailers).toEqual(went && [...went]);
    },
  );

  test.each([
    ["at once", {}],
    ["in turns", LEAST],
  ])("step() goes by what rules say of blocking for trailers too when it looks at a request %s", (_how, bounds) => {
    const clock = new SteppedClock();
    const inspections = new Inspections(clock, bounds);
    const only = 'SecRule REQUEST_URI "@beginsWith /api" "id:9,phase:1,pass,nolog,ctl:ruleEngine=DetectionOnly"';
    const { waf } = wafOf(`SecRuleEngine On\nSecRule REQUEST_HEADERS "@rx evil" "id:8,phase:1,pass"\n${only}`);
    const server = () => ({ address: "127.0.0.1", port: 8443 });
    const firewall = new Firewall({ waf, server, inspections, onRecord: () => {} });
    const rig = new CoreRig(ROUTE, { guardsFor: () => ({ steps: [firewall.step], guards: [firewall.guard] }) });
    const bodies = ["/api", "/"].map((target) => {
      const body = new OpenBody();
      rig.send(target, { method: "POST", body });
      while (inspections.waiting > 0) clock.advance(1);
      body.sink!.end(["x", "1"]);
      while (inspections.waiting > 0) clock.advance(1);
      return rig.upstreams.asked.at(-1)!.upload.trailers;
    });
    expect(bodies).toEqual([["x", "1"], undefined]);
  });

  test("step() ends its transaction when the client goes while its body is gathered", () => {
    const { rig } = rigWith();
    const body = new OpenBody();
    const client = rig.send("/", { method: "POST", headers: [...FORM, "x-note", "1"], body });
    body.write("q=1");
    client.goes();
    expect(rig.ended).toHaveLength(1);
    body.sink!.end();
    expect(rig.upstreams.asked).toHaveLength(0);
  });
});

describe("Firewall.step() in turns", () => {
  test("step() holds a request that takes long until it has been looked into, head and body", () => {
    const { clock, inspections, rig } = rigWith({}, LEAST);
    const good = new OpenBody();
    rig.send("/", { method: "POST", headers: FORM, body: good });
    expect([good.sink === undefined, inspections.waiting]).toEqual([true, 1]);
    clock.advance(0);
    good.write("q=fine");
    good.sink!.end();
    expect([rig.upstreams.asked.length, inspections.waiting, inspections.bytes]).toEqual([0, 1, 6]);
    clock.advance(0);
    expect(rig.asked().upload).toMatchObject({ text: "q=fine", isWhole: true });
    expect([inspections.waiting, inspections.bytes, clock.timers]).toEqual([0, 0, 0]);
  });

  test("step() refuses what it finds late: in a head, in a body, by dropping it", () => {
    const { clock, records, rig } = rigWith({}, LEAST);
    const head = rig.send("/", { headers: ["x-bad", "evil"] });
    const body = rig.send("/", { method: "POST", headers: FORM, body: new BytesSource(Buffer.from("q=evil")) });
    const dropped = rig.send("/drop");
    expect([head.status, body.status, dropped.resetBy]).toEqual([undefined, undefined, undefined]);
    clock.advance(0);
    expect([head.status, body.status, dropped.resetBy]).toEqual([403, 403, "waf.rule"]);
    expect([rig.upstreams.asked.length, rig.ended.length, records.length]).toEqual([0, 3, 3]);
  });

  test("step() serves others while one is looked into, and does each of them no later for it", () => {
    const { clock, inspections, rig } = rigWith({}, { sliceMs: 4, shortSliceMs: 1 });
    const waiting = { client: "192.0.2.9", bytes: 1, goOn: () => false };
    inspections.wait(waiting);
    const client = rig.send("/", { method: "POST", headers: FORM, body: new BytesSource(Buffer.from("q=fine")) });
    rig.asked().replies(200);
    expect([client.status, clock.timers]).toEqual([200, 1]);
    inspections.drop(waiting);
  });

  test("step() forgets a request whose client goes while it waits for its turn", () => {
    const { clock, inspections, records, rig } = rigWith({}, LEAST);
    const client = rig.send("/", { method: "POST", headers: FORM, body: new BytesSource(Buffer.from("q=evil")) });
    client.goes();
    expect([rig.ended.length, inspections.waiting, inspections.bytes]).toEqual([1, 0, 0]);
    clock.advance(0);
    expect([rig.upstreams.asked.length, records.length, rig.failed]).toEqual([0, 0, []]);
  });

  test("step() refuses with 503 what would have to wait beyond the bounds, and counts it", () => {
    const { clock, inspections, rig, waf } = rigWith({}, { ...LEAST, waitingMax: 1 });
    const first = rig.send("/");
    const second = rig.send("/", { method: "POST", headers: FORM, body: new BytesSource(Buffer.from("q=fine")) });
    expect([first.status, second.status, second.header("retry-after")]).toEqual([undefined, 503, "1"]);
    expect(second.problem.code).toBe("waf.busy");
    expect([waf.counts().busy, inspections.waiting, rig.ended[0]!.why]).toEqual([1, 1, "waf.busy"]);
    clock.advance(0);
    expect(rig.upstreams.asked).toHaveLength(1);
  });

  test("step() lets go on unseen what would have to wait beyond the bounds when it only watches, and counts it", () => {
    const { clock, firewall, records, rig, waf } = rigWith({ mode: "detect" }, { ...LEAST, waitingMax: 1 });
    rig.send("/");
    const body = new BytesSource(Buffer.from("q=evil"));
    const second = rig.send("/", { method: "POST", headers: FORM, body });
    expect([rig.asked().upload.text, firewall.counts.unseen, waf.counts().busy]).toEqual(["q=evil", 1, 1]);
    rig.asked().replies(200);
    expect([second.status, records[0]!.wouldBe]).toEqual([200, expect.objectContaining({ reason: "waf.busy" })]);
    clock.advance(0);
    expect(rig.upstreams.asked).toHaveLength(2);
  });

  test("step() lets a longer body go on whole when it only watches, after its beginning was looked into", () => {
    const { clock, firewall, records, rig } = rigWith({ bodyBytesMax: 10, mode: "detect" }, LEAST);
    const body = new OpenBody();
    rig.send("/", { method: "POST", headers: FORM, body });
    clock.advance(0);
    body.write("q=12345678");
    expect([body.write("9"), rig.upstreams.asked.length]).toEqual([false, 0]);
    clock.advance(0);
    expect([rig.asked().upload.text, body.readies]).toEqual(["q=123456789", 1]);
    body.write("abc");
    body.sink!.end();
    expect(rig.asked().upload).toMatchObject({ text: "q=123456789abc", isWhole: true });
    rig.asked().replies(200);
    expect([firewall.counts.unseen, records[0]!.wouldBe.kind]).toEqual([1, "block"]);
  });
});

describe("Firewall.guard", () => {
  test("guard blocks a reply at its head and in its body when rules say so", () => {
    const { rig } = rigWith();
    const head = rig.send("/");
    rig.asked(0).replies(200, ["x-leak", "1"], "fine");
    expect(head.status).toBe(503);
    const body = rig.send("/");
    rig.asked(1).replies(200, ["content-type", "text/plain"], "a secret");
    expect([body.status, body.text.includes("secret")]).toEqual([503, false]);
    const good = rig.send("/");
    rig.asked(2).replies(200, ["content-type", "text/plain"], "fine");
    expect([good.status, good.text]).toEqual([200, "fine"]);
  });

  test("guard sees the beginning of a long reply, and lets the rest flow", () => {
    const { rig } = rigWith({ replyBytesMax: 8 });
    const late = rig.send("/");
    rig.asked(0).replies(200, ["content-type", "text/plain"], "12345678 secret");
    expect(late.text).toBe("12345678 secret");
    const early = rig.send("/");
    rig.asked(1).replies(200, ["content-type", "text/plain"], "secret and more");
    expect(early.status).toBe(503);
  });

  test.each([
    ["block", "text/plain", undefined],
    ["block", "image/png", undefined],
    ["block", "application/grpc", ["x", "secret"]],
    ["block", "text/event-stream", ["x", "secret"]],
    ["detect", "text/plain", ["x", "secret"]],
  ] as const)(
    "guard lets trailers, which no rule sees, go on only where it blocks nothing, and behind streams: %s, %s",
    (mode, type, went) => {
      const { rig } = rigWith({ mode });
      const client = rig.send("/");
      rig.asked().replies(200, ["content-type", type], "fine", ["x", "secret"]);
      expect([client.text, client.sink!.trailers]).toEqual(["fine", went && [...went]]);
    },
  );

  test.each(["text/plain", "text/event-stream", "image/png"])(
    "guard refuses a reply with several content types, the first %s, where it would look into some of them",
    (first) => {
      const type = ["content-type", first, "content-type", "text/html"];
      const blocking = rigWith();
      const refused = blocking.rig.send("/");
      blocking.rig.asked().replies(200, type, "fine");
      expect([refused.status, refused.problem.code]).toEqual([502, "gateway.body_unreadable"]);
      for (const settings of [{ mode: "detect" }, { looksAtReplies: false }] as const) {
        const { rig } = rigWith(settings);
        const client = rig.send("/");
        rig.asked().replies(200, type, "fine");
        expect([client.status, client.text]).toEqual([200, "fine"]);
      }
    },
  );

  test("guard lets streams and other types through as they come", () => {
    const { rig } = rigWith();
    const client = rig.send("/");
    rig.asked().begins(200, ["content-type", "text/event-stream"]).write("data: secret\n\n");
    expect(client.text).toBe("data: secret\n\n");
  });

  test("guard holds a reply that takes long until it has been looked into, and lets the rest flow behind it", () => {
    const { clock, inspections, rig } = rigWith({ replyBytesMax: 8 }, LEAST);
    const client = rig.send("/");
    clock.advance(0);
    const body = rig.asked().begins(200, ["content-type", "text/plain"]);
    body.write("12345678");
    expect([body.write(" secret"), client.head, inspections.bytes]).toEqual([false, undefined, 15]);
    clock.advance(0);
    expect([client.status, client.text, body.readies]).toEqual([200, "12345678 secret", 1]);
    body.write(" and more");
    body.sink!.end();
    expect([client.text, client.sink!.isWhole]).toEqual(["12345678 secret and more", true]);
  });

  test("guard refuses what it finds late in a reply, and tells the upstream to stop", () => {
    const { clock, rig } = rigWith({ replyBytesMax: 16 }, LEAST);
    const [whole, long] = [rig.send("/"), rig.send("/")];
    clock.advance(0);
    rig.asked(0).replies(200, ["content-type", "text/plain"], "a secret");
    const body = rig.asked(1).begins(200, ["content-type", "text/plain"]);
    body.write("a secret that is long");
    expect([whole.head, long.head]).toEqual([undefined, undefined]);
    clock.advance(0);
    expect([whole.status, long.status, body.cancelled?.code]).toEqual([503, 503, "gateway.refused"]);
    expect(rig.ended.map(({ why }) => why)).toEqual(["waf.rule", "waf.rule"]);
  });

  test("guard forgets a reply whose client goes while it waits for its turn, and answers 502 when one breaks off", () => {
    const { clock, inspections, rig } = rigWith({}, LEAST);
    const [goes, broken] = [rig.send("/"), rig.send("/")];
    clock.advance(0);
    rig.asked(0).replies(200, ["content-type", "text/plain"], "fine");
    expect(inspections.waiting).toBe(1);
    goes.goes();
    expect([inspections.waiting, inspections.bytes]).toEqual([0, 0]);
    const body = rig.asked(1).begins(200, ["content-type", "text/plain"]);
    body.write("fi");
    body.sink!.abort(new Failure("gateway.upstream_broke", "it broke"));
    expect([broken.status, broken.problem.code]).toEqual([502, "gateway.upstream_broke"]);
  });
});
