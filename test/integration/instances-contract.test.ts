/** What runs beside a node, reached through it: a real run, listed, looked at, given another plugin, and stopped. */
import { expect, test } from "bun:test";
import { replayInProcess } from "../../src/app/dead-letter/run-replay.ts";
import { instancesContract } from "../../src/app/instances/instances-contract.ts";
import { instancesService, instancesWithTrees } from "../../src/app/instances/instances-service.ts";
import { systemClock } from "../../src/base/clock.ts";
import { type Caller, createClient, Dispatcher } from "../../src/wire/rpc/index.ts";
import { FakeInstance } from "../support/instances.ts";
import { orders } from "../support/orders.ts";
import { GATE, perRecord } from "../support/plugins.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const RECORDS = 400;
const STOP_AT = 200;

function clientOf(dataDir: string, access: Caller["access"]) {
  const dispatcher = new Dispatcher([instancesService({ dataDir, ownPid: process.pid })], { clock: systemClock });
  const caller = { name: "test", access };
  return createClient(instancesContract, (call) => dispatcher.call({ ...call, caller }), { clock: systemClock });
}

test("instances lists, describes, swaps and stops a run", async () => {
  using space = new Workspace();
  space.write("in.ndjson", orders(RECORDS));
  space.write("gate.ts", GATE);
  space.write("mark.ts", perRecord("row.mark = 1;"));
  space.write("other.ts", perRecord("row.mark = 2;"));
  space.write("broken.ts", "export default 7;");
  const open = space.at("open");
  const path = space.write(
    "p.txt",
    [
      "set|batch_rows=20,in_flight=1,checkpoint_interval=10ms",
      `in|source:ndjson|path=${space.at("in.ndjson")}`,
      `gate|${space.at("gate.ts")}|gate=${open},stop_at=${STOP_AT}`,
      `mark|${space.at("mark.ts")}`,
      `out|sink:ndjson|path=${space.at("out.ndjson")}`,
      "",
    ].join("\n"),
  );
  const dataDir = space.at("state");
  const run = await replayInProcess(dataDir)(path);
  const client = clientOf(dataDir, "operate");
  const pid = Number(run.id);
  const held = () => space.exists("out.ndjson") && space.records("out.ndjson").length >= STOP_AT - 20;
  await until("it is held", held);

  const { instances, silent } = await client.list({});
  expect(silent).toEqual([]);
  expect(instances).toMatchObject([{ pid, command: "run", pipeline: path, isSelf: false }]);
  const { tree } = await client.describe({ pid });
  expect(tree.children.map(({ name }) => name)).toContain("p");
  expect(await instancesWithTrees({ dataDir, ownPid: pid }, 5_000)).toMatchObject({
    instances: [{ pid, name: "p", isSelf: true }],
    silent: [],
  });

  const refused = (asked: Promise<unknown>) => asked.then(undefined, (thrown) => thrown.code);
  const reader = clientOf(dataDir, "read");
  expect(await refused(reader.stop({ pid, name: "p" }))).toBe("rpc.forbidden");
  expect((await reader.list({})).instances).toHaveLength(1);
  expect(await refused(client.describe({ pid: process.pid }))).toBe("instance.not_found");
  expect(await refused(client.swap({ pid, stage: "mark", library: space.at("broken.ts") }))).toBe("swap.refused");
  expect(await client.swap({ pid, stage: "mark", library: space.at("other.ts") })).toMatchObject({ stage: "mark" });
  space.write("open", "");
  await until("the rest is through", () => run.state().state !== "running");
  const marks = space.records("out.ndjson").map(({ mark }) => mark);
  expect(marks).toHaveLength(RECORDS);
  expect([marks[0], marks.at(-1)]).toEqual([1, 2]);
  expect((await client.list({})).instances).toEqual([]);
});

test("instancesWithTrees() names a process that does not answer, and tells the others all the same", async () => {
  using space = new Workspace();
  const dataDir = space.at("state");
  await using well = await FakeInstance.start(dataDir, "well");
  await using stuck = await FakeInstance.start(dataDir, "stuck");
  stuck.signal("SIGSTOP");
  // On a busy machine the other one may be late too: then it gets more time.
  const ask = (timeoutMs: number) => instancesWithTrees({ dataDir, ownPid: process.pid }, timeoutMs);
  let answer = await ask(1_500);
  for (let timeoutMs = 3_000; answer.instances.length === 0 && timeoutMs < 30_000; timeoutMs *= 2) {
    answer = await ask(timeoutMs);
  }
  const { instances, silent } = answer;
  stuck.signal("SIGCONT");
  expect(instances).toMatchObject([{ pid: well.pid, isSelf: false }]);
  expect(silent).toMatchObject([{ pid: stuck.pid, name: "stuck" }]);
  expect(silent[0]!.reason).toMatch(/no answer within \d+ ms/);
});

test("instances ends a run when it is told to", async () => {
  using space = new Workspace();
  space.write("in.ndjson", orders(RECORDS));
  space.write("gate.ts", GATE);
  const ends = ["in|source:ndjson|path=", "out|sink:ndjson|path="].map(
    (end) => `${end}${space.at(`${end.slice(0, end.indexOf("|"))}.ndjson`)}`,
  );
  const gate = `gate|${space.at("gate.ts")}|gate=${space.at("open")},stop_at=${STOP_AT}`;
  const path = space.write("p.txt", ["set|batch_rows=20,in_flight=1", ends[0], gate, ends[1], ""].join("\n"));
  const dataDir = space.at("state");
  const run = await replayInProcess(dataDir)(path);
  const client = clientOf(dataDir, "operate");
  const pid = Number(run.id);
  await until("it can be reached", async () => (await client.list({})).instances.length === 1);
  expect(await client.stop({ pid, name: "p" })).toMatchObject({ ending: true });
  space.write("open", "");
  await until("it has ended", () => run.state().state !== "running");
});
