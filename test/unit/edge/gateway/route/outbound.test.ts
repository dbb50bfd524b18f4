// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how the gateway file writes variables
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  editReply,
  editRequest,
  isPathFault,
  normalizePath,
  parseTemplate,
  type RouteHit,
  RouteTable,
  redirectLocation,
  upstreamOrigin,
  upstreamTarget,
} from "../../../../../src/edge/gateway/route/index.ts";
import type { OriginTarget, TargetPlan } from "../../../../../src/edge/gateway/words/index.ts";
import type { RequestHead } from "../../../../../src/wire/http/index.ts";
import { head, plansOf } from "./plans.ts";

const FACTS = { client: "192.0.2.7", requestId: "r-1" };

function hitOf(line: string, request: RequestHead): RouteHit {
  const outcome = new RouteTable(plansOf(`r|${line}`)).match(request);
  if (!outcome.isHit) throw new Error(`${outcome.status}`);
  return outcome;
}

function upstream(line: string, target: string): string {
  const hit = hitOf(line, head(target));
  return upstreamTarget(hit, hit.route.plan.targets[0]!);
}

describe("upstreamTarget()", () => {
  test.each([
    ["/a/*|http://up", "/a/b%20c/?q=1", "/a/b%20c/?q=1"],
    ["/a/*|http://up/base/", "/a/b", "/base/a/b"],
    ["/a/*|http://up/base|rewrite=/v2/{rest}", "/a/b/c?q", "/base/v2/b/c?q"],
    ["/a/*|http://up|rewrite=/{rest}", "/a", "/"],
    ["/a/{x}/{y}|http://up|rewrite=/{y}-{x}", "/a/1/2%3F3", "/2%3F3-1"],
    ["/a/{x}|http://up|rewrite=/find?id={x}&k=v", "/a/1&2%2B?q=1", "/find?id=1%262%2B&k=v&q=1"],
    ["/a/{x*}|http://up|rewrite=/find?path={x}", "/a/b/c%26", "/find?path=b%2Fc%26"],
    ["/grpc/service/*|grpc://up", "/grpc/service/pkg.Greeter/Say", "/pkg.Greeter/Say"],
    ["/pkg.Greeter/*|grpc://up", "/pkg.Greeter/Say", "/pkg.Greeter/Say"],
    ["/grpc/service/*|http://up", "/grpc/service/pkg.Greeter/Say", "/grpc/service/pkg.Greeter/Say"],
    ["/{tenant}/grpc/*|grpcs://up", "/t/grpc/S/M", "/S/M"],
  ])("upstreamTarget() fills the path when the route is %j and the target %j", (line, target, expected) => {
    expect(upstream(line, target)).toBe(expected);
  });

  test("upstreamTarget() refuses when a rewrite makes a path that leads elsewhere", () => {
    expect(() => upstream("/a/{x}|http://up|rewrite=/p/.{x}", "/a/x.%3B")).not.toThrow();
    expect(() => upstream("/a/*|http://up|rewrite=/p/..{rest}/x", "/a")).not.toThrow(); // dots of the rewrite's own are resolved
    expect(() => upstream("/a/{x}|http://up|rewrite=/.;{x}", "/a/v")).toThrow("dots before a ;");
    expect(() => upstream("/a/*|http://up|rewrite=/..{rest}", "/a")).toThrow("above its root");
  });

  test("upstreamTarget() gives a path in normal form when parameters are any", () => {
    const part = fc.constantFrom(
      "a",
      "%20",
      "%2e",
      ".",
      ";",
      "%3F",
      "%23",
      "%25",
      "/",
      "%c3%a9",
      "&",
      "=",
      "+",
      ":",
      "@",
    );
    const table = new RouteTable(plansOf("r|/p/{one}/{all*}|http://up|rewrite=/{all}/x{one}/?q={all}"));
    let hits = 0;
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
        const outcome = table.match(head(`/p/${parts.join("")}`));
        if (!outcome.isHit) return;
        const [path = "", query = ""] = upstreamTarget(outcome, outcome.route.plan.targets[0]!).split(/\?(.*)/s);
        const normal = normalizePath(path);
        expect(isPathFault(normal)).toBe(false);
        expect(normal as string).toBe(path);
        expect(query).toMatch(/^q=[A-Za-z0-9._~%!'()*-]*$/);
        hits++;
      }),
    );
    expect(hits).toBeGreaterThan(10);
  });
});

