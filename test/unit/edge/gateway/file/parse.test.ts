// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how the gateway file writes variables
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  checkGatewayFile,
  explainGatewayFile,
  faultlessPlan,
  formatGatewayFile,
  lineForms,
  loadGatewayFile,
  MAX_ROUTES,
  parseGatewayFile,
  routeOptionSchema,
  settingSchema,
  targetSchemes,
} from "../../../../../src/edge/gateway/file/index.ts";
import { namedRouteOptions } from "../../../../../src/edge/gateway/file/route-options.ts";
import type { GatewayPlan, RoutePlan } from "../../../../../src/edge/gateway/words/index.ts";
import { MAX_FAULTS, MAX_FILE_BYTES } from "../../../../../src/work/lines/index.ts";
import { anyText, goodText } from "./arbitraries.ts";

function planOf(text: string): GatewayPlan {
  const { faults, plan } = parseGatewayFile(text, "g.txt");
  expect(faults).toEqual([]);
  return plan;
}

function routeOf(line: string): RoutePlan {
  return planOf(`route|${line}`).routes[0]!;
}

function faultsOf(text: string): string[] {
  return parseGatewayFile(text, "g.txt").faults.map(
    ({ code, column, line }) => `${line}:${column} ${code.replace("gateway.config.", "")}`,
  );
}

