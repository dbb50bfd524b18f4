import { describe, expect, test } from "bun:test";
import type { HeaderList } from "../../../../../src/wire/http/index.ts";
import { headersOf } from "../../../../../src/wire/http/index.ts";
import { type Client, CoreRig, type SendOptions } from "./rig.ts";

const PAGE = "https://shop.example";
const KEY = "access-control-";

/** Of its head, without the prefix. */
function corsOf({ head }: Client): Record<string, string> {
  const fields: Record<string, string> = {};
  const list = head?.headers ?? [];
  for (let at = 0; at < list.length; at += 2)
    if (list[at]!.startsWith(KEY)) fields[list[at]!.slice(KEY.length)] = list[at + 1]!;
  return fields;
}

function varies({ head }: Client): string[] {
  return headersOf(head?.headers ?? [], "vary");
}

function preflight(rig: CoreRig, path: string, method: string, names = "", more: SendOptions = {}): Client {
  const asked: HeaderList = ["origin", PAGE, "access-control-request-method", method];
  if (names !== "") asked.push("access-control-request-headers", names);
  return rig.send(path, { method: "OPTIONS", headers: asked, ...more });
}

function page(rig: CoreRig, path: string, origin = PAGE): Client {
  return rig.send(path, { headers: ["origin", origin] });
}

describe("preflights", () => {
  test("handle() answers a preflight by itself when the route has cors", () => {
    const rig = new CoreRig(`route|a|GET,PUT /a|http://up|cors=${PAGE},cors_credentials=true,cors_max_age=1h`);
    const client = preflight(rig, "/a", "PUT", "Content-Type, x-a,bad name");
    expect(client.status).toBe(204);
    expect(corsOf(client)).toEqual({
      "allow-origin": PAGE,
      "allow-credentials": "true",
      "allow-methods": "GET, PUT, HEAD",
      "allow-headers": "content-type, x-a",
      "max-age": "3600",
    });
    expect(varies(client).join(", ")).toBe("origin, access-control-request-method, access-control-request-headers");
    expect(rig.upstreams.asked).toHaveLength(0);
    expect(rig.counts("a")).toMatchObject({ requests: 1, inFlight: 0 });
  });

  test("handle() names what the file allows when it does", () => {
    const rig = new CoreRig("route|a|/a|http://up|cors=*,cors_methods=GET,cors_headers=X-B,cors_expose=X-C");
    expect(corsOf(preflight(rig, "/a", "DELETE", "x-other"))).toEqual({
      "allow-origin": "*",
      "expose-headers": "x-c",
      "allow-methods": "GET",
      "allow-headers": "x-b",
      "max-age": "600",
    });
  });

  test("handle() refuses a preflight of a page that is none of the named", () => {
    const rig = new CoreRig(`route|a|/a|http://up|cors=${PAGE}`);
    const client = preflight(rig, "/a", "GET", "", {
      headers: ["origin", "https://evil.example", "access-control-request-method", "GET"],
    });
    expect(client.status).toBe(403);
    expect(client.problem.code).toBe("gateway.cors_origin");
    expect(corsOf(client)).toEqual({});
    expect(varies(client)).toEqual(["origin"]);
  });

  test("handle() asks preflights for no token, and counts them by address only", () => {
    const rig = new CoreRig([
      `route|a|/a|http://up|cors=${PAGE},auth=token`,
      "limit|header:x-key|1|1m|REJECT|missing=deny",
      "limit|client_ip|2|1m|REJECT",
    ]);
    expect(preflight(rig, "/a", "GET").status).toBe(204);
    expect(preflight(rig, "/a", "GET").status).toBe(204);
    const third = preflight(rig, "/a", "GET");
    expect(third.status).toBe(429);
    expect(corsOf(third)).toEqual({ "allow-origin": PAGE });
    expect(page(rig, "/a").status).toBe(400); // by the header that is missing
  });

  test("handle() finds the route of the request that is asked for when methods and headers decide", () => {
    const rig = new CoreRig([
      "route|get|GET /a|http://up|cors=*,cors_expose=x-get",
      "route|put|PUT /a|http://up|cors=*,cors_expose=x-put",
      "route|test|PUT /a|http://up|header.x-test=yes,cors=*,cors_expose=x-test",
      "route|json|POST /a|http://up|content_type=application/json,cors=*,cors_expose=x-json",
      "route|plain|DELETE /a|http://up|header.x-test=!,cors=*,cors_expose=x-plain",
    ]);
    const exposed = (method: string, names?: string) => corsOf(preflight(rig, "/a", method, names))["expose-headers"];
    expect(exposed("GET")).toBe("x-get");
    expect(exposed("PUT")).toBe("x-put");
    expect(exposed("PUT", "X-Test")).toBe("x-test");
    expect(exposed("POST")).toBe("x-json");
    expect(exposed("DELETE")).toBe("x-plain");
    expect(exposed("DELETE", "x-test")).toBeUndefined();
  });

  test("handle() sends OPTIONS on when it is no preflight, or a route without cors is asked for", () => {
    const rig = new CoreRig([
      "route|open|/open|http://up|cors=*",
      "route|own|/own|http://up",
      "route|named|OPTIONS /open/named|http://up",
      "route|shared|GET /open/named|http://up|cors=*",
    ]);
    rig.upstreams.onAsk = (asked) => asked.replies(200, ["access-control-allow-origin", "https://upstream.example"]);
    const plain = rig.send("/open", { method: "OPTIONS", headers: ["origin", PAGE] });
    expect(corsOf(plain)).toEqual({ "allow-origin": "*" });
    expect(corsOf(preflight(rig, "/own", "GET"))).toEqual({ "allow-origin": "https://upstream.example" });
    expect(corsOf(preflight(rig, "/open/named", "GET"))).toEqual({ "allow-origin": "https://upstream.example" });
    expect(rig.upstreams.asked).toHaveLength(3);
    expect(corsOf(preflight(rig, "/open", "GET"))).toMatchObject({ "allow-methods": expect.any(String) });
    expect(rig.upstreams.asked).toHaveLength(3);
  });

  test("handle() answers by the route that names OPTIONS when no route takes the method that is asked for", () => {
    const rig = new CoreRig("route|a|GET,OPTIONS /a|http://up|cors=*");
    expect(corsOf(preflight(rig, "/a", "PUT"))).toMatchObject({ "allow-methods": "GET, HEAD" });
  });
});

