import { describe, expect, test } from "bun:test";
import type { GatewayStatus, ProposalView, RouteView } from "../../../src/app/gateway/ask-gateway.ts";
import { proposalsText, routesTable, statusText, tryText } from "../../../src/cli/view/gateway.ts";
import { PROPOSAL_CLIENTS_MIN, PROPOSAL_REQUESTS_MIN } from "../../../src/edge/waf/engine/statistics.ts";

const EVIL = "\x1b[2Jx\r\n";
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const CONTROLS = /[\x00-\x09\x0b-\x1f\x7f]/;

function route(more: Partial<RouteView> = {}): RouteView {
  return {
    ...{ id: "web", line: 3, pattern: "/web/*", requests: 1_200, inFlight: 0, receivedBytes: 0, sentBytes: 0 },
    ...{ byStatus: { "2xx": 1_190, "5xx": 10 }, refused: { a: 3, b: 4 } },
    latency: { p50Ms: 1.5, p99Ms: 20, maxMs: 30 },
    targets: ["healthy", "ejected"].map((state, at) => ({
      ...{ target: `http://10.0.0.${at}`, name: "", weight: 1, state, inFlight: 0, requests: 600, failures: 0 },
    })),
    ...more,
  };
}

function status(more: Partial<GatewayStatus> = {}): GatewayStatus {
  return {
    ...{ node: "g1", address: "127.0.0.1:8443", tls: true, processes: 2, file: "g.txt", loadedMs: 0, reloads: 1 },
    ...{ routes: 4, connections: 7, requests: 1_000, inFlight: 2, malformed: {}, wafs: [] },
    ...more,
  };
}

describe("routesTable()", () => {
  test("routesTable() has a line for each target, and a route's numbers on its first one", () => {
    const lines = routesTable([route()]).split("\n");
    expect(lines[2]).toMatch(/^web +\/web\/\* +http:\/\/10\.0\.0\.0 +healthy +1,200 +10 +7 +1\.5 ms +20 ms$/);
    expect(lines[3]).toMatch(/^ +http:\/\/10\.0\.0\.1 +ejected *$/);
  });

  test("routesTable() says that there is none, and shows routes that have answered nothing", () => {
    expect(routesTable([])).toBe("the file has no routes");
    const { latency: _, ...idle } = route({ requests: 0, byStatus: {}, refused: {}, targets: [] });
    expect(routesTable([idle]).split("\n")[2]).toMatch(/^web +\/web\/\* +0 +0 +0 *$/);
  });
});

describe("statusText()", () => {
  test("statusText() tells where it listens, what it goes by, its firewalls, and what was malformed", () => {
    const waf = { id: "crs", mode: "detect", rules: 600, transactions: 50, blocked: 0, wouldBlock: 2 };
    const unsupported = [{ file: "f", line: 1, what: "w", consequence: "c" }];
    const text = statusText(status({ malformed: { "http.head": 12 }, wafs: [{ ...waf, unsupported }] }));
    expect(text.split("\n")).toEqual([
      "gateway g1 on 127.0.0.1:8443 (TLS), 2 processes",
      "file g.txt: 4 routes, read 1970-01-01T00:00:00.000Z, reloads 1",
      "connections 7, requests 1,000, under way 2",
      "refused before any route: http.head 12",
      "firewall crs: detect, 600 rules (1 not supported), requests 50, blocked 0, would have blocked 2",
    ]);
    const notTaken = { timeMs: 1_000, reason: "reading g.txt: 1 fault" };
    expect(statusText(status({ notTaken })).split("\n")[2]).toBe(
      "not taken at 1970-01-01T00:00:01.000Z, it goes by the file as it was: reading g.txt: 1 fault",
    );
    const masks = { routes: 2, masked: 1_200, refused: 3 };
    expect(statusText(status({ masks })).split("\n").at(-1)).toBe(
      "masks on 2 routes: values hidden 1,200, refused because they cannot be looked into 3",
    );
    expect(
      statusText(status({ dropped: { request: 1_200, reply: 3 } }))
        .split("\n")
        .at(-1),
    ).toBe("fields left out by conversions: of requests 1,200, of replies 3");
    const extra = { retries: 5, hedges: 4, hedgesWon: 1, unbudgeted: 3, unkept: 2, mirrored: 1_200, mirrorsSkipped: 6 };
    expect(statusText(status({ extra })).split("\n").at(-1)).toBe(
      "beside clients' own requests: retries 5, hedges 4 (won 1), copies to mirrors 1,200; left out by the budget 3, for the body's length 2, copies 6",
    );
    expect(statusText(status())).not.toMatch(/masks|fields|beside/);
    expect(statusText(status({ processes: 1, tls: false }))).toContain("on 127.0.0.1:8443, 1 process\n");
  });
});

