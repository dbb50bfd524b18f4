/** One master alone is a group of one: killed, it goes on with all it had, and nothing waits for an election. */
import { expect, test } from "bun:test";
import { orders } from "../support/orders.ts";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { GATE } from "../support/plugins.ts";
import { until } from "../support/until.ts";

const ORDERS = 400;
const STOP_AT = 200;

test("a master alone that is killed leads before it says that it listens, in every life, and goes on", async () => {
  await using cluster = await PipelineCluster.start(["worker1"]);
  const { space } = cluster;
  space.write("in.ndjson", orders(ORDERS));
  space.write("gate.ts", GATE);
  const gate = `gate|gate.ts|gate=${space.at("open")},stop_at=${STOP_AT}`;
  const settings = "set|batch_rows=20,in_flight=2,checkpoint_interval=10ms";
  const lines = [settings, "in|source:ndjson|path=in.ndjson", gate, "out|sink:ndjson|path=out.ndjson"];
  space.write("p.txt", `${lines.join("\n")}\n`);
  await cluster.tell("submit", "p.txt");
  await cluster.tell("map", "put", "config", "version", "7");
  await until("half of it is through", () => space.exists("out.ndjson") && space.records("out.ndjson").length >= 100);
  const { id } = (await cluster.pipeline("p"))!;
  for (let kills = 0; kills < 3; kills++) {
    await cluster.killHard("master");
    const master = await cluster.master();
    await until("it says that it listens", () => master.stderr.includes("listening"));
    const said = master.stderr;
    // A group of one needs nobody's vote: with a time-out it would listen first and lead later.
    expect(said.indexOf("leads the masters")).toBeGreaterThanOrEqual(0);
    expect(said.indexOf("leads the masters")).toBeLessThan(said.indexOf("listening"));
    expect((await cluster.pipeline("p"))!.id).toBe(id);
    expect((await cluster.tell("map", "get", "config", "version")).stdout).toBe("7\n");
  }
  space.write("open", "");
  expect((await cluster.untilState("p", "ended")).id).toBe(id);
  expect(space.records("out.ndjson").map((each) => each.id)).toEqual(Array.from({ length: ORDERS }, (_, at) => at));
});
