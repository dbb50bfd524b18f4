import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { createTracer, type FinishedSpan } from "../../../../../src/base/tracer.ts";
import type { Step } from "../../../../../src/edge/gateway/core/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { Asked, CoreRig, OpenBody, PSEUDONYM, planOf, settled } from "./rig.ts";

const PLAIN = "route|r|/*|http://up:8080";

describe("Gateway.handle()", () => {
  test("handle() sends a request on and its reply back when a route takes it", () => {
    const rig = new CoreRig(PLAIN);
    const client = rig.send("/a?b=c", { headers: ["accept", "x/y"] });
    expect(rig.asked().request.head).toMatchObject({ method: "GET", target: "/a?b=c", authority: "up:8080" });
    expect(rig.asked().request.origin).toEqual({ scheme: "http", host: "up", port: 8080 });
    rig.clock.advance(12);
    rig.asked().replies(201, ["x-own", "1"], "hello", ["x-sum", "9"]);
    expect([client.status, client.text, client.sink!.trailers]).toEqual([201, "hello", ["x-sum", "9"]]);
    expect(client.header("x-own")).toBe("1");
    expect(rig.ended).toHaveLength(1);
    expect(rig.ended[0]).toMatchObject({
      status: 201,
      sentBytes: 5,
      attempts: 1,
      upstream: "http://up:8080",
      repliedMs: 12,
    });
    expect(rig.counts("r")).toMatchObject({ requests: 1, inFlight: 0, byClass: [0, 0, 1, 0, 0, 0], sentBytes: 5 });
  });

  test("handle() says whom it comes from and how when it asks an upstream", () => {
    const rig = new CoreRig(PLAIN);
    rig.send("/", {
      headers: ["x-request-id", "theirs", "via", "1.1 cdn", "via", "2 lb", "x-forwarded-for", "1.1.1.1"],
      version: "2",
    });
    const asked = rig.asked();
    expect(asked.header("via")).toBe(`1.1 cdn, 2 lb, 2 ${PSEUDONYM}`);
    expect(asked.header("x-request-id")).toBe("id-1");
    expect(asked.header("x-forwarded-for")).toBe("192.0.2.7");
    expect(asked.header("x-forwarded-proto")).toBe("http");
  });

  test("handle() fills a variable {header.x} with what steps have left of the field: what a mask has hidden stays hidden", () => {
    const options = `request_header.x-copy=\${header.x-card},request_header.x-none=\${header.x-gone}`;
    const step: Step = (passage) => {
      passage.headers = ["x-card", "****"];
      return "on";
    };
    const rig = new CoreRig(`${PLAIN}|${options}`, { guardsFor: () => ({ steps: [step], guards: [] }) });
    rig.send("/", { headers: ["x-card", "4111111111111111", "x-gone", "4111111111111111"] });
    expect(["x-card", "x-copy", "x-none"].map((name) => rig.asked().header(name))).toEqual(["****", "****", ""]);
  });

  test("handle() tells traces of a request what may be seen of it, where anybody records them", () => {
    const spans: FinishedSpan[] = [];
    const entropy = (bytes: number) => new Uint8Array(bytes).fill(7);
    const traced = (ratio: number) => {
      const looked: string[] = [];
      const rig = new CoreRig(PLAIN, {
        tracer: createTracer({ clock: new SteppedClock(), entropy, ratio, sink: (span) => void spans.push(span) }),
        shown: (text, route, kind) => {
          looked.push(text);
          return `${kind} of ${route?.id}`;
        },
      });
      rig.send("/secret");
      rig.asked().fails("gateway.connect_failed");
      return looked;
    };
    expect(traced(0)).toEqual([]);
    expect(traced(1)).toEqual(["/secret", "as the test says"]);
    expect(spans).toMatchObject([{ attributes: { "url.path": "place of r" }, failure: "words of r" }]);
  });

  test("handle() refuses a request when it has been here before", () => {
    const rig = new CoreRig(PLAIN);
    const client = rig.send("/", { headers: ["via", `1.1 other, 1.1 ${PSEUDONYM}`] });
    expect(client.status).toBe(508);
    expect(client.problem).toMatchObject({ code: "gateway.loop", title: "Loop Detected" });
    expect(rig.upstreams.asked).toHaveLength(0);
  });

  test("handle() refuses a request in the form of its client when no route takes it", () => {
    const rig = new CoreRig("route|r|POST /only|http://up");
    const client = rig.send("/nowhere");
    expect(client.status).toBe(404);
    expect(client.problem).toEqual({
      ...{ type: "about:blank", title: "Not Found", status: 404, code: "gateway.no_route", requestId: "id-1" },
      detail: "no route takes this request",
    } as object);
    expect(client.header("content-type")).toBe("application/problem+json");
    const other = rig.send("/only");
    expect([other.status, other.header("allow")]).toEqual([405, "POST"]);
    const grpc = rig.send("/nowhere", { method: "POST", headers: ["content-type", "application/grpc"] });
    expect([grpc.status, grpc.header("grpc-status"), grpc.text]).toEqual([200, "12", ""]);
    expect(grpc.header("grpc-message")).toBe("gateway.no_route: no route takes this request");
    expect(rig.gateway.counts()).toMatchObject({ requests: 3, inFlight: 0 });
    expect([...rig.gateway.counts().unrouted]).toEqual([
      ["gateway.no_route", 2],
      ["gateway.method_not_allowed", 1],
    ]);
  });

  test("handle() edits heads both ways when the route says so", () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the file has such templates
    const options = "request_header.x-in=${client},response_header.x-out=${request_id},response_header_remove=server";
    const rig = new CoreRig(`route|r|/*|http://up|${options}`);
    const client = rig.send("/");
    rig.asked().replies(200, ["server", "secret/1.0"]);
    expect(rig.asked().header("x-in")).toBe("192.0.2.7");
    expect([client.header("x-out"), client.header("server")]).toEqual(["id-1", undefined]);
  });

  test("handle() answers by itself when the route replies or redirects", () => {
    const rig = new CoreRig([
      "route|r|/gone|none|reply=410 it was here",
      "route|m|/old/{id}|none|redirect=308 /new/{id}",
    ]);
    const gone = rig.send("/gone");
    expect([gone.status, gone.text]).toEqual([410, "it was here"]);
    const moved = rig.send("/old/7");
    expect([moved.status, moved.header("location")]).toEqual([308, "/new/7"]);
    expect(rig.counts("m").byClass[3]).toBe(1);
  });

  test.each([
    ["gateway.connect_failed", 502, "14"],
    ["gateway.upstream_timeout", 504, "4"],
    ["gateway.address_denied", 403, "7"],
    ["gateway.upstream_busy", 503, "14"],
    ["gateway.unheard_of", 500, "13"],
  ])("handle() answers when the upstream fails with %s", (code, status, grpcStatus) => {
    const rig = new CoreRig("route|r|/*|http://up|retries=0");
    const client = rig.send("/", { method: "POST" });
    rig.asked().fails(code);
    expect(client.status).toBe(status);
    expect(client.problem.code).toBe(code);
    expect(client.text).not.toContain("as the test says");
    const grpc = rig.send("/", { method: "POST", headers: ["content-type", "application/grpc+proto"] });
    rig.asked(1).fails(code);
    expect([grpc.status, grpc.header("grpc-status")]).toEqual([200, grpcStatus]);
    expect(rig.counts("r").refused.get(code)).toBe(2);
    expect(rig.counts("r").inFlight).toBe(0);
  });

  test("handle() answers 400 when what the client sent makes no host or path, and no target is blamed", () => {
    const rig = new CoreRig([
      "route|h|/h/{name}|http://{name}.inside.example",
      "route|p|/p/{rest*}|http://up|rewrite=/{rest}/x",
    ]);
    const host = rig.send("/h/a%5Fb%20");
    expect([host.status, host.problem.code]).toEqual([400, "gateway.bad_host"]);
    expect(rig.upstreams.asked).toHaveLength(0);
    expect(rig.failed).toEqual([]);
    expect(rig.counts("h").inFlight).toBe(0);
  });

  test("handle() breaks the reply off when the upstream's does", () => {
    const rig = new CoreRig(PLAIN);
    const client = rig.send("/");
    const body = rig.asked().begins(200);
    body.write("half");
    body.sink!.abort(new Failure("gateway.upstream_closed", "cut"));
    expect(client.sink!.broken).toBe("gateway.upstream_closed");
    expect(rig.ended).toHaveLength(1);
    expect(rig.ended[0]).toMatchObject({ status: 200, why: "gateway.upstream_closed" });
  });

  test("handle() passes back-pressure on when the client is slow", () => {
    const rig = new CoreRig(PLAIN);
    const client = rig.send("/");
    const body = rig.asked().begins(200);
    client.sink!.takes = false;
    expect(body.write("x")).toBe(false);
    client.sink!.onReady!();
    expect(body.readies).toBe(1);
  });

  test("handle() tells interim replies when no reply has begun, and not when the client is gone", () => {
    const rig = new CoreRig(PLAIN);
    const client = rig.send("/");
    rig.asked().events.onInform!({ status: 103, headers: [] });
    client.goes();
    rig.asked().events.onInform!({ status: 103, headers: [] });
    expect(client.informed).toEqual([103]);
  });

  test("handle() refuses when a head cannot be written, and says so to whoever keeps logs", () => {
    const rig = new CoreRig(PLAIN);
    const client = rig.send("/");
    rig.asked().replies(200, ["x-bad", "a\r\nb: c"], "body");
    expect([client.status, client.problem.code]).toEqual([500, "gateway.bad_header"]);
    expect(rig.failed.map(({ code }) => code)).toEqual(["gateway.bad_header"]);
    expect(rig.ended).toHaveLength(1);
    expect(rig.asked().cancelled).toBeDefined();
  });
});

