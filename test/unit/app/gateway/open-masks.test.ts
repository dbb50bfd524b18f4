import { describe, expect, test } from "bun:test";
import { maskNotes, openMasks } from "../../../../src/app/gateway/open-masks.ts";
import { parseGatewayFile } from "../../../../src/edge/gateway/file/index.ts";
import type { GatewayPlan } from "../../../../src/edge/gateway/words/index.ts";

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
