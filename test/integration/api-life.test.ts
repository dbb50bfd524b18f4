/** The HTTP API while a node ends and while tokens change: who balances load is told in time, what is under way is finished. */
import { expect, test } from "bun:test";
import { clientOf } from "../support/http.ts";
import { ServiceCluster } from "../support/services.ts";
import { until } from "../support/until.ts";

/** Answers when the file is there. */
const PATIENT = `
  import { existsSync } from "node:fs";
  import { defineService, method } from "distributed-system/service";
  let begun = 0;
  export default defineService({
    name: "patient", version: "1.0.0",
    methods: {
      begun: method({ public: true, access: "read", handler: () => begun }),
      wait: method({ public: true, access: "read", handler: async () => {
        begun++;
        while (!existsSync(MARK)) await Bun.sleep(5);
        return "done";
      } }),
    },
  });`;

test("a node that drains says so to whoever balances load, finishes what it has, and then is gone", async () => {
  await using cluster = await ServiceCluster.start({}, {});
  const mark = cluster.space.at("mark");
  cluster.space.write("patient/patient.ts", PATIENT.replace("MARK", JSON.stringify(mark)));
  const node = await cluster.add("n1", { services: ["patient"] });
  await cluster.untilServed("n1", "patient", "n1");
  const viewer = await cluster.client("n1", "viewer");
  const waiting = viewer.rpc<unknown>("patient.wait");
  await until("it has begun", async () => (await viewer.rpc<unknown>("patient.begun")).body === 1);
  expect((await viewer.get("/readyz")).status).toBe(200);
  node.signal("SIGTERM");
  const draining = await until("it is not ready", async () => {
    const { body, headers, status } = await viewer.get("/readyz");
    return status === 503 && { body, type: headers.get("content-type") };
  });
  expect(draining.type).toStartWith("application/problem+json");
  expect(draining.body).toMatchObject({ code: "node.not_ready", retryable: true });
  expect((await viewer.get("/livez")).status).toBe(200);
  expect((await viewer.get("/health")).body).toEqual({ status: "draining" });
  expect((await viewer.rpc("patient.begun")).status).toBe(503);
  expect((await viewer.rpc<{ readonly result: unknown }>("system.health_check")).body).toMatchObject({
    status: "draining",
    ready: false,
  });
  cluster.space.write("mark", "");
  expect(await waiting).toMatchObject({ status: 200, body: "done" });
  expect(await node.exited).toBe(0);
});

test("a token that is revoked at one node is refused by another, and rotated keys leave older tokens good", async () => {
  await using cluster = await ServiceCluster.start({}, { n1: {}, n2: {} });
  const [one, two] = ["n1", "n2"].map((name) => cluster.address(name)) as [string, string];
  const admin = await cluster.client("n1", "admin");
  interface Made {
    readonly token: string;
    readonly jti: string;
  }
  const make = async () => (await admin.post<Made>("/auth/token", { role: "viewer", subject: "ann" })).body;
  const [kept, ended] = [await make(), await make()];
  const status = async (address: string, { token }: Made) =>
    (await clientOf(address, token).get("/cluster/nodes")).status;
  for (const address of [one, two]) for (const made of [kept, ended]) expect(await status(address, made)).toBe(200);
  expect((await admin.ask(`/auth/tokens/${ended.jti}`, { method: "DELETE" })).status).toBe(200);
  expect(await status(one, ended)).toBe(401);
  await until("n2 refuses it", async () => (await status(two, ended)) === 401);
  const keyIds = async (address: string) =>
    (await clientOf(address).get<{ readonly keys: readonly { kid: string }[] }>("/.well-known/jwks.json")).body.keys;
  const before = await keyIds(two);
  expect((await admin.post("/auth/keys/rotate", {})).status).toBe(200);
  await until("n2 has the new key", async () => (await keyIds(two)).length === before.length + 1);
  const newer = await make();
  for (const made of [kept, newer]) expect([await status(one, made), await status(two, made)]).toEqual([200, 200]);
  expect((await admin.post("/auth/keys/rotate", { forget: true })).status).toBe(200);
  await until("n2 has only that one", async () => (await keyIds(two)).length === 1);
  for (const made of [kept, newer]) expect([await status(one, made), await status(two, made)]).toEqual([401, 401]);
});
