import { afterAll, beforeAll, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { executeTask, type TaskOutcome, type TaskPorts } from "../../../../src/work/task/index.ts";
import type { ReadyHttp } from "../../../../src/work/task/ready-task.ts";
import { until } from "../../../support/until.ts";

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

const seen: Seen[] = [];
const NOW_MS = Date.parse("2026-01-01T00:00:00Z");
let server: Bun.Server<undefined>;

const ANSWERS: Readonly<Record<string, (query: URLSearchParams) => Response>> = {
  "/to": (query) =>
    new Response(null, { status: Number(query.get("status")), headers: { location: query.get("location")! } }),
  "/json": () => Response.json({ id: 7 }, { status: 201, headers: { "x-one": "1" } }),
  "/text": () => new Response("plain"),
  "/bytes": () => new Response(new Uint8Array([0xff, 0xfe])),
  "/lies": () => new Response("{", { headers: { "content-type": "application/json" } }),
  "/large": () => new Response("x".repeat(2_000)),
  "/bomb": () => new Response(gzipSync(Buffer.alloc(5_000_000)), { headers: { "content-encoding": "gzip" } }),
  "/busy": () => new Response("later", { status: 503, headers: { "retry-after": "7" } }),
  "/until": () => new Response("", { status: 429, headers: { "retry-after": "Thu, 01 Jan 2026 00:00:09 GMT" } }),
  "/gone": () => new Response("no such order", { status: 404 }),
  "/away": () => Response.redirect("/json", 302),
  "/circle": () => Response.redirect("/circle", 302),
  "/hangs": () => new Response(new ReadableStream()),
};

beforeAll(() => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname: path, searchParams } = new URL(request.url);
      seen.push({ method: request.method, path, headers: request.headers, body: await request.text() });
      return (ANSWERS[path] ?? ANSWERS["/text"]!)(searchParams);
    },
  });
});

afterAll(() => server.stop(true));

const nobody = (): Promise<never> => Promise.reject(new Error("not asked for"));
const ports: TaskPorts = { http: { fetch, now: () => NOW_MS }, plugin: nobody, pipeline: nobody };

function send(
  path: string,
  more: Partial<ReadyHttp> = {},
  signal = new AbortController().signal,
): Promise<TaskOutcome> {
  const url = path.startsWith("/") ? new URL(path, server.url).href : path;
  const work: ReadyHttp = {
    type: "http",
    method: "GET",
    url,
    headers: {},
    expect: [[200, 299]],
    responseBytesMax: 1_000,
    ...more,
  };
  return executeTask({ work }, { signal, ports });
}

test("executeTask() gives status, headers and the body as the answer says it is", async () => {
  expect(await send("/json")).toMatchObject({
    state: "done",
    output: { status: 201, body: { id: 7 }, headers: { "x-one": "1" } },
  });
  expect(await send("/text")).toMatchObject({ output: { body: "plain" } });
  expect(await send("/lies")).toMatchObject({ output: { body: "{" } });
  expect(await send("/bytes")).toMatchObject({ output: { body: "//4=", encoding: "base64" } });
});

test("executeTask() sends method, headers, body and the idempotency key", async () => {
  const more = { method: "POST", headers: { "X-Mine": "a" }, body: { n: [1] }, idempotencyKey: "run.pay" } as const;
  await send("/order", more);
  const { body, headers, method, path } = seen.at(-1)!;
  expect({ body, method, path }).toEqual({ body: '{"n":[1]}', method: "POST", path: "/order" });
  expect([headers.get("x-mine"), headers.get("content-type"), headers.get("idempotency-key")]).toEqual([
    "a",
    "application/json",
    "run.pay",
  ]);
});

test("executeTask() fails for a status that is not expected, and says whether it may pass", async () => {
  expect(await send("/gone")).toMatchObject({ state: "failed", code: "task.http.status", retryable: false });
  expect(await send("/gone", { expect: [[404, 404]] })).toMatchObject({ state: "done" });
  expect(await send("/busy")).toMatchObject({ retryable: true, retryAfterMs: 7_000 });
  expect(await send("/until")).toMatchObject({ retryable: true, retryAfterMs: 9_000 });
  const { reason } = (await send("/gone?token=secret")) as { reason: string };
  expect(reason).toContain("/gone answered 404, expected 200-299: no such order");
  expect(reason).not.toContain("secret");
});

test("executeTask() takes no more of an answer than its limit, also of one that inflates", async () => {
  expect(await send("/large")).toMatchObject({ state: "failed", code: "task.http.too_large", retryable: false });
  expect(await send("/bomb")).toMatchObject({ state: "failed", code: "task.http.too_large" });
  expect(await send("/large", { responseBytesMax: 2_000 })).toMatchObject({ state: "done" });
});

async function closedUrl(): Promise<string> {
  const closed = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const url = closed.url.href;
  await closed.stop(true);
  return url;
}

test("executeTask() knows that a refused connection was never a request", async () => {
  expect(await send(await closedUrl(), { method: "POST" })).toMatchObject({
    state: "failed",
    retryable: true,
    untouched: true,
  });
});

