/** A submission in memory and kept: what holds when the store takes nothing, and when it does again. */
import { describe, expect, test } from "bun:test";
import { KeptSubmission, SAVE_AGAIN_MS } from "../../../../src/app/master/kept-submission.ts";
import type { Submission } from "../../../../src/app/master/submissions.ts";
import { Failure } from "../../../../src/base/errors.ts";
import { DEPOSED } from "../../../../src/base/kept-state.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const ENTRY: Submission = {
  ...{ id: "a", name: "orders", path: "/orders.txt", state: "running" },
  ...{ fresh: true, submittedMs: 1, rewinds: 0 },
};

class Rig {
  readonly clock = new SteppedClock();
  readonly stored: Submission[] = [];
  readonly told: string[] = [];
  refusal: Error | undefined;
  /** Each write waits for it. */
  gate: Promise<void> = Promise.resolve();
  readonly kept = new KeptSubmission(ENTRY, {
    clock: this.clock,
    save: async (entry) => {
      await this.gate;
      if (this.refusal) throw this.refusal;
      this.stored.push(entry);
    },
    tell: (text) => this.told.push(text),
  });

  fill(): void {
    this.refusal = new Error("disk is full");
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.kept.settled();
  }
}

describe("change()", () => {
  test("holds and is stored, or does not hold", async () => {
    const rig = new Rig();
    await rig.kept.change({ fresh: false });
    expect(rig.stored).toEqual([{ ...ENTRY, fresh: false }]);
    rig.fill();
    await expect(rig.kept.change({ rewinds: 1 })).rejects.toThrow("disk is full");
    expect(rig.kept.entry).toEqual({ ...ENTRY, fresh: false });
  });

  test("is taken back in the store when nobody knows whether it was stored", async () => {
    const rig = new Rig();
    rig.fill();
    await rig.kept.change({ rewinds: 1 }).catch(() => {});
    await rig.kept.settled();
    rig.refusal = undefined;
    await rig.advance(SAVE_AGAIN_MS);
    expect(rig.stored).toEqual([ENTRY]);
    expect(rig.clock.timers).toBe(0);
  });

  test("holds beside what has changed anyway while it was being stored", async () => {
    const rig = new Rig();
    const gate = Promise.withResolvers<void>();
    rig.gate = gate.promise;
    const changed = rig.kept.change({ run: "r1" });
    rig.kept.changeAnyway({ rewinds: 1 });
    gate.resolve();
    await changed;
    await rig.kept.settled();
    expect(rig.kept.entry).toEqual({ ...ENTRY, run: "r1", rewinds: 1 });
    expect(rig.stored.at(-1)).toEqual(rig.kept.entry);
  });
});

describe("changeAnyway()", () => {
  test("holds at once, and is stored as it is by then as soon as there is room", async () => {
    const rig = new Rig();
    rig.fill();
    rig.kept.changeAnyway({ state: "failed" });
    await rig.kept.settled();
    rig.kept.changeAnyway({ rewinds: 2 });
    await rig.advance(SAVE_AGAIN_MS);
    expect(rig.kept.entry).toEqual({ ...ENTRY, state: "failed", rewinds: 2 });
    expect(rig.kept.unsaved).toBe("disk is full");
    expect(rig.told).toEqual(["orders: disk is full; tried again"]);
    rig.refusal = undefined;
    await rig.advance(SAVE_AGAIN_MS);
    expect(rig.stored).toEqual([{ ...ENTRY, state: "failed", rewinds: 2 }]);
    expect(rig.kept.unsaved).toBeUndefined();
    expect(rig.clock.timers).toBe(0);
  });

  test("is one write for all that changes while another one is under way", async () => {
    const rig = new Rig();
    const gate = Promise.withResolvers<void>();
    rig.gate = gate.promise;
    rig.kept.changeAnyway({ rewinds: 1 });
    await Promise.resolve();
    for (const rewinds of [2, 3, 4]) rig.kept.changeAnyway({ rewinds });
    gate.resolve();
    await rig.kept.settled();
    expect(rig.stored.map(({ rewinds }) => rewinds)).toEqual([1, 4]);
  });

  test("is tried no more, and nobody is told, when another master leads", async () => {
    const rig = new Rig();
    rig.refusal = new Failure(DEPOSED, "another master leads");
    rig.kept.changeAnyway({ state: "failed" });
    await rig.kept.settled();
    expect([rig.told, rig.clock.timers]).toEqual([[], 0]);
  });
});

describe("announce()", () => {
  test("stores what is going to be, and changes nothing here", async () => {
    const rig = new Rig();
    await rig.kept.announce({ input: "/in" });
    expect(rig.stored).toEqual([{ ...ENTRY, input: "/in" }]);
    expect(rig.kept.entry).toEqual(ENTRY);
    rig.fill();
    await expect(rig.kept.announce({ input: "/other" })).rejects.toThrow("disk is full");
  });
});

test("close() ends all tries", async () => {
  const rig = new Rig();
  rig.fill();
  rig.kept.changeAnyway({ state: "paused" });
  await rig.kept.settled();
  rig.kept.close();
  rig.kept.changeAnyway({ state: "failed" });
  await rig.kept.settled();
  expect(rig.clock.timers).toBe(0);
});