describe("tryText()", () => {
  const steps = [{ route: "web", line: 3, pattern: "/web/*", takes: true, why: "all conditions hold" }];

  test("tryText() tells which route takes it, what the target is asked, and what it passes", () => {
    const text = tryText({
      ...{
        route: "web",
        path: "/web/x",
        params: { rest: "x" },
        upstream: "http://a/x",
        targets: ["http://a", "http://b"],
      },
      ...{ limits: ["limit-1: 5 in 1 s"], guards: ["auth jwt"], steps },
    });
    expect(text.split("\n")).toEqual([
      "route web takes it",
      "  path        /web/x",
      "  {rest}      x",
      "  targets     http://a",
      "              http://b",
      "  asks for    http://a/x",
      "  limit       limit-1: 5 in 1 s",
      "  passes      auth jwt",
      "",
      "→ line 3  web  /web/*  all conditions hold",
    ]);
  });

  test("tryText() tells the status where no route takes it, and why", () => {
    const why = "path: /y does not fit";
    const text = tryText({ status: 404, steps: [{ ...steps[0]!, takes: false, why }] });
    expect(text).toBe(`no route takes it: 404\n\n  line 3  web  /web/*  ${why}`);
  });
});

describe("proposalsText()", () => {
  const proposal: ProposalView = {
    ...{ waf: "crs", directive: "SecRuleUpdateTargetById 942100 !ARGS:q", exclude: "942100:ARGS:q", message: "SQL" },
    ...{ requests: 310, clients: 42, share: 0.125, routes: ["web"], sample: "q=1 or 1" },
  };

  test("proposalsText() tells each with what it was seen in, or that there is none", () => {
    expect(proposalsText([])).toContain(
      `has matched ${PROPOSAL_REQUESTS_MIN} requests of ${PROPOSAL_CLIENTS_MIN} different clients`,
    );
    const text = proposalsText([proposal, proposal]);
    expect(text.split("\n\n").length).toBe(2);
    expect(text).toContain("exclude=942100:ARGS:q");
    expect(text).toContain("seen in 310 requests (12.5 %) of 42 clients, routes web");
  });

  test("no view lets what clients or upstreams say move the cursor", () => {
    const target = { ...route().targets[0]!, target: EVIL, state: EVIL };
    const texts = [
      routesTable([route({ id: EVIL, pattern: EVIL, targets: [target] })]),
      statusText(status({ node: EVIL, file: EVIL, malformed: { [EVIL]: 1 } })),
      tryText({
        ...{ route: EVIL, path: EVIL, params: { [EVIL]: EVIL }, upstream: EVIL, targets: [EVIL], limits: [EVIL] },
        ...{ guards: [EVIL], steps: [{ route: EVIL, line: 1, pattern: EVIL, takes: true, why: EVIL }] },
      }),
      proposalsText([{ ...proposal, message: EVIL, sample: EVIL, exclude: EVIL, directive: EVIL, routes: [EVIL] }]),
    ];
    for (const text of texts) expect(text).not.toMatch(CONTROLS);
    expect(texts.map((text) => text.split("\n").length)).toEqual([3, 4, 9, 5]);
  });
});
