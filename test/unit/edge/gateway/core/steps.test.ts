import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import type { CoreParts, Passage, Step } from "../../../../../src/edge/gateway/core/index.ts";
import type { RuleDecision, RuleRequest } from "../../../../../src/edge/gateway/words/index.ts";
import { CoreRig, OpenBody, settled } from "./rig.ts";

const PLAIN = "route|r|/*|http://up";

describe("boundStep()", () => {
  const BOUNDED = `${PLAIN}|max_body=8`;

  test("boundStep() refuses when the length that is told is too large", () => {
    const rig = new CoreRig(BOUNDED);
    const client = rig.send("/", { method: "POST", body: new OpenBody(9) });
    expect([client.status, client.problem.code]).toEqual([413, "gateway.body_too_large"]);
    expect(rig.upstreams.asked).toHaveLength(0);
  });

  test("boundStep() breaks the request off and answers when a body without a length grows too large", () => {
    const rig = new CoreRig(BOUNDED);
    const body = new OpenBody();
    const client = rig.send("/", { method: "POST", body });
    expect(body.write("12345678")).toBe(true);
    expect(body.write("9")).toBe(false);
    expect([client.status, client.problem.code]).toEqual([413, "gateway.body_too_large"]);
    expect(rig.asked().upload).toMatchObject({ text: "12345678", broken: "gateway.body_too_large" });
    expect(rig.asked().cancelled?.code).toBe("gateway.body_too_large");
    expect(body.cancelled?.code).toBe("gateway.body_too_large");
    expect(body.write("more")).toBe(false);
    body.sink!.end();
    expect(rig.ended).toHaveLength(1);
    expect(rig.ended[0]).toMatchObject({ status: 413, receivedBytes: 9 });
  });

  test("boundStep() resets when the reply has begun before the body grew too large", () => {
    const rig = new CoreRig(BOUNDED);
    const body = new OpenBody();
    const client = rig.send("/", { method: "POST", body });
    rig.asked().begins(200).write("early");
    body.write("123456789");
    expect([client.status, client.resetBy]).toEqual([200, "gateway.body_too_large"]);
    expect(rig.asked().cancelled?.code).toBe("gateway.body_too_large");
    expect(rig.ended.map(({ why }) => why)).toEqual(["gateway.body_too_large"]);
  });

  test("boundStep() counts what comes and passes trailers on when the body is within its bound", () => {
    const rig = new CoreRig(BOUNDED);
    const body = new OpenBody();
    rig.send("/", { method: "POST", body });
    body.write("12345678");
    body.sink!.end(["x-sum", "1"]);
    expect(rig.asked().upload.trailers).toEqual(["x-sum", "1"]);
    rig.asked().replies(200);
    expect(rig.counts("r").receivedBytes).toBe(8);
  });
});

