/**
 * A master and two workers on three hosts of a network of our own (namespaces, of processes too, so that no memory is shared), with
 * keys and certificates. One worker is cut off for longer than its lease, and comes back: every record arrives once.
 */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { TestNetwork } from "../support/network.ts";
import { orders } from "../support/orders.ts";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { GATE } from "../support/plugins.ts";
import { until } from "../support/until.ts";

const PORT = "7000";
const ORDERS = 1200;
const STOP_AT = 400;
/** A host of its own has processes of its own: what others have in memory cannot be reached. */
const OWN_PROCESSES = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];

function whyNotHere(): string | undefined {
  const [program, ...words] = OWN_PROCESSES;
  const isAllowed = spawnSync(program!, [...words, "true"]).status === 0;
  return TestNetwork.whyNot() ?? (isAllowed ? undefined : "no namespace for processes can be made");
}

const whyNot = whyNotHere();
if (whyNot !== undefined) console.error(`cluster-pipeline-network is skipped: ${whyNot}`);

test.skipIf(whyNot !== undefined)(
  "a worker that is cut off for longer than its lease loses its batches to the other, comes back and works on; each record is there once",
  async () => {
    using network = new TestNetwork(3);
    await using cluster = new PipelineCluster();
    const { space } = cluster;
    const secrets = space.at("cluster");
    const names = ["master", "near", "far"];
    const certificates = names.flatMap((name, at) => ["--node", `${name}=${network.address(at + 1)}`]);
    expect((await space.exec(["init", secrets, ...certificates])).code).toBe(0);
    const args = ["--preset", "local", "--secrets", secrets];
    const seed = network.address(1);
    await cluster.master({ command: ["master", seed, PORT], args, within: network.on(1) });
    for (const [at, name] of ["near", "far"].entries()) {
      const host = at + 2;
      const command = [name, network.address(host), PORT, seed, PORT];
      const within = [...network.on(host), ...OWN_PROCESSES];
      await cluster.worker(name, { command, args, within, dataDir: space.at(`${name}-state`) });
    }
    await cluster.untilWorkers("near", "far");

    space.write("in.ndjson", orders(ORDERS));
    space.write("gate.ts", GATE);
    const gate = (name: string, at: number): string => `${name}|gate.ts|gate=${space.at(name)},stop_at=${at}`;
    const set = "set|batch_rows=20,in_flight=2,checkpoint_interval=10ms,lease=1s";
    const stages = [gate("first", STOP_AT), gate("second", 800)];
    const lines = [set, "in|source:ndjson|path=in.ndjson", ...stages, "out|sink:ndjson|path=out.ndjson"];
    space.write("p.txt", `${lines.join("\n")}\n`);
    await cluster.tell("submit", "p.txt");
    const written = (): number => (space.exists("out.ndjson") ? space.text("out.ndjson").split("\n").length - 1 : 0);
    await until("the first half is written", () => written() >= STOP_AT - 20);

    network.split([1, 2], [3]);
    space.write("first", "");
    await until("the cut off worker's batches are done by the other", () => written() >= 600);
    const from = cluster.node("master").told.length;
    await cluster.untilWorkers("near");
    network.heal();
    await cluster.node("master").hears("join", "far", from);
    await cluster.untilWorkers("near", "far");
    space.write("second", "");
    const { id, rewinds } = await cluster.untilState("p", "ended");
    expect(space.records("out.ndjson").map((each) => each.id)).toEqual(Array.from({ length: ORDERS }, (_, at) => at));
    expect(rewinds).toBe(0);
    const { events, faults, nodes } = await cluster.report(id);
    expect(faults).toEqual([]);
    expect(events.workersLost).toBeGreaterThanOrEqual(1);
    expect(nodes.reduce((sum, { rows }) => sum + rows, 0)).toBe(ORDERS);
  },
);
