/**
 * Upstreams that cannot be trusted to the byte, and paths that two readers could understand differently: what an upstream sends beyond its
 * reply never becomes somebody else's, and what a route refuses is not reached by another spelling.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { curl, RawSocket, TestGateway } from "../support/gateway.ts";
import { RecordingUpstream } from "../support/gateway-upstreams.ts";
import { Workspace } from "../support/workspace.ts";

let folder: Workspace;
let upstream: RecordingUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  folder = new Workspace();
  upstream = new RecordingUpstream();
  gateway = await TestGateway.start(folder, [
    `route|all|/*|${upstream.url}|retries=0,response_header.x-query=\${query},response_header.x-copy=\${header.x-own}`,
    `route|inner|/inner/*|${upstream.url}|rewrite=/deep/{rest},request_header.x-rest=\${param.rest}`,
    "route|admin|/admin/*|none|reply=403 not you",
    "route|old|/old/*|none|redirect=308 /new/{rest}",
    `route|timed|/timed/*|${upstream.url}|timeout=500ms`,
  ]);
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  upstream?.[Symbol.dispose]();
  folder?.[Symbol.dispose]();
});

const OK = "HTTP/1.1 200 OK^content-length: 2^^ok";

beforeEach(() => {
  upstream.forget();
  upstream.reply = () => crlf(OK);
});

function crlf(text: string): string {
  return text.replaceAll("^", "\r\n");
}

async function ask(target: string, fields = ""): Promise<{ status: number; text: string }> {
  using client = await RawSocket.open(gateway.port);
  client.write(crlf(`GET ${target} HTTP/1.1^Host: a^Connection: close^${fields}^`));
  const text = await client.closed();
  return { status: client.statuses.at(-1) ?? 0, text };
}

/** The next one who asks gets what is theirs. */
async function nextIsGood(): Promise<void> {
  upstream.reply = ({ line }) => crlf(`HTTP/1.1 200 OK^content-length: ${line.length}^^${line}`);
  for (const path of ["/n1", "/n2", "/n3"]) {
    const { status, text } = await ask(path);
    expect([status, text.includes(`GET ${path} HTTP/1.1`), text.includes("stolen")]).toEqual([200, true, false]);
  }
}

const FAULTY: readonly (readonly [what: string, reply: string])[] = [
  ["two lengths", "HTTP/1.1 200 OK^content-length: 2^content-length: 20^^okHTTP/1.1 200 stolen"],
  ["length and chunks", "HTTP/1.1 200 OK^content-length: 2^transfer-encoding: chunked^^0^^stolen"],
  ["an unknown coding", "HTTP/1.1 200 OK^transfer-encoding: stolen, chunked^^2^ok^0^^"],
  ["a folded field", "HTTP/1.1 200 OK^x-a: b^ stolen: c^content-length: 2^^ok"],
  ["a bare LF", "HTTP/1.1 200 OK\nx-a: stolen\ncontent-length: 2\n\nok"],
  ["NUL in a value", "HTTP/1.1 200 OK^x-a: stolen\0^content-length: 2^^ok"],
  ["a blank before the colon", "HTTP/1.1 200 OK^content-length : 2^^stolen"],
  ["a negative length", "HTTP/1.1 200 OK^content-length: -2^^stolen"],
  ["a status that is none", "HTTP/1.1 2000 OK^content-length: 2^^stolen"],
  ["another protocol", "SSH-2.0-stolen^^^"],
  ["a head without end", `HTTP/1.1 200 OK^x-a: ${"stolen".repeat(40_000)}`],
  ["interim replies without end", "HTTP/1.1 100 Continue^^".repeat(5_000)],
  [
    "a protocol that nobody asked for",
    "HTTP/1.1 101 Switching Protocols^upgrade: websocket^connection: upgrade^^stolen",
  ],
];

