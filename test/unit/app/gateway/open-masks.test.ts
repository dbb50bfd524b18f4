import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { chmodSync } from "node:fs";
import { maskNotes } from "../../../../src/app/gateway/mask-notes.ts";
import { openMasks } from "../../../../src/app/gateway/open-masks.ts";
import { parseGatewayFile } from "../../../../src/edge/gateway/file/index.ts";
import type { GatewayPlan } from "../../../../src/edge/gateway/words/index.ts";
import { Workspace } from "../../../support/workspace.ts";

function planOf(...lines: string[]): GatewayPlan {
  const { faults, plan } = parseGatewayFile(lines.join("\n"), "g.txt");
  expect(faults).toEqual([]);
  return plan;
}

const ROUTES = [
  "route|web|/web/*|http://a",
  "route|chat|/chat|ws://a:1",
  "route|calls|/calls/*|grpcs://a:1",
  "route|json|/json/*|http://a|convert=grpc-json,proto=x.proto",
];

describe("maskNotes()", () => {
  test("maskNotes() names the gRPC and WebSocket routes that a mask covers when it names no routes", () => {
    expect(maskNotes(planOf(...ROUTES, "mask|request;response|card|mask"))).toEqual([
      "g.txt:5: the mask names no routes= and so covers calls, json: gRPC clients will be refused there, because masks cannot look into gRPC; name routes without gRPC in routes=, or let gRPC clients have a route of their own",
      "g.txt:5: the mask names no routes= and so covers chat: WebSocket clients will be refused there, because masks cannot look into WebSocket; name routes without WebSocket in routes=, or let WebSocket clients have a route of their own",
    ]);
  });

  test("maskNotes() says it too when the mask names such a route", () => {
    expect(maskNotes(planOf(...ROUTES, "mask|response|card|mask|routes=chat"))).toEqual([
      expect.stringContaining("g.txt:5: the mask covers chat: WebSocket clients will be refused"),
    ]);
  });

  test("maskNotes() says nothing when masks are for logs, for other routes, or there are no such routes", () => {
    expect(maskNotes(planOf(...ROUTES, "mask|log|card|mask", "mask|request|card|mask|routes=web"))).toEqual([]);
    expect(maskNotes(planOf("route|web|/web/*|http://a", "mask|request|card|mask"))).toEqual([]);
  });

  test("maskNotes() says that forms are not looked into when a path is to hide something in requests", () => {
    const routes = [
      "route|web|/web/*|http://a",
      "route|api|/api/*|http://a|content_type=application/json",
      "route|get|GET /g|http://a",
    ];
    expect(maskNotes(planOf(...routes, "mask|request|$..password|mask"))).toEqual([
      expect.stringMatching(/^g\.txt:4: the path \$\.\.password hides nothing in forms \(\S+\), which web may get; /),
    ]);
    for (const line of [
      "mask|response;log|$..password",
      "mask|request|card",
      "mask|request|$..password||routes=api;get",
    ])
      expect(maskNotes(planOf(...routes, line))).toEqual([]);
  });

  test("maskNotes() names a few when there are very many such routes", () => {
    const routes = Array.from({ length: 20 }, (_, at) => `route|chat-${at}|/${at}|ws://a:1`);
    const [note] = maskNotes(planOf(...routes, "mask|request|card|mask"));
    expect(note).toContain("chat-7 and 12 more: ");
    expect(note).not.toContain("chat-8");
  });
});

describe("openMasks()", () => {
  test("openMasks() has counts for the routes that hide something, and goes on with them after a reload", () => {
    const plan = planOf(...ROUTES, "mask|request|card|mask|routes=web", "mask|log|email|mask");
    const masks = openMasks(plan);
    expect([...masks.counts.keys()]).toEqual(["web"]);
    masks.forRoute("web")!.counts.masked = 7;
    const reloaded = openMasks(planOf(...ROUTES, "mask|request|email|mask|routes=web"), masks);
    expect(reloaded.counts.get("web")).toEqual({ masked: 7, refused: 0 });
    expect(masks.forRoute("chat")).toBeUndefined();
  });

  test("openMasks() takes a key from a file that nobody but its owner can read, and from no other", () => {
    using place = new Workspace();
    const plan = planOf(
      ...ROUTES,
      `mask|log|card|hash|key=${place.write("mask.key", randomBytes(32).toString("hex"))}`,
    );
    chmodSync(place.at("mask.key"), 0o644);
    expect(() => openMasks(plan)).toThrow(/has mode 0644.*chmod 600/);
    chmodSync(place.at("mask.key"), 0o600);
    expect(openMasks(plan).maskLog("4111111111111111", "web", "place")).toMatch(/^tok_/);
    expect(() => openMasks(planOf(...ROUTES, "mask|log|card|hash|key=/none/mask.key"))).toThrow(
      /reading the key of a mask: cannot read \/none\/mask.key: ENOENT/,
    );
  });

  test("maskLog() shows nothing of a text when an expression takes too long", () => {
    const { maskLog } = openMasks(planOf(...ROUTES, "mask|log|~(.*)(.*)(.*)(.*)x\\\\1\\\\2\\\\3\\\\4y|mask"));
    expect(maskLog("/short", "web", "place")).toBe("/short");
    expect(maskLog(`${"ab".repeat(200)}x${"ba".repeat(200)}y`, "web", "place")).toBe("********");
  });
});