describe("upstreamOrigin()", () => {
  const origin = (pattern: string, target: string, path: string): string => {
    const hit = hitOf(`${pattern}|${target}`, head(path));
    const plan = hit.route.plan.targets[0] as TargetPlan & OriginTarget;
    const { host, port, scheme } = upstreamOrigin(hit, plan);
    return `${scheme}://${host}:${port}`;
  };

  test("upstreamOrigin() gives the target's own when it is not dynamic", () => {
    expect(origin("/*", "https://Up.example", "/")).toBe("https://up.example:443");
    expect(origin("/*", "http://[::1]:81", "/")).toBe("http://::1:81");
  });

  test("upstreamOrigin() fills the host when a parameter is a label or a whole name", () => {
    expect(origin("/{Tenant}/*", "http://{Tenant}.Svc.example:8080", "/Acme/x")).toBe("http://acme.svc.example:8080");
    expect(origin("/{t}/*", "http://api-{t}.example", "/a1/x")).toBe("http://api-a1.example:80");
    expect(origin("/{host}/*", "http://{host}", "/api.example.com/x")).toBe("http://api.example.com:80");
    expect(origin("/{host}/*", "http://{host}", "/192.0.2.7/x")).toBe("http://192.0.2.7:80");
  });

  test.each(["a.b", "a:1", "a@b", "%", "-a", "a-", "a_b", "é", "x".repeat(64)])(
    "upstreamOrigin() refuses when the label is %j",
    (label) => {
      expect(() => origin("/{t}/*", "http://{t}.svc.example", `/${encodeURIComponent(label)}/x`)).toThrow(
        "is no name of a host",
      );
    },
  );

  test.each([
    "127.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "1.2.3.4.5",
    "256.1.1.1",
    "127.0.0.0x1",
    "a..b",
    "a.",
    "[::1]",
  ])("upstreamOrigin() refuses when the whole host is %j", (host) => {
    expect(() => origin("/{host}/*", "http://{host}", `/${encodeURIComponent(host)}/x`)).toThrow(
      "is no name of a host",
    );
  });
});

describe("editRequest() and editReply()", () => {
  const request = head("/u/a%20b?q=1", { authority: "Example.com:81", headers: ["x-a", "1", "x-in", "deep"] });
  const line = (options: string): RouteHit => hitOf(`/u/{id}|http://up|${options}`, request);

  test("editRequest() gives the same list when the route has no edits", () => {
    expect(editRequest(request.headers, line(""), request, FACTS)).toBe(request.headers);
  });

  test("editRequest() sets, adds and removes when the route says so", () => {
    const hit = line("request_header_remove=X-In;x-none,request_header.x-a=new,request_header_add.x-b=one");
    expect(editRequest(request.headers, hit, request, FACTS)).toEqual(["x-a", "new", "x-b", "one"]);
    expect(request.headers).toEqual(["x-a", "1", "x-in", "deep"]);
  });

  test("editReply() fills variables when values have them", () => {
    const names = [
      "client",
      "host",
      "authority",
      "scheme",
      "method",
      "path",
      "query",
      "target",
      "route",
      "request_id",
      "param.id",
      "header.X-In",
      "header.none",
    ];
    const value = names.map((name) => `\${${name}}`).join(" ");
    const edited = editReply(["server", "up"], line(`response_header.x-all=${value}`), request, FACTS);
    expect(edited).toEqual([
      "server",
      "up",
      "x-all",
      "192.0.2.7 example.com Example.com:81 http GET /u/a%20b q=1 /u/a%20b?q=1 r r-1 a%20b deep ",
    ]);
  });
});

describe("redirectLocation()", () => {
  test.each([
    ["/old/*", "301 /new/{rest}", "/old/a/b%20?q=1", "/new/a/b%20"],
    ["/old/*", "301 /new/{rest}${search}", "/old/a?q=1&p", "/new/a?q=1&p"],
    ["/old/*", "301 /new/{rest}${search}", "/old/a", "/new/a"],
    ["/*", "308 https://${host}${target}", "/a?q=1", "https://example.com/a?q=1"],
    ["/{x}", "https://x.org/${param.x}?from=${path}", "/a", "https://x.org/a?from=/a"],
    ["/*", "301 /{rest}", "//evil.com/", "/evil.com/"],
  ])("redirectLocation() fills the place when %j redirects to %j", (pattern, redirect, target, expected) => {
    const request = head(target);
    expect(
      redirectLocation(hitOf(`${pattern}|none|redirect=${redirect.replaceAll("=", "\\=")}`, request), request, FACTS),
    ).toBe(expected);
  });

  test("redirectLocation() gives nothing when the route has no redirect", () => {
    expect(redirectLocation(hitOf("/*|http://up", head("/")), head("/"), FACTS)).toBeUndefined();
  });
});

describe("parseTemplate()", () => {
  test.each([
    ["/a/{x}", "path", 3, "no parameter"],
    ["/a/{b", "path", 3, "without its other half"],
    ["/a/b}", "path", 4, "without its other half"],
    ["${nope}", "header", 0, "no variable"],
    ["a ${param.x}", "header", 2, "no parameter"],
    ["${header.a b}", "header", 0, "no variable"],
    ["/${path}/{q}", "location", 9, "no parameter"],
  ] as const)("parseTemplate() finds the fault when the text is %j as a %s", (text, form, at, fault) => {
    expect(parseTemplate(text, form, [])).toMatchObject({ at, fault: expect.stringContaining(fault) });
  });

  test("parseTemplate() leaves braces alone when a header has no variable", () => {
    expect(parseTemplate('{"a":1}', "header", [])).toEqual([{ kind: "text", text: '{"a":1}' }]);
  });
});
