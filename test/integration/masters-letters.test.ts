/** Dead letters lie with the master that led when they were written; whoever leads later and whoever is asked, they are found and run again. */
import { expect, test } from "bun:test";
import { MasterGroup } from "../support/master-group.ts";
import { perRecord } from "../support/plugins.ts";
import { until } from "../support/until.ts";

interface Summary {
  readonly pipelines: readonly { readonly pipeline: string; readonly node: string; readonly letters: number }[];
}

interface Replays {
  readonly replays: readonly { readonly name: string; readonly state: string; readonly output: string }[];
}

test("dead letters are found at every master, listed, run again and deleted after another one has come to lead", async () => {
  await using group = await MasterGroup.of(3, ["worker1"], { isApart: true });
  const { space } = group;
  space.write("in.ndjson", Array.from({ length: 20 }, (_, id) => `{"id":${id}}\n`).join(""));
  space.write("some.ts", perRecord('if (row.id % 5 === 0) throw new Error("five");'));
  const lines = [
    `in|source:ndjson|path=${space.at("in.ndjson")}`,
    `some|${space.at("some.ts")}||true|DEAD_LETTER|0|5000`,
    `out|sink:ndjson|path=${space.at("out.ndjson")}`,
  ];
  const path = space.write("p.txt", `${lines.join("\n")}\n`);
  const first = await group.untilLed();
  const ask = async <Answer>(id: string, method: string, input: unknown): Promise<Answer> => {
    const { stdout } = await group.tell("call", `dead_letters.${method}`, JSON.stringify(input), ...group.at(id));
    return JSON.parse(stdout) as Answer;
  };
  await group.tell("submit", path, ...group.at(first));
  await group.untilState("p", "ended");
  const told = [{ pipeline: "p", node: first, letters: 4 }];
  expect((await ask<Summary>(first, "summary", {})).pipelines).toMatchObject(told);

  await group.killHard(first);
  await group.untilLed(first);
  await group.startMaster(first);
  for (const id of group.ids) {
    await until(`${id} finds them`, async () => (await ask<Summary>(id, "summary", {})).pipelines.length > 0);
    expect((await ask<Summary>(id, "summary", { pipeline: path })).pipelines).toMatchObject(told);
    const { letters } = await ask<{ letters: readonly { record: string }[] }>(id, "list", { pipeline: "p" });
    expect(letters.map(({ record }) => JSON.parse(record).id)).toEqual([0, 5, 10, 15]);
  }
  space.write("some.ts", perRecord("row.mended = true;"));
  const asked = group.follower();
  const { replays } = await ask<Replays>(asked, "replay", { pipeline: "p", purge: true });
  expect(replays).toMatchObject([{ name: "p+replay-1", output: space.at("p+replay-1.ndjson") }]);
  await until("the letters are gone", async () => (await ask<Summary>(asked, "summary", {})).pipelines.length === 0);
  expect(space.records("p+replay-1.ndjson")).toHaveLength(4);
});
