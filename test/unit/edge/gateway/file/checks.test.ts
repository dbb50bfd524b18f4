/** What requests would stumble over is said by the check: values that no request could use, options that say nothing. */
import { describe, expect, test } from "bun:test";
import { parseGatewayFile } from "../../../../../src/edge/gateway/file/index.ts";

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
  ])("parseGatewayFile() finds nothing wrong when the text is %j", (text) => {
    expect(faultsOf(text)).toEqual([]);
  });
});
