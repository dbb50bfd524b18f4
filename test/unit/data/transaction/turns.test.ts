/** Whoever waits to be driven on has his turn, whoever else is stuck. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  DistributedTransactions,
  DUE_AT_ONCE_MAX,
  DUE_PER_GROUP_MAX,
  Turns,
} from "../../../../src/data/transaction/index.ts";
import { Group, transferPart } from "./world.ts";

const GROUPS = ["a", "b", "c", "d", "e", "f"];
const stuck = fc.array(fc.subarray(GROUPS, { minLength: 1 }), { maxLength: 400 });

test("take() gives everybody that waits a turn for each of his groups, and no look more than it bears", () => {
  fc.assert(
    fc.property(stuck, fc.subarray(GROUPS, { minLength: 1 }), (others, groups) => {
      const line = new Turns().unfinished;
      const waiting = [...others.map((each, at) => ({ id: `stuck${at}`, groups: each })), { id: "late", groups }];
      const had = new Set<string>();
      const most = waiting.reduce((sum, each) => sum + each.groups.length, 0);
      for (let look = 0; look <= most / DUE_PER_GROUP_MAX + 1; look++) {
        const taken = line.take(waiting);
        const asked = taken.flatMap((each) => each.groups);
        expect(asked.length).toBeLessThanOrEqual(DUE_AT_ONCE_MAX);
        for (const group of GROUPS)
          expect(asked.filter((each) => each === group).length).toBeLessThanOrEqual(DUE_PER_GROUP_MAX);
        for (const group of taken.find(({ id }) => id === "late")?.groups ?? []) had.add(group);
      }
      expect([...had].sort()).toEqual([...groups]);
    }),
    { numRuns: 50 },
  );
});

test("take() comes to who waits though more come in front of every look", () => {
  const line = new Turns().inDoubt;
  const of = (id: string): { id: string; groups: string[] } => ({ id, groups: ["down"] });
  const old = Array.from({ length: 3 * DUE_PER_GROUP_MAX }, (_, at) => of(`old${at}`));
  const had = new Set<string>();
  for (let look = 0; look < 8; look++) {
    const young = Array.from({ length: DUE_PER_GROUP_MAX / 2 }, (_, at) => of(`young${look}-${at}`));
    for (const { id } of line.take([...young, ...old])) had.add(id);
  }
  expect(old.filter(({ id }) => !had.has(id))).toEqual([]);
});

test("due() reaches who waits behind a group that is down, and parts whose coordinator is down", () => {
  const group = new Group();
  group.transactions = new DistributedTransactions(group);
  for (let at = 0; at < 2 * DUE_AT_ONCE_MAX; at++) {
    const id = `stuck${at}`;
    group.take({ type: "distributed.begin", id, participants: ["down"], timeoutMs: 1_000 });
    group.take({ type: "distributed.decide", id, decision: "commit" });
    const part = transferPart(id, id, 1);
    group.take({ type: "distributed.prepare", id, coordinator: "down", part, timeoutMs: 1_000 });
  }
  group.take({ type: "distributed.begin", id: "good", participants: ["up"], timeoutMs: 1_000 });
  group.take({ type: "distributed.decide", id: "good", decision: "commit" });
  const part = transferPart("good", "good", 1);
  group.take({ type: "distributed.prepare", id: "good", coordinator: "up", part, timeoutMs: 1_000 });
  group.pass(10_000);
  const { inDoubt, unfinished } = group.transactions.due(group.nowMs);
  expect(unfinished.map(({ id }) => id)).toContain("good");
  expect(inDoubt).toContainEqual({ id: "good", coordinator: "up" });
  expect([unfinished.length, inDoubt.length]).toEqual([DUE_PER_GROUP_MAX + 1, DUE_PER_GROUP_MAX + 1]);
});