describe("parseGatewayFile() on well-formed files", () => {
  test("parseGatewayFile() reads the documents' two examples when they are written as lines", () => {
    const plan = planOf("route|grpc|/grpc/service/*|grpc://localhost:50051\nlimit|client_ip|100|1m|DROP");
    expect(plan.routes).toMatchObject([
      {
        id: "grpc",
        line: 1,
        match: {
          methods: [],
          path: [
            { kind: "literal", text: "grpc" },
            { kind: "literal", text: "service" },
            { kind: "rest", name: "rest" },
          ],
        },
        targets: [
          {
            kind: "origin",
            origin: { scheme: "grpc", host: "localhost", port: 50051 },
            basePath: "",
            isDynamic: false,
            weight: 1,
          },
        ],
      },
    ]);
    expect(plan.limits).toMatchObject([
      {
        id: "limit-1",
        line: 2,
        key: { kind: "client_ip" },
        limit: 100,
        windowMs: 60_000,
        burst: 100,
        action: "DROP",
        algorithm: "token_bucket",
        ipv6Prefix: 64,
        routes: [],
      },
    ]);
  });

  test("parseGatewayFile() reads methods, host and path when the pattern has them", () => {
    expect(routeOf("a|GET,POST  *.Example.com/v1/%7Eu/é%20b/{id}/{all*}|http://up").match).toEqual({
      text: "GET,POST *.Example.com/v1/%7Eu/é%20b/{id}/{all*}",
      methods: ["GET", "POST"],
      host: "*.example.com",
      path: [
        { kind: "literal", text: "v1" },
        { kind: "literal", text: "~u" },
        { kind: "literal", text: "%C3%A9%20b" },
        { kind: "param", name: "id" },
        { kind: "rest", name: "all" },
      ],
      headers: [],
      query: [],
      contentTypes: [],
    });
    expect(routeOf("a|/|http://up").match.path).toEqual([{ kind: "literal", text: "" }]);
  });

  test("parseGatewayFile() reads targets with weights and names when there are several", () => {
    const { options, targets } = routeOf(
      "a|/|http://10.0.0.1:8080;weight=9 https://[2001:db8::1]/base/;weight=0;name=canary  https://Up.example",
    );
    expect(targets).toEqual([
      {
        kind: "origin",
        origin: { scheme: "http", host: "10.0.0.1", port: 8080 },
        basePath: "",
        isDynamic: false,
        text: "http://10.0.0.1:8080",
        weight: 9,
        name: "http://10.0.0.1:8080",
      },
      {
        kind: "origin",
        origin: { scheme: "https", host: "2001:db8::1", port: 443 },
        basePath: "/base",
        isDynamic: false,
        text: "https://[2001:db8::1]/base/",
        weight: 0,
        name: "canary",
      },
      {
        kind: "origin",
        origin: { scheme: "https", host: "up.example", port: 443 },
        basePath: "",
        isDynamic: false,
        text: "https://Up.example",
        weight: 1,
        name: "https://Up.example",
      },
    ]);
    expect(options).toMatchObject({ outliers: true, breaker: true });
  });

  test("parseGatewayFile() reads the other kinds of targets when their schemes stand there", () => {
    expect(routeOf("a|/|service://v2.math.add").targets).toMatchObject([
      { kind: "service", service: "v2.math", method: "add" },
    ]);
    expect(routeOf("a|/|pipeline://orders").targets).toMatchObject([{ kind: "pipeline", pipeline: "orders" }]);
    expect(routeOf("a|/|task://config/tasks/x.json").targets).toMatchObject([
      { kind: "task", file: "config/tasks/x.json" },
    ]);
    expect(routeOf("a|/{t}/*|http://{t}.svc:81").targets).toMatchObject([
      { isDynamic: true, origin: { host: "{t}.svc", port: 81 } },
    ]);
    for (const target of ["none", ""])
      expect(routeOf(`a|/|${target}|reply=404 no`).targets).toMatchObject([{ kind: "none" }]);
  });

  test("parseGatewayFile() fills every option of a route when it is given", () => {
    const options = [
      "rewrite=/x,host=client,request_header_remove=A;b,request_header.c=${client},response_header_add.d=e",
      "timeout=10s,connect_timeout=1s,idle_timeout=2s,try_timeout=3s,retries=2,retry_on=502;5xx,retry_budget=0.1,hedge=50ms,balancer=p2c",
      "sticky=s,mirror=http://m:9,mirror_share=0.5,max_body=1MiB,health=/h,health_interval=1s,healthy_after=3,unhealthy_after=4",
      "outlier_ejection=false,circuit_breaker=false,auth=token,scopes=a;b,lua=r.lua,rule_timeout=20ms,convert=grpc-json,proto=a.proto;b.proto",
      "import_paths=p,unknown_fields=count,max_message=2MiB,compress=true,http_version=2",
      "upstream_ca=ca,upstream_cert=c,upstream_key=k,upstream_server_name=n,header.x-env=canary,header.x-debug=*,header.x-old=!,query.v=v*,content_type=application/json",
    ].join(",");
    const { match, options: read } = routeOf(`a|/|https://one https://two|${options}`);
    expect(match).toMatchObject({
      headers: [
        { name: "x-env", how: "exact", value: "canary" },
        { name: "x-debug", how: "present", value: "" },
        { name: "x-old", how: "absent", value: "" },
      ],
      query: [{ name: "v", how: "prefix", value: "v" }],
      contentTypes: ["application/json"],
    });
    expect(read).toMatchObject({
      rewrite: "/x",
      host: "client",
      requestHeaders: [
        { kind: "remove", name: "a" },
        { kind: "remove", name: "b" },
        { kind: "set", name: "c", value: "${client}" },
      ],
      replyHeaders: [{ kind: "add", name: "d", value: "e" }],
      timeoutMs: 10_000,
      connectTimeoutMs: 1000,
      idleTimeoutMs: 2000,
      tryTimeoutMs: 3000,
      retries: 2,
      retryBudget: 0.1,
      hedgeMs: 50,
      balancer: "POWER_OF_TWO",
      sticky: "s",
      mirror: { kind: "origin", origin: { host: "m", port: 9 } },
      mirrorShare: 0.5,
      bodyBytesMax: 2 ** 20,
      health: { path: "/h", intervalMs: 1000, timeoutMs: 1000, healthyAfter: 3, unhealthyAfter: 4 },
      outliers: false,
      breaker: false,
      auth: "token",
      scopes: ["a", "b"],
      lua: "r.lua",
      ruleTimeoutMs: 20,
      convert: {
        mode: "grpc-json",
        proto: ["a.proto", "b.proto"],
        importPaths: ["p"],
        unknownFields: "count",
        messageBytesMax: 2 ** 21,
      },
      compress: true,
      version: "2",
      upstreamCa: "ca",
      upstreamCertificate: "c",
      upstreamKey: "k",
      upstreamServerName: "n",
      upstreamUnverified: false,
    });
    expect(read.retryOn).toHaveLength(100);
    const { convert } = routeOf("b|/b|grpc://u|grpc_service=s.S,stream=sse").options;
    expect(convert).toMatchObject({ mode: "auto", grpcService: "s.S", stream: "sse" });
    expect(routeOf("a|/|none|reply=503 back\\, at noon").options.reply).toEqual({ status: 503, text: "back, at noon" });
    expect(routeOf("a|/*|none|redirect=301 /n/{rest}").options.redirect).toEqual({
      status: 301,
      location: "/n/{rest}",
    });
    expect(routeOf("a|/|https://u|plugin=p.js,upstream_verify=false").options).toMatchObject({
      plugin: "p.js",
      upstreamUnverified: true,
    });
  });

  test("parseGatewayFile() shortens the time to connect when timeout is short and it was not given", () => {
    expect(routeOf("a|/|http://u|timeout=1s").options).toMatchObject({ timeoutMs: 1000, connectTimeoutMs: 1000 });
    expect(routeOf("a|/|http://u|timeout=0").options).toMatchObject({ timeoutMs: 0, connectTimeoutMs: 5000 });
  });

  test("parseGatewayFile() reads firewalls, masks, limits and settings when lines give them", () => {
    const plan = planOf(
      [
        "route|a|/|http://u|auth=token",
        "waf|rules.conf|detect|id=crs,routes=a,paranoia=2,responses=true,exclude=942100;tag:x;942100:ARGS:name",
        "mask|request;response;log|$..email|hash|key=k",
        "mask|log|~\\d{4}|remove",
        "mask|log|iban||keep_last=2",
        "limit|claim:sub|5||DELAY|algorithm=concurrency,delay_max=1s,shared=true,missing=deny",
        "limit|header:X-Key|5|1s||burst=9,ipv6_prefix=56,max_keys=10",
        "set|tls_certificate=c,tls_key=k,client_ca=ca,trusted_proxies=10.0.0.0/8;::1",
        "set|max_headers=5",
      ].join("\n"),
    );
    expect(plan.wafs).toMatchObject([
      {
        id: "crs",
        rules: "rules.conf",
        mode: "detect",
        routes: ["a"],
        paranoia: 2,
        looksAtReplies: true,
        exclude: ["942100", "tag:x", "942100:ARGS:name"],
      },
    ]);
    expect(plan.masks).toMatchObject([
      {
        id: "mask-1",
        where: ["request", "reply", "log"],
        what: { kind: "path", text: "$..email" },
        action: "hash",
        keyFile: "k",
      },
      { what: { kind: "regex", text: "\\d{4}" }, action: "remove" },
      { what: { kind: "pattern", name: "iban" }, action: "mask", keepLast: 2 },
    ]);
    expect(plan.limits).toMatchObject([
      {
        key: { kind: "claim", name: "sub" },
        algorithm: "concurrency",
        windowMs: 0,
        limit: 5,
        delayMsMax: 1000,
        isShared: true,
        missing: "deny",
      },
      { key: { kind: "header", name: "x-key" }, action: "REJECT", burst: 9, ipv6Prefix: 56, keysMax: 10 },
    ]);
    expect(plan.settings).toMatchObject({
      clientCertificate: "required",
      trustedProxies: ["10.0.0.0/8", "::1"],
      headersMax: 5,
      headerBytesMax: 32_768,
    });
  });
});

