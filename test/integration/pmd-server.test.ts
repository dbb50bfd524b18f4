/** A port mapper and its clients over real sockets in one process: who is believed, what watchers see, what floods do. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../src/base/errors.ts";
import { callAudience, NONCE_HEADER, type PeerChange, PROOF_HEADER } from "../../src/cluster/pmd/index.ts";
import { openClient, peer, startServer, WordAuth } from "../support/pmd.ts";
import { until } from "../support/until.ts";

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const thrown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(thrown).toBeInstanceOf(Failure);
  return thrown as Failure;
}

function words(changes: readonly PeerChange[]): string[] {
  return changes.map(({ kind, peer: { alias } }) => `${kind} ${alias}`);
}

const { ttlMs: _, ...plain } = peer("shop");

describe("a port mapper and its clients", () => {
  test("register(), resolve(), list() and unregister by close() work over HTTP", async () => {
    await using server = startServer();
    await using client = openClient(server.port);
    const registered = await client.register({ ...plain, meta: { role: "worker" } });
    expect(await client.resolve("shop")).toMatchObject({
      nodeId: "id-shop",
      port: 7000,
      ttlMs: 10_000,
      meta: { role: "worker" },
    });
    await registered.update({ port: 7001 });
    expect((await client.list()).map(({ alias, port }) => [alias, port])).toEqual([["shop", 7001]]);
    expect(await client.status()).toMatchObject({
      pid: 4711,
      version: "1.2.3",
      peers: 1,
      watchers: 0,
      port: server.port,
    });
    await registered.close();
    expect((await failureOf(client.resolve("shop"))).code).toBe("pmd.not_found");
  });

  test("register() is refused with the holder when the alias is alive elsewhere", async () => {
    await using server = startServer();
    await using first = openClient(server.port);
    await using second = openClient(server.port);
    await first.register(plain);
    const failure = await failureOf(second.register({ ...plain, nodeId: "other" }));
    expect(failure.code).toBe("pmd.alias_taken");
    expect(failure.message).toContain("held by node id-shop (process 42 at 127.0.0.1:7000)");
    expect(failure.data).toMatchObject({ holder: { nodeId: "id-shop" } });
  });

  test("register() takes the alias of a process that is gone without waiting for its TTL", async () => {
    const alive = new Set(["100"]);
    await using server = startServer({ sees: ({ startTime }) => startTime !== undefined && alive.has(startTime) });
    await using first = openClient(server.port);
    await using second = openClient(server.port);
    await first.register({ ...plain, startTime: "100" });
    expect((await failureOf(second.register({ ...plain, nodeId: "next" }))).code).toBe("pmd.alias_taken");
    alive.clear();
    await second.register({ ...plain, nodeId: "next" });
    expect((await second.resolve("shop")).nodeId).toBe("next");
  });

  test("register() judges no process that could not be seen when it registered", async () => {
    await using server = startServer({ sees: () => false });
    await using client = openClient(server.port);
    await client.register({ ...plain, startTime: "100" });
    expect((await failureOf(client.register({ ...plain, nodeId: "next" }))).code).toBe("pmd.alias_taken");
  });

  test("watch() tells who is there, then joins, updates and leaves as they happen", async () => {
    await using server = startServer();
    await using client = openClient(server.port);
    await client.methods.register({ ...plain, alias: "early", nodeId: "early" });
    const changes: PeerChange[] = [];
    client.watch({ changed: (change) => changes.push(change) });
    await until("the snapshot", () => changes.length === 1);
    await client.methods.register(plain);
    await client.methods.register({ ...plain, port: 9 });
    await client.methods.unregister({ nodeId: "id-shop" });
    await until("all changes", () => changes.length === 4);
    expect(words(changes)).toEqual(["join early", "join shop", "update shop", "leave shop"]);
    expect(changes.at(-1)).toMatchObject({ reason: "unregistered", peer: { port: 9 } });
  });

  test("watch() hears that the port mapper was killed, and goes on with the next one without telling anything twice", async () => {
    const server = startServer();
    await using client = openClient(server.port);
    const changes: PeerChange[] = [];
    const ends: string[] = [];
    let lives = 0;
    await client.register(plain);
    client.watch({
      changed: (change) => changes.push(change),
      connected: () => lives++,
      disconnected: (reason) => ends.push(reason),
    });
    await until("the first snapshot", () => lives === 1);
    await client.methods.kill({});
    await server.killed;
    await server.close("killed");
    await until("the end", () => ends.length > 0);
    expect(ends[0]).toBe("killed");
    await using next = startServer({ port: server.port });
    await until("the second snapshot", () => lives === 2);
    await until("the node is back", async () => (await client.list()).length === 1);
    expect(next.port).toBe(server.port);
    expect(words(changes)).toEqual(["join shop"]);
  });

  test("a client whose port mapper died in between finds the next one by itself", async () => {
    const server = startServer();
    await using client = openClient(server.port);
    await client.list();
    await server.close("stopping");
    expect((await failureOf(client.list())).code).toBe("pmd.not_running");
    await using _next = startServer({ port: server.port });
    expect(await client.list()).toEqual([]);
  });
});

describe("who is believed", () => {
  test("every method is refused without a token, with another key's, for another life, and with a used one", async () => {
    await using server = startServer({ life: "this-life" });
    const auth = new WordAuth();
    const call = async (token: string | undefined) => {
      const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
      const url = `http://127.0.0.1:${server.port}/rpc/pmd/list`;
      return fetch(url, { method: "POST", body: "{}", headers, keepalive: false });
    };
    const good = await auth.token(callAudience(server.port, "this-life"));
    expect((await call(good)).status).toBe(200);
    const refused = [
      undefined,
      good,
      "x",
      await new WordAuth("other").token(callAudience(server.port, "this-life")),
      await auth.token(callAudience(server.port, "other-life")),
      await auth.token(callAudience(server.port + 1, "this-life")),
    ];
    for (const token of refused) {
      const response = await call(token);
      expect(response.status).toBe(401);
      expect(((await response.json()) as { code: string }).code).toBe("rpc.unauthenticated");
    }
    for (const path of ["/watch", "/rpc", "/rpc/pmd"]) {
      expect((await fetch(`http://127.0.0.1:${server.port}${path}`, { keepalive: false })).status).toBe(401);
    }
  });

  test("identify() tells another user's port mapper from ours and shows it no token", async () => {
    await using server = startServer({ auth: new WordAuth("their key") });
    await using client = openClient(server.port);
    const failure = await failureOf(client.list());
    expect(failure.code).toBe("pmd.other_key");
    expect(failure.message).toContain("process 4711");
  });

  test("identify() believes no impostor that repeats what a true port mapper says of itself", async () => {
    await using server = startServer();
    const seen: (string | null)[] = [];
    using impostor = serve(async (request) => {
      seen.push(request.headers.get("authorization"));
      const { pathname } = new URL(request.url); // passes the nonce on to the true one, and its proof back
      const nonce = request.headers.get(NONCE_HEADER) ?? "";
      const answer = await fetch(`http://127.0.0.1:${server.port}${pathname}`, { headers: { [NONCE_HEADER]: nonce } });
      expect(answer.headers.get(PROOF_HEADER)).not.toBeNull();
      return answer;
    });
    await using client = openClient(impostor.port);
    expect((await failureOf(client.resolve("shop"))).code).toBe("pmd.other_key");
    expect(seen).toEqual([null]);
  });

  test("list() does not believe an answer without proof from whoever took the port over", async () => {
    const server = startServer();
    await using client = openClient(server.port);
    await client.list();
    await server.close("stopping");
    using _impostor = serve(() => Response.json({ peers: [{ alias: "bank" }] }), server.port);
    expect((await failureOf(client.list())).code).toBe("pmd.port_taken");
  });

  test("requests of web pages are refused, whatever host or origin they come with", async () => {
    await using server = startServer();
    for (const headers of [{ origin: "http://evil.example" }, { host: "evil.example" }, { origin: "null" }]) {
      const response = await fetch(`http://127.0.0.1:${server.port}/pmd`, { headers, keepalive: false });
      expect(response.status).toBe(403);
    }
  });

  test("calls do not go through a proxy of the environment", async () => {
    const asked: string[] = [];
    using proxy = serve((request) => {
      asked.push(request.url);
      return new Response("proxy");
    });
    await using server = startServer();
    await using client = openClient(server.port);
    const before = { ...process.env };
    process.env.HTTP_PROXY = process.env.http_proxy = `http://127.0.0.1:${proxy.port}`;
    process.env.NO_PROXY = process.env.no_proxy = "";
    try {
      expect(await client.list()).toEqual([]);
    } finally {
      for (const name of ["HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"]) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
    expect(asked).toEqual([]);
  });
});

describe("who holds the port", () => {
  test("identify() says that nobody listens when the port is free", async () => {
    using free = serve(() => new Response());
    const { port } = free;
    await free.stop(true);
    await using client = openClient(port);
    const failure = await failureOf(client.identify());
    expect(failure).toMatchObject({ code: "pmd.not_running", retryable: true });
  });

  test("identify() names another program when something else speaks HTTP there", async () => {
    using other = serve(() => new Response("hello"));
    await using client = openClient(other.port);
    const failure = await failureOf(client.identify());
    expect(failure.code).toBe("pmd.port_taken");
    expect(failure.message).toContain("--port or DISTRIBUTED_SYSTEM_PMD_PORT");
  });

  test("identify() names another program when it answers without end, or not at all", async () => {
    const tell = async (answer: Uint8Array | undefined): Promise<Failure> => {
      const say = (socket: Bun.Socket): void => void (answer && socket.write(answer));
      using other = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: say, drain: say } });
      await using client = openClient(other.port);
      return await failureOf(client.identify()); // awaited: both are disposed of behind it
    };
    const [flood, silent] = await Promise.all([tell(Buffer.alloc(64 * 1024, "x")), tell(undefined)]);
    expect([flood.code, silent.code]).toEqual(["pmd.port_taken", "pmd.port_taken"]);
    expect(silent.message).toContain("does not answer within 2000 ms");
  });
});

function serve(fetch: (request: Request) => Response | Promise<Response>, port = 0) {
  const server = Bun.serve({ hostname: "127.0.0.1", port, fetch });
  const stop = (): Promise<void> => server.stop(true);
  return { port: server.port!, stop: server.stop.bind(server), [Symbol.dispose]: () => void stop() };
}
