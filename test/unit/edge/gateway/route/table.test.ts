import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseGatewayFile } from "../../../../../src/edge/gateway/file/index.ts";
import { paramsOf, RouteTable } from "../../../../../src/edge/gateway/route/index.ts";
import type { RouteMatch, RoutePlan } from "../../../../../src/edge/gateway/words/index.ts";
import type { RequestHead } from "../../../../../src/wire/http/index.ts";
import { head, plansOf, tableOf } from "./plans.ts";

function idOf(table: RouteTable, request: RequestHead): string {
  const outcome = table.match(request);
  return outcome.isHit ? outcome.route.plan.id : `${outcome.status} ${outcome.allow}`.trim();
}

describe("RouteTable.match()", () => {
  test("match() takes literals before parameters before rests when several fit", () => {
    const table = tableOf({ rest: "/a/*", param: "/a/{x}", literal: "/a/b", deep: "/a/{x}/c", any: "/*" });
    const taken = ["/a/b", "/a/z", "/a/b/c", "/a/b/d", "/a", "/a/", "/b", "/"].map((path) => idOf(table, head(path)));
    expect(taken).toEqual(["literal", "param", "deep", "rest", "rest", "rest", "any", "any"]);
  });

  test("match() leaves a branch again when it ends without a route", () => {
    const table = tableOf({ one: "/a/b/c", two: "/{x}/b/d", three: "/a/{y}/e" });
    expect(["/a/b/d", "/a/b/e", "/a/b/c"].map((path) => idOf(table, head(path)))).toEqual(["two", "three", "one"]);
    const outcome = table.match(head("/a/b/d"));
    expect(outcome.isHit && paramsOf(outcome)).toEqual({ x: "a" });
  });

  test("match() refuses a ; in a path, encoded or not, when the file says so, and keeps it when it does not", () => {
    const routes = "route|admin|/admin/*|http://up|\nroute|all|/*|http://up|";
    const outcomes = ["", "set|path_parameters=keep\n", "set|path_parameters=refuse\n"].map((line) => {
      const { faults, plan } = parseGatewayFile(`${line}${routes}`, "g.txt");
      expect(faults).toEqual([]);
      const table = new RouteTable(plan.routes, plan.settings.pathParameters);
      return ["/admin;a=b/x", "/admin%3bx/y", "/b/c;v=1", "/admin/x?a;b", "/a%253B"].map((path) =>
        idOf(table, head(path)),
      );
    });
    const kept = ["all", "all", "all", "admin", "all"];
    expect(outcomes).toEqual([kept, kept, ["400", "400", "400", "admin", "all"]]);
  });

  test("match() takes the exact host, then the longest wildcard, then any when several fit", () => {
    const table = tableOf({
      any: "/x",
      wide: "*.example.com/x",
      long: "*.b.example.com/x",
      exact: "a.b.example.com/x",
    });
    const hosts = [
      "a.b.example.com",
      "A.B.EXAMPLE.com.:8443",
      "c.b.example.com",
      "a.example.com",
      "example.com",
      "[::1]:80",
      "",
    ];
    expect(hosts.map((authority) => idOf(table, head("/x", { authority })))).toEqual([
      "exact",
      "exact",
      "long",
      "wide",
      "any",
      "any",
      "any",
    ]);
  });

  test("match() asks less specific hosts and paths when conditions fail", () => {
    const table = tableOf({ host: "example.com/x | header.k=v", literal: "/x | query.q=1", rest: "/*" });
    expect(idOf(table, head("/x", { headers: ["k", "v"] }))).toBe("host");
    expect(idOf(table, head("/x?q=1"))).toBe("literal");
    expect(idOf(table, head("/x?q=2"))).toBe("rest");
  });

  test("match() answers 405 with the methods when only these do not fit", () => {
    const table = tableOf({ get: "GET /x", put: "PUT,DELETE /x", other: "POST /x | header.k=v" });
    expect(idOf(table, head("/x", { method: "PATCH" }))).toBe("405 DELETE, GET, HEAD, PUT");
    expect(idOf(table, head("/x", { method: "HEAD" }))).toBe("get");
    expect(idOf(table, head("/y", { method: "PATCH" }))).toBe("404");
  });

  test("match() takes TRACE only where a route names it", () => {
    const table = tableOf({ any: "/x", named: "TRACE /y" });
    expect(idOf(table, head("/x", { method: "TRACE" }))).toBe("405 DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
    expect(idOf(table, head("/y", { method: "TRACE" }))).toBe("named");
    expect(table.explain({ method: "TRACE", url: "/x" }).steps[0]?.why).toBe(
      "method: TRACE is not taken where no route names it",
    );
  });

  test("match() answers 415 when only the content type does not fit", () => {
    const table = tableOf({ json: "POST /x | content_type=application/json;text/*" });
    const typed = (type: string): RequestHead => head("/x", { method: "POST", headers: ["content-type", type] });
    expect(idOf(table, typed("application/JSON; charset=utf-8"))).toBe("json");
    expect(idOf(table, typed("text/csv"))).toBe("json");
    expect(idOf(table, typed("application/xml"))).toBe("415");
    expect(idOf(table, head("/x"))).toBe("405 POST");
  });

  test.each([
    ["/x", [], "none"],
    ["/x", ["env", "canary"], "exact"],
    ["/x", ["env", "blue", "env", "canary"], "exact"],
    ["/x", ["env", "v12"], "prefix"],
    ["/x", ["env", "other"], "present"],
    ["/x?v=2", [], "query"],
    ["/x?a=1&v=%32&b", [], "query"],
    ["/x?v=22", [], "none"],
    ["/x?flag", [], "flag"],
    ["/x?%66lag=", [], "flag"],
    ["/x?a+b=c+d", [], "blank"],
    ["/x?v=%zz", [], "none"],
  ])("match() looks at headers and query when the target is %j with %j", (target, headers, expected) => {
    const table = tableOf({
      exact: "/x | header.env=canary",
      prefix: "/x | header.env=v*",
      present: "/x | header.env=*",
      query: "/x | query.v=2",
      flag: "/x | query.flag=*",
      blank: "/x | query.a b=c d",
      none: "/x | header.env=!",
    });
    expect(idOf(table, head(target, { headers: [...headers] }))).toBe(expected);
  });

  test("match() refuses before any route when path or query could be read in two ways", () => {
    const table = tableOf({ all: "/*" });
    for (const target of ["/a%2fb", "/..", "/a\\b", "x", "/a?b c", "/a?b#c", "/a?\u0000"]) {
      expect(table.match(head(target))).toMatchObject({ status: 400, code: "gateway.bad_path" });
    }
    expect(idOf(table, head("*", { method: "OPTIONS" }))).toBe("404");
  });

  test("match() sees an extended CONNECT as GET when a route names that", () => {
    const table = tableOf({ ws: "GET /ws" });
    expect(idOf(table, head("/ws", { method: "CONNECT", protocol: "websocket", version: "2" }))).toBe("ws");
    expect(idOf(table, head("/ws", { method: "CONNECT" }))).toBe("405 GET, HEAD");
  });

  test("match() gives parameters, path and query when a route takes the request", () => {
    const outcome = tableOf({ a: "/u/{id}/f/{path*}" }).match(head("/u/%61%20b/f/x/%c3%a9/?q=1&r"));
    expect(outcome).toMatchObject({ path: "/u/a%20b/f/x/%C3%A9/", query: "q=1&r", values: ["a%20b", "x/%C3%A9/"] });
    expect(outcome.isHit && paramsOf(outcome)).toEqual({ id: "a b", path: "x/é/" });
  });

  test("match() remembers a bounded number of hosts when clients name any", () => {
    const table = tableOf({ exact: "a.com/x", any: "/x" });
    for (let index = 0; index < 3000; index++)
      expect(idOf(table, head("/x", { authority: `h${index}.com` }))).toBe("any");
    expect(idOf(table, head("/x", { authority: "a.com" }))).toBe("exact");
  });
});

describe("RouteTable.explain()", () => {
  test("explain() says which condition decided when it is asked", () => {
    const table = tableOf({
      other: "other.com/x",
      path: "/y",
      method: "POST /x",
      header: "/x | header.env=canary",
      wins: "/x | query.v=2",
      later: "/x",
      rest: "/*",
    });
    const { outcome, steps } = table.explain({ method: "get", url: "https://Example.com/x?v=2" });
    expect(outcome.isHit && outcome.route.plan.id).toBe("wins");
    expect(steps.map(({ route, takes, why }) => `${route} ${takes} ${why}`)).toEqual([
      'other false host: "example.com" is not other.com',
      "path false path: /x does not fit",
      "method false method: GET is not POST",
      "header false header.env=canary does not hold",
      "wins true all conditions hold: query.v=2",
      "later false would do, but wins (line 5) is more specific",
      "rest false would do, but wins (line 5) is more specific",
    ]);
  });

  test("explain() says that the path was refused when no route was asked", () => {
    const { outcome, steps } = tableOf({ a: "/*" }).explain({ method: "GET", url: "/a%00" });
    expect(outcome).toMatchObject({ status: 400 });
    expect(steps[0]!.why).toStartWith("refused before any route");
  });
});

/** The second, dumber matcher: every route by itself with regular expressions, the best by a sort key. */
function dumbMatch(plans: readonly RoutePlan[], request: RequestHead): string | undefined {
  const [path, query = ""] = request.target.split("?") as [string, string?];
  const fitting = plans.filter(({ match }) => dumbFits(match, request, path, query));
  const keyed = fitting.map((plan) => ({ plan, key: dumbKey(plan.match) }));
  keyed.sort((left, right) =>
    left.key < right.key ? -1 : left.key > right.key ? 1 : left.plan.line - right.plan.line,
  );
  return keyed[0]?.plan.id;
}

function dumbFits(match: RouteMatch, request: RequestHead, path: string, query: string): boolean {
  const hostPattern =
    match.host === undefined ? /^/ : new RegExp(`^${match.host.replaceAll(".", "\\.").replace("*", ".+")}$`);
  const pieces = match.path.map((piece) =>
    piece.kind === "literal" ? `/${piece.text}` : piece.kind === "param" ? "/[^/]+" : "(/.*)?",
  );
  const headers = new Map<string, string>();
  for (let at = 0; at < request.headers.length; at += 2) headers.set(request.headers[at]!, request.headers[at + 1]!);
  return (
    hostPattern.test(request.authority) &&
    new RegExp(`^${pieces.join("")}$`).test(path) &&
    (match.methods.length === 0 || match.methods.includes(request.method)) &&
    match.headers.every(({ name, value }) => headers.get(name) === value) &&
    match.query.every(({ name, value }) => new URLSearchParams(query).get(name) === value)
  );
}

function dumbKey(match: RouteMatch): string {
  const host =
    match.host === undefined
      ? "9"
      : match.host.startsWith("*")
        ? `5${String(99 - match.host.length).padStart(2, "0")}`
        : "1";
  const path = match.path.map(({ kind }) => ({ literal: "1", param: "2", rest: "3" })[kind]).join("");
  const conditions = 9 - match.headers.length - match.query.length;
  return `${host.padEnd(3, "0")} ${path.padEnd(8, "0")} ${match.methods.length === 0 ? 1 : 0} ${conditions}`;
}

const piece = fc.constantFrom("a", "b", "{p}", "{p}");
const pattern = fc
  .record({
    host: fc.constantFrom("", "", "x.com", "*.com", "*.x.com", "a.x.com"),
    pieces: fc.array(piece, { maxLength: 4 }),
    rest: fc.constantFrom("", "", "/*", "/"),
    method: fc.constantFrom("", "", "POST ", "PUT,POST "),
    options: fc.constantFrom("", "", "header.h=1", "query.q=1", "header.h=1,query.q=1"),
  })
  .map(({ host, method, options, pieces, rest }) => {
    const path = pieces.map((text, index) => (text === "{p}" ? `/{p${index}}` : `/${text}`)).join("") + rest;
    return { pattern: `${method}${host}${path === "" ? "/" : path}`, options };
  });
const request = fc.record({
  authority: fc.constantFrom("x.com", "a.x.com", "b.a.x.com", "org"),
  pieces: fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 5 }),
  slash: fc.boolean(),
  method: fc.constantFrom("PUT", "POST"),
  headers: fc.constantFrom([], ["h", "1"], ["h", "2"]),
  query: fc.constantFrom("", "?q=1", "?q=2"),
});

