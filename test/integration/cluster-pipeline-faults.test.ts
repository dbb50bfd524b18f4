/**
 * Workers and masters that die, stop and come back in the middle of a pipeline: in the end the output has each record once and in
 * order, and the report says what has happened.
 */
import { describe, expect, test } from "bun:test";
import { orders } from "../support/orders.ts";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { GATE, perRecord } from "../support/plugins.ts";
import { hostsOf } from "../support/processes.ts";
import { until } from "../support/until.ts";

const ORDERS = 1200;
const ROWS = 20;
const STOP_AT = 400;
const ALL = Array.from({ length: ORDERS }, (_, id) => id);

/** Counts records: wrong as soon as one is lost, doubled, or comes out of order. */
const SUM = perRecord("row.n = ++n;", {
  top: "let n = 0;",
  snapshot: "return new TextEncoder().encode(String(n));",
  restore: "n = Number(new TextDecoder().decode(state));",
  sequential: true,
});

/** Two workers and a pipeline `p` that is held at record STOP_AT by stages named like the files that open them. */
async function held(stages: Stages, settings = ""): Promise<PipelineCluster> {
  const cluster = await PipelineCluster.start(["worker1", "worker2"]);
  writePipeline(cluster, stages, settings);
  await cluster.tell("submit", "p.txt");
  await untilWritten(cluster, STOP_AT - ROWS);
  return cluster;
}

type Stages = (gate: (name: string, at?: number) => string) => readonly string[];

function writePipeline({ space }: PipelineCluster, stages: Stages, settings = ""): void {
  space.write("in.ndjson", orders(ORDERS));
  space.write("gate.ts", GATE);
  space.write("sum.ts", SUM);
  const gate = (name: string, at = STOP_AT): string => `${name}|gate.ts|gate=${space.at(name)},stop_at=${at}`;
  const set = `set|batch_rows=${ROWS},in_flight=2,checkpoint_interval=10ms${settings}`;
  const lines = [set, "in|source:ndjson|path=in.ndjson", ...stages(gate), "out|sink:ndjson|path=out.ndjson"];
  space.write("p.txt", `${lines.join("\n")}\n`);
}

function written({ space }: PipelineCluster): number {
  return space.exists("out.ndjson") ? space.text("out.ndjson").split("\n").length - 1 : 0;
}

function untilWritten(cluster: PipelineCluster, records: number): Promise<unknown> {
  return until(`${records} records are written`, () => written(cluster) >= records);
}

function ids({ space }: PipelineCluster): unknown[] {
  return space.records("out.ndjson").map(({ id }) => id);
}

/** Which worker has the stages that only one may have. */
async function ownerOf(cluster: PipelineCluster, stage: string): Promise<string> {
  const { stdout } = await cluster.tell("ps", "--json");
  const workers = [...stdout.matchAll(/"name":"worker (\w+)"[^{}]*?"detail":"has ([^"]*)"/g)];
  const owner = workers.find(([, , stages]) => stages!.split(", ").includes(stage))?.[1];
  if (owner === undefined) throw new Error(`nobody has ${stage}: ${stdout}`);
  return owner;
}

describe("a worker that is killed", () => {
  test("loses nothing: its batches are done by the other, and one of its name takes part again", async () => {
    await using cluster = await held((gate) => [gate("first"), gate("second", 800)]);
    await cluster.killHard("worker1");
    cluster.space.write("first", "");
    await untilWritten(cluster, 800 - ROWS);
    await cluster.worker("worker1");
    await cluster.untilWorkers("worker1", "worker2");
    cluster.space.write("second", "");
    const { id, rewinds } = await cluster.untilState("p", "ended");
    expect(ids(cluster)).toEqual(ALL);
    expect(rewinds).toBe(0);
    const report = await cluster.report(id);
    expect(report.events.workersLost).toBe(1);
    expect(report.nodes.map(({ node, timesLost }) => [node, timesLost])).toEqual([
      ["worker1", 1],
      ["worker2", 0],
    ]);
    expect(report.faults).toEqual([]);
  });

  test("with the state of a stage is replaced: the run goes back to its checkpoint with another owner", async () => {
    await using cluster = await held((gate) => ["sum|sum.ts|", gate("open")]);
    const owner = await ownerOf(cluster, "sum");
    await cluster.killHard(owner);
    cluster.space.write("open", "");
    const { rewinds } = await cluster.untilState("p", "ended");
    expect(rewinds).toBeGreaterThanOrEqual(1);
    expect(cluster.space.records("out.ndjson").map(({ n }) => n)).toEqual(ALL.map((id) => id + 1));
    expect(await ownerOf(cluster, "sum").catch(() => "none")).toBe("none");
  });
});

describe("a worker that is told to end", () => {
  test("gives its work back within the limit, also the stages that it owns, and goes with exit code 0", async () => {
    await using cluster = await held((gate) => ["sum|sum.ts|", gate("open")]);
    const owner = cluster.node(await ownerOf(cluster, "sum"));
    owner.signal("SIGTERM");
    cluster.space.write("open", "");
    expect(await owner.exited).toBe(0);
    expect(owner.stderr).not.toContain("not taken over in time");
    const { id } = await cluster.untilState("p", "ended");
    expect(cluster.space.records("out.ndjson").map(({ n }) => n)).toEqual(ALL.map((each) => each + 1));
    expect((await cluster.report(id)).events.workersLost).toBe(0);
  });

  test("does not wait for longer than its limit for a batch that never ends", async () => {
    await using cluster = await held((gate) => [gate("open")]);
    const args = ["--drain-timeout", "200ms"];
    const third = await cluster.worker("worker3", { args });
    await until("worker3 has batches", async () =>
      (await cluster.list()).workers.some(({ id, queue }) => id === "worker3" && (queue ?? 0) > 0),
    );
    third.signal("SIGTERM");
    expect(await third.exited).toBe(0);
    expect(third.stderr).toContain("not taken over in time");
    expect(third.stderr).not.toContain("is gone: its stages here end"); // they have ended before, and nothing held the link
    cluster.space.write("open", "");
    await cluster.untilState("p", "ended");
    expect(ids(cluster)).toEqual(ALL);
  });
});

