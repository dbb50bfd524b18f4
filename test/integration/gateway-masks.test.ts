/** Masks in a running gateway: what upstream, client and log get to see of one card, and what is refused. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync } from "node:fs";
import { curl, RawSocket, TestGateway } from "../support/gateway.ts";
import { RecordingUpstream } from "../support/gateway-upstreams.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const CARD = "4111111111111111";
const HIDDEN = "************1111";

const folder = new Workspace();
const upstream = new RecordingUpstream();
let gateway: TestGateway;

beforeAll(async () => {
  folder.write("mask.key", randomBytes(32).toString("hex"));
  chmodSync(folder.at("mask.key"), 0o600);
  gateway = await TestGateway.start(folder, [
    `set|access_log=${folder.at("access.log")}`,
    `route|shop|/shop/*|${upstream.url}`,
    `route|open|/open/*|${upstream.url}`,
    "mask|request;response;log|card|mask|routes=shop,keep_last=4",
    `mask|request|$.iban|encrypt|routes=shop,key=${folder.at("mask.key")}`,
  ]);
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
  folder[Symbol.dispose]();
});

const replying = (type: string, text: string): void => {
  const head = `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: ${text.length}\r\netag: "1"`;
  upstream.reply = () => `${head}\r\n\r\n${text}`;
};

test("a gateway hides a card from upstream, client and log when its file says so", async () => {
  replying("application/json", `{"paid":${CARD},"id":12345678901234567890}`);
  const reply = await fetch(`${gateway.url}/shop/pay?card=${CARD}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{"card":"${CARD}","iban":"DE89370400440532013000","n":1}`,
  });
  expect(await reply.text()).toBe(`{"paid":"${HIDDEN}","id":12345678901234567890}`);
  expect(reply.headers.get("etag")).toBeNull();
  const asked = await upstream.got(1);
  expect(asked.line).toBe(`POST /shop/pay?card=${HIDDEN} HTTP/1.1`);
  expect(JSON.parse(asked.body)).toEqual({ card: HIDDEN, iban: expect.stringMatching(/^enc:v1:/), n: 1 });
  const log = folder.at("access.log");
  await until("the access log has the request", () => readFileSync(log, "utf8").includes("/shop/pay"));
  expect(readFileSync(log, "utf8")).not.toContain(CARD);
});

test("gateway reveal decrypts what a gateway has encrypted, and tells what it cannot", async () => {
  replying("text/plain", "ok");
  upstream.forget();
  const headers = { "content-type": "application/json" };
  await fetch(`${gateway.url}/shop/pay`, { method: "POST", headers, body: '{"iban":{"of":"ada"},"n":1.10}' });
  const { body } = await upstream.got(1);
  expect(body).toMatch(/^{"iban":"enc:v1:[^"]+","n":1.10}$/);
  const done = await folder.exec(["gateway", "reveal", "--key", "mask.key"], { stdin: `${body}\n` });
  expect(done).toMatchObject({ code: 0, stdout: '{"iban":{"of":"ada"},"n":1.10}\n', stderr: "" });
  const not = await folder.exec(["gateway", "reveal", "--key", "mask.key"], {
    stdin: `iban is ${JSON.parse(body).iban.slice(0, -1)}`,
  });
  expect([not.code, not.stdout, not.stderr]).toEqual([
    ...[
      1,
      expect.stringMatching(/^iban is enc:v1:/),
      expect.stringMatching(/^line 1: enc:v1:.*0 values decrypted, 1 not/s),
    ],
  ]);
});

test("a gateway masks a stream of events when they come one by one", async () => {
  replying("text/event-stream", `data: {"card":"${CARD}"}\n\ndata: [DONE]\n\n`);
  const reply = await fetch(`${gateway.url}/shop/events`);
  expect(await reply.text()).toBe(`data: {"card":"${HIDDEN}"}\n\ndata: [DONE]\n\n`);
});

test("a gateway masks records that come one by one, and breaks off at one that is broken", async () => {
  replying("application/x-ndjson", `{"card":"${CARD}"}\n{"card":${CARD}}\n`);
  expect(await (await fetch(`${gateway.url}/shop/lines`)).text()).toBe(`{"card":"${HIDDEN}"}\n{"card":"${HIDDEN}"}\n`);
  replying("application/x-ndjson", `{"card":"${CARD}"}\n{"card":${CARD}\n`);
  const { code, out } = await curl(`${gateway.url}/shop/lines`);
  expect(code).not.toBe(0);
  expect(out).not.toContain(CARD);
});

test("a gateway refuses a WebSocket on a route that hides data before the upstream hears of it", async () => {
  upstream.forget();
  using raw = await RawSocket.open(gateway.port);
  const fields = ["host: x", "connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"];
  const key = `sec-websocket-key: ${randomBytes(16).toString("base64")}`;
  raw.socket.write(`GET /shop/chat HTTP/1.1\r\n${[...fields, key].join("\r\n")}\r\n\r\n`);
  await until("the gateway answers", () => raw.statuses.length > 0);
  expect([raw.statuses, upstream.requests.length]).toEqual([[501], 0]);
  expect(raw.text).toContain("gateway.body_unreadable");
});

test("a gateway refuses what it cannot look into, and leaves routes without masks alone", async () => {
  replying("application/json", `{"broken": ${CARD}`);
  const broken = await fetch(`${gateway.url}/shop/x`);
  expect([broken.status, (await broken.text()).includes(CARD)]).toEqual([502, false]);
  upstream.forget();
  const headers = { "content-type": "application/grpc" };
  const grpc = await fetch(`${gateway.url}/shop/x`, { method: "POST", headers, body: "x" });
  expect([grpc.headers.get("grpc-status"), upstream.requests.length]).toEqual(["3", 0]);
  const open = await fetch(`${gateway.url}/open/x`);
  expect(await open.text()).toBe(`{"broken": ${CARD}`);
});

test("a gateway tells what its masks hid and refused, and check whom they would shut out", async () => {
  const { masks } = await gateway.ask<{ masks: { routes: number; masked: number; refused: number } }>("status");
  expect(masks.routes).toBe(1);
  expect(masks.masked).toBeGreaterThanOrEqual(6);
  expect(masks.refused).toBeGreaterThanOrEqual(4);
  const { routes } = await gateway.ask<{ routes: { id: string; masks?: { masked: number } }[] }>("routes");
  expect(routes.map((route) => [route.id, route.masks?.masked])).toEqual([
    ["shop", masks.masked],
    ["open", undefined],
  ]);
  folder.write("chat.txt", "route|chat|/chat|ws://127.0.0.1:1\nmask|response|card|mask\n");
  const check = await folder.exec(["gateway", "check", "chat.txt"]);
  expect([check.code, check.stdout + check.stderr]).toEqual([
    0,
    expect.stringContaining("WebSocket clients will be refused there"),
  ]);
});

test("a gateway masks long JSON while it comes, before the upstream has sent all of it", async () => {
  const rest = Promise.withResolvers<void>();
  const items = `${`{"card":"${CARD}","n":1},`.repeat(60_000)}`;
  using origin = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch() {
      async function* body() {
        yield `[${items}`;
        await rest.promise;
        yield `${items}0]`;
      }
      return new Response(body(), { headers: { "content-type": "application/json", etag: '"1"' } });
    },
  });
  await using own = await TestGateway.start(folder, [
    `route|long|/long|${origin.url.origin}`,
    "mask|response|card|mask|keep_last=4",
  ]);
  const reply = await fetch(`${own.url}/long`);
  const reader = reply.body!.getReader();
  const first = await reader.read();
  rest.resolve();
  let text = Buffer.from(first.value!).toString();
  for (let next = await reader.read(); !next.done; next = await reader.read())
    text += Buffer.from(next.value).toString();
  const values: { readonly card?: string }[] = JSON.parse(text);
  expect([values.length, new Set(values.map(({ card }) => card)), reply.headers.get("etag")]).toEqual([
    ...[120_001, new Set([HIDDEN, undefined]), null],
  ]);
});
