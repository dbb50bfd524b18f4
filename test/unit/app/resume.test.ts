/** Which run is gone on with. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { findRun } from "../../../src/app/resume.ts";
import { CheckpointStore } from "../../../src/work/pipeline/checkpoint/index.ts";
import { Workspace } from "../../support/workspace.ts";

const FINGERPRINT = JSON.stringify({ source: "a", stages: {} });

/** A store in which a run has come so far. */
function storeWith(space: Workspace, run: string, finished: boolean): CheckpointStore {
  const store = CheckpointStore.open(join(space.path, "checkpoint.db"));
  const places = { source: { at: 9 }, sink: { at: 9 }, deadLetters: { bytes: 7 }, counts: { written: 9 } };
  store.save({
    ...places,
    run,
    startedMs: 1,
    fingerprint: FINGERPRINT,
    finished,
    seq: 3,
    ahead: [],
    states: new Map(),
  });
  return store;
}

async function find(finished: boolean, { begun, fresh = false }: { begun?: string; fresh?: boolean } = {}) {
  using space = new Workspace();
  const store = storeWith(space, "first", finished);
  try {
    return await findRun(store, FINGERPRINT, fresh, undefined, begun);
  } finally {
    store.close();
  }
}

describe("findRun()", () => {
  test("findRun() goes on with a run when it is not finished", async () => {
    const { isOver, resume, run } = await find(false);
    expect([run.run, resume?.seq, isOver]).toEqual(["first", 3, false]);
  });

  test("findRun() begins another run when the one before is finished", async () => {
    const { isOver, resume, run } = await find(true);
    expect(run.run).not.toBe("first");
    expect([resume, isOver]).toEqual([undefined, false]);
  });

  test("findRun() says that the run is over, with its counts, when the caller has begun it and it is finished", async () => {
    const { isOver, resume, run } = await find(true, { begun: "first" });
    expect([run.run, isOver]).toEqual(["first", true]);
    expect(resume?.counts).toEqual({ written: 9 });
  });

  test("findRun() begins another run when the finished one is another's, or when it is to start over", async () => {
    expect((await find(true, { begun: "second" })).isOver).toBe(false);
    const { isOver, run } = await find(true, { begun: "first", fresh: true });
    expect(isOver).toBe(false);
    expect(run.run).not.toBe("first");
  });
});
