import { expect, test } from "bun:test";
import { DistributedTransactions, REMEMBERED_MS } from "../../../../src/data/transaction/index.ts";
import type { TwoPhaseCommand } from "../../../../src/data/words/index.ts";
import { restored, sentPieces, stateOf } from "../../../support/data-copies.ts";
import { Group, transferPart } from "./world.ts";

function begin(id: string, ...participants: string[]): TwoPhaseCommand {
  return { type: "distributed.begin", id, participants, timeoutMs: 1_000 };
}

function prepare(id: string, account = "bob", amount = 1): TwoPhaseCommand {
  const part = transferPart(id, account, amount);
  return { type: "distributed.prepare", id, coordinator: "north", part, timeoutMs: 1_000 };
}

function decide(id: string, decision: "commit" | "abort"): TwoPhaseCommand {
  return { type: "distributed.decide", id, decision };
}

function finished(id: string, participant: string): TwoPhaseCommand {
  return { type: "distributed.finished", id, participant };
}

test("decide() keeps to the first decision, and to abort when the time is over", () => {
  const group = new Group();
  group.take(begin("t", "south"));
  expect(group.take(decide("t", "commit"))).toMatchObject({ state: "committed", decision: "commit" });
  expect(group.take(decide("t", "abort"))).toMatchObject({ state: "committed" });
  group.take(begin("late", "south"));
  expect(group.transactions.nextDueMs).toBe(1_000);
  group.pass(1_000);
  expect(group.transactions.nextDueMs).toBeUndefined();
  expect(group.take(decide("late", "commit"))).toMatchObject({ state: "aborted", decision: "abort" });
});

test("decide() answers abort for an id that nobody knows, and remembers ends for a while", () => {
  const group = new Group();
  expect(group.take(decide("t", "commit"))).toEqual({ id: "t", state: "unknown", decision: "abort" });
  group.take(begin("t", "south"));
  group.take(decide("t", "commit"));
  expect(group.take(finished("t", "south"))).toMatchObject({ state: "finished" });
  expect(group.take(begin("t", "south"))).toMatchObject({ state: "committed" });
  group.pass(REMEMBERED_MS);
  expect(group.take(decide("t", "commit"))).toMatchObject({ state: "unknown", decision: "abort" });
});

test("begin() refuses other participants under the same id, and one participant twice", () => {
  const group = new Group();
  group.take(begin("t", "south"));
  expect(group.take(begin("t", "south"))).toMatchObject({ state: "begun" });
  expect(() => group.take(begin("t", "south", "east"))).toThrow(/the same ones under the same id/);
  expect(() => group.take(begin("u", "south", "south"))).toThrow(/each one once/);
});

test("finished() is refused while a transaction is undecided", () => {
  const group = new Group();
  group.take(begin("t", "south"));
  expect(() => group.take(finished("t", "south"))).toThrow(/undecided/);
});

test("prepare() does not prepare behind its own abort, nor behind its own refusal", () => {
  const group = new Group();
  group.take({ type: "distributed.abort", id: "t" });
  expect(group.take(prepare("t"))).toMatchObject({ state: "aborted" });
  expect(group.take(prepare("poor", "bob", -1))).toMatchObject({ state: "refused" });
  group.counters.set({ type: "counter.set", counter: "bob", to: 9 }, { nowMs: 0, index: 0 });
  expect(group.take(prepare("poor", "bob", -1))).toMatchObject({ state: "aborted" });
  expect(group.isQuiet).toBe(true);
});

test("a prepared part keeps its keys, through a restart and for any time, until it is decided", () => {
  const group = new Group();
  expect(group.take(prepare("t"))).toEqual({ id: "t", state: "prepared" });
  group.pass(365 * 24 * 60 * 60_000);
  group.restart();
  expect(group.transactions.isCounterLocked("bob")).toBe(true);
  expect(group.take(prepare("u"))).toMatchObject({ state: "refused", retryable: true });
  expect(group.transactions.due(group.nowMs).inDoubt).toEqual([{ id: "t", coordinator: "north" }]);
  expect(group.take({ type: "distributed.commit", id: "t" })).toMatchObject({
    state: "committed",
    replies: [{ value: 1 }, {}],
  });
  expect(group.transactions.isCounterLocked("bob")).toBe(false);
  expect(group.take({ type: "distributed.commit", id: "t" })).toEqual({
    id: "t",
    state: "committed",
    decision: "commit",
  });
  expect(group.counters.get("bob")).toBe(1);
});