describe("limitStep()", () => {
  test("limitStep() rejects with headers that say when to come again when a limit is reached", () => {
    const rig = new CoreRig([PLAIN, "limit|client_ip|1|60s|REJECT|id=few"]);
    const first = rig.send("/");
    rig.asked().replies(200);
    expect(first.header("ratelimit-policy")).toBe('"few";q=1;w=60');
    const second = rig.send("/");
    expect([second.status, second.problem.code, second.header("retry-after")]).toEqual([
      429,
      "gateway.limit_rate",
      "60",
    ]);
    const grpc = rig.send("/", { method: "POST", headers: ["content-type", "application/grpc"] });
    expect(grpc.header("grpc-status")).toBe("8");
    expect(rig.upstreams.asked).toHaveLength(1);
    expect(rig.counts("r").inFlight).toBe(0);
  });

  test("limitStep() resets without a word when the action is DROP", () => {
    const rig = new CoreRig([PLAIN, "limit|client_ip|1|60s|DROP"]);
    rig.send("/");
    const second = rig.send("/");
    expect([second.status, second.resetBy]).toEqual([undefined, "gateway.limit_drop"]);
    expect(rig.ended[0]).toMatchObject({ status: 0, why: "gateway.limit_drop" });
  });

  test("limitStep() lets a request go on later when the action is DELAY, and forgets it when its client goes", () => {
    const rig = new CoreRig([PLAIN, "limit|client_ip|1|1s|DELAY|delay_max=10s"]);
    rig.send("/");
    rig.send("/second");
    const third = rig.send("/third");
    expect(rig.upstreams.asked).toHaveLength(1);
    third.goes();
    rig.clock.advance(1_000);
    rig.clock.advance(5_000);
    expect(rig.upstreams.asked.map(({ request }) => request.head.target)).toEqual(["/", "/second"]);
    expect(rig.ended).toHaveLength(1);
  });

  test.each(["reply", "failure", "gone", "refused"] as const)(
    "limitStep() gives the place back when the request ends by its %s",
    (how) => {
      const rig = new CoreRig([`${PLAIN}|retries=0,max_body=4`, "limit|client_ip|1||REJECT|algorithm=concurrency"]);
      const body = new OpenBody();
      const client = rig.send("/", { method: "POST", body });
      expect(rig.send("/").status).toBe(429);
      if (how === "reply") rig.asked().replies(200);
      if (how === "failure") rig.asked().fails("gateway.upstream_closed");
      if (how === "gone") client.goes();
      if (how === "refused") body.write("12345");
      const next = rig.send("/");
      expect(next.status).toBeUndefined();
      expect(rig.upstreams.asked).toHaveLength(2);
    },
  );

  test("limitStep() comes behind the token when it counts by a claim, else before it", () => {
    let checks = 0;
    const doorkeeper: CoreParts["doorkeeper"] = {
      check: () => {
        checks++;
        return { name: "ada", claims: { sub: "ada" } };
      },
    };
    const line = "route|r|/*|http://up|auth=token";
    const claimed = new CoreRig([line, "limit|claim:sub|1|60s|REJECT"], { doorkeeper });
    claimed.send("/");
    expect(claimed.send("/").status).toBe(429);
    expect(checks).toBe(2);
    checks = 0;
    const plain = new CoreRig([line, "limit|client_ip|1|60s|REJECT"], { doorkeeper });
    plain.send("/");
    expect(plain.send("/").status).toBe(429);
    expect(checks).toBe(1);
  });
});

describe("authStep()", () => {
  const LINE = "route|r|/*|http://up|auth=token";
  const caller = { name: "ada", claims: { sub: "ada" } };
  const rigWith = (check: CoreParts["doorkeeper"]["check"]) => new CoreRig(LINE, { doorkeeper: { check } });

  test("authStep() lets a caller through when it is known at once, or later", async () => {
    const now = rigWith(() => caller);
    now.send("/");
    now.asked().replies(200);
    expect(now.ended[0]!.caller).toBe(caller);
    const later = rigWith(() => Promise.resolve(caller));
    later.send("/");
    expect(later.upstreams.asked).toHaveLength(0);
    await settled();
    expect(later.upstreams.asked).toHaveLength(1);
  });

  test.each([
    ["gateway.unauthenticated", 401, "Bearer"],
    ["gateway.forbidden", 403, undefined],
    ["auth.locked_out", 429, undefined],
  ])("authStep() refuses when the doorkeeper says %s", async (code, status, challenge) => {
    const failure = new Failure(code, "no", { data: { retryAfterMs: 1_500 } });
    for (const check of [() => failure, () => Promise.resolve(failure)]) {
      const rig = rigWith(check);
      const client = rig.send("/");
      await settled();
      expect([client.status, client.problem.code, client.header("www-authenticate")]).toEqual([
        status,
        code,
        challenge,
      ]);
      expect(client.header("retry-after")).toBe("2");
      expect(rig.upstreams.asked).toHaveLength(0);
    }
  });

  test("authStep() asks nobody when the client goes meanwhile", async () => {
    const rig = rigWith(() => Promise.resolve(caller));
    rig.send("/").goes();
    await settled();
    expect([rig.upstreams.asked.length, rig.ended.length]).toEqual([0, 1]);
  });

  test("authStep() refuses when the doorkeeper breaks", async () => {
    const rig = rigWith(() => Promise.reject(new Error("a bug")));
    const client = rig.send("/");
    await settled();
    expect([client.status, client.problem.code]).toEqual([500, "gateway.defect"]);
    expect(client.text).not.toContain("a bug");
  });
});