describe("Gateway.handle() when the client goes", () => {
  test("handle() cancels the upstream when the client goes before the reply, and hears nothing of it again", () => {
    const rig = new CoreRig(PLAIN);
    const client = rig.send("/");
    client.goes();
    expect(rig.asked().cancelled?.code).toBe("gateway.client_gone");
    expect(rig.ended).toHaveLength(1);
    expect(rig.ended[0]).toMatchObject({ status: 0, why: "gateway.client_gone" });
    expect(rig.counts("r")).toMatchObject({ inFlight: 0, byClass: [1, 0, 0, 0, 0, 0] });
  });

  test("handle() cancels the upstream when the client goes within the question", () => {
    const rig = new CoreRig(PLAIN);
    let client: ReturnType<CoreRig["send"]> | undefined;
    rig.upstreams.onAsk = () => {
      const { gateway } = rig;
      expect(gateway.counts().inFlight).toBe(1);
    };
    const body = new OpenBody();
    body.start = () => client?.goes();
    client = rig.send("/", { method: "POST", body });
    client.goes();
    expect(rig.asked().cancelled?.code).toBe("gateway.client_gone");
    expect(rig.ended).toHaveLength(1);
  });

  test("handle() stops the reply when the client goes in the middle of it", () => {
    const rig = new CoreRig(PLAIN);
    const client = rig.send("/");
    const body = rig.asked().begins(200);
    body.write("some");
    client.goes();
    expect(body.cancelled?.code).toBe("gateway.client_gone");
    expect(rig.ended).toHaveLength(1);
    expect(rig.ended[0]).toMatchObject({ status: 200, sentBytes: 4, why: "gateway.client_gone" });
    expect(rig.counts("r").inFlight).toBe(0);
  });

  test("handle() ends once when only the reply's sink says that nobody wants it", () => {
    const rig = new CoreRig(PLAIN);
    const client = rig.send("/");
    const body = rig.asked().begins(200, [], 3);
    client.sink!.onCancel!(new Failure("gateway.wrong_length", "more than its head tells"));
    expect(body.cancelled?.code).toBe("gateway.wrong_length");
    expect(rig.ended.map(({ why }) => why)).toEqual(["gateway.wrong_length"]);
    expect(rig.gateway.counts().inFlight).toBe(0);
  });
});

