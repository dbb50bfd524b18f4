/** The parts behind a swap, each alone. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { SharedMemory } from "../../../../../src/process/memory/index.ts";
import { BatchSample } from "../../../../../src/work/pipeline/stages/batch-sample.ts";
import { ReplayLog } from "../../../../../src/work/pipeline/stages/replay-log.ts";
import { planFault } from "../../../../../src/work/pipeline/stages/stage-host.ts";
import { StateMemory } from "../../../../../src/work/pipeline/stages/state-memory.ts";
import {
  counted,
  failedStart,
  NO_TALLY,
  type Tally,
  worse,
} from "../../../../../src/work/pipeline/stages/swap-window.ts";
import type { Item, Outcome, StagePlan } from "../../../../../src/work/pipeline/stages/types.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const contents = (log: ReplayLog): number[] => log.entries.map((entry) => entry.bytes[0]!);

describe("ReplayLog.branch", () => {
  test("rollBack() gives the old state and every batch since when the new plugin has given states meanwhile", () => {
    const log = new ReplayLog(bytes(100));
    log.add(bytes(1), undefined);
    log.branch(1_000, () => {});
    log.add(bytes(2), undefined);
    log.cover(bytes(101), bytes(3), [[0, 1]]);
    log.add(bytes(4), undefined);
    expect(contents(log)).toEqual([4]);
    expect(log.sinceBranch.map((entry) => entry.bytes[0])).toEqual([2, 3, 4]);
    log.rollBack();
    expect(log.snapshot).toEqual(bytes(100));
    expect(contents(log)).toEqual([1, 2, 3, 4]);
    expect(log.entries[2]!.rows).toEqual([[0, 1]]);
    expect(log.sinceBranch).toEqual([]);
  });

  test("add() keeps what a branch needs apart from memory that is used again", () => {
    const log = new ReplayLog(undefined);
    log.branch(1_000, () => {});
    for (let batch = 1; batch <= 5; batch++) {
      log.add(bytes(batch), undefined);
      log.cover(bytes(200 + batch));
    }
    log.rollBack();
    expect(contents(log)).toEqual([1, 2, 3, 4, 5]);
  });

  test("add() says once that there is no way back when the bound is passed, and goes on without", () => {
    const log = new ReplayLog(bytes(100));
    let outgrown = 0;
    log.branch(2, () => outgrown++);
    for (let batch = 1; batch <= 5; batch++) log.add(bytes(batch), undefined);
    expect(outgrown).toBe(1);
    log.rollBack();
    expect(contents(log)).toEqual([1, 2, 3, 4, 5]);
    log.cover(bytes(101));
    expect(log.snapshot).toEqual(bytes(101));
  });

  test("confirm() leaves the new plugin's state and batches", () => {
    const log = new ReplayLog(bytes(100));
    log.branch(1_000, () => {});
    log.cover(bytes(101), bytes(1));
    log.add(bytes(2), undefined);
    log.confirm();
    log.rollBack();
    expect(log.snapshot).toEqual(bytes(101));
    expect(contents(log)).toEqual([2]);
  });
});

describe("worse()", () => {
  const tally = (more: Partial<Tally>): Tally => ({ ...NO_TALLY, ...more });

  test("worse() waits for the third failure", () => {
    expect(worse(NO_TALLY, tally({ tries: 2, failures: 2 }))).toBeUndefined();
    expect(worse(NO_TALLY, tally({ tries: 3, failures: 3 }))).toBe(
      "3 of 3 tries failed, 0 of 0 with the plugin before",
    );
  });

  test("worse() forgives as many failures as the plugin before had, twice over and one in a hundred", () => {
    const before = tally({ tries: 100, failures: 10 });
    expect(worse(before, tally({ tries: 100, failures: 21 }))).toBeUndefined();
    expect(worse(before, tally({ tries: 100, failures: 22 }))).toMatch(/22 of 100 tries/);
  });

  test("worse() looks at rejected records too", () => {
    const before = tally({ records: 1_000, rejected: 0 });
    expect(worse(before, tally({ records: 1_000, rejected: 10 }))).toBeUndefined();
    expect(worse(before, tally({ records: 1_000, rejected: 11 }))).toMatch(/11 of 1000 records were rejected/);
  });

  test("worse() never says so of the same plugin", () => {
    const share = fc.tuple(fc.nat(1_000), fc.nat(1_000)).map(([a, b]) => ({ tries: a + b, failures: a }));
    fc.assert(fc.property(share, (one) => worse(tally(one), tally(one)) === undefined));
  });

  test("counted() counts tries and records, and no probe", () => {
    const counts = { total: 9, malformed: 0, in: 7, out: 5, filtered: 0, rejected: 2, added: 0 };
    const done = { kind: "done", counts } as unknown as Outcome; // the slot does not matter
    const failed: Outcome = { kind: "failed", cause: "crash", code: "plugin.crash", reason: "died" };
    const once = counted(counted(NO_TALLY, done, { probe: false }), failed, { probe: false });
    expect(once).toEqual({ tries: 2, failures: 1, records: 7, rejected: 2 });
    expect(counted(once, failed, { probe: true })).toBe(once);
    expect(counted(once, { kind: "requeue" }, { probe: false })).toBe(once);
    expect(failedStart(once)).toMatchObject({ tries: 3, failures: 2 });
  });
});

describe("StateMemory", () => {
  const MIB = 2 ** 20;

  test("carry() puts bytes into the segment, and takes them along as text when it has no room", () => {
    const state = new StateMemory(new SharedMemory(), MIB, new SteppedClock());
    const first = state.carry(bytes(1, 2, 3));
    const [offset, length] = first.content as readonly [number, number];
    expect([...state.segment!.view.slice(offset, offset + length)]).toEqual([1, 2, 3]);
    const large = new Uint8Array(MIB).fill(7);
    expect(typeof state.carry(large).content).toBe("string");
    first.release();
    const second = state.carry(large);
    expect(second.content).toEqual([0, MIB]);
    second.release();
    state.close();
  });

  test("room() can be written by a host and copied", () => {
    const state = new StateMemory(new SharedMemory(), MIB, new SteppedClock());
    const room = state.room(100)!;
    state.segment!.view.set(bytes(9, 8), room.place[0]);
    expect([...room.copy(2)]).toEqual([9, 8]);
    room.release();
    expect(state.room(2 * MIB)).toBeUndefined();
    state.close();
  });

  test("everything travels as text when there is no space for a segment", () => {
    const state = new StateMemory(new SharedMemory({ freeBytesOf: () => 0 }), MIB, new SteppedClock());
    expect(state.segment).toBeUndefined();
    expect(state.carry(bytes(1, 2, 3)).content).toBe("AQID");
    expect(state.room(1)).toBeUndefined();
    state.close();
  });
});

describe("BatchSample", () => {
  const item = (text: string, more: Partial<Item> = {}): Item => {
    const view = Buffer.from(text);
    return { bytes: view.length, slot: { view }, finish: false, ...more } as unknown as Item; // what a sample looks at
  };

  test("pass() keeps the first batch after somebody wanted one", async () => {
    const sample = new BatchSample();
    sample.pass(item("before"));
    expect(sample.text).toBeUndefined();
    const { taken } = sample;
    sample.pass(item("end", { finish: true }));
    sample.pass(item("x".repeat(5 * 1024 * 1024)));
    sample.pass(item("first"));
    sample.pass(item("second"));
    expect(Buffer.from(await taken, "base64").toString()).toBe("first");
    sample.want();
    sample.pass(item("third"));
    expect(sample.text).toBe(await taken);
  });
});

describe("planFault()", () => {
  test("planFault() names what has changed since the plan was made", () => {
    const flags = { stateful: false, sequential: true, exclusive: false };
    const plan = { library: "/p.ts", ...flags } as StagePlan; // what is compared
    const loaded = (more: object) => ({ ...flags, ...more }) as Parameters<typeof planFault>[1]; // likewise
    expect(planFault(plan, loaded({}))).toBeUndefined();
    expect(planFault(plan, loaded({ stateful: true, exclusive: true }))?.message).toBe(
      "/p.ts is no longer what was checked: stateful is true, exclusive is true",
    );
  });
});