const R = "route|a|/|http://u";

describe("parseGatewayFile() on faulty files", () => {
  test.each([
    ["", ["1:1 empty"]],
    ["rout|a|/|http://u", ["1:1 unknown_line"]],
    ["route", ["1:6 bad_id", "1:6 bad_pattern", "1:6 conflict"]],
    ["route|a b|/|http://u", ["1:7 bad_id"]],
    ["route|a|x|http://u", ["1:9 bad_pattern"]],
    ["route|a|GTE /|http://u", ["1:9 unknown_method"]],
    ["route|a|GET,GET /|http://u", ["1:13 repeated_method"]],
    ["route|a|*/x|http://u", ["1:9 bad_host"]],
    ["route|a|h:80/x|http://u", ["1:9 bad_host"]],
    ["route|a|/a//b|http://u", ["1:12 bad_path"]],
    ["route|a|/a/*/b|http://u", ["1:12 bad_path"]],
    ["route|a|/a*|http://u", ["1:10 bad_path"]],
    ["route|a|/x{a}|http://u", ["1:10 bad_path"]],
    ["route|a|/{1}|http://u", ["1:10 bad_path"]],
    ["route|a|/a/../b|http://u", ["1:12 bad_path"]],
    ["route|a|/a%2fb|http://u", ["1:10 bad_path"]],
    ["route|a|/a?b=1|http://u", ["1:10 bad_path"]],
    ["route|a|/{a}/{a}|http://u", ["1:9 repeated_parameter"]],
    ["route|a|/|", ["1:11 conflict"]],
    ["route|a|/|none", ["1:11 conflict"]],
    ["route|a|/|htp://u", ["1:11 unknown_scheme"]],
    ["route|a|/|up:80", ["1:11 bad_target"]],
    ["route|a|/|http://u:0", ["1:20 bad_target"]],
    ["route|a|/|http://u:x", ["1:20 bad_target"]],
    ["route|a|/|http://me@u", ["1:18 bad_target"]],
    ["route|a|/|http://u/a?b=1", ["1:19 bad_target"]],
    ["route|a|/{x}|http://{y}.u", ["1:21 bad_target"]],
    ["route|a|/{x*}|http://{x}.u", ["1:22 bad_target"]],
    ["route|a|/|service://x", ["1:21 bad_target"]],
    ["route|a|/|http://u;weight=x", ["1:20 bad_target_parameter"]],
    ["route|a|/|http://u;w=1", ["1:20 bad_target_parameter"]],
    ["route|a|/|http://u http://u", ["1:20 duplicate_target"]],
    ["route|a|/|http://u;weight=0 http://v;weight=0", ["1:11 conflict"]],
    [`${R}|retrys=1`, ["1:20 unknown_parameter"]],
    [`${R}|heder.x=1`, ["1:20 unknown_parameter"]],
    [`${R}|header.a b=1`, ["1:20 bad_header"]],
    [`${R}|request_header.host=x`, ["1:20 bad_header"]],
    [`${R}|request_header_remove=connection`, ["1:20 bad_header"]],
    [`${R}|response_header.x=\${nope}`, ["1:20 bad_header"]],
    [`${R}|response_header.x=é`, ["1:20 bad_header"]],
    [`${R}|rewrite=x`, ["1:28 bad_template"]],
    [`${R}|rewrite=/{x}`, ["1:29 bad_template"]],
    [`${R}|timeout=1s,connect_timeout=2s`, ["1:47 conflict"]],
    [`${R}|timeout=1s,try_timeout=1s`, ["1:43 conflict"]],
    ["route|a|/|http://u http://v|timeout=1s,hedge=1s", ["1:46 conflict"]],
    ["route|a|POST /|http://u|retries=1", ["1:33 conflict"]],
    ["route|a|/|pipeline://p|retries=1", ["1:32 conflict"]],
    [`${R}|retry_on=503`, ["1:29 conflict"]],
    [`${R}|retries=0,retry_on=503`, ["1:39 conflict"]],
    [`${R}|retries=1,retry_on=200`, ["1:39 bad_status"]],
    [`${R}|sticky=s`, ["1:27 conflict"]],
    [`${R}|mirror_share=1`, ["1:33 conflict"]],
    [`${R}|mirror=u`, ["1:27 bad_target"]],
    [`${R}|balancer=CUSTOM`, ["1:29 unknown_balancer"]],
    [`${R}|health=h`, ["1:27 conflict"]],
    [`${R}|health=grpc`, ["1:27 conflict"]],
    ["route|a|/|grpc://up http://up|health=grpc", ["1:11 conflict", "1:38 conflict"]],
    ["route|a|/|grpc://up|health=grpc:", ["1:28 conflict"]],
    ["route|a|/|grpc://up|health=grp", ["1:28 conflict"]],
    ["route|a|/|grpc://up|health=grpc", []],
    ["route|a|/|grpc://up grpcs://up2|health=grpc:a.v1.B", []],
    [`${R}|health=/h,health_timeout=9s`, ["1:45 conflict"]],
    [`${R}|scopes=a`, ["1:27 conflict"]],
    [`${R}|auth=token,scopes=accounts:read`, ["1:38 conflict"]],
    [`${R}|auth=token,scopes=accounts.read;*;users`, []],
    [`${R}|lua=a,plugin=b`, ["1:33 conflict"]],
    [`${R}|auth=jwt`, ["1:20 conflict"]],
    [`${R}|auth=mtls`, ["1:20 conflict"]],
    [`${R}|convert=off,proto=x`, ["1:38 conflict"]],
    [`${R}|convert=grpc-json`, ["1:28 conflict"]],
    [`${R}|convert=websocket-http,proto=x`, ["1:49 conflict"]],
    ["route|a|/|ws://u|convert=websocket-http", ["1:26 conflict"]],
    ["route|a|/|http://u service://a.b|convert=websocket-http", ["1:42 conflict"]],
    [`${R}|upstream_cert=c`, ["1:34 conflict", "1:34 conflict"]],
    [`${R}|reply=404`, ["1:26 conflict"]],
    ["route|a|/|none|reply=40", ["1:22 bad_status"]],
    ["route|a|/|none|redirect=301 //x", ["1:25 bad_redirect"]],
    ["route|a|/|none|redirect=200 /x", ["1:25 bad_redirect"]],
    ["route|a|/|none|redirect=301 /{x}", ["1:30 bad_template"]],
    [`${R}|timeout=1s|x`, ["1:31 too_many_fields"]],
    [`${R}\nroute|a|/b|http://u`, ["2:7 duplicate_id"]],
    [`${R}\nroute|b|/|http://v`, ["2:9 unreachable_route"]],
    ["route|a|GET /{x}|http://u\nroute|b|HEAD /{y}|http://v", ["2:9 unreachable_route"]],
    [`${R}\nlimit|client_ip|1|1s||routes=b`, ["2:30 unknown_route"]],
    [`${R}\nlimit|ip|1|1s`, ["2:7 bad_key"]],
    [`${R}\nlimit|client_ip|1`, ["2:18 missing_field"]],
    [`${R}\nlimit|client_ip||1s`, ["2:17 missing_field"]],
    [`${R}\nlimit|client_ip|1|1s|STOP`, ["2:22 not_a_choice"]],
    [`${R}\nlimit|client_ip|1|1s|DROP|delay_max=1s`, ["2:37 conflict"]],
    [`${R}\nlimit|client_ip|1|1s||algorithm=concurrency`, ["2:19 conflict"]],
    [`${R}\nlimit|claim:sub|1|1s`, ["2:7 conflict"]],
    [`${R}\nwaf`, ["2:4 missing_field"]],
    [`${R}\nwaf|x|blok`, ["2:7 not_a_choice"]],
    [`${R}\nwaf|x||exclude=abc`, ["2:16 conflict"]],
    [`${R}\nmask|req|card`, ["2:6 bad_place"]],
    [`${R}\nmask|log|cards`, ["2:10 bad_mask"]],
    [`${R}\nmask|log|$.a[?]`, ["2:13 bad_json_path"]],
    [`${R}\nmask|log|~(`, ["2:10 bad_mask"]],
    [`${R}\nmask|log|card|hash`, ["2:19 conflict"]],
    [`${R}\nset|max_header=1`, ["2:5 unknown_parameter"]],
    [`${R}\nset|max_headers=0`, ["2:17 out_of_range"]],
    [`${R}\nset|max_headers=1\nset|max_headers=2`, ["3:5 repeated_key"]],
    [`${R}\nset|tls_key=k`, ["2:13 settings_conflict"]],
    [`${R}\nset|client_certificate=required`, ["2:24 settings_conflict"]],
    [`${R}\nset|trusted_proxies=10.0.0.0/33`, ["2:21 bad_network"]],
    [`${R}\nset|proxy_header=forwarded`, ["2:18 settings_conflict"]],
    [`${R}\nset|proxy_protocol=10.0.0.0/8;ten`, ["2:20 bad_network"]],
    [`${R}\nset|jwks=http://x/keys`, ["2:10 settings_conflict"]],
    [`${R}\nset|`, ["2:5 empty_set"]],
    [`${R}\nset|max_headers=1|x`, ["2:19 too_many_fields"]],
    [`${R}\u0007`, ["1:19 control_character"]],
    [`${R}\n${"#".repeat(MAX_FILE_BYTES)}`, ["1:1 file_too_large"]],
  ])("parseGatewayFile() finds the fault when the text is %j", (text, expected) => {
    expect(faultsOf(text)).toEqual(expected);
  });

  test("parseGatewayFile() looks for the files when lines name them", () => {
    const text =
      "route|a|/|https://u task://t.json|lua=r.lua,proto=a.proto,upstream_ca=ca\nwaf|rules\nmask|log|card|hash|key=k\nset|tls_key=k";
    const { faults } = parseGatewayFile(text, "g.txt", () => undefined);
    expect(
      faults.filter(({ code }) => code.endsWith("path_not_found")).map(({ line, column }) => `${line}:${column}`),
    ).toEqual(["1:28", "1:39", "1:51", "1:71", "2:5", "3:24", "4:13"]);
  });

  test("parseGatewayFile() suggests what was meant when a word is nearly right", () => {
    const text = "rout|a\nroute|a|gte /|htps://u|retrys=1,heder.x=1\nlimit|ip|1|1s|DRP|routes=b\nwaf|x|detct";
    const { faults } = parseGatewayFile(text, "g.txt");
    expect(faults.flatMap(({ suggestion }) => suggestion ?? [])).toEqual([
      "route",
      "GET",
      "https://u",
      "retries",
      "header.x",
      "client_ip",
      "DROP",
      "detect",
    ]);
  });

  test("parseGatewayFile() counts one fault when there are too many routes", () => {
    const text = Array.from({ length: MAX_ROUTES + 3 }, (_, index) => `route|r${index}|/p${index}|http://u`).join("\n");
    const { faults, plan } = parseGatewayFile(text, "g.txt");
    expect(plan.routes).toHaveLength(MAX_ROUTES);
    expect(faults.map(({ code, line }) => [code, line])).toEqual([["gateway.config.too_many_lines", MAX_ROUTES + 1]]);
  });

  test("parseGatewayFile() stops collecting when everything is wrong", () => {
    const { faults } = parseGatewayFile("x|\n".repeat(MAX_FAULTS + 9), "g.txt");
    expect(faults).toHaveLength(MAX_FAULTS + 1);
    expect(faults.at(-1)!.code).toBe("gateway.config.too_many_faults");
  });
});

