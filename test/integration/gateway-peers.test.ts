/** Real clients and real upstreams around a real gateway: curl, nghttp, h2load, WebSockets, events, large bodies, TLS both ways. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { WebSocket as WsClient } from "ws";
import { freePort } from "../support/free-port.ts";
import { curl, execute, RawSocket, TestGateway } from "../support/gateway.ts";
import { patternOf, RecordingUpstream, WebUpstream } from "../support/gateway-upstreams.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const MIB = 1024 * 1024;
const LARGE = 96 * MIB;
/** What a gateway's memory may grow by while such a body goes through: buffers of sockets and what is not collected yet, never the body. */
const GROWTH_BYTES_MAX = 80 * MIB;

let folder: Workspace;
let web: WebUpstream;
let raw: RecordingUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  folder = new Workspace();
  web = new WebUpstream();
  raw = new RecordingUpstream();
  gateway = await TestGateway.start(folder, [
    "set|max_connections_per_address=2000",
    `route|web|/web/*|${web.url}|rewrite=/{rest},timeout=0,idle_timeout=0`,
    `route|raw|/raw/*|${raw.url}|rewrite=/{rest}`,
    `route|ws|/socket|ws://${web.authority}|rewrite=/ws`,
    `route|tunnel|/tunnel|${web.url}|rewrite=/ws,convert=off`,
    `route|upgrade|/upgrade|${web.url}|rewrite=/ws`,
    `route|messages|/messages/*|${web.url}|rewrite=/{rest},convert=websocket-http`,
    `route|closed|/messages/closed/*|${web.url}|auth=token`,
  ]);
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await web?.[Symbol.asyncDispose]();
  raw?.[Symbol.dispose]();
  folder?.[Symbol.dispose]();
});

