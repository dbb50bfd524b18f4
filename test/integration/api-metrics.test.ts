/** What real nodes tell Prometheus while they work: good by its own judge, and the same numbers as a run's report. */
import { expect, test } from "bun:test";
import { clientOf, metricOf } from "../support/http.ts";
import { orders } from "../support/orders.ts";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { perRecord } from "../support/plugins.ts";
import { expectGoodMetrics, whyNoPromtool } from "../support/promtool.ts";
import { Load, ServiceCluster } from "../support/services.ts";
import { until } from "../support/until.ts";

const whyNot = whyNoPromtool();
if (whyNot !== undefined) console.error(`not asked: ${whyNot}`);
const [RECORDS, HELD_FROM] = [2_000, 1_500];
const STAGE = 'pipeline="pipeline",stage="some"';

test("a master and a worker tell good metrics of a run, which agree with what it says of itself and with its report", async () => {
  await using cluster = await PipelineCluster.start(["w1"]);
  const { space } = cluster;
  space.write("in.ndjson", orders(RECORDS));
  const hold = `if (row.id >= ${HELD_FROM}) while (!existsSync(${JSON.stringify(space.at("mark"))})) await Bun.sleep(5);`;
  const body = `${hold} if (row.id % 10 === 0) batch.drop(batch.index);`;
  space.write("some.ts", perRecord(body, { top: 'import { existsSync } from "node:fs";' }));
  space.pipeline(["some|some.ts|"], { settings: "batch_rows=50,checkpoint_interval=10ms" });
  const token = (await cluster.tell("token", "create", "--node", cluster.address)).stdout.trim();
  const master = clientOf(cluster.address, token);
  const worker = clientOf(await cluster.node("w1").address(), token);
  await cluster.tell("submit", "pipeline.txt");
  const text = await until("all that is not held back was committed", async () => {
    const metrics = await master.metrics();
    return metricOf(metrics, `distributed_system_stage_records_received_total{${STAGE}}`) === HELD_FROM && metrics;
  });
  const counted = (series: string) => metricOf(text, `distributed_system_${series}`);
  expect(counted(`stage_records_sent_total{${STAGE}}`)).toBe(HELD_FROM * 0.9);
  expect(counted('stage_records_dropped_total{pipeline="pipeline",reason="filtered",stage="some"}')).toBe(
    HELD_FROM * 0.1,
  );
  expect(counted('pipeline_records_written_total{pipeline="pipeline"}')).toBe(HELD_FROM * 0.9);
  const { id, stages } = (await cluster.pipeline("pipeline"))!;
  expect(stages).toMatchObject([{ name: "some", in: HELD_FROM, out: HELD_FROM * 0.9 }]);
  await expectGood(text);
  await expectGood(await worker.metrics());
  space.write("mark", "");
  await cluster.untilState("pipeline", "ended");
  const report = await cluster.report(id);
  const some = report.stages.find(({ stage }) => stage === "some")!;
  expect([some.in, some.out, some.filtered]).toEqual([RECORDS, RECORDS * 0.9, RECORDS * 0.1]);
});

const USERS = `
  import { defineService, method, ServiceError } from "distributed-system/service";
  export default defineService({
    name: "users", version: "1.0.0", instances: 2,
    methods: {
      where: method({ public: true, access: "read", idempotent: true, handler: (_, { node }) => node }),
      missing: method({ public: true, access: "read", handler: () => { throw new ServiceError("users.not_found", "nobody"); } }),
    },
  });`;

test("nodes with services under load tell good metrics, which count each call where it came in", async () => {
  const services = ["users"];
  await using cluster = await ServiceCluster.start({ "users/users.ts": USERS }, { n1: { services }, n2: {} });
  await cluster.untilServed("n2", "users", "n1");
  const [near, far] = [await cluster.client("n1", "viewer"), await cluster.client("n2", "viewer")];
  const load = new Load(far, ["users.where", "users.missing"], 4);
  await load.more(50);
  for (const client of [near, far]) await expectGood(await client.metrics());
  await load.end();
  const text = await far.metrics();
  await expectGood(text);
  const counted = (series: string) => metricOf(text, `distributed_system_service_${series}`);
  const [where, missing] = ["where", "missing"].map((method) => `method="${method}",service="users"`);
  expect(counted(`calls_total{${where}}`)).toBe(load.answers.length);
  expect(counted(`calls_total{${missing}}`)).toBe(load.failures.length);
  expect(counted(`call_duration_seconds_count{${where}}`)).toBe(load.answers.length);
  expect(counted(`errors_total{code="users.not_found",${missing}}`)).toBe(load.failures.length);
  expect(metricOf(await near.metrics(), 'distributed_system_service_processes{service="users",version="1.0.0"}')).toBe(
    2,
  );
});

async function expectGood(text: string): Promise<void> {
  expect(text).not.toContain("collector_failures_total");
  if (whyNot === undefined) await expectGoodMetrics(text);
}
