/** Letters run again, by real runs: from the stage that refused them on, to an output of their own, and deleted when all went well. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import type { ReplayView } from "../../src/app/dead-letter/dead-letter-contract.ts";
import { type DeadLettersClient, deadLettersContract } from "../../src/app/dead-letter/dead-letter-contract.ts";
import { type DeadLetters, openDeadLetters } from "../../src/app/dead-letter/dead-letter-service.ts";
import { replayInProcess } from "../../src/app/dead-letter/run-replay.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createClient, Dispatcher } from "../../src/wire/rpc/index.ts";
import { perRecord } from "../support/plugins.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

let space: Workspace;
let opened: DeadLetters;
let client: DeadLettersClient;
let path: string;

beforeEach(async () => {
  space = new Workspace();
  space.write("in.ndjson", `${Array.from({ length: 20 }, (_, id) => `{"id":${id}}\n`).join("")}no json\n`);
  space.write("first.ts", perRecord("row.seen = (row.seen ?? 0) + 1;"));
  space.write("second.ts", perRecord('if (row.id % 5 === 0) throw new Error("five");'));
  const stages = ["one|first.ts", "two|second.ts||true|DEAD_LETTER|0|5000"];
  path = space.write(
    "p.txt",
    ["in|source:ndjson|path=in.ndjson", ...stages, "out|sink:ndjson|path=out.ndjson", ""].join("\n"),
  );
  const data = space.at("state");
  process.chdir(space.path);
  const run = await replayInProcess(data)(path);
  await until("the pipeline has ended", () => run.state().state !== "running");
  expect(run.state()).toEqual({ state: "ended" });
  opened = openDeadLetters({ dataDir: data, clock: systemClock, known: () => [{ id: "p-1", path }] });
  const dispatcher = new Dispatcher([opened.service], { clock: systemClock });
  const caller = { name: "test", access: "operate" } as const;
  client = createClient(deadLettersContract, (call) => dispatcher.call({ ...call, caller }), { clock: systemClock });
});

const home = process.cwd();

afterEach(() => {
  process.chdir(home);
  opened.close();
  space[Symbol.dispose]();
});

async function ended(replays: readonly ReplayView[]): Promise<readonly ReplayView[]> {
  const names = replays.map(({ name }) => name);
  return until("the replays are over", async () => {
    const now = (await client.replays({})).replays.filter(({ name }) => names.includes(name));
    return now.every(({ state }) => state !== "running") && now;
  });
}

test("dead_letters tells what there is, and runs records again from their stage on", async () => {
  const { pipelines } = await client.summary({});
  expect(pipelines).toMatchObject([{ pipeline: "p", path, letters: 5, records: 4, texts: 1, damaged: 0 }]);
  expect(pipelines[0]!.groups.map(({ stage, count }) => [stage, count])).toEqual([
    ["two", 4],
    ["source", 1],
  ]);
  const page = await client.list({ pipeline: "p-1", stage: "two", limit: 3 });
  expect(page).toMatchObject({ next: 3, damaged: [] });
  expect(page.letters.map(({ record }) => JSON.parse(record!).id)).toEqual([0, 5, 10]);
  expect((await client.show({ pipeline: path, number: page.letters[0]!.number })).letter).toEqual(page.letters[0]!);

  space.write("second.ts", perRecord('if (row.id === 15) throw new Error("fifteen");'));
  const { replays } = await client.replay({ pipeline: "p", stage: "two" });
  expect(replays).toMatchObject([
    { name: "p+replay-1", stage: "two", letters: 4, by: "process", output: space.at("p+replay-1.ndjson") },
  ]);
  expect(await ended(replays)).toMatchObject([{ state: "ended" }]);
  const again = space.records("p+replay-1.ndjson");
  expect(again.map(({ id, seen }) => [id, seen])).toEqual([
    [0, 1],
    [5, 1],
    [10, 1],
  ]);
  const after = (await client.summary({})).pipelines;
  expect(after.map(({ letters, pipeline }) => [pipeline, letters])).toEqual([
    ["p", 5],
    ["p_replay-1", 1],
  ]);
});

test("replay() deletes what has been run when that is asked for, and takes lines that were mended", async () => {
  space.write("second.ts", perRecord("row.fixed = true;"));
  const output = space.at("mended.ndjson");
  const { replays } = await client.replay({ pipeline: "p", purge: true, reason: "five", output });
  expect(replays).toMatchObject([{ output }]);
  await until("they are deleted", async () => (await client.replays({})).replays.every(({ purged }) => purged === 4));
  expect((await client.summary({})).pipelines).toMatchObject([{ pipeline: "p", letters: 1, texts: 1 }]);
  expect(space.records("mended.ndjson")).toHaveLength(4);
  expect(await client.purge({ pipeline: "p", all: true })).toEqual({ purged: 1, kept: 0 });
  expect((await client.summary({})).pipelines).toEqual([]);
});

test("replay() and purge() refuse what cannot be", async () => {
  const code = (asked: Promise<unknown>) => asked.then(undefined, (thrown) => thrown.code);
  expect(await code(client.replay({ pipeline: "q" }))).toBe("dead_letter.pipeline_not_found");
  expect(await code(client.replay({ pipeline: "p", stage: "three" }))).toBe("dead_letter.nothing");
  expect(await code(client.replay({ pipeline: "p", texts: true, output: space.at("x.ndjson") }))).toBe(
    "dead_letter.several_stages",
  );
  expect(await code(client.show({ pipeline: "p", number: 9_999 }))).toBe("dead_letter.letter_not_found");
  expect(await code(client.purge({ pipeline: "p" }))).toBe("dead_letter.no_filter");
  expect(await code(client.replay({ pipeline: "p", stage: "two", output: space.at("out.ndjson") }))).toBe(
    "dead_letter.output_exists",
  );
  space.write("p.txt", space.text("p.txt").replace("two|", "zwei|"));
  expect(await code(client.replay({ pipeline: "p", stage: "two" }))).toBe("dead_letter.no_such_stage");
  expect((await client.replays({})).replays).toEqual([]);
  expect(space.exists(join("state", "replays", "p+replay-1.ndjson"))).toBe(false);
});
