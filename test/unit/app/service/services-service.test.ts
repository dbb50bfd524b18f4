import { expect, test } from "bun:test";
import { servicesContract } from "../../../../src/app/service/services-contract.ts";
import { servicesService } from "../../../../src/app/service/services-service.ts";
import type { HealthReport } from "../../../../src/app/system/system-contract.ts";
import { systemService } from "../../../../src/app/system/system-service.ts";
import { systemClock } from "../../../../src/base/clock.ts";
import { Failure } from "../../../../src/base/errors.ts";
import type { ServiceDescription } from "../../../../src/process/service/index.ts";
import { type Caller, createClient, Dispatcher, type Transport } from "../../../../src/wire/rpc/index.ts";
import { Catalogue, OffersTable } from "../../../../src/work/service/registry/index.ts";
import type { DoorCall } from "../../../../src/work/service/words/index.ts";
import { describeFake, type FakeFile } from "../../../support/fake-services.ts";
import { codeOf } from "../../../support/local-services.ts";

const HEALTH: HealthReport = { status: "ok", ready: true, node: "n1", checks: [] };
const SYSTEM = {
  clock: systemClock,
  version: "1",
  startedMs: 0,
  self: () => ({ node: "n1", name: "n1", address: "x:1", roles: [] }),
  health: () => HEALTH,
};

function rig(files: readonly FakeFile[], caller: Caller = { name: "ann", access: "admin" }) {
  const table = new OffersTable("n1");
  table.admit("n1");
  const services = files.map((file) => ({ description: describeFake(file), healthy: 2 }));
  table.put({ node: "n1", instance: "a", revision: 1, services });
  const catalogue = new Catalogue(table);
  const calls: DoorCall[] = [];
  const answer = async (call: DoorCall) => {
    calls.push(call);
    return Buffer.from(`{"asked":${Buffer.from(call.params).toString()}}`);
  };
  const service = servicesService({
    self: "n1",
    registry: { catalogue, counts: () => ({ nodes: 1, services: 1, taken: 0, old: 0, refused: 0, asked: 0 }) },
    local: {
      statuses: () => [
        {
          file: "/s/users.ts",
          name: "users",
          version: "1.0.0",
          state: "running",
          restarts: 0,
          processes: [{ pid: undefined, state: "starting", inFlight: 0 }],
          waiting: 0,
          calls: 3,
        },
      ],
      swap: async (name, file) => `${name}@${file ?? "same"}`,
      restart: async (name) => name,
      rescan: async () => ({
        started: [],
        swapped: [],
        stopped: [],
        unchanged: ["users@1.0.0"],
        starting: [],
        faults: [],
      }),
    },
    nodes: {
      self: "n1",
      members: () => ["n2", "n3"],
      contracts: () => [systemService(SYSTEM)],
      async linkTo(node) {
        if (node === "n3") throw new Failure("link.unreachable", "n3 is away");
        return { request: async (_topic, payload) => ({ node, payload }) };
      },
    },
    door: {
      call: answer,
      broadcast: async (call) => [{ node: "n1", ok: true, result: JSON.parse((await answer(call)).toString()) }],
      discover: (query) => catalogue.discover(query),
      find: (name): ServiceDescription | undefined => catalogue.route(name)?.description,
      counts: () => ({ methods: [], targets: [], served: { calls: 0, streams: 0 } }),
      revision: 7,
    },
  });
  const dispatcher = new Dispatcher([service], { clock: systemClock });
  const transport: Transport = ({ signal: _, ...call }) => dispatcher.call({ ...call, caller });
  return { calls, client: createClient(servicesContract, transport, { clock: systemClock }) };
}

