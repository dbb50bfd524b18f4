/** From request to response without a socket: what anybody gets, what needs a token, and what an answer proves. */
import { describe, expect, test } from "bun:test";
import { createHandler } from "../../../../src/cluster/pmd/handler.ts";
import { callAudience, NONCE_HEADER, PROOF_HEADER, proofAudience } from "../../../../src/cluster/pmd/index.ts";
import { Registrar } from "../../../../src/cluster/pmd/registrar.ts";
import { WatchHub } from "../../../../src/cluster/pmd/watch-hub.ts";
import { peer, WordAuth } from "../../../support/pmd.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const SELF = { pid: 1, version: "1", life: "life", port: 4369 };
const NONCE = "0123456789abcdef";
const AUDIENCE = callAudience(SELF.port, SELF.life);

function rig() {
  const clock = new SteppedClock();
  const auth = new WordAuth();
  const hub = new WatchHub({ clock, tooSlow: "slow", watchersMax: 1 });
  const ignore = (): void => {};
  const registrar = new Registrar({ clock, changed: ignore, sees: () => false, failed: ignore });
  let kills = 0;
  const handle = createHandler({ registrar, hub, auth, clock, self: SELF, kill: () => kills++ });
  const ask = async (path: string, init: RequestInit & { headers?: Record<string, string> } = {}) => {
    const headers = { host: "127.0.0.1:4369", ...init.headers };
    return handle(new Request(`http://127.0.0.1:4369${path}`, { ...init, headers }), { letGo: ignore });
  };
  const call = async (method: string, input: unknown) => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${await auth.token(AUDIENCE)}` };
    return ask(`/rpc/pmd/${method}`, { method: "POST", headers, body: JSON.stringify(input) });
  };
  return { ask, auth, call, hub, registrar, kills: () => kills };
}

describe("createHandler()", () => {
  test("it tells anybody who it is, and proves it to a nonce for this port and life only", async () => {
    const { ask } = rig();
    const response = await ask("/pmd", { headers: { [NONCE_HEADER]: NONCE } });
    expect(await response.json()).toEqual({ service: "distributed_system pmd", version: "1", pid: 1, life: "life" });
    const proof = response.headers.get(PROOF_HEADER)!;
    const verify = (port: number, life: string, nonce: string) =>
      new WordAuth().verify(proof, proofAudience(port, life, nonce));
    await expect(verify(4370, "life", NONCE)).rejects.toThrow();
    await expect(verify(4369, "other", NONCE)).rejects.toThrow();
    await expect(verify(4369, "life", `${NONCE}0`)).rejects.toThrow();
    await expect(verify(4369, "life", NONCE)).resolves.toMatchObject({ name: "tester" });
  });

  test("it gives no proof to what is no nonce, so that nobody gets words of his own signed", async () => {
    const { ask } = rig();
    for (const nonce of ["", "short", "x".repeat(65), "0123456789 abcdef", "pmd 127.0.0.1:4369 life"]) {
      expect((await ask("/pmd", { headers: { [NONCE_HEADER]: nonce } })).headers.get(PROOF_HEADER)).toBeNull();
    }
    expect((await ask("/pmd")).headers.get(PROOF_HEADER)).toBeNull();
  });

  test("it proves refusals too", async () => {
    const { ask } = rig();
    const response = await ask("/watch", { headers: { [NONCE_HEADER]: NONCE } });
    expect([response.status, response.headers.has(PROOF_HEADER)]).toEqual([401, true]);
  });

  test("a proof is no token, and a token is no proof", async () => {
    const { ask } = rig();
    const proof = (await ask("/pmd", { headers: { [NONCE_HEADER]: NONCE } })).headers.get(PROOF_HEADER);
    expect((await ask("/watch", { headers: { authorization: `Bearer ${proof}` } })).status).toBe(401);
  });

  test("it takes no request with another host or with an origin", async () => {
    const { ask } = rig();
    for (const host of [
      "evil.example",
      "evil.example:4369",
      "127.0.0.1",
      "127.0.0.1:80",
      "127.0.0.1:4369.evil.example",
    ]) {
      expect((await ask("/pmd", { headers: { host } })).status).toBe(403);
    }
    expect((await ask("/pmd", { headers: { origin: "http://127.0.0.1:4369" } })).status).toBe(403);
    expect((await ask("/pmd", { headers: { host: "localhost:4369" } })).status).toBe(200);
  });

  test("it carries out the contract for who shows a token", async () => {
    const { call, kills } = rig();
    expect(await (await call("register", peer("shop"))).json()).toEqual({ outcome: "joined", ttlMs: 10_000 });
    expect(await (await call("heartbeat", { nodeId: "id-shop" })).json()).toEqual({ ttlMs: 10_000 });
    expect((await call("resolve", { alias: "nobody" })).status).toBe(404);
    expect((await call("register", { ...peer("shop"), nodeId: "x" })).status).toBe(503);
    expect((await call("register", { alias: "shop" })).status).toBe(400);
    expect(await (await call("status", {})).json()).toMatchObject({ ...SELF, peers: 1, watchers: 0 });
    expect(await (await call("unregister", { nodeId: "id-shop" })).json()).toEqual({ wasThere: true });
    expect(kills()).toBe(0);
    expect(await (await call("kill", {})).json()).toEqual({ pid: 1 });
    expect(kills()).toBe(1);
  });

  test("it lists itself as the contract for people and other languages", async () => {
    const { ask, auth } = rig();
    const headers = { authorization: `Bearer ${await auth.token(AUDIENCE)}` };
    const listing = (await (await ask("/rpc/pmd", { headers })).json()) as { methods: object };
    expect(Object.keys(listing.methods).sort()).toEqual([
      "heartbeat",
      "kill",
      "list",
      "register",
      "resolve",
      "status",
      "unregister",
    ]);
  });

  test("it opens a stream that begins with the snapshot, and refuses one more watcher than there may be", async () => {
    const { ask, auth, registrar } = rig();
    registrar.register(peer("shop"));
    const watch = async () => ask("/watch", { headers: { authorization: `Bearer ${await auth.token(AUDIENCE)}` } });
    const first = await watch();
    expect(first.headers.get("content-type")).toBe("text/event-stream");
    const { value } = await first.body!.getReader().read();
    const text = Buffer.from(value!).toString();
    expect(text).toStartWith("event: snapshot\ndata: ");
    expect(JSON.parse(text.slice(text.indexOf("{")))).toEqual({ life: "life", ageMs: 0, peers: [peer("shop")] });
    const second = await watch();
    expect([second.status, ((await second.json()) as { code: string }).code]).toEqual([503, "pmd.too_many_watchers"]);
  });
});