describe("curl", () => {
  test.each([["--http1.1"], ["--http2-prior-knowledge"], ["--http1.0"]])(
    "GET and POST go through when it speaks %s",
    async (version) => {
      const { out } = await curl(version, `${gateway.url}/web/a?b=c`, "-H", "x-own: 1");
      const seen = JSON.parse(out);
      expect(seen).toMatchObject({
        method: "GET",
        path: "/a",
        headers: { "x-own": "1", "x-forwarded-for": "127.0.0.1" },
      });
      const posted = await curl(version, `${gateway.url}/web/upload`, "--data-binary", "some bytes");
      expect(JSON.parse(posted.out)).toMatchObject({ bytes: 10 });
    },
  );

  test.each([["--http1.1"], ["--http2-prior-knowledge"]])(
    "96 MiB go up and down, whole and not kept, when it speaks %s",
    async (version) => {
      const file = folder.write("large", Buffer.concat([...patternOf(LARGE)]));
      const sha1 = new Bun.CryptoHasher("sha1").update(await Bun.file(file).bytes()).digest("hex");
      await curl(version, `${gateway.url}/web/download?bytes=${MIB}`, "-o", "/dev/null");
      await gateway.resetPeak();
      const before = gateway.rssBytes();
      for (const framing of ["Content-Length:", "Transfer-Encoding: chunked"]) {
        const more = framing.startsWith("T") && version === "--http1.1" ? ["-H", framing] : [];
        const up = await curl(version, ...more, "-T", file, `${gateway.url}/web/upload`);
        expect([up.err, JSON.parse(up.out)]).toEqual(["", { bytes: LARGE, sha1 }]);
      }
      for (const query of ["", "&chunked"]) {
        const to = folder.at("down");
        const down = await curl(version, `${gateway.url}/web/download?bytes=${LARGE}${query}`, "-o", to);
        expect(down.err).toBe("");
        expect(new Bun.CryptoHasher("sha1").update(await Bun.file(to).bytes()).digest("hex")).toBe(sha1);
      }
      expect(gateway.peakBytes() - before).toBeLessThan(GROWTH_BYTES_MAX);
    },
  );

  test("a slow reader does not make the gateway keep what the upstream sends", async () => {
    await gateway.resetPeak();
    const before = gateway.rssBytes();
    using slow = await RawSocket.open(gateway.port);
    slow.socket.pause();
    slow.write(`GET /web/download?bytes=${4 * LARGE} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const { out } = await curl(`${gateway.url}/web/a`);
    expect(JSON.parse(out)).toMatchObject({ path: "/a" });
    for (let times = 0; times < 20; times++) await curl(`${gateway.url}/web/a`);
    expect(gateway.peakBytes() - before).toBeLessThan(GROWTH_BYTES_MAX);
  });

  test("Expect: 100-continue is answered when the body is wanted", async () => {
    using client = await RawSocket.open(gateway.port);
    client.write("POST /web/upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    await client.says("HTTP/1.1 100 Continue\r\n\r\n");
    client.write("abc");
    await client.says('{"bytes":3,');
    expect(client.statuses).toEqual([100, 200]);
    const { out } = await curl("-H", "Expect: 100-continue", "--data-binary", "abc", `${gateway.url}/web/upload`);
    expect(JSON.parse(out)).toMatchObject({ bytes: 3 });
  });

  test("trailers go through both ways", async () => {
    raw.forget();
    raw.reply = () =>
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n";
    using client = await RawSocket.open(gateway.port);
    client.write(
      "POST /raw/t HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Check: 9\r\n\r\n",
    );
    await client.says("x-sum: 7");
    const { body, trailers } = await raw.got(1);
    expect([body, trailers]).toEqual(["abc", ["x-check: 9"]]);
    const { out } = await execute(["nghttp", "-v", `${gateway.url}/raw/t`]);
    expect(out).toContain("x-sum: 7");
    raw.reply = () => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
  });

  test("interim replies and HEAD go through, and a HEAD has no body", async () => {
    raw.reply = () =>
      "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    const { out } = await curl("-i", `${gateway.url}/raw/hints`);
    expect(out).toStartWith("HTTP/1.1 103");
    expect(out).toContain("link: </a.css>");
    expect(out).toEndWith("ok");
    raw.reply = ({ line }) => `HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n${line.startsWith("HEAD") ? "" : "ok"}`;
    const head = await curl("-I", `${gateway.url}/raw/head`);
    expect(head.out).toContain("content-length: 2");
  });
});

describe("many at once", () => {
  test("500 requests wait for the upstream at the same time", async () => {
    const asked = Array.from({ length: 500 }, async () => {
      const client = await RawSocket.open(gateway.port);
      client.write("GET /web/hold HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      return client;
    });
    const clients = await Promise.all(asked);
    await until("500 requests are at the upstream", () => web.held === 500);
    web.release();
    for (const client of clients) expect(await client.closed()).toContain("let go");
  });

  test("h2load is answered without an error over HTTP/2 and HTTP/1.1", async () => {
    for (const more of [
      ["-c", "4", "-m", "50"],
      ["-c", "16", "--h1"],
    ]) {
      const { out } = await execute(["h2load", "-n", "2000", ...more, `${gateway.url}/raw/load`]);
      expect(out).toContain("2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout");
    }
  });
});

describe("clients that go", () => {
  test("the upstream sees it when a client goes in the middle of a request or reply", async () => {
    const before = web.gone;
    for (const path of ["never", "events"]) {
      const { gone, requests } = web;
      using client = await RawSocket.open(gateway.port);
      client.write(`GET /web/${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      if (path === "events") await client.says("data: first");
      else await until("the upstream is asked", () => web.requests > requests);
      client.socket.destroy();
      await until(`the upstream sees that the client of ${path} has gone`, () => web.gone > gone);
    }
    expect(web.gone - before).toBe(2);
  });
});

describe("server-sent events", () => {
  test("an event is there while the stream goes on", async () => {
    const child = Bun.spawn(["curl", "-sSN", `${gateway.url}/web/events`], { stdout: "pipe", timeout: 60_000 });
    let heard = "";
    for await (const chunk of child.stdout) {
      heard += Buffer.from(chunk).toString();
      if (heard.endsWith("\n\n")) break;
    }
    expect([heard, child.exitCode]).toEqual(["data: first\n\n", null]);
    child.kill();
  });
});

describe("WebSocket", () => {
  test.each(["socket", "tunnel", "upgrade"])("ws and Bun's client talk to the upstream through /%s", async (path) => {
    const ws = new WsClient(`ws://${gateway.address}/${path}`);
    const heard: string[] = [];
    ws.on("message", (data: Buffer) => void heard.push(data.toString()));
    await new Promise((resolve, reject) => ws.on("open", resolve).on("error", reject));
    ws.send("one");
    ws.send("x".repeat(MIB));
    await until("ws hears its echo", () => heard.length === 2);
    expect([heard[0], heard[1]?.length]).toEqual(["one", MIB]);
    const closed = new Promise<number>((resolve) => ws.on("close", resolve));
    ws.close(1000);
    expect(await closed).toBe(1000);
    const own = new WebSocket(`ws://${gateway.address}/${path}`);
    const answer = new Promise<string>((resolve, reject) => {
      own.onopen = () => own.send("two");
      own.onmessage = ({ data }) => resolve(String(data));
      own.onerror = () => reject(new Error("the socket failed"));
    });
    expect(await answer).toBe("two");
    own.close();
  });

  test("each message is a request along its own route when the file asks for it", async () => {
    const ws = new WsClient(`ws://${gateway.address}/messages/`, ["json", "other"], { headers: { cookie: "c=1" } });
    const heard: { id: number; status: number; body: string }[] = [];
    ws.on("message", (data: Buffer) => void heard.push(JSON.parse(data.toString())));
    await new Promise((resolve, reject) => ws.on("open", resolve).on("error", reject));
    expect(ws.protocol).toBe("json");
    ws.send(JSON.stringify({ id: 1, path: "/a?b=c", headers: { "x-own": "1" } }));
    ws.send(JSON.stringify({ id: 2, path: "/closed/a" }));
    ws.send(JSON.stringify({ id: 3, method: "POST", path: "/upload", body: "some bytes" }));
    await until("all are answered", () => heard.length === 3);
    const [open, closed, posted] = heard.sort((a, b) => a.id - b.id);
    expect([open?.status, closed?.status, posted?.status]).toEqual([200, 401, 200]);
    expect(JSON.parse(open!.body)).toMatchObject({ path: "/a", headers: { "x-own": "1", cookie: "c=1" } });
    expect(JSON.parse(posted!.body)).toMatchObject({ bytes: 10 });
    ws.close();
  });
});

describe("an upstream that is killed and comes back", () => {
  test("is left out by its health and by retries, no request fails, and it is asked again when it is back", async () => {
    await using one = new WebUpstream();
    await using two = new WebUpstream(freePort()); // it comes back there
    await using own = await TestGateway.start(
      folder,
      [
        `route|r|/*|${one.url} ${two.url}|retries=2,retry_budget=1,health=/healthz,health_interval=100ms,unhealthy_after=1,healthy_after=1,outlier_ejection=false,circuit_breaker=false`,
      ],
      { name: "two" },
    );
    const ask = async (): Promise<void> => {
      expect((await fetch(`${own.url}/a`)).status).toBe(200);
    };
    await until("both are asked", async () => {
      await ask();
      return one.requests > 3 && two.requests > 3;
    });
    const port = await two.stop();
    for (let times = 0; times < 60; times++) await ask();
    two.again(port);
    const { asked } = two;
    await until("it is asked again", async () => {
      await ask();
      return two.asked > asked + 2;
    });
  });

  test("is not asked while its breaker is open, and clients are told when to come again", async () => {
    await using one = new WebUpstream(freePort()); // it comes back there
    await using own = await TestGateway.start(
      folder,
      [`route|r|/*|${one.url}|circuit_breaker=true,rewrite=/status?code=200`],
      { name: "one" },
    );
    expect((await fetch(own.url)).status).toBe(200);
    const port = await one.stop();
    const refused = await until("the breaker is open", async () => {
      const reply = await fetch(own.url);
      expect([502, 503]).toContain(reply.status);
      const { code } = (await reply.json()) as { code: string };
      return code === "gateway.no_target" && reply;
    });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    one.again(port);
    await until("it is asked again", async () => (await fetch(own.url)).status === 200);
  });
});

describe("afterwards", () => {
  test("no request is under way, and nothing in the gateway was at fault", async () => {
    await until("every request has ended", async () => {
      const { inFlight } = await gateway.ask<{ inFlight: number }>("status");
      return inFlight === 0;
    });
    expect(gateway.node.stderr).not.toMatch(/defect|assert/i);
  });
});
