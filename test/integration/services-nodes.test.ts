/** Services of two nodes that are put together as real ones are: found, called and lost over membership and links. */
import { expect, test } from "bun:test";
import { type OpenedNode, openNode } from "../../src/app/node/open-node.ts";
import { readSettings } from "../../src/app/node/settings.ts";
import { type NodeServices, openServices } from "../../src/app/service/open-services.ts";
import { formatAddress } from "../../src/base/address.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { failureOf } from "../support/auth.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const USERS = `
  import { defineService, method } from "distributed-system/service";
  export default defineService({
    name: "users", version: "1.0.0",
    methods: {
      where: method({ public: true, access: "read", idempotent: true, handler: (_, { node }) => ({ node, pid: process.pid }) }),
      hang: async () => { await new Promise(() => {}); },
      ticks: method({ stream: true, handler: async function* () { for (let n = 0; n < 3; n++) yield { n }; } }),
    },
  });`;

class Cluster implements AsyncDisposable {
  readonly files = new Workspace();
  readonly #nodes: { readonly node: OpenedNode; readonly services: NodeServices }[] = [];

  async add(id: string, directories: readonly string[]): Promise<NodeServices> {
    const logger = createLogger({ name: id, level: "silent", clock: systemClock, sink: () => {} });
    const dataDir = this.files.at("state");
    const seeds = this.#nodes.map(({ node }) => formatAddress(node.address));
    const settings = readSettings({ name: id, dataDir, seeds });
    const chosen = { directories: directories.map((each) => this.files.at(each)), passEnv: [], watch: false };
    const services = openServices({ settings: chosen, self: id, dataDir, logger });
    const node = await openNode({ settings, logger, handlers: services.handlers, services: services.services });
    services.opened(node);
    node.start();
    this.#nodes.push({ node, services });
    return services;
  }

  /** Without a word to the others. */
  async abort(services: NodeServices): Promise<void> {
    const at = this.#nodes.findIndex((each) => each.services === services);
    const { node } = this.#nodes[at]!; // it was added
    this.#nodes.splice(at, 1);
    await node.close("abort");
    await services.closed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { node, services } of this.#nodes) {
      await services.ending();
      await node.close("abort");
      await services.closed();
    }
    this.files[Symbol.dispose]();
  }
}

const CALLER = { kind: "outside", name: "ann", access: "read", scopes: [] } as const;

function question(method: string) {
  return { service: "users", method, params: Buffer.from("{}"), timeoutMs: 10_000, caller: CALLER };
}

async function where({ door }: NodeServices): Promise<{ readonly node: string; readonly pid: number }> {
  return JSON.parse(Buffer.from(await door.call(question("where"))).toString());
}

function healthyAt({ door }: NodeServices): number {
  return door.discover({ service: "users" }).reduce((sum, { healthy }) => sum + healthy, 0);
}

test("a service of one node is called from the other, and leaves the registry when its process or its node dies", async () => {
  await using cluster = new Cluster();
  cluster.files.write("services/users.ts", USERS);
  const near = await cluster.add("n1", ["services"]);
  const far = await cluster.add("n2", []);
  await until("n2 knows it", () => healthyAt(far) === 1);
  const { node, pid } = await where(far);
  expect(node).toBe("n1");
  const items = await Array.fromAsync(far.door.stream({ ...question("ticks"), caller: { ...CALLER, kind: "node" } }));
  expect(items.map((item) => Buffer.from(item).toString())).toEqual(['{"n":0}', '{"n":1}', '{"n":2}']);
  expect((await failureOf(() => far.door.call(question("hang")))).code).toBe("rpc.forbidden");
  const seen: number[] = [];
  near.local.onChange(() => seen.push(healthyAt(near)));
  process.kill(pid, "SIGKILL");
  await until("it is back", () => seen.includes(0) && healthyAt(far) === 1 && near.local.statuses()[0]!.restarts === 1);
  expect((await where(far)).pid).not.toBe(pid);
  await cluster.abort(near);
  await until("n2 has forgotten it", () => healthyAt(far) === 0);
  expect((await failureOf(() => where(far))).retryable).toBe(true);
});

test("broadcast reaches every node that offers it, and a node that ends in peace loses no call", async () => {
  await using cluster = new Cluster();
  cluster.files.write("services/users.ts", USERS);
  const [first, second] = [await cluster.add("n1", ["services"]), await cluster.add("n2", ["services"])];
  const caller = await cluster.add("n3", []);
  await until("n3 knows both", () => healthyAt(caller) === 2);
  const answers = await caller.door.broadcast(question("where"));
  expect(answers.map(({ node, ok }) => [node, ok]).sort()).toEqual([
    ["n1", true],
    ["n2", true],
  ]);
  const outcomes: string[] = [];
  let isOver = false;
  const load = Array.from({ length: 8 }, async () => {
    while (!isOver)
      outcomes.push(
        await where(caller).then(
          ({ node }) => node,
          ({ code }) => code,
        ),
      );
  });
  await until("both have answered", () => outcomes.includes("n1") && outcomes.includes("n2"));
  await first!.ending();
  await until("n3 knows that it is gone", () => healthyAt(caller) === 1);
  isOver = true;
  await Promise.all(load);
  expect(new Set(outcomes)).toEqual(new Set(["n1", "n2"]));
  expect((await where(second!)).node).toBe("n2");
});