describe("replies to pages of other origins", () => {
  test("handle() puts its own fields in place of the upstream's", () => {
    const rig = new CoreRig(`route|a|/a|http://up|cors=${PAGE};https://*.shop.example:8443,cors_credentials=true`);
    const upstreamsOwn = ["access-control-allow-origin", "*", "vary", "Accept, Origin", "access-control-max-age", "9"];
    rig.upstreams.onAsk = (asked) => asked.replies(200, ["x-a", "1", ...upstreamsOwn], "text");
    const own = page(rig, "/a");
    expect(corsOf(own)).toEqual({ "allow-origin": PAGE, "allow-credentials": "true" });
    expect(varies(own)).toEqual(["Accept, Origin"]);
    expect(own.header("x-a")).toBe("1");
    expect(corsOf(page(rig, "/a", "https://a.b.shop.example:8443"))["allow-origin"]).toBe(
      "https://a.b.shop.example:8443",
    );
    for (const other of [
      "https://shop.example.evil",
      "http://shop.example",
      "https://a.shop.example",
      "https://.shop.example:8443",
      "https://evil/.shop.example:8443",
      "https://shop.example:8443",
      "null",
      "",
    ])
      expect([other, corsOf(page(rig, "/a", other))]).toEqual([other, {}]);
  });

  test("handle() tells caches that the origin matters when it does, also without one", () => {
    const rig = new CoreRig([`route|a|/a|http://up|cors=${PAGE}`, "route|b|/b|http://up|cors=*"]);
    rig.upstreams.onAsk = (asked) => asked.replies(200, ["vary", "accept-encoding"]);
    expect(varies(rig.send("/a"))).toEqual(["accept-encoding", "origin"]);
    const any = rig.send("/b");
    expect(varies(any)).toEqual(["accept-encoding"]);
    expect(corsOf(any)).toEqual({ "allow-origin": "*" });
  });

  test("handle() shares nothing with a page that names two origins", () => {
    const rig = new CoreRig(`route|a|/a|http://up|cors=${PAGE}`);
    rig.upstreams.onAsk = (asked) => asked.replies(200);
    expect(corsOf(rig.send("/a", { headers: ["origin", PAGE, "origin", "https://evil.example"] }))).toEqual({});
  });

  test("handle() lets pages read what the gateway answers by itself", () => {
    const lines = [
      `route|auth|/auth|http://up|cors=${PAGE},auth=token`,
      `route|down|/down|http://up|cors=${PAGE}`,
      `route|fixed|/fixed|none|cors=${PAGE},reply=503 later`,
      `route|moved|/moved|none|cors=${PAGE},redirect=/else`,
    ];
    const rig = new CoreRig(lines);
    rig.upstreams.onAsk = (asked) => asked.fails("gateway.connect_failed");
    const answers = ["/auth", "/down", "/fixed", "/moved"].map((path) => page(rig, path));
    expect(answers.map(({ status }) => status)).toEqual([401, 502, 503, 302]);
    for (const answer of answers) expect(corsOf(answer)).toEqual({ "allow-origin": PAGE });
  });

  test("handle() shows pages the status of gRPC when a target speaks it", () => {
    const rig = new CoreRig("route|a|/a.B/*|grpc://up|cors=*,cors_expose=x-id;grpc-status");
    rig.upstreams.onAsk = (asked) => asked.replies(200);
    expect(corsOf(page(rig, "/a.B/C"))["expose-headers"]).toBe(
      "x-id, grpc-status, grpc-message, grpc-status-details-bin",
    );
  });
});