describe("ruleStep()", () => {
  const LINE = "route|r|/v/{id}|http://a;name=a http://b;name=b;weight=0";
  const rigWith = (decide: (request: RuleRequest) => Promise<RuleDecision>, line = LINE) =>
    new CoreRig(line, { rulesFor: () => ({ decide, close: async () => {} }) });

  test("ruleStep() shows the request to the rule, and does what it decides", async () => {
    let seen: RuleRequest | undefined;
    const rig = rigWith(async (request) => {
      seen = request;
      return { target: "b", path: "/other?q=1", headers: { "X-Set": "1", accept: false } };
    });
    rig.send("/v/a%20b?x=1", { headers: ["accept", "1", "cookie", "a=1", "cookie", "b=2"] });
    await settled();
    expect(seen).toMatchObject({
      ...{ method: "GET", scheme: "http", host: "shop.example", path: "/v/a%20b", query: "x=1", client: "192.0.2.7" },
      ...{ route: "r", params: { id: "a b" }, headers: { accept: "1", cookie: "a=1; b=2" } },
    });
    expect(rig.asked().request.origin.host).toBe("b");
    expect(rig.asked().request.head.target).toBe("/other?q=1");
    expect([rig.asked().header("x-set"), rig.asked().header("accept")]).toEqual(["1", undefined]);
  });

  test("ruleStep() asks a URL as a dynamic target when the rule names one", async () => {
    const rig = rigWith(async () => ({ target: "http://[::1]:99/base/" }));
    rig.send("/v/1");
    await settled();
    expect(rig.asked().request).toMatchObject({ isDynamic: true, origin: { scheme: "http", host: "::1", port: 99 } });
    expect(rig.asked().request.head.target).toBe("/base/v/1");
  });

  test("ruleStep() replies when the rule does, and refuses when what it replies cannot be written", async () => {
    const rig = rigWith(async () => ({ reply: { status: 418, headers: { "X-Tea": "pot" }, body: "short" } }));
    const client = rig.send("/v/1");
    await settled();
    expect([client.status, client.header("x-tea"), client.text]).toEqual([418, "pot", "short"]);
    const bad = rigWith(async () => ({ reply: { status: 200, headers: { x: "a\r\nb" } } }));
    const other = bad.send("/v/1");
    await settled();
    expect([other.status, other.problem.code]).toEqual([500, "gateway.bad_header"]);
  });

  test.each([
    ["gateway.rule_timeout", 503],
    ["gateway.rule_failed", 500],
    ["gateway.rule_busy", 503],
  ])("ruleStep() refuses when the rule ends with %s", async (code, status) => {
    const rig = rigWith(() => Promise.reject(new Failure(code, "line 3 of the script")));
    const client = rig.send("/v/1");
    await settled();
    expect([client.status, client.problem.code, rig.upstreams.asked.length]).toEqual([status, code, 0]);
    expect(client.text).not.toContain("script");
    expect(rig.ended[0]!.detail).toContain("script");
  });

  test("ruleStep() refuses when the rule names a target that is none", async () => {
    const rig = rigWith(async () => ({ target: "ftp://x" }));
    const client = rig.send("/v/1");
    await settled();
    expect([client.status, client.problem.code]).toEqual([500, "gateway.rule_invalid"]);
    expect(rig.ended).toHaveLength(1);
  });

  test("ruleStep() does nothing when the client goes before the rule has decided", async () => {
    const rig = rigWith(async () => ({ target: "b" }));
    rig.send("/v/1").goes();
    await settled();
    expect(rig.upstreams.asked).toHaveLength(0);
  });
});