test("prepare() refuses a put under a lease: it could be over before the decision", () => {
  const group = new Group();
  const put = { type: "map.put", map: "m", key: "k", value: "v", lease: 3 } as const;
  // biome-ignore lint/suspicious/noThenProperty: the word of transactions
  const part = { compare: [], then: [put] };
  const command = { type: "distributed.prepare", id: "t", coordinator: "north", part, timeoutMs: 1 } as const;
  expect(group.take(command)).toMatchObject({ state: "refused", retryable: false });
});

test("begin(), prepare() and abort() refuse with data.full rather than forget too early", () => {
  const group = new Group();
  group.transactions = new DistributedTransactions(group, { transactionsMax: 2, rememberedMax: 3 });
  for (const id of ["a", "b"]) group.take(prepare(id, id));
  expect(() => group.take(prepare("c", "c"))).toThrow(/at most 2/);
  for (const id of ["a", "b"]) group.take({ type: "distributed.commit", id });
  group.take({ type: "distributed.abort", id: "c" });
  expect(() => group.take({ type: "distributed.abort", id: "d" })).toThrow(/at most 3/);
  expect(() => group.take(prepare("d", "d"))).toThrow(/at most 3/);
  expect(group.take({ type: "distributed.commit", id: "a" })).toMatchObject({ state: "committed" });
  for (const id of ["a", "b"]) group.take(begin(id, "south"));
  expect(() => group.take(begin("c", "south"))).toThrow(/at most 2/);
  group.pass(REMEMBERED_MS);
  expect(group.take(prepare("d", "d"))).toMatchObject({ state: "prepared" });
});

test("list() and show() tell both sides of what is under way, by id", () => {
  const group = new Group();
  group.take(begin("b", "north", "south"));
  group.take(prepare("b"));
  group.take(begin("a", "south"));
  group.take(decide("a", "abort"));
  group.pass(400);
  expect(group.transactions.list(10, group.nowMs)).toEqual([
    { id: "a", side: "coordinator", state: "aborted", groups: ["south"], leftMs: undefined },
    { id: "b", side: "coordinator", state: "undecided", groups: ["north", "south"], leftMs: 600 },
    { id: "b", side: "participant", state: "prepared", groups: ["north"], leftMs: 600 },
  ]);
  expect(group.transactions.list(1, 0, "a").map(({ id }) => id)).toEqual(["b", "b"]);
  expect(group.transactions.show("c", 0)).toEqual([]);
});

function busy(): Group {
  const group = new Group();
  for (const id of ["a", "b", "c"]) group.take(begin(id, "north", "south"));
  group.take(decide("b", "commit"));
  group.take(finished("b", "north"));
  group.take(decide("c", "abort"));
  for (const each of ["north", "south"]) group.take(finished("c", each));
  for (const id of ["a", "b", "c"]) group.take(prepare(id, id));
  group.take({ type: "distributed.abort", id: "c" });
  return group;
}

test("restore() gives the state that was captured, its size and its dues, whatever happened while pieces were taken", () => {
  const group = busy();
  const before = stateOf(group.transactions);
  const { sizeBytes, nextDueMs } = group.transactions;
  const pieces = group.transactions.capture();
  const copy = restored(group.transactions, new DistributedTransactions(group));
  group.take({ type: "distributed.commit", id: "b" });
  group.take(finished("b", "south"));
  group.take(decide("a", "abort"));
  expect(JSON.stringify([...pieces])).toBe(before);
  expect(stateOf(copy)).toBe(before);
  expect([copy.sizeBytes, copy.nextDueMs]).toEqual([sizeBytes, nextDueMs]);
  expect(copy.due(5_000)).toMatchObject({
    unfinished: [{ id: "b", decision: "commit", groups: ["south"] }],
    inDoubt: [{ id: "a" }, { id: "b" }],
  });
});

test("restore() fails with data.snapshot and keeps what there is when a piece is missing, twice there or another", () => {
  const group = busy();
  const pieces = sentPieces(group.transactions);
  const before = stateOf(group.transactions);
  const bad: unknown[][] = [[]];
  for (let at = 0; at < pieces.length; at++) {
    bad.push(pieces.toSpliced(at, 1), pieces.toSpliced(at, 0, pieces[at]), pieces.toSpliced(at, 1, "other"));
  }
  for (const each of bad) {
    expect(() => group.transactions.restore(each)).toThrow(expect.objectContaining({ code: "data.snapshot" }));
  }
  expect(stateOf(group.transactions)).toBe(before);
});
