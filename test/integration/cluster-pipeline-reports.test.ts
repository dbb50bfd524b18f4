/** What is left to read of a pipeline when it is over, or was interrupted: the report, of a run alone and of one on workers. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { ReportView } from "../../src/work/report/index.ts";
import { orders } from "../support/orders.ts";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { perRecord } from "../support/plugins.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const ORDERS = 500;
const SOME_MALFORMED = { malformedOneIn: 50 };

async function reports(space: Workspace): Promise<readonly { readonly id: string; readonly state: string }[]> {
  return JSON.parse((await space.exec(["report", "--json"])).stdout);
}

async function report(space: Workspace, id: string): Promise<ReportView> {
  return JSON.parse((await space.exec(["report", id, "--json"])).stdout);
}

function pipelineIn(space: Workspace, body = "row.seen = true;"): void {
  space.write("in.ndjson", orders(ORDERS, SOME_MALFORMED));
  space.write("stage.ts", perRecord(body));
  space.pipeline(["stage|stage.ts|||FAIL_FAST"], { settings: "batch_rows=50,checkpoint_interval=10ms" });
}

describe("run", () => {
  test("leaves a report, with what its one node did, that adds up with its summary", async () => {
    using space = new Workspace();
    pipelineIn(space);
    const { summary } = await space.run();
    const [found] = await reports(space);
    const { counts, events, faults, nodes, places, state, stages } = await report(space, found!.id);
    expect({ id: found!.id, state, faults }).toEqual({ id: summary.report!, state: "ended", faults: [] });
    expect(counts).toMatchObject({ in: ORDERS, written: summary.written, deadLettered: ORDERS - summary.written });
    expect(stages.map(({ stage, in: taken }) => [stage, taken])).toEqual([
      ["source", ORDERS],
      ["stage", summary.written],
    ]);
    expect(nodes).toMatchObject([{ node: "local", share: 1, rows: summary.written, timesLost: 0 }]);
    expect(nodes[0]!.latency.count).toBe(nodes[0]!.items);
    expect(events).toMatchObject({ hedges: 0, lateResults: 0, workersLost: 0 });
    expect(places).toMatchObject({ pipeline: space.at("pipeline.txt"), output: space.at("out.ndjson") });
    const { stdout } = await space.exec(["report", found!.id]);
    expect(stdout).toContain(`${found!.id}: pipeline pipeline, ended`);
    expect(stdout).toMatch(/^local +\d+ +100 %/m);
  });

  test("goes on in its report after it has failed, and begins another one with --fresh", async () => {
    using space = new Workspace();
    pipelineIn(space, "if (row.id === 300) throw new Error('cannot bear it');");
    const failed = await space.run();
    expect(failed.code).toBe(1);
    const id = failed.summary.report!;
    const first = await report(space, id);
    expect(first.state).toBe("failed");
    expect(JSON.stringify(first.failures)).toContain("cannot bear it");
    pipelineIn(space);
    const ended = await space.run();
    expect(ended.summary.report).toBe(id);
    const second = await report(space, id);
    expect(second).toMatchObject({ state: "ended", counts: { in: ORDERS, written: ended.summary.written } });
    await space.run(["pipeline.txt", "--fresh"]);
    expect(await reports(space)).toHaveLength(2);
  });
});

describe("a pipeline on workers", () => {
  test("leaves a report of each of its nodes, for people too", async () => {
    await using cluster = await PipelineCluster.start(["worker1", "worker2"]);
    pipelineIn(cluster.space);
    await cluster.tell("submit", "pipeline.txt");
    const { id, written } = await cluster.untilState("pipeline", "ended");
    const { counts, faults, nodes, stages, state } = await cluster.report(id);
    expect({ state, faults }).toEqual({ state: "ended", faults: [] });
    expect(counts).toMatchObject({ in: ORDERS, written });
    expect(stages.map(({ stage }) => stage)).toEqual(["source", "stage"]);
    expect(nodes.reduce((sum, { rows }) => sum + rows, 0)).toBe(written);
    const { stdout } = await cluster.tell("report", id);
    for (const { node } of nodes) expect(stdout).toMatch(new RegExp(`^${node} +\\d+ `, "m"));
  });

  test("leaves nothing else: a master that lists it has none of its shared memory any more", async () => {
    await using cluster = await PipelineCluster.start(["worker1"]);
    const { space } = cluster;
    pipelineIn(space);
    for (const name of NAMES) {
      space.write(`${name}.txt`, space.text("pipeline.txt").replaceAll("out.ndjson", `${name}.ndjson`));
      await cluster.tell("submit", `${name}.txt`);
      await cluster.untilState(name, "ended");
    }
    const { pipelines } = await cluster.list();
    expect(pipelines.map(({ name }) => name)).toEqual(NAMES);
    for (const { read, stages } of pipelines) expect([read, stages.length]).toEqual([ORDERS, 1]);
    await until("the segments of most are gone", async () => {
      await cluster.list(); // what is let go is given back when there is something to do
      return segmentsOf(cluster.node("master").pid) < NAMES.length;
    });
  });
});

const NAMES = Array.from({ length: 8 }, (_, at) => `p${at}`);

/** That a process has mapped. */
function segmentsOf(pid: number): number {
  const maps = readFileSync(`/proc/${pid}/maps`, "utf8").split("\n");
  return maps.filter((line) => line.includes("distributed_system-")).length;
}