describe("parseGatewayFile() properties", () => {
  test("parseGatewayFile() never throws and every fault lies in the text when the text is arbitrary", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { faults, report } = checkGatewayFile(text, "any.txt");
        const lines = text.replace(/^\ufeff/, "").split("\n");
        for (const fault of faults) {
          const line = lines[fault.line - 1];
          expect(line).toBeDefined();
          expect(fault.column).toBeGreaterThanOrEqual(1);
          expect(fault.column).toBeLessThanOrEqual(line!.length + 1);
          expect(fault.code).toStartWith("gateway.config.");
        }
        expect(report).toBeString();
      }),
      { numRuns: 2000 },
    );
  });

  test("formatGatewayFile() prints what parses to the same plan when the file is any good one", () => {
    let good = 0;
    fc.assert(
      fc.property(goodText, (text) => {
        const first = parseGatewayFile(text, "g.txt");
        if (first.faults.length > 0) return;
        good++;
        const printed = formatGatewayFile(first.plan);
        const second = parseGatewayFile(printed, "g.txt");
        expect(second.faults).toEqual([]);
        expect(withoutLines(second.plan)).toEqual(withoutLines(first.plan));
        expect(formatGatewayFile(second.plan)).toBe(printed);
      }),
      { numRuns: 500 },
    );
    expect(good).toBeGreaterThan(100);
  });
});