test("executeTask() follows redirects unless one is expected", async () => {
  expect(await send("/away")).toMatchObject({ output: { status: 201 } });
  expect(await send("/away", { expect: [[302, 302]] })).toMatchObject({ output: { status: 302 } });
  expect(await send("/circle")).toMatchObject({ state: "failed", code: "task.http.redirects", retryable: false });
});

/** What the server saw of a request that was answered by a redirect to one of its own paths, or to another origin. */
async function sentOn(status: number, location: string, more: Partial<ReadyHttp> = {}): Promise<[TaskOutcome, Seen[]]> {
  const from = seen.length;
  const outcome = await send(`/to?${new URLSearchParams({ status: String(status), location })}`, more);
  return [outcome, seen.slice(from)];
}

test("executeTask() reads what a POST has left by a GET, and sends the POST itself once", async () => {
  const more = { method: "POST", headers: { "x-mine": "a" }, body: { n: 1 } } as const;
  const [outcome, [, second, third]] = await sentOn(303, "/json", more);
  expect(outcome).toMatchObject({ output: { status: 201, body: { id: 7 } } });
  expect(second).toMatchObject({ method: "GET", path: "/json", body: "" });
  expect([second!.headers.get("x-mine"), second!.headers.get("content-type")]).toEqual(["a", null]);
  expect(third).toBeUndefined();
});

test("executeTask() never says of a request that was answered that it was not sent", async () => {
  const down = await closedUrl();
  for (const method of ["POST", "GET"] as const) {
    const [outcome] = await sentOn(303, `${down}receipt`, { method });
    expect(outcome).toMatchObject({ state: "failed", code: "task.http.failed", retryable: true });
    expect(outcome).not.toHaveProperty("untouched");
    expect((outcome as { reason: string }).reason).toContain(`sent on to GET ${down}receipt`);
  }
});

test("executeTask() takes a redirect for the answer where following it could do the effect twice", async () => {
  for (const status of [301, 302, 307, 308]) {
    const [outcome, requests] = await sentOn(status, "/json?secret", { method: "POST", body: "x" });
    expect(outcome).toMatchObject({ state: "failed", code: "task.http.status", retryable: false });
    expect((outcome as { reason: string }).reason).toContain(
      `answered ${status}, expected 200-299 (not sent on to /json)`,
    );
    expect(requests).toHaveLength(1);
  }
  const [, requests] = await sentOn(307, "/json", { method: "POST", body: "x", idempotencyKey: "k" });
  expect(requests[1]).toMatchObject({ method: "POST", body: "x" });
  expect(requests[1]!.headers.get("idempotency-key")).toBe("k");
  const [, puts] = await sentOn(308, "/json", { method: "PUT", body: "x" });
  expect(puts[1]).toMatchObject({ method: "PUT", body: "x" });
});

test("executeTask() tells another origin no secrets", async () => {
  const other = new URL("/json", server.url);
  other.hostname = "localhost";
  const headers = { Authorization: "Bearer s", "X-Api-Key": "s", Cookie: "s", Accept: "text/plain" };
  const [outcome, [, second]] = await sentOn(302, other.href, { headers });
  expect(outcome).toMatchObject({ state: "done" });
  expect([...second!.headers].filter(([, value]) => value.endsWith("s"))).toEqual([]);
  expect(second!.headers.get("accept")).toBe("text/plain");
  const [, refused] = await sentOn(307, other.href, { method: "PUT", body: "x", headers });
  expect(refused).toHaveLength(1);
  const [, bare] = await sentOn(307, other.href, { method: "PUT", body: "x" });
  expect(bare[1]).toMatchObject({ method: "PUT", body: "x" });
});

test("executeTask() takes a redirect to what is no web address for the answer", async () => {
  for (const location of ["ftp://127.0.0.1/", "file:///etc/passwd", "http://["]) {
    const [outcome, requests] = await sentOn(302, location);
    expect(outcome).toMatchObject({ state: "failed", code: "task.http.status" });
    expect(requests).toHaveLength(1);
  }
});

test("executeTask() refuses what is no URL once it is filled in, without trying again", async () => {
  expect(await send("ftp://x/")).toMatchObject({ state: "failed", code: "task.http.url", retryable: false });
  expect(await send("not a url")).toMatchObject({ code: "task.http.url", untouched: true });
});

test("executeTask() ends with the signal's reason, before and while it waits", async () => {
  expect(await send("/text", {}, AbortSignal.abort(new Error("too late")))).toMatchObject({
    reason: "too late",
    untouched: true,
  });
  const controller = new AbortController();
  const asked = seen.length;
  const hanging = send("/hangs", {}, controller.signal);
  await until("the request is there", () => seen.length > asked);
  controller.abort(new Error("enough"));
  expect(await hanging).toEqual({ state: "failed", code: "task.given_up", reason: "enough", retryable: true });
});

test("executeTask() never asks a proxy for loopback", async () => {
  const before = process.env.HTTP_PROXY;
  process.env.HTTP_PROXY = "http://127.0.0.1:1";
  try {
    expect(await send("/text")).toMatchObject({ state: "done" });
  } finally {
    if (before === undefined) delete process.env.HTTP_PROXY;
    else process.env.HTTP_PROXY = before;
  }
});
