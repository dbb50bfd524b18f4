/** A program that embeds a node calls the services of the cluster, and runs some of its own. */
import { expect, test } from "bun:test";
import { Node } from "../../src/app/node/library.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { ServiceCluster } from "../support/services.ts";
import { until } from "../support/until.ts";

const GREETER = `
  import { defineService, method, z } from "distributed-system/service";
  export default defineService({
    name: "greeter", version: "1.0.0",
    methods: {
      hello: method({ idempotent: true, input: z.object({ name: z.string() }), handler: ({ name }, { caller }) => ({ text: "hello " + name, caller }) }),
      count: method({ stream: true, input: z.object({ to: z.int() }), handler: async function* ({ to }) { for (let n = 1; n <= to; n++) yield n; } }),
    },
  });`;
const ASKER = `
  import { defineService } from "distributed-system/service";
  export default defineService({
    name: "asker", version: "1.0.0",
    methods: { ask: (_, { services }) => services.greeter.hello({ name: "from a service" }) },
  });`;

test("node.services reaches services of other nodes and of its own, streams and all", async () => {
  await using cluster = await ServiceCluster.start(
    { "there/greeter.ts": GREETER, "here/asker.ts": ASKER },
    { n1: { services: ["there"] } },
  );
  const logger = createLogger({ name: "program", level: "silent", sink: () => {}, clock: systemClock });
  const node = await Node.start({
    alias: "program",
    pmd: false,
    dataDir: cluster.space.at("state"),
    seeds: [cluster.address("n1")],
    serviceDirectories: [cluster.space.at("here")],
    logger,
  });
  try {
    const isThere = (service: string): boolean =>
      node.services.discover({ service }).some(({ healthy }) => healthy > 0);
    await until("both services are known", () => isThere("greeter") && isThere("asker"));
    expect(await node.services.call("greeter.hello", { name: "Ada" })).toEqual({
      text: "hello Ada",
      caller: expect.objectContaining({ kind: "node", name: node.id }),
    });
    expect(await node.services.call("asker.ask")).toMatchObject({ text: "hello from a service" });
    expect(await Array.fromAsync(node.services.stream("greeter.count", { to: 3 }))).toEqual([1, 2, 3]);
    expect(await node.services.broadcast("greeter.hello", { name: "all" })).toMatchObject([{ node: "n1", ok: true }]);
    await expect(node.services.call("greeter.hello", { name: 7 })).rejects.toMatchObject({ code: "rpc.invalid_input" });
    await expect(node.services.call("greeter")).rejects.toMatchObject({ code: "service.bad_name" });
    await expect(node.services.call("nobody.knows")).rejects.toMatchObject({ code: "service.not_found" });
  } finally {
    await node.stop();
  }
});