test("match() agrees with a dumb matcher when routes and requests are any", () => {
  let hits = 0;
  fc.assert(
    fc.property(
      fc.uniqueArray(pattern, {
        minLength: 1,
        maxLength: 20,
        selector: (each) => JSON.stringify(each).replace(/PUT,POST |POST /, "M "),
      }),
      fc.array(request, { minLength: 10, maxLength: 10 }),
      (patterns, requests) => {
        const plans = plansOf(
          ...patterns.map(({ options, pattern }, index) => `r${index}|${pattern}|http://up|${options}`),
        );
        const table = new RouteTable(plans);
        for (const each of requests) {
          const path = `/${each.pieces.join("/")}${each.slash && each.pieces.length > 0 ? "/" : ""}`;
          const asked = head(path + each.query, {
            authority: each.authority,
            method: each.method,
            headers: [...each.headers],
          });
          const outcome = table.match(asked);
          const expected = dumbMatch(plans, asked);
          expect(outcome.isHit ? outcome.route.plan.id : undefined).toBe(expected as string);
          const explained = table.explain({
            method: each.method,
            url: `http://${each.authority}${asked.target}`,
            headers: Object.fromEntries(each.headers.length > 0 ? [["h", each.headers[1]!]] : []),
          });
          expect(explained.steps.find(({ takes }) => takes)?.route).toBe(expected as string);
          expect(explained.steps.filter(({ why }) => /^(would do|all conditions)/.test(why)).length > 0).toBe(
            expected !== undefined,
          );
          if (expected !== undefined) hits++;
        }
      },
    ),
    { numRuns: 400 },
  );
  expect(hits).toBeGreaterThan(500);
});