test("list() gives every service once, page by page, in order", async () => {
  const files = Array.from({ length: 7 }, (_, n) => ({ name: `s${n}`, tags: n % 2 ? ["odd"] : [] }));
  const { client } = rig([...files, { name: "s0", version: "2.0.0" }]);
  const seen: string[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < 10; pages++) {
    const { next, services } = await client.list({ limit: 3, ...(cursor !== undefined && { cursor }) });
    seen.push(...services.map(({ service, version }) => `${service}@${version}`));
    cursor = next;
    if (next === undefined) break;
  }
  expect(seen).toEqual(["s0@1.0.0", "s0@2.0.0", ...files.slice(1).map(({ name }) => `${name}@1.0.0`)]);
  const { services } = await client.list({ tags: ["odd"] });
  expect(services.map(({ service }) => service)).toEqual(["s1", "s3", "s5"]);
  expect(services[0]).toMatchObject({ healthy: 2, nodes: [{ node: "n1", healthy: 2 }] });
});

test("describe() gives the version that a call would reach, and where it is", async () => {
  const { client } = rig([{}, { version: "1.1.0" }]);
  const { description, places } = await client.describe({ service: "users@1" });
  expect(description.version).toBe("1.1.0");
  expect(places.map(({ version }) => version)).toEqual(["1.1.0"]);
  expect(client.describe({ service: "user" })).rejects.toMatchObject({
    code: "service.not_found",
    message: 'no service is "user"; did you mean users?',
  });
});

test("call() passes params, patience and who asks, and gives the result", async () => {
  const { calls, client } = rig([{}], { name: "bob", access: "read", scopes: ["users.who"] });
  const { result } = await client.call({ service: "users", method: "who", params: { id: 7 }, timeoutMs: 50 });
  expect(result).toEqual({ asked: { id: 7 } });
  expect((await client.call({ service: "users", method: "who" })).result).toEqual({ asked: {} });
  expect(calls[0]).toMatchObject({ service: "users", method: "who", timeoutMs: 50 });
  expect(calls[0]?.caller).toEqual({ kind: "outside", name: "bob", access: "read", scopes: ["users.who"] });
});

test("call() takes who comes with a node's token for a node", async () => {
  const { calls, client } = rig([{}], { name: "n2", access: "node" });
  await client.call({ service: "users", method: "who" });
  expect(calls[0]?.caller.kind).toBe("node");
});

test("broadcast() of system asks every node, and no other contract", async () => {
  const { calls, client } = rig([{}], { name: "ann", access: "operate" });
  const { answers } = await client.broadcast({ service: "system", method: "health_check" });
  const asked = { contract: "system", method: "health_check", version: 1, input: {} };
  expect(answers).toEqual([
    { node: "n1", ok: true, result: HEALTH },
    { node: "n2", ok: true, result: { node: "n2", payload: asked } },
    { node: "n3", ok: false, error: { code: "link.unreachable", message: "n3 is away" } },
  ]);
  expect(await codeOf(client.broadcast({ service: "system", method: "toString" }))).toBe("rpc.unknown_method");
  expect(calls).toEqual([]);
  await client.broadcast({ service: "auth", method: "issue" });
  expect(calls).toHaveLength(1); // taken for a service of users, of which there is none
});

test("call() refuses a method that streams, and says where its items are to be had", async () => {
  const { client } = rig([{ methods: { watch: { isStream: true } } }]);
  expect(client.call({ service: "users", method: "watch" })).rejects.toMatchObject({ code: "service.streams" });
});

test.each(["broadcast", "swap", "restart", "rescan"] as const)("%s() needs operate", async (method) => {
  const input = {
    broadcast: { service: "users", method: "who" },
    swap: { service: "users" },
    restart: { service: "users" },
    rescan: {},
  };
  const ask = (access: Caller["access"]) => {
    const { client } = rig([{}], { name: "ann", access });
    return (client[method] as (input: unknown) => Promise<unknown>)(input[method]); // each its own
  };
  expect(ask("read")).rejects.toMatchObject({ code: "rpc.forbidden" });
  expect(await ask("operate")).toBeDefined();
});

test("local() and registry() give plain data that fits their schemas", async () => {
  const { client } = rig([{}]);
  expect((await client.local({})).services[0]).toMatchObject({ service: "users", processes: [{ state: "starting" }] });
  const { places, revision, self } = await client.registry({});
  expect([self, revision, places[0]?.instance, places[0]?.isReachable]).toEqual(["n1", 7, "a", true]);
});
