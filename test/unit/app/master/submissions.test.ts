/** What a master was asked to run, kept: found again, and bounded. */
import { describe, expect, test } from "bun:test";
import { type Submission, Submissions } from "../../../../src/app/master/submissions.ts";
import { MemoryKept } from "../../../support/kept-state.ts";

/** As many that are over as are kept. */
const OVER_MAX = 200;
/** As many drained workers as are kept. */
const DRAINED_MAX = 1_024;

function entry(id: string, more: Partial<Submission> = {}): Submission {
  const ends = { fresh: false, submittedMs: 1, rewinds: 0 };
  return { id, name: "orders", path: "/orders.txt", state: "running", ...ends, ...more };
}

describe("Submissions", () => {
  test("all() gives what was saved, the oldest first, also to whoever leads next", async () => {
    const kept = new MemoryKept();
    const first = new Submissions(kept);
    await first.save(entry("b", { submittedMs: 2, input: "/in", state: "paused" }));
    await first.save(entry("a", { submittedMs: 3 }));
    await first.save(entry("c", { submittedMs: 1 }));
    await first.save(entry("c", { submittedMs: 1, state: "failed", detail: "why" }));
    expect(new Submissions(kept).all()).toEqual([
      entry("c", { submittedMs: 1, state: "failed", detail: "why" }),
      entry("b", { submittedMs: 2, input: "/in", state: "paused" }),
      entry("a", { submittedMs: 3 }),
    ]);
    await first.forget("b");
    expect(first.all().map(({ id }) => id)).toEqual(["c", "a"]);
  });

  test("save() forgets the oldest that are over, and nobody else", async () => {
    const submissions = new Submissions(new MemoryKept());
    await submissions.save(entry("paused", { submittedMs: 0, state: "paused" }));
    const states = ["ended", "cancelled", "failed"] as const;
    const forgotten: string[] = [];
    for (let at = 1; at <= OVER_MAX + 3; at++)
      forgotten.push(...(await submissions.save(entry(`e${at}`, { submittedMs: at, state: states[at % 3]! }))));
    expect(forgotten).toEqual(["e1", "e2", "e3"]);
    const ids = submissions.all().map(({ id }) => id);
    expect(ids).toHaveLength(OVER_MAX + 1);
    expect(ids.slice(0, 2)).toEqual(["paused", "e4"]);
  });

  test("drained() gives what setDrained() was told, also to whoever leads next", async () => {
    const kept = new MemoryKept();
    const first = new Submissions(kept);
    for (const worker of ["worker2", "worker1", "worker1", "worker3", "a/b"]) await first.setDrained(worker, true);
    await first.setDrained("worker3", false);
    expect(new Submissions(kept).drained().toSorted()).toEqual(["a/b", "worker1", "worker2"]);
  });

  test("setDrained() refuses more workers than it keeps, and has none of them too many then", async () => {
    const submissions = new Submissions(new MemoryKept());
    for (let at = 0; at < DRAINED_MAX; at++) await submissions.setDrained(`w${at}`, true);
    await expect(submissions.setDrained("more", true)).rejects.toMatchObject({ code: "master.too_many" });
    expect(submissions.drained()).toHaveLength(DRAINED_MAX);
    await submissions.setDrained("w1", true);
  });
});
