/** Services of a cluster of real nodes: found and called from everywhere, killed, swapped and lost while calls go on. */
import { expect, test } from "bun:test";
import { ServiceCluster } from "../support/services.ts";

interface Where {
  readonly node: string;
  readonly pid: number;
  readonly word: string;
}

function users(version: string, word: string, tags: readonly string[] = []): string {
  return `
    import { defineService, method, z } from "distributed-system/service";
    let calls = 0;
    export default defineService({
      name: "users", version: "${version}", tags: ${JSON.stringify(tags)},
      methods: {
        where: method({
          public: true, access: "read", idempotent: true,
          handler: (_, { node }) => ({ node, pid: process.pid, word: "${word}" }),
        }),
        once: method({ public: true, access: "read", handler: async (_, { node }) => { await Bun.sleep(2); return { node, word: "${word}" }; } }),
        get: method({
          public: true, http: "GET /users/:id", input: z.object({ id: z.coerce.number().int() }),
          handler: ({ id }, { node }) => ({ id, node }),
        }),
        ticks: method({
          public: true, access: "read", stream: true, input: z.object({ to: z.int() }),
          handler: async function* ({ to }) { for (let n = 0; n < to; n++) yield { n }; },
        }),
        hidden: () => "for services only",
      },
    });`;
}

const ORDERS = `
  import { defineService, method } from "distributed-system/service";
  export default defineService({
    name: "orders", version: "1.0.0",
    methods: {
      buyer: method({ public: true, access: "read", idempotent: true, handler: async (_, { node, services }) => ({ by: node, buyer: await services.users.where() }) }),
      secret: method({ public: true, access: "read", handler: (_, { services }) => services.users.hidden() }),
      items: method({ public: true, access: "read", handler: async (_, { stream }) => (await Array.fromAsync(stream("users.ticks", { to: 3 }))).map(({ n }) => n) }),
      everywhere: method({ public: true, access: "read", handler: async (_, { broadcast }) => (await broadcast("users.where")).map(({ node }) => node).sort() }),
    },
  });`;

test("a service is called by command, over HTTP and by another service, from a node that does not run it", async () => {
  const files = { "users/users.ts": users("1.0.0", "one"), "orders/orders.ts": ORDERS };
  await using cluster = await ServiceCluster.start(files, {
    n1: { services: ["users"] },
    n2: { services: ["users"] },
    n3: { services: ["orders"] },
  });
  await cluster.untilServed("n3", "users", "n1", "n2");
  await cluster.untilServed("n3", "orders", "n3");
  const third = ["--node", cluster.address("n3")];
  expect(["n1", "n2"]).toContain((JSON.parse(await cluster.tell("call", "users.where", ...third)) as Where).node);
  const viewer = await cluster.client("n3", "viewer");
  const called = await viewer.rpc<Where>("users.where");
  expect([called.status, called.body.word]).toEqual([200, "one"]);
  const { body } = await viewer.rpc<{ readonly by: string; readonly buyer: Where }>("orders.buyer");
  expect(body.by).toBe("n3");
  expect(["n1", "n2"]).toContain(body.buyer.node);
  expect((await viewer.rpc<unknown>("orders.secret")).body).toBe("for services only");
  expect(await viewer.rpc("users.hidden")).toMatchObject({ status: 403, body: { code: "rpc.forbidden" } });
  const found = await viewer.get<{ readonly id: number; readonly node: string }>("/users/7?id=8");
  expect([found.status, found.body.id, ["n1", "n2"].includes(found.body.node)]).toEqual([200, 7, true]);
  expect(await viewer.get("/users/seven")).toMatchObject({ status: 400, body: { code: "rpc.invalid_input" } });
});

test("streams come as lines and as events, and a broadcast reaches every node, by each way in", async () => {
  const files = { "users/users.ts": users("1.0.0", "one"), "orders/orders.ts": ORDERS };
  await using cluster = await ServiceCluster.start(files, {
    n1: { services: ["users"] },
    n2: { services: ["users"] },
    n3: { services: ["orders"] },
  });
  await cluster.untilServed("n3", "users", "n1", "n2");
  await cluster.untilServed("n3", "orders", "n3");
  const operator = await cluster.client("n3");
  const post = { method: "POST", body: '{"to":3}' };
  const lines = await operator.ask("/rpc/users/ticks", post);
  expect(lines.headers.get("content-type")).toStartWith("application/x-ndjson");
  expect(await lines.text()).toBe('{"n":0}\n{"n":1}\n{"n":2}\n');
  const events = await operator.ask("/rpc/users/ticks", { ...post, headers: { accept: "text/event-stream" } });
  expect(events.headers.get("content-type")).toStartWith("text/event-stream");
  expect(await events.text()).toBe('data: {"n":0}\n\ndata: {"n":1}\n\ndata: {"n":2}\n\nevent: end\ndata: {}\n\n');
  expect((await operator.rpc<unknown>("orders.items")).body).toEqual([0, 1, 2]);
  const third = ["--node", cluster.address("n3")];
  expect(await cluster.tell("call", "users.ticks", '{"to":2}')).toBe('{"n":0}\n{"n":1}\n');
  expect((await operator.rpc<unknown>("orders.everywhere")).body).toEqual(["n1", "n2"]);
  const { body } = await operator.post<{ readonly answers: readonly Answer[] }>("/admin/broadcast", {
    ...{ service: "users", method: "where", params: {} },
  });
  expect(nodesOf(body.answers)).toEqual(["n1", "n2"]);
  const told = await cluster.tell("call", "users.where", "--all", ...third);
  expect(
    nodesOf(
      told
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Answer),
    ),
  ).toEqual(["n1", "n2"]);
});

interface Answer {
  readonly node: string;
  readonly ok: boolean;
}

function nodesOf(answers: readonly Answer[]): readonly string[] {
  return answers.map(({ node, ok }) => (ok ? node : `${node} failed`)).toSorted();
}

test("versions live side by side on different nodes, and tags choose among places", async () => {
  const files = {
    "one/users.ts": users("1.0.0", "one", ["eu"]),
    "two/users.ts": users("2.0.0", "two", ["us"]),
    "better/users.ts": users("2.0.0", "two", ["us", "fast"]),
  };
  await using cluster = await ServiceCluster.start(files, {
    n1: { services: ["one"] },
    n2: { services: ["two"] },
    n3: { services: ["better"] },
    n4: {},
  });
  await cluster.untilServed("n4", "users", "n1", "n2", "n3");
  const viewer = await cluster.client("n4", "viewer");
  const word = async (method: string) => (await viewer.rpc<Where>(method)).body.word;
  expect([await word("users@1.where"), await word("users@2.0.0.where"), await word("users.where")]).toEqual([
    ...["one", "two", "two"],
  ]);
  expect(await viewer.rpc("users@3.where")).toMatchObject({ status: 404, body: { code: "service.not_found" } });
  const tagged = async (...tags: readonly string[]) => {
    const wanted = tags.flatMap((tag) => ["--tag", tag]);
    return (JSON.parse(await cluster.tell("call", "users.where", "--node", cluster.address("n4"), ...wanted)) as Where)
      .node;
  };
  expect(await tagged("us", "fast")).toBe("n3");
  const places = await viewer.rpc<{ places: readonly { node: string }[] }>("services.discover", { tags: ["us"] });
  expect(places.body.places.map(({ node }) => node).toSorted()).toEqual(["n2", "n3"]);
});
