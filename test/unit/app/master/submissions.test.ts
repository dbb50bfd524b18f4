/** What a master was asked to run, on disk: found again, bounded, and one process's own. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Submission, Submissions } from "../../../../src/app/master/submissions.ts";

/** As many that are over as are kept. */
const OVER_MAX = 200;
/** As many drained workers as are kept. */
const DRAINED_MAX = 1_024;

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "distributed-system-test-"));
  path = join(directory, "masters", "m.db");
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function entry(id: string, more: Partial<Submission> = {}): Submission {
  const ends = { fresh: false, submittedMs: 1, rewinds: 0 };
  return { id, name: "orders", path: "/orders.txt", state: "running", ...ends, ...more };
}

describe("Submissions", () => {
  test("all() gives what was saved, the oldest first, also to the next life of the master", () => {
    const first = new Submissions(path);
    first.save(entry("b", { submittedMs: 2, input: "/in", state: "paused" }));
    first.save(entry("a", { submittedMs: 3 }));
    first.save(entry("c", { submittedMs: 1 }));
    first.save(entry("c", { submittedMs: 1, state: "failed", detail: "why" }));
    first.close();
    using _gone = { [Symbol.dispose]: () => second.close() };
    const second = new Submissions(path);
    expect(second.all()).toEqual([
      entry("c", { submittedMs: 1, state: "failed", detail: "why" }),
      entry("b", { submittedMs: 2, input: "/in", state: "paused" }),
      entry("a", { submittedMs: 3 }),
    ]);
  });

  test("save() forgets the oldest that are over, and nobody else", () => {
    const submissions = new Submissions(path);
    submissions.save(entry("paused", { submittedMs: 0, state: "paused" }));
    const states = ["ended", "cancelled", "failed"] as const;
    const forgotten: string[] = [];
    for (let at = 1; at <= OVER_MAX + 3; at++)
      forgotten.push(...submissions.save(entry(`e${at}`, { submittedMs: at, state: states[at % 3]! })));
    expect(forgotten).toEqual(["e1", "e2", "e3"]);
    const ids = submissions.all().map(({ id }) => id);
    submissions.close();
    expect(ids).toHaveLength(OVER_MAX + 1);
    expect(ids.slice(0, 2)).toEqual(["paused", "e4"]);
  });

  test("save() fails in a way that may pass, and nothing has changed then", () => {
    const submissions = new Submissions(path);
    submissions.save(entry("a"));
    submissions.close(); // stands for all that SQLite fails with
    expect(() => submissions.save(entry("a", { state: "paused" }))).toThrow(
      expect.objectContaining({ code: "master.store", retryable: true }),
    );
    const next = new Submissions(path);
    expect(next.all()).toEqual([entry("a")]);
    next.close();
  });

  test("drained() gives what setDrained() was told, also to the next life of the master", () => {
    const first = new Submissions(path);
    first.setDrained("worker2", true);
    first.setDrained("worker1", true);
    first.setDrained("worker1", true);
    first.setDrained("worker3", true);
    first.setDrained("worker3", false);
    first.close();
    const second = new Submissions(path);
    expect(second.drained()).toEqual(["worker1", "worker2"]);
    second.close();
  });

  test("setDrained() refuses more workers than it keeps, and has none of them too many then", () => {
    const submissions = new Submissions(path);
    for (let at = 0; at < DRAINED_MAX; at++) submissions.setDrained(`w${at}`, true);
    expect(() => submissions.setDrained("more", true)).toThrow(expect.objectContaining({ code: "master.too_many" }));
    expect(submissions.drained()).toHaveLength(DRAINED_MAX);
    submissions.close();
  });

  test("new Submissions() fails when another master of this name is at work", () => {
    const first = new Submissions(path);
    first.save(entry("a"));
    expect(() => new Submissions(path)).toThrow(/a master has one process and a file of its own/);
    first.close();
    new Submissions(path).close();
  });
});
