/** Strangers and slow readers at a port mapper's port: it stays small, and its own users are served. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { eventText } from "../../src/cluster/pmd/event-stream.ts";
import { callAudience } from "../../src/cluster/pmd/index.ts";
import { WATCHER_BYTES_MAX, WATCHERS_MAX } from "../../src/cluster/pmd/limits.ts";
import { openClient, peer, startServer, WordAuth } from "../support/pmd.ts";
import { PmdHost } from "../support/pmd-host.ts";
import { until } from "../support/until.ts";

/** A connection that says what it is told and keeps count of what comes back. */
async function connect(port: number, say: Uint8Array | string, isPaused = false) {
  const state = { isOpen: true, received: "" };
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, chunk) => {
        state.received += chunk.toString();
      },
      close: () => {
        state.isOpen = false;
      },
      error: () => {
        state.isOpen = false;
      },
    },
  });
  if (isPaused) socket.pause();
  socket.write(say);
  return Object.assign(state, { socket });
}

function memoryKiB(pid: number): number {
  return Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

const MALFORMED: readonly (string | Uint8Array)[] = [
  "\r\n\r\n",
  "GET\r\n\r\n",
  "GET / HTTP/9.9\r\n\r\n",
  `GET /${"x".repeat(100_000)} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`,
  `GET /pmd HTTP/1.1\r\n${"a: b\r\n".repeat(20_000)}\r\n`,
  `GET /pmd HTTP/1.1\r\nauthorization: Bearer ${"x".repeat(15_000)}\r\n\r\n`,
  "POST /rpc/pmd/list HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: -5\r\n\r\n",
  "POST /rpc/pmd/list HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
  "POST /rpc/pmd/kill HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
  "GET /watch HTTP/1.1\r\nhost: 127.0.0.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
  new Uint8Array([0, 1, 110]),
  new Uint8Array([0, 1, 107]), // epmd's KILL
  new Uint8Array(4_096).fill(255),
];

describe("a port mapper among strangers", () => {
  test("it serves its users and keeps its size when thousands of malformed requests and half-open connections come", async () => {
    await using host = new PmdHost();
    await using program = await host.serve();
    await host.client.methods.register(peer("shop"));
    const before = memoryKiB(program.pid);
    const silent = await Promise.all(Array.from({ length: 300 }, () => connect(host.port, "GET /pm")));
    for (let round = 0; round < 20; round++) {
      const all = await Promise.all(MALFORMED.map((bytes) => connect(host.port, bytes)));
      for (const { socket } of all) socket.terminate();
    }
    const nonce = { "pmd-nonce": "x".repeat(20) };
    for (let round = 0; round < 10; round++) {
      const asked = Array.from({ length: 50 }, () => fetch(`http://127.0.0.1:${host.port}/pmd`, { headers: nonce }));
      for (const answer of await Promise.all(asked)) expect(answer.status).toBe(200);
    }
    expect(await host.client.resolve("shop")).toMatchObject({ nodeId: "id-shop" });
    expect(program.running).toBe(true);
    expect(memoryKiB(program.pid) - before).toBeLessThan(64 * 1024);
    for (const { socket } of silent) socket.terminate();
  });

  test("an input that does not fit is refused with every fault, and nothing is registered", async () => {
    await using server = startServer();
    await using client = openClient(server.port);
    const bad = {
      ...peer("-x"),
      nodeId: "",
      port: 0,
      pid: 1.5,
      host: "a b",
      ttlMs: 1,
      meta: { "a b": "x", b: "y".repeat(2_000) },
      more: 1,
    };
    const thrown = await client.methods.register(bad).catch((reason: unknown) => reason);
    expect(thrown).toMatchObject({ code: "rpc.invalid_input" });
    const { message } = thrown as Error;
    for (const path of ["alias", "nodeId", "port", "pid", "host", "ttlMs", "meta"])
      expect(message).toContain(`${path}`);
    for (const meta of [
      Object.fromEntries(Array.from({ length: 17 }, (_, at) => [`k${at}`, ""])),
      { a: "é".repeat(256), b: "é".repeat(256) },
    ]) {
      await expect(client.methods.register({ ...peer("ok"), meta })).rejects.toMatchObject({
        code: "rpc.invalid_input",
      });
    }
    expect(await client.list()).toEqual([]);
  });

  test("an input beyond the bound is refused", async () => {
    await using server = startServer();
    await using client = openClient(server.port);
    const thrown = await client.methods.resolve({ alias: "x".repeat(100_000) }).catch((reason: unknown) => reason);
    expect(thrown).toMatchObject({ code: "rpc.invalid_input" });
    const meta = { a: "x".repeat(2 ** 20) };
    await expect(client.methods.register({ ...peer("shop"), meta })).rejects.toMatchObject({ code: "rpc.too_large" });
    expect(await client.list()).toEqual([]);
  });
});

describe("watchers that do not read", () => {
  test("a watcher that reads nothing is dropped, told, and let go, and the others hear everything", async () => {
    await using server = startServer({ life: "slow-life" });
    const auth = new WordAuth();
    const token = await auth.token(callAudience(server.port, "slow-life"));
    const request = `GET /watch HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\nauthorization: Bearer ${token}\r\n\r\n`;
    const slow = await connect(server.port, request, true);
    await using client = openClient(server.port);
    let heard = 0;
    client.watch({ changed: () => heard++ });
    await until("both watch", async () => (await client.status()).watchers === 2);
    const meta = Object.fromEntries(Array.from({ length: 3 }, (_, at) => [`k${at}`, "x".repeat(250)]));
    const bytesEach = eventText("peer:update", { peer: peer("shop", { meta }) }).length;
    // What the two sockets' buffers hold is the kernel's; several times ours is more than all of it.
    const rounds = Math.ceil((16 * WATCHER_BYTES_MAX) / bytesEach);
    for (let round = 0; round < rounds; round += 32) {
      const ports = Array.from({ length: Math.min(32, rounds - round) }, (_, at) => round + at + 1);
      await Promise.all(ports.map((port) => client.methods.register({ ...peer("shop", { meta }), port })));
    }
    await until("the reader has heard all", () => heard === rounds);
    expect((await client.status()).counts).toMatchObject({ droppedWatchers: 1 });
    slow.socket.resume();
    await until("the slow one is told", () => !slow.isOpen || slow.received.includes("event: end"));
    expect(slow.received).toContain('"reason":"slow"');
    await until("it is let go", async () => (await client.status()).watchers === 1);
  }, 60_000);

  test("no more watchers are taken than there may be, and one that leaves makes room", async () => {
    await using server = startServer({ life: "full-life" });
    const auth = new WordAuth();
    const open = async () => {
      const token = await auth.token(callAudience(server.port, "full-life"));
      const request = `GET /watch HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\nauthorization: Bearer ${token}\r\n\r\n`;
      return connect(server.port, request);
    };
    const all = await Promise.all(Array.from({ length: WATCHERS_MAX }, open));
    await until("all have their snapshot", () => all.every(({ received }) => received.includes("event: snapshot")));
    const refused = await open();
    await until("it is refused", () => refused.received.includes("\r\n\r\n{"));
    expect(refused.received).toStartWith("HTTP/1.1 503");
    expect(refused.received).toContain("pmd.too_many_watchers");
    all[0]!.socket.terminate();
    await using client = openClient(server.port);
    await until("there is room", async () => (await client.status()).watchers === WATCHERS_MAX - 1);
    const taken = await open();
    await until("it has its snapshot", () => taken.received.includes("event: snapshot"));
    for (const { socket } of [...all, refused, taken]) socket.terminate();
  });
});