describe("Gateway.handle() with an upgrade", () => {
  const upgraded = (options = "") => {
    const rig = new CoreRig(`route|r|/*|http://up|${options}`);
    const client = rig.send("/", { protocol: "websocket" });
    const stream = { source: new OpenBody(), sink: new AskedSink() };
    rig.asked().events.onUpgrade!({ status: 101, headers: ["x-own", "1"] }, stream);
    return { rig, client, stream };
  };

  test("handle() passes bytes both ways and counts them when both agree to leave HTTP", () => {
    const { client, rig, stream } = upgraded("response_header.x-edited=yes");
    expect([client.status, client.header("x-own"), client.header("x-edited")]).toEqual([101, "1", "yes"]);
    client.raw!.source.write("ping!");
    stream.source.write("pong");
    expect([stream.sink.text, client.raw!.sink.text]).toEqual(["ping!", "pong"]);
    client.raw!.source.sink!.end();
    expect(rig.ended).toHaveLength(0);
    stream.source.sink!.end();
    expect(rig.ended).toHaveLength(1);
    expect(rig.ended[0]).toMatchObject({ status: 101, receivedBytes: 5, sentBytes: 4, why: undefined });
    expect(rig.counts("r").byClass[2]).toBe(1);
  });

  test("handle() asks the upstream without a body when a client of HTTP/2 asks for a WebSocket: its bytes come behind", () => {
    const rig = new CoreRig("route|r|/*|http://up");
    const client = rig.send("/", { protocol: "websocket", version: "2", body: new OpenBody(undefined) });
    expect(rig.asked().request.body).toBeUndefined();
    expect(client.status).toBeUndefined();
  });

  test("handle() never tells a client of HTTP/2 that its WebSocket is open by a 2xx of an upstream that did not switch", () => {
    for (const options of ["", "compress=true"]) {
      const rig = new CoreRig(`route|r|/*|http://up|${options}`);
      const client = rig.send("/", { protocol: "websocket", version: "2", body: new OpenBody(undefined) });
      const body = rig.asked().begins(200, ["content-type", "text/html"], 5);
      expect([client.status, body.cancelled !== undefined]).toEqual([502, true]);
      expect(rig.ended.map(({ status, why }) => [status, why])).toEqual([[502, "gateway.not_switched"]]);
      const refused = rig.send("/", { protocol: "websocket", version: "2", body: new OpenBody(undefined) });
      rig.asked(1).begins(403, [], 0);
      expect(refused.status).toBe(403);
    }
    const own = new CoreRig("route|r|/*|none|reply=200 ok");
    expect(own.send("/", { protocol: "websocket", version: "2" }).status).toBe(502);
    expect(own.send("/", { protocol: "websocket" }).status).toBe(200); // there it is no 101
  });

  test("handle() refuses a handshake whose fields are there twice, or whose protocols are no list of names", () => {
    const rig = new CoreRig("route|r|/*|http://up|");
    const key = ["sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="];
    const version = ["sec-websocket-version", "13"];
    const faulty = [
      [...key, ...key, ...version],
      [...key, ...version, ...version],
      ...["a b", "a,,b", "", "a;b"].map((names) => [...key, ...version, "sec-websocket-protocol", names]),
    ];
    for (const headers of faulty) {
      expect([headers, rig.send("/", { protocol: "websocket", headers }).status]).toEqual([headers, 400]);
    }
    expect(rig.upstreams.asked.length).toBe(0);
    rig.send("/", { protocol: "websocket", headers: [...key, ...version, "sec-websocket-protocol", "a, b ,c"] });
    rig.send("/", { headers: [...key, ...key] }); // no handshake
    expect(rig.upstreams.asked.length).toBe(2);
  });

  test("handle() ends once when the client closes and its side is cut off for the upstream", () => {
    const { client, rig, stream } = upgraded();
    client.raw!.source.sink!.end();
    client.raw!.sink.onCancel!(new Failure("gateway.client_gone", "closed"));
    expect(stream.source.cancelled?.code).toBe("gateway.client_gone");
    expect(rig.ended.map(({ why }) => why)).toEqual([undefined]);
    expect(rig.gateway.counts().inFlight).toBe(0);
  });

  test("handle() ends once and says why when a side breaks", () => {
    const { client, rig, stream } = upgraded();
    stream.source.sink!.abort(new Failure("gateway.upstream_closed", "cut"));
    expect(client.raw!.sink.broken).toBe("gateway.upstream_closed");
    expect(rig.ended.map(({ why }) => why)).toEqual(["gateway.upstream_closed"]);
    client.raw!.source.sink!.end();
    expect(rig.ended).toHaveLength(1);
  });
});