describe("maskLog()", () => {
  const CARD = "4111111111111111";
  const TEXT = `/x?c=${CARD}`;

  test("maskLog() hides of a route that a reload has renamed what any route hides now", () => {
    const before = planOf("route|pay|/*|http://a", "mask|log|card|mask|routes=pay");
    const after = planOf("route|payments|/*|http://a", "mask|log|card|mask|routes=payments");
    const { maskLog } = openMasks(after, openMasks(before));
    for (const route of [before.routes[0], after.routes[0], "pay"])
      expect(maskLog(TEXT, route, "place")).not.toContain(CARD);
    expect(maskLog(TEXT, undefined, "place")).toBe(TEXT);
  });

  test("maskLog() hides of a request that began by a former file what that one hid, also when nothing hides it now", () => {
    const before = planOf("route|pay|/*|http://a", "route|web|/w|http://a", "mask|log|card|mask|routes=pay");
    const after = planOf("route|pay|/*|http://a", "route|web|/w|http://a");
    const { maskLog } = openMasks(after, openMasks(planOf("route|other|/*|http://a"), openMasks(before)));
    expect(maskLog(TEXT, before.routes[0], "place")).not.toContain(CARD);
    for (const route of [before.routes[1], after.routes[0]]) expect(maskLog(TEXT, route, "place")).toBe(TEXT);
  });

  test("maskLog() hides of the gateway's own routes what any route hides", () => {
    const { maskLog } = openMasks(planOf("route|pay|/*|http://a", "mask|log|card|mask"));
    expect(maskLog(TEXT, "(health)", "place")).not.toContain(CARD);
  });

  test("maskLog() hides members of queries whose names a JSON path names, and what a firewall quotes of such fields", () => {
    const paths = ["$..nickname|mask|keep_last=0", "$.card.number|remove", "$.list[1]|mask", "$.a|hash|key=k"];
    using place = new Workspace();
    place.write("k", randomBytes(32).toString("hex"));
    chmodSync(place.at("k"), 0o600);
    const lines = paths.map((path) => `mask|log|${path.replace("key=k", `key=${place.at("k")}`)}`);
    const { hidesQuoted, maskLog } = openMasks(planOf("route|web|/*|http://a", ...lines));
    expect(maskLog("/a=1/b?nickname=ada&n%69ckname=a+b;number=1#nickname=x", "web", "place")).toBe(
      "/a=1/b?nickname=***&n%69ckname=***;number=1#nickname=x",
    );
    expect(maskLog("/?a=secret&b=secret", "web", "place")).toMatch(/^\/\?a=tok_[\w-]+&b=secret$/);
    expect(maskLog("within REQUEST_URI: /b?x=1&nickname=ad'a nickname", "web", "words")).toBe(
      "within REQUEST_URI: /b?x=1&nickname=**** nickname",
    );
    const quoted = (variable: string) => hidesQuoted(variable, "web");
    expect(
      ["ARGS:nickname", "ARGS:json.b.nickname", "ARGS_POST:nickname", "ARGS:json.card.number", "REQUEST_BODY"].map(
        quoted,
      ),
    ).toEqual(Array(5).fill(true));
    expect(["ARGS:json.list.array_1.x", "ARGS:json.nickname.deep"].map(quoted)).toEqual([true, true]);
    expect(["ARGS:number", "ARGS:json.list.array_0", "ARGS_NAMES:nickname", "REQUEST_URI"].map(quoted)).toEqual(
      Array(4).fill(false),
    );
  });

  test("maskLog() leaves words around what it hides as they are, and finds what is escaped among them", () => {
    const { maskLog } = openMasks(planOf("route|web|/*|http://a", "mask|log|email|mask", "mask|log|card|mask"));
    const told = (text: string) => maskLog(text, "web", "words");
    expect(told("blocked: mail joe@example.com is bad, 100% sure/so")).toMatch(
      /^blocked: mail \*+\.com is bad, 100% sure\/so$/,
    );
    expect(told("4111 1111 1111 1111 found")).toMatch(/^\*+1111 found$|^\*+ found$/);
    expect(told("found within REQUEST_URI: /a b/x?email=joe%40example.com&q=1+1, <q=4111+1111+1111+1111>")).toMatch(
      /^found within REQUEST_URI: \/a b\/x\?email=[*]+\.com&q=1\+1, <q=[*]+(1111)?>$/,
    );
  });
});