describe("a worker that is stopped for longer than its lease", () => {
  test("is too late with what it had, and nothing comes twice", async () => {
    await using cluster = await held((gate) => [gate("first"), gate("second", 800)], ",lease=500ms");
    const worker = cluster.node("worker1");
    worker.signal("SIGSTOP");
    cluster.space.write("first", "");
    await untilWritten(cluster, 600); // batches of the stopped one among them
    worker.signal("SIGCONT");
    const { id } = (await cluster.pipeline("p"))!;
    await until("its results are recognised", async () => (await cluster.report(id)).events.lateResults > 0);
    cluster.space.write("second", "");
    await cluster.untilState("p", "ended");
    expect(ids(cluster)).toEqual(ALL);
    expect((await cluster.report(id)).nodes.find(({ node }) => node === "worker1")!.lateResults).toBeGreaterThan(0);
  });
});

describe("a master", () => {
  test("that is killed goes on by itself when it is started again, and its workers find it", async () => {
    await using cluster = await held((gate) => ["sum|sum.ts|", gate("open")]);
    const { id } = (await cluster.pipeline("p"))!;
    await cluster.killHard("master");
    cluster.space.write("open", "");
    await cluster.master();
    const ended = await cluster.untilState("p", "ended");
    expect(ended.id).toBe(id);
    expect(cluster.space.records("out.ndjson").map(({ n }) => n)).toEqual(ALL.map((each) => each + 1));
    const report = await cluster.report(id);
    expect(report).toMatchObject({ state: "ended", faults: [], counts: { in: ORDERS, written: ORDERS } });
    expect(report.events.masterRestarts).toBe(1);
    for (const { node } of report.nodes) expect(["worker1", "worker2"]).toContain(node);

    await cluster.killHard("master");
    await cluster.master();
    expect(await cluster.pipeline("p")).toMatchObject({ id, state: "ended", read: ORDERS, written: ORDERS });
  });

  test("that is told to end commits what is under way, and the next one goes on behind it", async () => {
    await using cluster = await held((gate) => ["sum|sum.ts|", gate("open")]);
    const master = cluster.node("master");
    master.signal("SIGTERM");
    await cluster.untilState("p", "pausing");
    cluster.space.write("open", "");
    expect(await master.exited).toBe(0);
    expect(master.stderr).not.toContain("ends with batches under way");
    const before = written(cluster);
    expect(before).toBeGreaterThanOrEqual(STOP_AT - ROWS);
    await cluster.master();
    await cluster.untilState("p", "ended");
    expect(cluster.space.records("out.ndjson").map(({ n }) => n)).toEqual(ALL.map((each) => each + 1));
  });

  test("that is killed and started with the same words goes on too: --fresh does not wipe what it has begun", async () => {
    await using cluster = new PipelineCluster();
    const args = ["--config", "p.txt", "--fresh"];
    writePipeline(cluster, (gate) => [gate("open")]);
    await cluster.master({ args });
    await cluster.worker("worker1");
    await untilWritten(cluster, STOP_AT - ROWS);
    const { id } = (await cluster.pipeline("p"))!;
    await cluster.killHard("master");
    cluster.space.write("mark.ts", perRecord("row.mark = true;")); // who begins anew, or with what the file says now, marks some
    writePipeline(cluster, (gate) => [gate("open"), "mark|mark.ts|"]);
    cluster.space.write("open", "");
    await cluster.master({ args });
    expect((await cluster.untilState("p", "ended")).id).toBe(id);
    expect(ids(cluster)).toEqual(ALL);
    expect(cluster.space.records("out.ndjson").filter(({ mark }) => mark)).toEqual([]);
  });

  test("that is killed knows in its next life which workers have to have no work", async () => {
    await using cluster = await PipelineCluster.start(["worker1", "worker2"]);
    const draining = async () =>
      (await cluster.list()).workers.filter(({ isDraining }) => isDraining).map(({ id }) => id);
    await cluster.tell("drain", "worker1");
    await cluster.killHard("master");
    await cluster.master();
    await cluster.untilWorkers("worker1", "worker2");
    expect(await draining()).toEqual(["worker1"]);
    await cluster.tell("drain", "worker1", "--off");
    await cluster.killHard("master");
    await cluster.master();
    await cluster.untilWorkers("worker1", "worker2");
    expect(await draining()).toEqual([]);
  });
});

describe("a balancer of one's own that hangs", () => {
  test("is ended after a few batches, which go in turn, and leaves no process behind", async () => {
    await using cluster = await PipelineCluster.start(["worker1"]);
    cluster.space.write(
      "hangs.ts",
      `import { defineBalancer } from "distributed-system";
      export default defineBalancer({ info: { name: "hangs", version: "1.0.0", description: "never answers" }, select() { for (;;); } });`,
    );
    cluster.space.write("seen.ts", perRecord("row.seen = true;"));
    writePipeline(cluster, () => ["seen|seen.ts|"], ",balancer=CUSTOM,balancer_library=hangs.ts");
    await cluster.tell("submit", "p.txt");
    await cluster.untilState("p", "ended");
    expect(ids(cluster)).toEqual(ALL);
    const master = cluster.node("master");
    expect(master.stderr).toContain("choices in a row had no answer");
    await until("its hosts are gone", () => hostsOf(master.pid).length === 0);
  });
});
