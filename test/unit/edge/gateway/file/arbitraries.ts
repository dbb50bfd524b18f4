/** Random gateway files for property tests: lines that are mostly right, and text with mistakes in it. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how the gateway file writes variables
import fc from "fast-check";

const value = fc.constantFrom("canary", "v*", "*", "!", "a\\,b", "a\\=b", "a\\|b", "x ", "é", "\\\\", "#");
const option = fc.oneof(
  fc.constantFrom(
    "timeout=3s",
    "timeout=0",
    "connect_timeout=2s",
    "idle_timeout=1h",
    "retries=2",
    "retries=2,try_timeout=900ms",
    "retries=1,retry_on=5xx",
    "retries=3,retry_budget=0.5",
    "hedge=10ms",
    "balancer=rr",
    "sticky=s",
    "mirror=http://m/b,mirror_share=0.25",
    "mirror=https://m",
    "max_body=3MiB",
    "max_response=64KiB",
    "health=/h",
    "health=/h,health_interval=1s,health_timeout=1s",
    "health=/h,health_interval=9s,health_timeout=3s,healthy_after=4",
    "outlier_ejection=true",
    "circuit_breaker=false",
    "auth=token",
    "auth=token,scopes=a;b",
    "lua=r.lua",
    "plugin=p.js,rule_timeout=9ms",
    "convert=off",
    "proto=a.proto;b\\;c.proto,import_paths=x;y",
    "grpc_service=a.B",
    "unknown_fields=count",
    "stream=sse",
    "compress=true",
    "cors=*",
    "cors=https://Shop.example:443;https://*.shop.example;capacitor://localhost,cors_credentials=true",
    "cors=http://[::1]:3000,cors_methods=GET;PUT,cors_headers=X-A,cors_expose=x-b,cors_max_age=0",
    "http_version=2",
    "host=client",
    "host=other.example",
    "rewrite=/v2/{rest}",
    "rewrite=/{id}?x\\={id}",
    "request_header_remove=a;B",
    "response_header_remove=server",
    "content_type=application/json;text/*",
  ),
  fc
    .tuple(
      fc.constantFrom(
        "header.X-Env",
        "query.v",
        "query.Ä b",
        "request_header.x-a",
        "request_header_add.x-b",
        "response_header.x-c",
      ),
      value,
    )
    .map(([key, text]) => `${key}=${text}`),
);
const options = fc.array(option, { maxLength: 3 }).map((list) => list.join(","));
const pattern = fc.constantFrom(
  "/",
  "/*",
  "/a/{id}",
  "/a/{id}/*",
  "GET /b",
  "GET,PUT *.Example.com/c/{rest*}",
  "api.example.com/é/%7e",
  "POST /d/",
);
const target = fc.constantFrom(
  "http://10.0.0.1:8080;weight=9 http://10.0.0.2:8080;name=canary;weight=1",
  "https://up/base/ https://[::1]:81",
  "grpc://localhost:50051",
  "wss://up",
  "service://v1.math.add",
  "pipeline://orders",
  "task://t.json",
  "http://up-{id}.Example:81",
);
const answer = fc.constantFrom(
  "none|reply=404 not here\\, no",
  "none|redirect=301 https://${host}${target}",
  "|reply=200",
);
const route = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(pattern, target, options).map((fields) => fields.join("|")) },
  { weight: 1, arbitrary: fc.tuple(pattern, answer).map((fields) => fields.join("|")) },
);
const guard = fc.constantFrom(
  "limit|client_ip|100|1m|DROP",
  "limit|header:X-Key|5|90s|DELAY|id=l,burst=7,delay_max=2s,missing=allow",
  "limit|route|5||REJECT|algorithm=concurrency,shared=true",
  "limit|header:x|5|1s||routes=r0,max_keys=5,ipv6_prefix=48",
  "waf|/crs",
  "waf|/crs|detect|paranoia=3,responses=true,max_response=1KiB,exclude=1;tag:a b,audit_log=x",
  "mask|log|card",
  "mask|request,response|$.a['b c']|remove",
  "mask|log;response|~a\\|b=c|hash|key=k",
  "mask|log|$..x|mask|keep_last=0,routes=r0",
  "set|tls_certificate=c,tls_key=k,client_ca=ca",
  "set|client_ca=ca,client_certificate=optional,tls_certificate=c,tls_key=k",
  "set|trusted_proxies=10.0.0.0/8;::1",
  "set|grpc_health=false,grpc_reflection=false",
  "set|trusted_proxies=::1,proxy_header=forwarded,proxy_protocol=10.0.0.0/8;::1",
  "set|head_timeout=3s,min_rate=0",
  "set|jwks=https://x/k,jwt_issuer=a b",
);

/** Most of these have no faults. */
export const goodText = fc
  .tuple(fc.array(route, { minLength: 1, maxLength: 3 }), fc.array(guard, { maxLength: 2 }))
  .map(([routes, guards]) => [...routes.map((line, index) => `route|r${index}|${line}`), ...guards].join("\n"));

const fragment = fc.oneof(
  pattern,
  target,
  option,
  guard,
  fc.constantFrom(
    "route",
    "limit",
    "waf",
    "mask",
    "set",
    "|",
    "|",
    "|",
    ",",
    "=",
    ";",
    "\\",
    "\n",
    "\r\n",
    "\t",
    " ",
    "#",
    "{",
    "}",
    "*",
    "$.",
    "~",
    "://",
    "none",
    "%2f",
    "..",
    "漢",
    "👨‍👩‍👧",
    "\u0000",
    "\ufeff",
    "\ud800",
    "r0",
    "reply=",
    "redirect=301 /{x}",
  ),
);

/** Text near the grammar, so that every fault is met, and any text at all. */
export const anyText = fc.oneof(
  { weight: 4, arbitrary: fc.array(fragment, { maxLength: 40 }).map((parts) => parts.join("")) },
  {
    weight: 2,
    arbitrary: goodText.chain((text) =>
      fc
        .tuple(fc.constant(text), fc.nat(text.length), fragment)
        .map(([whole, at, part]) => whole.slice(0, at) + part + whole.slice(at)),
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 300 }) },
);