describe("a route's steps", () => {
  const rigWith = (steps: readonly Step[], line = PLAIN) =>
    new CoreRig(line, { guardsFor: () => ({ steps, guards: [] }) });

  test("goOn() runs them in their order when one of them held the passage", () => {
    const seen: string[] = [];
    const noting =
      (text: string): Step =>
      () => {
        seen.push(text);
        return "on";
      };
    let held: Passage | undefined;
    const rig = rigWith([
      noting("first"),
      (passage) => {
        held = passage;
        seen.push("second");
        return "held";
      },
      noting("third"),
    ]);
    rig.send("/");
    expect([seen.join(), rig.upstreams.asked.length]).toEqual(["first,second", 0]);
    held!.goOn();
    expect([seen.join(), rig.upstreams.asked.length]).toEqual(["first,second,third", 1]);
  });

  test("goOn() refuses the one request when a step breaks", () => {
    const rig = rigWith([
      () => {
        throw new Error("a bug with secrets");
      },
    ]);
    const client = rig.send("/");
    expect([client.status, client.problem.code]).toEqual([500, "gateway.defect"]);
    expect(client.text).not.toContain("secrets");
    expect(rig.failed.map(({ message }) => message)).toEqual(["a bug with secrets"]);
    expect(rig.counts("r").inFlight).toBe(0);
  });

  test("atEnd() calls before the end is told, also behind one that breaks, and at once when it has ended", () => {
    const order: string[] = [];
    const rig = rigWith([
      (passage) => {
        passage.atEnd(() => {
          throw new Error("a bug");
        });
        passage.atEnd(() => order.push(`noted before ${rig.ended.length + 1}`));
        return "on";
      },
    ]);
    rig.send("/");
    rig.asked().replies(200);
    expect([order, rig.ended.length, rig.failed.length]).toEqual([["noted before 1"], 1, 1]);
    rig.ended[0]!.atEnd(() => order.push("late"));
    expect(order.at(-1)).toBe("late");
  });
});

describe("converters", () => {
  test("a conversion gets the passage and a head without the base path when the request needs one", () => {
    const kinds: string[] = [];
    const rig = new CoreRig("route|r|/*|http://up/base http://up2/base|sticky=s", {
      converterFor: () => ({
        kindOf: () => "websocket-http",
        counts: () => {
          throw new Error("not asked");
        },
        convert: (kind, exchange, match, ask) => {
          kinds.push(`${kind} ${match.scheme} ${match.head.target}`);
          ask(
            { head: { ...match.head, target: "/first" } },
            {
              onReply: () => {},
              onFailure: () =>
                void ask(
                  { head: { ...match.head, target: "/again" } },
                  {
                    onReply: ({ headers, status }, body) => body.start(exchange.respond({ status, headers })),
                    onFailure: () => exchange.reset(new Failure("gateway.defect", "no")),
                  },
                ),
            },
          );
        },
      }),
    });
    const client = rig.send("/x");
    expect(kinds).toEqual(["websocket-http http /x"]);
    rig.asked(0).fails("gateway.address_denied");
    rig.asked(1).replies(200, [], "converted");
    expect(rig.upstreams.asked.map(({ request }) => request.head.target)).toEqual(["/base/first", "/base/again"]);
    expect([client.text, client.head!.headers.filter((name) => name === "set-cookie").length]).toEqual([
      "converted",
      1,
    ]);
    expect(rig.ended[0]).toMatchObject({ why: undefined, attempts: 2 });
  });

  test("what a conversion refuses by itself is why the request ended, and is counted", () => {
    const rig = new CoreRig("route|r|/*|grpc://up", {
      converterFor: () => ({
        kindOf: () => "json-grpc",
        counts: () => {
          throw new Error("not asked");
        },
        convert: (_kind, exchange, { blame }) => {
          blame(new Failure("protobuf.json", "no JSON"));
          exchange.send({ status: 400, headers: [] });
        },
      }),
    });
    rig.send("/x");
    expect(rig.ended[0]).toMatchObject({ why: "protobuf.json", detail: "no JSON" });
    expect(rig.counts("r").refused.get("protobuf.json")).toBe(1);
  });

  test("what a conversion leaves out is counted for its route and noted for the log, names up to a bound", () => {
    const rig = new CoreRig("route|r|/*|grpc://up", {
      converterFor: () => ({
        kindOf: () => "json-grpc",
        counts: () => {
          throw new Error("not asked");
        },
        convert: (_kind, exchange, match) => {
          const names = exchange.request.target === "/few" ? ["a", "a"] : Array.from("abcdefghijklmnopqrst");
          for (const name of names) match.drop(name.repeat(500), "request");
          match.drop("#7", "reply");
          exchange.send({ status: 200, headers: [] });
        },
      }),
    });
    rig.send("/few");
    rig.send("/many");
    expect(rig.counts("r").dropped).toEqual({ request: 22, reply: 2 });
    const [few, many] = rig.ended.map(({ notes }) => notes as { dropped: number; fields: string[] }[]);
    expect(few).toEqual([{ dropped: 3, fields: ["a".repeat(120), "reply:#7"] }]);
    expect([many!.length, many![0]!.dropped, many![0]!.fields.length]).toEqual([1, 21, 16]);
  });
});
