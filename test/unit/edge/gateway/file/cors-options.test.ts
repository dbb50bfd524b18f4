import { describe, expect, test } from "bun:test";
import {
  checkGatewayFile,
  explainGatewayFile,
  formatGatewayFile,
  parseGatewayFile,
} from "../../../../../src/edge/gateway/file/index.ts";
import type { CorsPlan } from "../../../../../src/edge/gateway/words/index.ts";

function corsOf(options: string): CorsPlan | undefined {
  const { faults, plan } = parseGatewayFile(`route|a|/a|http://up|${options}`, "g.txt");
  expect(faults).toEqual([]);
  return plan.routes[0]!.options.cors;
}

function faultsOf(options: string): string[] {
  const { faults } = parseGatewayFile(`route|a|/a|http://up|${options}`, "g.txt");
  return faults.map(({ code, column, field }) => `${column} ${code.replace("gateway.config.", "")} ${field}`);
}

describe("cors options", () => {
  test("parseGatewayFile() leaves CORS to the upstream when the route has no cors", () => {
    expect(corsOf("")).toBeUndefined();
  });

  test("parseGatewayFile() fills in what is left out when the route has cors", () => {
    expect(corsOf("cors=*")).toEqual({
      origins: ["*"],
      methods: [],
      headers: ["*"],
      exposed: [],
      hasCredentials: false,
      maxAgeMs: 600_000,
    });
  });

  test("parseGatewayFile() writes origins as browsers do", () => {
    expect(
      corsOf("cors=HTTPS://Shop.Example:443;http://localhost:3000;https://*.a.b;http://[::1];app://x")?.origins,
    ).toEqual(["https://shop.example", "http://localhost:3000", "https://*.a.b", "http://[::1]", "app://x"]);
  });

  test("formatGatewayFile() prints cors as it is read when the plan has it", () => {
    const line = "route|a|/a|http://up|cors=https://a.b,cors_methods=PUT,cors_expose=x-a;x-b,cors_credentials=true";
    expect(formatGatewayFile(parseGatewayFile(line, "g.txt").plan).trim()).toBe(line);
  });

  test("parseGatewayFile() says what is wrong with each of several values", () => {
    expect(faultsOf("cors=shop.example;https://a.b/x;null;https://*;https://a.b:0")).toEqual(
      Array(5).fill("27 bad_cors options.cors"),
    );
    expect(faultsOf("cors=https://*.10.0.0.1;https://a.*.b;https://a b;https://u@a")).toHaveLength(4);
    expect(faultsOf("cors=HTTPS://A.Example:443;https://a.example")).toEqual(["27 bad_cors options.cors"]);
    expect(faultsOf("cors=https://a.b,cors_methods=PUT;PUT")).toEqual(["52 bad_cors options.cors_methods"]);
    expect(faultsOf("cors=*;https://a.b")).toEqual(["27 bad_cors options.cors"]);
    expect(faultsOf("cors=https://a.b,cors_methods=get;PUT,cors_headers=a b;*,cors_expose=é")).toEqual([
      "52 bad_cors options.cors_methods",
      "73 bad_cors options.cors_headers",
      "73 bad_cors options.cors_headers",
      "91 bad_cors options.cors_expose",
    ]);
  });

  test("checkGatewayFile() shows the origin that was meant when a slash is behind it", () => {
    expect(checkGatewayFile("route|a|/a|http://up|cors=https://a.b/", "g.txt").report).toContain(
      "did you mean https://a.b?",
    );
  });

  test("parseGatewayFile() refuses any page with credentials, options without cors, and edits of what cors writes", () => {
    expect(faultsOf("cors=*,cors_credentials=true")).toEqual(["27 conflict options.cors"]);
    expect(faultsOf("cors=https://a.b,cors_credentials=true,cors_expose=*")).toEqual([
      "73 conflict options.cors_expose",
    ]);
    for (const alone of ["methods=GET", "headers=x", "expose=x", "credentials=true", "max_age=1s"])
      expect(faultsOf(`cors_${alone}`)[0]).toContain("conflict options.cors_");
    for (const edit of [
      "response_header.Access-Control-Allow-Origin=x",
      "response_header_remove=access-control-max-age",
    ])
      expect(faultsOf(`cors=*,${edit}`)).toEqual(["27 conflict options.cors"]);
    expect(faultsOf("response_header.access-control-allow-origin=x")).toEqual([]);
  });

  test("explainGatewayFile() describes the options when asked", () => {
    for (const name of ["cors", "cors_methods", "cors_headers", "cors_expose", "cors_credentials", "cors_max_age"])
      expect(explainGatewayFile()).toMatch(new RegExp(`^ +${name}\\b`, "m"));
  });
});
