/** What requests would stumble over is said by the check: values that no request could use, options that say nothing. */
import { describe, expect, test } from "bun:test";
import { explainGatewayFile, parseGatewayFile } from "../../../../../src/edge/gateway/file/index.ts";

const R = "route|a|/*|http://u";

function faultsOf(text: string): string[] {
  return parseGatewayFile(text, "g.txt").faults.map(
    ({ code, column, line }) => `${line}:${column} ${code.replace("gateway.config.", "")}`,
  );
}

describe("parseGatewayFile() on values that requests would stumble over", () => {
  test("parseGatewayFile() lets options of CORS and compression stand where they say something", () => {
    for (const text of [
      "route|a|GET /|http://u|cors=*,cors_methods=GET;HEAD",
      "route|a|OPTIONS /|http://u|cors=*,cors_methods=OPTIONS",
      "route|a|OPTIONS,PUT /|http://u|cors=*",
      `route|a|/|none|reply=200 ${"x".repeat(1024)},compress=true`,
      "route|a|/|none|lua=r.lua,compress=true,max_response=1KiB",
      "route|a|/|grpc://u|health=/healthz",
    ])
      expect(faultsOf(text)).toEqual([]);
  });

  test.each([
    ["route|a|/|http://010.1.1.1", ["1:18 bad_target"]],
    ["route|a|/|http://0x7f000001", ["1:18 bad_target"]],
    ["route|a|/|http://2130706433:80", ["1:18 bad_target"]],
    ["route|a|/|http://127.1./x", ["1:18 bad_target"]],
    ["route|a|/|http://1.2.3.256", ["1:18 bad_target"]],
    [`${R}|mirror=http://0x7f.1`, ["1:35 bad_target"]],
    [`${R}|host=a b`, ["1:26 bad_host"]],
    [`${R}|host=a\\,b`, ["1:26 bad_host"]],
    [`${R}|host=u:99999`, ["1:26 bad_host"]],
    [`${R}|host=http://u`, ["1:26 bad_host"]],
    [`${R}|rewrite=/a/../../b`, ["1:29 bad_template"]],
    [`${R}|rewrite=/../{rest}`, ["1:29 bad_template"]],
    [`${R}|rewrite=/a%2fb`, ["1:29 bad_template"]],
    [`${R}|hedge=1s`, ["1:27 conflict"]],
    ["route|a|/|none|reply=204 text", ["1:22 bad_status"]],
    ["route|a|/|none|reply=304 text", ["1:22 bad_status"]],
    [`${R}|mirror=grpc://u`, ["1:28 conflict"]],
    ["route|a|/|grpc://u|mirror=http://u", ["1:27 conflict"]],
    [`${R}|mirror=service://a.b`, ["1:28 conflict"]],
    ["route|a|/|none|reply=200 x,max_response=1", ["1:41 conflict"]],
    ["route|a|/|none|redirect=/b,max_response=1,compress=true", ["1:41 conflict", "1:52 conflict"]],
    ["route|a|/|none|reply=200 x,compress=true", ["1:37 conflict"]],
    ["route|a|GET /|http://u|cors=*,cors_methods=GET;HEAD;PUT", ["1:44 conflict"]],
    ["route|a|OPTIONS /|http://u|cors=*", ["1:33 conflict"]],
    [`${R}\nset|proxy_protocol=`, ["2:20 out_of_range"]],
    [`${R}\nset|proxy_protocol=foo;10.0.0.0/8;10.0.0.0/33`, ["2:20 bad_network", "2:20 bad_network"]],
    [`${R}|header.x=`, ["1:21 bad_header"]],
    ["route|a|/|http://u  # first, second", ["1:21 comment_behind"]],
    ["route|a|/|http://a..b", ["1:18 bad_target"]],
    ["route|a|/{x}|http://{x}..b", ["1:21 bad_target"]],
    ["route|a|a..b/|http://u", ["1:9 bad_host"]],
    ["route|a|GET/v|http://u", ["1:9 bad_host"]],
    [`${R} ws://v`, ["1:12 conflict"]],
    ["route|a|/|grpc://u https://v", ["1:11 conflict"]],
    [`${R}|stream=sse,max_message=1MiB,unknown_fields=count`, ["1:28 conflict", "1:44 conflict", "1:64 conflict"]],
    [`${R}|proto=a.proto`, ["1:27 conflict"]],
    ["route|a|/|ws://u|stream=sse,max_message=1MiB", ["1:25 conflict"]],
    ["route|a|/|service://a.b|grpc_service=a.B", ["1:38 conflict"]],
    [`${R}|convert=grpc-json,proto=a.proto,stream=sse`, ["1:60 conflict"]],
    ["route|a|/|ws://u|http_version=2", ["1:31 conflict"]],
    ["route|a|/|grpc://u|http_version=1.1", ["1:33 conflict"]],
    [`${R}|balancer=CUSTOM`, ["1:30 unknown_balancer"]],
    [`${R}|balancer=least-load`, ["1:30 unknown_balancer"]],
    [`${R}\nlimit|global|9|1s||max_keys=5,ipv6_prefix=48`, ["2:29 conflict", "2:43 conflict"]],
    [`${R}\nlimit|header:x|9|1s||missing=deny,ipv6_prefix=48`, ["2:47 conflict"]],
    [`${R}\nwaf|rules|block|exclude=942-941`, ["2:25 conflict"]],
  ])("parseGatewayFile() finds the fault when the text is %j", (text, expected) => {
    expect(faultsOf(text)).toEqual(expected);
  });

  test.each([
    "route|a|/|http://1.2.3.4 http://a_b http://0x.example http://[::1] http://up.",
    "route|a|/{x}|http://{x}",
    `${R}|host=up.example:8080`,
    `${R}|host=[::1]:80`,
    `${R}|host=client`,
    `${R}|rewrite=/a/../b/{rest}?x\\=..`,
    "route|a|/|http://u http://v|hedge=1s",
    "route|a|/|none|reply=204",
    "route|a|/|grpc://u|mirror=grpcs://v",
    "route|a|/|service://a.b|mirror=http://u",
    `${R}|header.x=#,query.v=`,
    "route|a|get/v|http://u",
    "route|a|/|http://u ws://v|lua=r.lua",
    "route|a|/|grpc://u grpcs://v|stream=sse,max_message=1MiB,unknown_fields=count,grpc_service=a.B,proto=a.proto",
    "route|a|/|ws://u wss://v|max_message=1MiB",
    "route|a|/|grpc://u|http_version=2",
    `${R}|convert=websocket-http,max_message=1MiB`,
    `${R}|convert=grpc-json,proto=a.proto,unknown_fields=count,max_message=1MiB`,
    "route|a|/|ws://u http://v|lua=r.lua,http_version=2",
    `${R}\nlimit|header:x|9|1s||max_keys=5,ipv6_prefix=48`,
    `${R}\nlimit|client_ip|9|1s||max_keys=5,ipv6_prefix=48`,
    `${R}\nwaf|rules|block|exclude=941-942;942`,
  ])("parseGatewayFile() finds nothing wrong when the text is %j", (text) => {
    expect(faultsOf(text)).toEqual([]);
  });

  test.each([
    ["route\nroute|b|no|http://u\nroute|c|no|http://u"],
    ["set|tls_key=there,tls_certificate=gone\nroute|a|/|http://u"],
    ["set|client_ca=gone,client_certificate=required,tls_key=there,tls_certificate=there\nroute|a|/|http://u"],
  ])("parseGatewayFile() tells no faults that follow from others when the text is %j", (text) => {
    const { faults } = parseGatewayFile(text, "g.txt", (path) => (path === "gone" ? undefined : path));
    const codes = new Set(faults.map(({ code }) => code.replace("gateway.config.", "")));
    for (const follower of ["unreachable_route", "settings_conflict", "empty"]) expect(codes).not.toContain(follower);
    expect(codes.size).toBeGreaterThan(0);
  });

  test("parseGatewayFile() names each parameter once when the pattern has one twice", () => {
    const { faults } = parseGatewayFile("route|a|/{id}/{id}|http://u|rewrite=/{no}", "g.txt");
    expect(faults.find(({ code }) => code.endsWith("bad_template"))?.allowed).not.toContain("{id}, {id}");
  });

  test("parseGatewayFile() shows no password when a target has one", () => {
    const { faults } = parseGatewayFile("route|a|/|http://user:secret@a:80", "g.txt");
    expect(faults).toHaveLength(1);
    expect(faults[0]!.message).toContain("no user");
    expect(JSON.stringify(faults)).not.toContain("secret");
  });

  test("parseGatewayFile() says what was meant when the blank behind a method is missing", () => {
    expect(parseGatewayFile("route|a|GET/v/{id}|http://u", "g.txt").faults[0]?.suggestion).toBe("GET /v/{id}");
  });

  test("explainGatewayFile() offers no balancer that is refused", () => {
    const text = explainGatewayFile();
    for (const name of ["CUSTOM", "LEAST_LOAD"]) expect(text).not.toContain(name);
    expect(text).toContain("one client's address goes to one target");
  });
});
