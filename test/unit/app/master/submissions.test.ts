/** What a master was asked to run, on disk: found again, bounded, and one process's own. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Submission, Submissions } from "../../../../src/app/master/submissions.ts";

/** As many ended ones as are kept. */
const ENDED_MAX = 200;

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
    for (let at = 1; at <= ENDED_MAX + 3; at++)
      submissions.save(entry(`e${at}`, { submittedMs: at, state: at % 2 === 0 ? "ended" : "cancelled" }));
    const ids = submissions.all().map(({ id }) => id);
    submissions.close();
    expect(ids).toHaveLength(ENDED_MAX + 1);
    expect(ids.slice(0, 2)).toEqual(["paused", "e4"]);
  });

  test("new Submissions() fails when another master of this name is at work", () => {
    const first = new Submissions(path);
    first.save(entry("a"));
    expect(() => new Submissions(path)).toThrow(/a master has one process and a file of its own/);
    first.close();
    new Submissions(path).close();
  });
});
