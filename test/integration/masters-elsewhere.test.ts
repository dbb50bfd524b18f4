/**
 * Masters as on machines of their own: each with a data directory and a working directory for itself, keys from `init`. What was submitted
 * to one runs on from another, that has never seen the pipeline file nor its plugins: they are deleted.
 */
import { expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { MasterGroup } from "../support/master-group.ts";
import { orders } from "../support/orders.ts";
import { plugin } from "../support/plugins.ts";
import { until } from "../support/until.ts";

const ORDERS = 600;
const STOP_AT = 300;

/** Looks for the file `gate` before it lets more through, and marks by a module and a table that lie beside it. */
const MARK = plugin({
  top: `import { existsSync, readFileSync } from "node:fs"; import { word } from "./word.ts"; let table;`,
  params: `{ gate: param.string("a file", { required: true }), table: param.path("a table", { required: true }) }`,
  init: `table = JSON.parse(readFileSync(context.params.table, "utf8"));`,
  batch: `if (batch.column("id").number(0) >= ${STOP_AT}) while (!existsSync(context.params.gate)) await Bun.sleep(2);
    for (const row of batch) row.mark = word + table.sign;`,
});

test("a pipeline goes on at a master that has none of its files, when they are deleted and the leader is killed", async () => {
  await using group = await MasterGroup.of(3, ["worker1", "worker2"], { isApart: true });
  const { space } = group;
  const leader = await group.untilLed();
  const site = space.at("site");
  mkdirSync(site);
  space.write("in.ndjson", orders(ORDERS));
  space.write("site/mark.ts", MARK);
  space.write("site/word.ts", "export const word = 'seen';\n");
  space.write("site/table.json", '{"sign":"!"}\n');
  const lines = [
    "set|batch_rows=20,in_flight=2,checkpoint_interval=10ms",
    `in|source:ndjson|path=${space.at("in.ndjson")}`,
    `mark|mark.ts|gate=${space.at("open")},table=${space.at("site/table.json")}`,
    `out|sink:ndjson|path=${space.at("out.ndjson")}`,
  ];
  space.write("site/p.txt", `${lines.join("\n")}\n`);
  const follower = group.follower();
  await group.tell("submit", space.at("site/p.txt"), ...group.at(leader));
  const written = (): number => (space.exists("out.ndjson") ? space.records("out.ndjson").length : 0);
  await until("half of it is through", () => written() >= STOP_AT - 20);
  rmSync(site, { recursive: true });

  await group.killHard(leader);
  const second = await group.untilLed(leader);
  await group.killHard("worker1");
  await group.worker("worker3"); // has never heard of the plugin
  await group.startMaster(leader);
  await group.killHard(second);
  await group.untilLed(second);
  space.write("open", "");
  await group.untilState("p", "ended");
  const expected = Array.from({ length: ORDERS }, (_, id) => ({ id, mark: "seen!" }));
  expect(space.records("out.ndjson").map(({ id, mark }) => ({ id, mark }))).toEqual(expected);
  const shown = await group.listOf(follower === second ? leader : follower);
  expect(shown.pipelines.map(({ name, state, written: count }) => ({ name, state, count }))).toEqual([
    { name: "p", state: "ended", count: ORDERS },
  ]);
});