function withoutLines(plan: GatewayPlan): unknown {
  const strip = <T extends { readonly line: number }>(lines: readonly T[]): T[] =>
    lines.map((each) => ({ ...each, line: 0 }));
  return {
    ...plan,
    routes: strip(plan.routes),
    limits: strip(plan.limits),
    wafs: strip(plan.wafs),
    masks: strip(plan.masks),
  };
}

describe("explainGatewayFile()", () => {
  test("explainGatewayFile() names every line, option, setting and scheme when asked", () => {
    const text = explainGatewayFile();
    for (const form of Object.values(lineForms)) expect(text).toContain(form);
    const names = [
      ...Object.keys(routeOptionSchema),
      ...Object.keys(settingSchema),
      ...Object.keys(targetSchemes),
      ...Object.keys(namedRouteOptions).map((name) => `${name}\\.NAME`),
    ];
    for (const name of names) expect(text).toMatch(new RegExp(`^  ${name}( \\(.*\\))?$`, "m"));
  });

  test("explainGatewayFile() shows an example that parses when it is copied", () => {
    const lines = explainGatewayFile().split("\n");
    const start = lines.indexOf("Example") + 2;
    const example = lines.slice(start, lines.indexOf("", start)).join("\n");
    expect(planOf(example)).toMatchObject({ routes: { length: 2 }, limits: { length: 1 }, masks: { length: 1 } });
  });

  test("explainGatewayFile() keeps to the width of a terminal when it wraps", () => {
    const widest = Math.max(
      ...explainGatewayFile()
        .split("\n")
        .map((line) => line.length),
    );
    expect(widest).toBeLessThanOrEqual(130);
  });
});

describe("loadGatewayFile()", () => {
  test("loadGatewayFile() finds nothing wrong when the file is the shipped one", async () => {
    const checked = await loadGatewayFile("config/gateway.txt", process.cwd());
    expect(checked.faults).toEqual([]);
    expect(checked.report).toMatch(/^config\/gateway.txt: right, \d+ routes/);
    const { limits, routes } = faultlessPlan(checked);
    expect(routes[0]).toMatchObject({
      match: { text: "/grpc/service/*" },
      targets: [{ text: "grpc://localhost:50051" }],
    });
    expect(limits[0]).toMatchObject({ key: { kind: "client_ip" }, limit: 100, windowMs: 60_000, action: "DROP" });
  });

  test("loadGatewayFile() fails when there is no such file", async () => {
    expect(loadGatewayFile("/nowhere/g.txt", "/")).rejects.toMatchObject({ code: "gateway.file.not_found" });
  });

  test("faultlessPlan() fails with all faults when there are some", () => {
    expect(() => faultlessPlan(checkGatewayFile("x\ny", "g.txt"))).toThrow("2 faults");
  });
});
