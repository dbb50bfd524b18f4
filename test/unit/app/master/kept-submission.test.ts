/** A submission in memory and on disk: what holds when the disk is full, and when it has room again. */
import { describe, expect, test } from "bun:test";
import { KeptSubmission, SAVE_AGAIN_MS } from "../../../../src/app/master/kept-submission.ts";
import type { Submission } from "../../../../src/app/master/submissions.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const ENTRY: Submission = {
  ...{ id: "a", name: "orders", path: "/orders.txt", state: "running" },
  ...{ fresh: true, submittedMs: 1, rewinds: 0 },
};

class Rig {
  readonly clock = new SteppedClock();
  readonly stored: Submission[] = [];
  readonly told: string[] = [];
  isFull = false;
  readonly kept = new KeptSubmission(ENTRY, {
    clock: this.clock,
    save: (entry) => {
      if (this.isFull) throw new Error("disk is full");
      this.stored.push(entry);
    },
    tell: (text) => this.told.push(text),
  });
}

describe("change()", () => {
  test("holds and is stored, or neither", () => {
    const rig = new Rig();
    rig.kept.change({ fresh: false });
    expect(rig.stored).toEqual([{ ...ENTRY, fresh: false }]);
    rig.isFull = true;
    expect(() => rig.kept.change({ rewinds: 1 })).toThrow("disk is full");
    expect(rig.kept.entry).toEqual({ ...ENTRY, fresh: false });
    expect(rig.clock.timers).toBe(0);
  });
});

describe("changeAnyway()", () => {
  test("holds at once, and is stored as it is by then as soon as there is room", () => {
    const rig = new Rig();
    rig.isFull = true;
    rig.kept.changeAnyway({ state: "failed" });
    rig.kept.changeAnyway({ rewinds: 2 });
    rig.clock.advance(SAVE_AGAIN_MS * 2);
    expect(rig.kept.entry).toEqual({ ...ENTRY, state: "failed", rewinds: 2 });
    expect(rig.kept.unsaved).toBe("disk is full");
    expect(rig.told).toEqual(["orders: disk is full; tried again"]);
    rig.isFull = false;
    rig.clock.advance(SAVE_AGAIN_MS);
    expect(rig.stored).toEqual([{ ...ENTRY, state: "failed", rewinds: 2 }]);
    expect(rig.kept.unsaved).toBeUndefined();
    expect(rig.clock.timers).toBe(0);
  });

  test("is stored with the next change when that comes first", () => {
    const rig = new Rig();
    rig.isFull = true;
    rig.kept.changeAnyway({ state: "paused" });
    rig.isFull = false;
    rig.kept.change({ fresh: false });
    expect(rig.stored).toEqual([{ ...ENTRY, state: "paused", fresh: false }]);
    expect(rig.clock.timers).toBe(0);
  });
});

describe("announce()", () => {
  test("stores what is going to be, and changes nothing here", () => {
    const rig = new Rig();
    rig.kept.announce({ input: "/in" });
    expect(rig.stored).toEqual([{ ...ENTRY, input: "/in" }]);
    expect(rig.kept.entry).toEqual(ENTRY);
    rig.isFull = true;
    expect(() => rig.kept.announce({ input: "/other" })).toThrow("disk is full");
  });
});

test("close() ends all tries", () => {
  const rig = new Rig();
  rig.isFull = true;
  rig.kept.changeAnyway({ state: "paused" });
  rig.kept.close();
  rig.kept.changeAnyway({ state: "failed" });
  expect(rig.clock.timers).toBe(0);
});
