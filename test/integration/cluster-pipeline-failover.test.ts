/**
 * A plugin that is bad on one node only, by a variable in that worker's environment: batches go to another node where the policy
 * says so; alone, or bad everywhere, it is as in a run. And one that is slow on one node: a second node gets its batches too.
 */
import { describe, expect, test } from "bun:test";
import { orders } from "../support/orders.ts";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { type PluginParts, perRecord, plugin } from "../support/plugins.ts";
import { until } from "../support/until.ts";

const ORDERS = 1000;
const ALL = Array.from({ length: ORDERS }, (_, id) => id);
const BAD = { BAD_NODE: "yes" };
const CRASHES = "if (process.env.BAD_NODE) process.exit(3); row.seen = true;";
/** However long a restart takes on a busy machine. */
const CRASH_LOOP = "max_restarts=5,restart_period=1h";
/**
 * Any worker does the first kind's batches; the second one's have an owner, and come one by one: a batch counts as one restart, so
 * that its retries must not last.
 */
const KINDS: readonly [string, PluginParts, number][] = [
  ["stages without an owner", {}, 1000],
  ["stages with an owner", { sequential: true }, 1],
];

async function clusterOf(workers: Readonly<Record<string, Readonly<Record<string, string>>>>, pluginText: string) {
  const cluster = await PipelineCluster.start([]);
  cluster.space.write("in.ndjson", orders(ORDERS));
  cluster.space.write("stage.ts", pluginText);
  for (const [name, env] of Object.entries(workers)) await cluster.worker(name, { env });
  await cluster.untilWorkers(...Object.keys(workers));
  return cluster;
}

/** Restarts are quick, so that a crash loop is found soon. */
function submit(cluster: PipelineCluster, line: string, settings: string) {
  const set = `set|batch_rows=20,backoff=1ms,${settings}`;
  const lines = [set, "in|source:ndjson|path=in.ndjson", line, "out|sink:ndjson|path=out.ndjson"];
  cluster.space.write("p.txt", `${lines.join("\n")}\n`);
  return cluster.tell("submit", "p.txt");
}

function ids({ space }: PipelineCluster): unknown[] {
  return space.records("out.ndjson").map(({ id }) => id);
}

describe("a plugin that crashes on one node only", () => {
  test("FAILOVER moves its batches to another node, and every record comes through", async () => {
    await using cluster = await clusterOf({ bad: BAD, good: {} }, perRecord(CRASHES));
    await submit(cluster, "stage|stage.ts|env=BAD_NODE|true|FAILOVER|1|10s", "max_restarts=1000,hedge=false");
    const { id } = await cluster.untilState("p", "ended");
    expect(ids(cluster)).toEqual(ALL);
    expect(cluster.space.letters()).toEqual([]);
    const report = await cluster.report(id);
    expect(report.events.failovers).toBeGreaterThan(0);
    expect(report.counts).toMatchObject({ in: ORDERS, written: ORDERS, deadLettered: 0 });
    const good = report.nodes.find(({ node }) => node === "good")!;
    expect(good.rows).toBe(ORDERS);
  });

  test.each(KINDS)(
    "a crash loop there takes the %s from that node, whatever the policy; another does the rest",
    async (_, more, retries) => {
      await using cluster = await clusterOf({ one: BAD, good: {} }, perRecord(CRASHES, more)); // one is the owner by its name
      await submit(cluster, `stage|stage.ts|env=BAD_NODE|true|RETRY_WITH_BACKOFF|${retries}|10s`, CRASH_LOOP);
      const { id, rewinds } = await cluster.untilState("p", "ended");
      expect(ids(cluster)).toEqual(ALL);
      expect(rewinds).toBe(more.sequential ? 1 : 0);
      expect((await cluster.report(id)).counts).toMatchObject({ written: ORDERS, deadLettered: 0 });
    },
  );
});

describe("a plugin that crashes everywhere", () => {
  test.each(KINDS)(
    "in %s fails the pipeline with the reason, and resume goes on when it is mended",
    async (_, more, retries) => {
      await using cluster = await clusterOf({ one: BAD, two: BAD }, perRecord(CRASHES, more));
      await submit(cluster, `stage|stage.ts|env=BAD_NODE|true|RETRY_WITH_BACKOFF|${retries}|10s`, CRASH_LOOP);
      const failed = await cluster.untilState("p", "failed");
      expect(failed.detail).toMatch(/stage stage.*exited with code 3/);
      const report = await cluster.report(failed.id);
      expect(report.state).toBe("failed");
      expect(JSON.stringify(report.failures)).toContain("exited with code 3");
      cluster.space.write("stage.ts", perRecord("row.seen = true;", more));
      await cluster.tell("resume", "p");
      await until("p has ended", () => cluster.told("p").at(-1)!.state === "ended");
      expect(ids(cluster)).toEqual(ALL);
    },
  );
});

describe("one worker alone", () => {
  test("FAILOVER does with a record that breaks the plugin what run does: only that one is a dead letter", async () => {
    const poison = perRecord("if (row.id === 237) process.exit(3);");
    await using cluster = await clusterOf({ alone: {} }, poison);
    await submit(cluster, "stage|stage.ts||true|FAILOVER|1|10s", "max_restarts=1000");
    await cluster.untilState("p", "ended");
    expect(ids(cluster)).toEqual(ALL.toSpliced(237, 1));
    expect(cluster.space.letters()).toMatchObject([{ stage: "stage", attempts: 2, record: { id: 237 } }]);
  });
});

describe("a plugin that is slow on one node", () => {
  test("its batches are given to the other node as well; the first result counts, and the output is right", async () => {
    const slow = plugin({
      batch: "if (process.env.SLOW_NODE) await Bun.sleep(1000); for (const row of batch) row.seen = true;",
    });
    await using cluster = await clusterOf({ slow: { SLOW_NODE: "yes" }, quick: {} }, slow);
    await submit(cluster, "stage|stage.ts|env=SLOW_NODE|true|FAILOVER|1|10s", "in_flight=2");
    const { id } = await cluster.untilState("p", "ended");
    expect(ids(cluster)).toEqual(ALL);
    const report = await cluster.report(id);
    expect(report.events.hedges).toBeGreaterThan(0);
    expect(report.events.failovers).toBe(0);
    expect(report.counts).toMatchObject({ in: ORDERS, written: ORDERS });
    expect(report.nodes.reduce((sum, { rows }) => sum + rows, 0)).toBe(ORDERS);
  });
});
