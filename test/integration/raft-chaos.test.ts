/**
 * Masters in a group under kill -9 of one and of all, spoiled logs and stopped processes, while clients put, swap, lock, queue and transfer:
 * every history is judged. The long run is `npm run chaos:raft`. That disks which forget are found out is shown with a planted one.
 */
import { expect, test } from "bun:test";
import { cpSync, rmSync } from "node:fs";
import { RaftCluster, runChaos, Work } from "../support/raft-cluster/index.ts";
import { until } from "../support/until.ts";

const SEED = Number(process.env.DISTRIBUTED_SYSTEM_CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 32));
const COUNTS = { kills: 4, groupKills: 1, damages: 3, pauses: 1, transfers: 1, snapshots: 2 };
/** Into each of the two lives of the planted fault. */
const ANSWERS = 60;

test(`three masters keep what they acknowledged through kills, spoiled logs and pauses (seed ${SEED})`, async () => {
  const lines: string[] = [];
  const { faults, judgements, report, tally } = await runChaos({
    seed: SEED,
    nodes: 3,
    workers: 2,
    counts: COUNTS,
    groups: ["other"],
    tell: (line) => lines.push(line),
  }).catch((thrown) => {
    throw new Error(`seed ${SEED}\n${lines.join("\n")}`, { cause: thrown });
  });
  expect(faults, lines.join("\n")).toEqual([]);
  expect(judgements.map(({ undecided }) => undecided)).toEqual(judgements.map(() => 0));
  expect(report.damages).toHaveLength(COUNTS.damages);
  expect(tally.answered).toBeGreaterThan(100);
});

test("the judges find it when all disks forget what was acknowledged last", async () => {
  await using cluster = await RaftCluster.start({ count: 3 });
  const client = (at: number) => cluster.client(at);
  const work = await Work.start({ seed: 1, workers: 3, groups: cluster.groups, client, only: ["ledger"] });
  const answered = async (): Promise<void> => {
    const goal = work.tally.answered + ANSWERS;
    await until("clients are answered", () => {
      work.check();
      cluster.check();
      return work.tally.answered >= goal;
    });
  };
  const [state, copy] = [cluster.space.at("state", "masters"), cluster.space.at("copy")];
  await answered();
  await cluster.killTogether(cluster.ids);
  cpSync(state, copy, { recursive: true });
  await Promise.all(cluster.ids.map((id) => cluster.start(id)));
  await answered();
  await cluster.killTogether(cluster.ids);
  rmSync(state, { recursive: true });
  cpSync(copy, state, { recursive: true });
  await Promise.all(cluster.ids.map((id) => cluster.start(id)));
  const [ledger] = await work.finish();
  expect(ledger!.faults.some((fault) => fault.endsWith("was acknowledged, and is lost"))).toBe(true);
});
