/** Traces that real nodes send to a collector: a batch from its source to its sink, and a call over services of several nodes. */
import { expect, test } from "bun:test";
import { orders } from "../support/orders.ts";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { perRecord, plugin } from "../support/plugins.ts";
import { ServiceCluster } from "../support/services.ts";
import { TraceCollector, treeOf } from "../support/trace-collector.ts";
import { until } from "../support/until.ts";

const BATCHES = 60;

test("the trace of each batch goes from its source over a worker and its plugins to the sink", async () => {
  await using collector = new TraceCollector();
  await using cluster = await PipelineCluster.start([], { env: collector.env });
  for (const name of ["w1", "w2"]) await cluster.worker(name, { env: collector.env });
  await cluster.untilWorkers("w1", "w2");
  const { space } = cluster;
  space.write("in.ndjson", orders(BATCHES * 20));
  space.write("first.ts", perRecord("row.seen = true;"));
  space.write("second.ts", plugin({ batch: "await Bun.sleep(20);" })); // long enough for both workers to be asked
  space.pipeline(["first|first.ts|", "second|second.ts|"], { settings: "batch_rows=20,checkpoint_interval=10ms" });
  await cluster.tell("submit", "pipeline.txt");
  await cluster.untilState("pipeline", "ended");
  const traces = await until("all batches were told of", () => {
    const found = [...collector.traces().values()].filter((spans) =>
      spans.some(({ name }) => name === "batch pipeline"),
    );
    return found.length >= BATCHES && found.every((spans) => spans.length >= 9) && found;
  });
  for (const spans of traces) {
    const worker = spans.find(({ name }) => name === "work pipeline")!.node;
    expect(treeOf(spans, undefined)).toEqual([
      "master batch pipeline",
      "  master lease",
      `    ${worker} work pipeline`,
      `      ${worker} stage first`,
      `        ${worker} plugin first`,
      `      ${worker} stage second`,
      `        ${worker} plugin second`,
      "  master sink",
      "  master source",
    ]);
    expect(spans.every(({ endTimeUnixNano: end, startTimeUnixNano: start }) => BigInt(end) >= BigInt(start))).toBe(
      true,
    );
    expect(spans.some(({ status }) => status !== undefined)).toBe(false);
  }
  const workers = new Set(traces.flatMap((spans) => spans.map(({ node }) => node)));
  expect([...workers].toSorted()).toEqual(["master", "w1", "w2"]);
});

const USERS = `
  import { defineService, method } from "distributed-system/service";
  export default defineService({
    name: "users", version: "1.0.0",
    methods: { name: method({ public: true, access: "read", handler: (_, { traceparent }) => ({ name: "Ada", traceparent }) }) },
  });`;

const ORDERS = `
  import { defineService, method } from "distributed-system/service";
  export default defineService({
    name: "orders", version: "1.0.0",
    methods: { buyer: method({ public: true, access: "read", handler: (_, { services }) => services.users.name() }) },
  });`;

test("a call over two services on two nodes is one trace, that of whoever called first", async () => {
  await using collector = new TraceCollector();
  const { env } = collector;
  await using cluster = await ServiceCluster.start(
    { "users/users.ts": USERS, "orders/orders.ts": ORDERS },
    { n1: { env }, n2: { env, services: ["orders"] }, n3: { env, services: ["users"] } },
  );
  await cluster.untilServed("n1", "orders", "n2");
  await cluster.untilServed("n2", "users", "n3");
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const spanId = "00f067aa0ba902b7";
  const token = await cluster.token("viewer");
  const curl = Bun.spawn(
    [
      ...["curl", "-s", "-X", "POST", `http://${cluster.address("n1")}/rpc/orders/buyer`, "-d", "{}"],
      ...["-H", `Authorization: Bearer ${token}`, "-H", `traceparent: 00-${traceId}-${spanId}-01`],
    ],
    { stdin: "ignore", stdout: "pipe", stderr: "ignore" },
  );
  const body = JSON.parse(await new Response(curl.stdout).text()) as { readonly traceparent: string };
  expect(body.traceparent).toStartWith(`00-${traceId}-`);
  const spans = await collector.untilTrace(traceId, 5);
  expect(treeOf(spans, spanId)).toEqual([
    "n1 POST",
    "  n1 orders.buyer",
    "    n2 orders.buyer",
    "      n2 users.name",
    "        n3 users.name",
  ]);
});