const AskedSink = new Asked({} as never, {} as never).upload.constructor as new () => Asked["upload"];

describe("Gateway.handle() with a sticky cookie", () => {
  const LINE = "route|r|/*|http://a;name=a http://b;name=b|sticky=where";

  test("handle() sets a cookie when the client has none, and keeps to the target that it names", () => {
    const rig = new CoreRig(LINE);
    const first = rig.send("/", { scheme: "https" });
    rig.asked().replies(200);
    const cookie = first.header("set-cookie")!;
    const name = rig.asked().request.origin.host;
    expect(cookie).toBe(`where=${name}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax; Secure`);
    for (let at = 1; at < 6; at++) {
      const next = rig.send("/", { headers: ["cookie", `other=1; where=${name}`] });
      rig.asked(at).replies(200);
      expect(rig.asked(at).request.origin.host).toBe(name);
      expect(next.header("set-cookie")).toBeUndefined();
    }
  });

  test("handle() tells clients no address in the cookie, and lets it choose no target of weight 0 that has no name", () => {
    const rig = new CoreRig("route|r|/*|http://10.1.2.3:8080 http://10.1.2.4:8080;weight=0|sticky=where");
    const first = rig.send("/");
    rig.asked().replies(200);
    const [pair = ""] = first.header("set-cookie")!.split(";");
    expect(pair).toMatch(/^where=[0-9a-f]{3}$/);
    const again = rig.send("/", { headers: ["cookie", pair] });
    rig.asked(1).replies(200);
    expect([rig.asked(1).request.origin.host, again.header("set-cookie")]).toEqual(["10.1.2.3", undefined]);
    for (let number = 0; number < 4_096; number++) {
      const client = rig.send("/", { headers: ["cookie", `where=${number.toString(16).padStart(3, "0")}`] });
      client.goes();
    }
    rig.send("/", { headers: ["cookie", `where=${encodeURIComponent("http://10.1.2.4:8080")}`] });
    expect(new Set(rig.upstreams.asked.map(({ request }) => request.origin.host))).toEqual(new Set(["10.1.2.3"]));
  });

  test("handle() sets no cookie for a target that a rule has named by its URL", async () => {
    const decide = () => Promise.resolve({ target: "http://10.9.9.9:81" });
    const rig = new CoreRig(LINE, { rulesFor: () => ({ decide, close: () => Promise.resolve() }) });
    const client = rig.send("/");
    await settled();
    rig.asked().replies(200);
    expect([rig.asked().request.origin.host, client.header("set-cookie")]).toEqual(["10.9.9.9", undefined]);
  });

  test("handle() sets another cookie when the one that came names no target", () => {
    const rig = new CoreRig(LINE);
    const client = rig.send("/", { headers: ["cookie", "where=%zz; where=b"] });
    rig.asked().replies(200);
    expect(client.header("set-cookie")).toStartWith("where=");
  });
});

