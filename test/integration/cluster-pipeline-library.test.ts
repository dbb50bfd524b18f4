/** A master's pipeline is given another plugin for one stage while it runs: from its checkpoint on, and over a restart of the master. */
import { expect, test } from "bun:test";
import { askMaster } from "../../src/app/master/ask-master.ts";
import { orders } from "../support/orders.ts";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { GATE, perRecord } from "../support/plugins.ts";
import { until } from "../support/until.ts";

const ORDERS = 600;
const STOP_AT = 300;

test("swap gives a stage another plugin, each record goes through once, and a master that is killed goes on with it", async () => {
  await using cluster = await PipelineCluster.start(["worker1"]);
  const { space } = cluster;
  space.write("in.ndjson", orders(ORDERS));
  space.write("gate.ts", GATE);
  space.write("mark.ts", perRecord("row.mark = 1;"));
  space.write("other.ts", perRecord("row.mark = 2;"));
  space.write("broken.ts", "export default 7;");
  const gate = `gate|gate.ts|gate=${space.at("open")},stop_at=${STOP_AT}`;
  const ends = ["in|source:ndjson|path=in.ndjson", "out|sink:ndjson|path=out.ndjson"];
  const settings = "set|batch_rows=20,in_flight=1,checkpoint_interval=10ms";
  space.write("p.txt", [settings, ends[0], gate, "mark|mark.ts", ends[1], ""].join("\n"));
  const choices = { node: cluster.address, secrets: undefined, dataDir: space.at("state"), timeoutMs: 60_000 };
  await askMaster(choices, (client) => client.submit({ path: space.at("p.txt") }));
  await until("it is held", () => space.exists("out.ndjson") && space.records("out.ndjson").length >= STOP_AT - 20);

  const swap = (library: string) =>
    askMaster(choices, (client) => client.swap({ pipeline: "p", stage: "mark", library: space.at(library) }));
  expect(await swap("broken.ts").then(undefined, (thrown) => thrown.code)).toBe("swap.refused");
  expect((await swap("other.ts")).answer.pipeline).toMatchObject({ name: "p" });
  await cluster.killHard("master");
  await cluster.master();
  space.write("open", "");
  await cluster.untilState("p", "ended");
  const records = space.records("out.ndjson");
  expect(records.map(({ id }) => id)).toEqual(Array.from({ length: ORDERS }, (_, id) => id));
  expect([records[0]!.mark, records.at(-1)!.mark]).toEqual([1, 2]);
});
