/** Kept answers of services on two nodes with a real redis-server: shared, dropped everywhere, and never in the way when it dies. */
import { describe, expect, test } from "bun:test";
import { type Client, metricOf } from "../support/http.ts";
import { HAS_REDIS, RedisServer } from "../support/redis-server.ts";
import { Load, ServiceCluster } from "../support/services.ts";
import { until } from "../support/until.ts";

/** Says how often it was really asked, by a process of its own on each node. */
const PRICES = `
  import { cache, defineService, method, z } from "distributed-system/service";
  let asked = 0;
  export default defineService({
    name: "prices", version: "1.0.0",
    methods: {
      of: method({
        public: true, input: z.object({ id: z.number() }),
        middleware: [cache({ ttl: "10m", key: ["id"], tags: ["price:{id}", "prices"] })],
        handler: ({ id }, { node }) => ({ id, node, asked: ++asked }),
      }),
      change: method({ public: true, access: "read", invalidates: "price:{id}", input: z.object({ id: z.number() }), handler: ({ id }) => id }),
      asked: method({ public: true, access: "read", handler: () => asked }),
    },
  });`;

interface Price {
  readonly node: string;
  readonly asked: number;
}

async function priced(server: RedisServer): Promise<ServiceCluster> {
  const node = { services: ["prices"], args: ["--redis-url", server.url] };
  const cluster = await ServiceCluster.start({ "prices/prices.ts": PRICES }, { n1: node, n2: node });
  await cluster.untilServed("n1", "prices", "n1", "n2");
  await cluster.untilServed("n2", "prices", "n1", "n2");
  return cluster;
}

async function price(client: Client, id: number): Promise<Price> {
  const { body, status } = await client.rpc<Price>("prices.of", { id });
  if (status !== 200) throw new Error(`prices.of gave ${status}: ${JSON.stringify(body)}`);
  return body;
}

describe.skipIf(!HAS_REDIS)("a cached method on two nodes", () => {
  test("is carried out once for both, and again after it was changed at either", async () => {
    await using server = new RedisServer();
    await server.start();
    await using cluster = await priced(server);
    const [one, two] = [await cluster.client("n1", "viewer"), await cluster.client("n2", "viewer")];
    let id = 0;
    const first = await until("n2 has from redis what n1 was asked", async () => {
      const own = await price(one, ++id); // of another one each time: what n2 has asked itself it keeps
      return Bun.deepEquals(await price(two, id), own) ? own : undefined;
    });
    expect(first.node).toBe("n1");
    expect(await price(two, id)).toEqual(first);
    expect((await two.rpc<unknown>("prices.change", { id })).status).toBe(200);
    const second = await until("n1 asks again", async () => {
      const now = await price(one, id);
      return now.asked === first.asked ? undefined : now;
    });
    expect(second).toMatchObject({ node: "n1", asked: first.asked + 1 });
  });

  test("goes on without an error while redis is killed, and is shared again when it is back", async () => {
    await using server = new RedisServer();
    await server.start();
    await using cluster = await priced(server);
    const [one, two] = [await cluster.client("n1", "viewer"), await cluster.client("n2", "viewer")];
    const counted = async (client: Client, series: string): Promise<number> =>
      metricOf(await client.metrics(), `distributed_system_cache_${series}`)!;
    const both = [one, two];
    const untilUp = (up: 0 | 1): Promise<unknown> =>
      until(`redis is ${up ? "there" : "away"} for both`, async () => {
        const told = await Promise.all(both.map((client) => counted(client, "redis_up")));
        return told.every((each) => each === up);
      });
    const sharedHits = (): Promise<readonly number[]> =>
      Promise.all(both.map((client) => counted(client, 'hits_total{from="redis"}')));
    /** New prices all the time, each asked for at both nodes. */
    const loads = both.map((client) => new Load(client, ["prices.of"], 3, (call) => ({ id: call })));
    const untilShared = async (): Promise<void> => {
      const before = await sharedHits();
      await until("hits come from redis", async () => {
        const now = await sharedHits();
        return now.reduce((sum, each) => sum + each, 0) > before.reduce((sum, each) => sum + each, 0);
      });
    };
    await untilUp(1);
    await untilShared();
    await server.kill();
    await untilUp(0);
    await Promise.all(loads.map((load) => load.more(100)));
    await server.start();
    await untilUp(1);
    await untilShared();
    await Promise.all(loads.map((load) => load.end()));
    expect(loads.map(({ failures }) => failures)).toEqual([[], []]);
  });
});