describe("Gateway.replace()", () => {
  test("replace() keeps counts, and is done when the last request of before has ended", async () => {
    const rig = new CoreRig([PLAIN, "route|gone|/gone|http://up"]);
    const before = rig.send("/");
    let isClosed = false;
    const closed = rig.gateway.replace(rig.partsOf(planOf("route|r|/*|http://elsewhere"))).idle.then(() => {
      isClosed = true;
    });
    const idle = rig.gateway.idle();
    const after = rig.send("/");
    expect(rig.asked(1).request.origin.host).toBe("elsewhere");
    expect(rig.counts("r")).toMatchObject({ requests: 2, inFlight: 2 });
    rig.asked(1).replies(200);
    await idle;
    expect([isClosed, after.status]).toEqual([false, 200]);
    rig.asked(0).replies(204);
    await closed;
    expect(before.status).toBe(204);
    expect(rig.counts("r")).toMatchObject({ requests: 2, inFlight: 0 });
    expect(rig.gateway.counts()).toMatchObject({ requests: 2, inFlight: 0 });
  });

  test("replace() tells when all requests of before have gone their steps, and how many are under way", async () => {
    const held: (() => void)[] = [];
    const step: Step = (passage) => {
      held.push(() => passage.goOn());
      return "held";
    };
    const rig = new CoreRig(PLAIN, { guardsFor: () => ({ steps: [step], guards: [] }) });
    rig.send("/");
    held[0]!();
    rig.send("/");
    const leaver = rig.send("/");
    const former = rig.gateway.replace(rig.partsOf(planOf(PLAIN)));
    let isDecided = false;
    former.decided.then(() => {
      isDecided = true;
    });
    rig.send("/"); // of the next one
    held[1]!();
    await settled();
    expect([isDecided, former.inFlight]).toEqual([false, 3]);
    leaver.goes();
    await settled();
    expect([isDecided, former.inFlight]).toEqual([true, 2]);
    rig.asked(0).replies(200);
    rig.asked(1).replies(200);
    await former.idle;
    expect(former.inFlight).toBe(0);
  });

  test("idle() resolves for everybody who waits when the last request has ended", async () => {
    const rig = new CoreRig(PLAIN);
    rig.send("/");
    const waiting = [rig.gateway.idle(), rig.gateway.idle(), rig.gateway.replace(rig.partsOf(planOf(PLAIN))).idle];
    rig.asked().replies(200);
    await Promise.all(waiting);
    expect(rig.ended).toHaveLength(1);
  });
});