describe("an upstream's reply", () => {
  test.each(FAULTY)("is a 502 when it has %s, and its bytes are nobody else's", async (_, reply) => {
    upstream.reply = () => crlf(reply);
    const { status, text } = await ask("/faulty");
    expect([status, text.includes("stolen")]).toEqual([502, false]);
    await nextIsGood();
  });

  test.each([
    ["behind its end", `${OK}HTTP/1.1 200 OK^content-length: 6^^stolen`],
    [
      "behind its last chunk",
      "HTTP/1.1 200 OK^transfer-encoding: chunked^^2^ok^0^^HTTP/1.1 200 OK^content-length: 6^^stolen",
    ],
    ["behind a 204", "HTTP/1.1 204 No Content^^HTTP/1.1 200 OK^content-length: 6^^stolen"],
    ["behind a 304", "HTTP/1.1 304 Not Modified^content-length: 6^^stolen"],
  ])("is passed on without what comes %s, and that is nobody else's", async (_, reply) => {
    upstream.reply = () => crlf(reply);
    const { status, text } = await ask("/more");
    expect([200, 204, 304]).toContain(status);
    expect(text).not.toContain("stolen");
    await nextIsGood();
  });

  test("is seen to be cut when it ends before its length or in the middle of a chunk", async () => {
    for (const reply of [
      "HTTP/1.1 200 OK^content-length: 9^^cut",
      "HTTP/1.1 200 OK^transfer-encoding: chunked^^9^cut",
    ]) {
      upstream.reply = () => crlf(reply);
      upstream.cuts = true;
      const { code, out } = await curl(`${gateway.url}/cut`);
      upstream.cuts = false;
      expect([18, 56, 92]).toContain(code);
      expect(["", "cut"]).toContain(out);
      await nextIsGood();
    }
  });

  test("that does not come in time is a 504", async () => {
    upstream.reply = () => "";
    expect((await ask("/timed/never")).status).toBe(504);
    await nextIsGood();
  });
});

const SPELLINGS = [
  ...[
    "/admin/x",
    "//admin/x",
    "/./admin/x",
    "/a/../admin/x",
    "/a/./../admin/x",
    "/%61dmin/x",
    "/%2e/admin/x",
    "/a/%2e%2e/admin/x",
  ],
  ...[
    "/a/.%2e/admin/x",
    "/a/..%2fadmin/x",
    "/%2fadmin/x",
    "/a%2f..%2fadmin/x",
    "/a\\..\\admin/x",
    "/a/..;/admin/x",
    "/a/..;x=1/admin/x",
  ],
  ...[
    "/%5cadmin/x",
    "/a/..%5cadmin/x",
    "/a/..%00/admin/x",
    "/a/%c0%ae%c0%ae/admin/x",
    "/a/%252e%252e/admin/x",
    "/a/%u002e%u002e/admin/x",
  ],
  ...[
    "/admin%2fx",

    "/;/admin/x",
    "/admin/../admin/x",
    "http://a/admin/x",
    "http://a//admin/x",

    "/admin%09/x",
  ],
];

/** As the laxest servers read a path: decoded (once), backslashes are slashes, parameters and dots gone. */
function laxest(target: string): string {
  const decoded = target.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const out: string[] = [];
  for (const piece of decoded.replaceAll("\\", "/").split("/")) {
    const name = piece.replace(/;.*/, "").trim();
    if (name === "..") out.pop();
    else if (name !== "." && name !== "") out.push(name);
  }
  return `/${out.join("/")}`;
}

describe("a path", () => {
  test.each(SPELLINGS)("spelt %s does not come to what a route refuses", async (target) => {
    const { status } = await ask(target);
    expect([200, 400, 403, 404]).toContain(status);
    for (const { line } of upstream.requests) expect(laxest(line.split(" ")[1]!)).not.toStartWith("/admin");
  });

  test("keeps its encoding on the way, and brings no line end into head or place", async () => {
    const evil = "a%0d%0ax-evil:%201%0d%0a%20b";
    expect((await ask(`/inner/${evil}`)).status).toBe(400);
    const inner = await ask(`/inner/a%20b%C3%BC?${evil}`);
    expect(inner.status).toBe(200);
    expect(upstream.requests[0]?.line).toBe(`GET /deep/a%20b%C3%BC?${evil} HTTP/1.1`);
    const old = await ask(`/old/a%20b?${evil}`);
    expect(old.text).toContain("location: /new/a%20b");
    const all = await ask(`/x?${evil}`, "x-own: v^");
    expect(all.text).toContain("x-copy: v\r\n");
    for (const said of [inner.text, old.text, all.text, upstream.bytes])
      expect(said.toLowerCase()).not.toMatch(/\r\n\s*x-evil/);
  });
});

describe("what a client says of itself", () => {
  test("is not believed when it is no trusted proxy", async () => {
    const claims =
      "X-Forwarded-For: 10.9.9.9^Forwarded: for=10.9.9.9^X-Forwarded-Proto: https^X-Forwarded-Host: evil^X-Real-IP: 10.9.9.9^X-Request-Id: evil^";
    await ask("/claims", claims);
    const { fields } = await upstream.got(1);
    const value = (name: string): string[] =>
      fields.filter((field) => field.startsWith(`${name}:`)).map((field) => field.slice(name.length + 2));
    expect(value("x-forwarded-for")).toEqual(["127.0.0.1"]);
    expect(value("x-forwarded-proto")).toEqual(["http"]);
    expect(value("x-forwarded-host")).toEqual(["a"]);
    expect(value("x-request-id")).not.toEqual(["evil"]);
    expect(fields.join()).not.toMatch(/forwarded: for|evil/);
    expect(value("x-real-ip")).not.toContain("10.9.9.9");
  });
});
