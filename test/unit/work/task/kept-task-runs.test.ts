/** Runs in a shared state: whatever is asked, they answer as the file does; and a journal over them groups, waits out and gives up. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../src/base/errors.ts";
import { strayPieces } from "../../../../src/base/kept-large.ts";
import { DEPOSED, type KeptState } from "../../../../src/base/kept-state.ts";
import { KeptTaskRuns, type StoredTaskRuns, type TaskGraph, TaskStore } from "../../../../src/work/task/index.ts";
import { TaskJournal } from "../../../../src/work/task/journal.ts";
import type { TimedChange } from "../../../../src/work/task/stored-runs.ts";
import { MemoryKept } from "../../../support/kept-state.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { Workspace } from "../../../support/workspace.ts";

const TASKS = 4;
const graph = {
  name: "g",
  parallel: 3,
  tasks: Array.from({ length: TASKS }, (_, at) => ({ id: `t${at}` })),
} as unknown as TaskGraph; // stored, never run

type Step =
  | { readonly do: "create" | "forget" | "restart"; readonly run: string }
  | { readonly do: "reopen"; readonly run: string; readonly parallel?: number }
  | { readonly do: "end"; readonly run: string; readonly state: "done" | "failed" | "stopped" }
  | { readonly do: "save"; readonly run: string; readonly changes: readonly TimedChange[] };

const run = fc.constantFrom("r1", "r/2", "r3");
const output = fc.constantFrom(
  undefined,
  '"small"',
  JSON.stringify("x".repeat(5_000)),
  JSON.stringify("y".repeat(1_200_000)),
);
const change = fc
  .record({
    task: fc.nat(TASKS - 1),
    state: fc.constantFrom("running", "waiting", "done", "failed", "skipped"),
    output,
    at: fc.nat(99),
  })
  .map(({ at, output: text, state, task }): TimedChange => {
    const isFinal = state !== "running" && state !== "waiting";
    const known = {
      attempts: 1 + (at % 3),
      ...(isFinal && { endedMs: at, tookMs: at }),
      ...(state === "failed" && { code: "c", reason: "r" }),
    };
    return {
      task,
      state,
      startedMs: at,
      ...known,
      ...(text !== undefined && state === "done" && { output: text }),
    } as TimedChange; // states as they are drawn
  });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom("create", "forget", "restart"), run }),
  fc.record({ do: fc.constant("reopen"), run, parallel: fc.constantFrom(undefined, 7) }),
  fc.record({ do: fc.constant("end"), run, state: fc.constantFrom("done", "failed", "stopped") }),
  fc.record({ do: fc.constant("save"), run, changes: fc.array(change, { minLength: 1, maxLength: 5 }) }),
) as fc.Arbitrary<Step>; // words of the union

async function carryOut(store: StoredTaskRuns, each: Step): Promise<void> {
  const id = each.run;
  if (each.do === "create")
    await store.createRun({ id, name: "g", file: "/g.json", fingerprint: "f", startedMs: 1, owner: "m" }, graph);
  else if (each.do === "forget") await store.forgetFailed(id);
  else if (each.do === "reopen") await store.reopenRun(id, "n", each.parallel);
  else if (each.do === "end") await store.endRun(id, each.state, 9);
  else if (each.do === "save") await store.save(id, new Map(each.changes.map((one) => [one.task, one])).values());
}

function allOf(store: StoredTaskRuns) {
  const runs = store.runs(99).map(({ id }) => ({
    run: store.run(id),
    parallel: store.graph(id).parallel,
    tasks: store.tasks(id),
    outputs: graph.tasks.map((_, task) => Bun.hash(JSON.stringify(store.output(id, task) ?? null))),
  }));
  return { runs, owned: ["m", "n"].map((owner) => store.runsOf(owner).map(({ id }) => id)) };
}

/** The state of a writer that is killed after so many writes. */
function cutOff(state: MemoryKept, writes: number): KeptState {
  let left = writes;
  return {
    get: (key) => state.get(key),
    list: (prefix) => state.list(prefix),
    write: async (changes) => {
      if (left-- <= 0) throw new Failure(DEPOSED, "killed");
      await state.write(changes);
    },
  };
}

/** A piece that no value names. */
function isStray(state: MemoryKept, key: string): boolean {
  return strayPieces(state).includes(key);
}

describe("KeptTaskRuns", () => {
  test("answers as the file does, whatever was done before, also to another life", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        using space = new Workspace();
        const file = TaskStore.open(space.at("tasks.db"));
        const state = new MemoryKept();
        let lives = 0;
        let kept = new KeptTaskRuns(state, "life0");
        for (const each of steps) {
          const isThere = file.run(each.run) !== undefined;
          if (each.do === "restart") kept = new KeptTaskRuns(state, `life${++lives}`);
          else if (isThere !== (each.do === "create")) for (const store of [file, kept]) await carryOut(store, each);
        }
        expect(allOf(kept)).toEqual(allOf(file));
        file.close();
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  test("save() is one write when outcomes are small, however many there are", async () => {
    const { kept, state } = await withRun();
    const { length: before } = state.writes;
    await kept.save(
      "r",
      Array.from({ length: 500 }, (_, task): TimedChange => ({ task, state: "done", attempts: 1, output: "1" })),
    );
    expect(state.writes.length).toBe(before + 1);
    expect(kept.tasks("r")).toHaveLength(500);
  });

  test("save() that came too late for its own life does not take the place of what another one wrote", async () => {
    const { kept, state } = await withRun();
    const other = new KeptTaskRuns(state, "other");
    expect(other.tasks("r")).toEqual([]); // it counts as the first one does
    await kept.save("r", [{ task: 0, state: "done", attempts: 1 }]);
    await other.save("r", [{ task: 1, state: "done", attempts: 1 }]);
    expect(new KeptTaskRuns(state, "third").tasks("r").map(({ task }) => task)).toEqual([0, 1]);
  });

  test("createRun() forgets the oldest ended runs with all that they have left", async () => {
    const state = new MemoryKept();
    const kept = new KeptTaskRuns(state, "life", 20);
    for (let at = 0; at < 22; at++) {
      await carryOut(kept, { do: "create", run: `r${at}` });
      await carryOut(kept, {
        do: "save",
        run: `r${at}`,
        changes: [{ task: 0, state: "done", attempts: 1, output: JSON.stringify("z".repeat(9_000)) }],
      });
      await carryOut(kept, { do: "end", run: `r${at}`, state: at === 0 ? "stopped" : "done" });
    }
    await carryOut(kept, { do: "create", run: "last" });
    expect(kept.runs(999).map(({ id }) => id)).toEqual([
      "last",
      ...Array.from({ length: 20 }, (_, at) => `r${21 - at}`),
      "r0",
    ]);
    expect([...state.values.keys()].filter((key) => /\br1\b/.test(key))).toEqual([]);
  });

  test("endRun() counts results for the bound of all runs", async () => {
    const state = new MemoryKept();
    const kept = new KeptTaskRuns(state, "life");
    const output = JSON.stringify("z".repeat(40 * 2 ** 20));
    for (let at = 0; at < 8; at++) {
      await carryOut(kept, { do: "create", run: `r${at}` });
      await carryOut(kept, { do: "save", run: `r${at}`, changes: [{ task: 0, state: "done", attempts: 1, output }] });
      await carryOut(kept, { do: "end", run: `r${at}`, state: "done" });
    }
    expect(kept.runs(99).length).toBeLessThan(8); // 320 MiB are more than runs may have
  });

  test("what was cut off anywhere is gone after the first write of the next life", async () => {
    const output = JSON.stringify("z".repeat(20_000));
    const change = { task: 0, state: "done", attempts: 1, output } as const;
    const steps: Step[] = ["old", "new"].flatMap((run): Step[] => [
      { do: "create", run },
      { do: "save", run, changes: [change] },
      { do: "end", run, state: "done" },
    ]);
    for (let made = 0; ; made++) {
      const state = new MemoryKept();
      const cut = new KeptTaskRuns(cutOff(state, made), "life", 1);
      let isCut = false;
      for (const each of [...steps, { do: "create", run: "last" } as const])
        isCut ||= await carryOut(cut, each).then(
          () => false,
          () => true,
        );
      const next = new KeptTaskRuns(state, "next", 1);
      await carryOut(next, { do: "create", run: "next" });
      const known = next.runs(99).map(({ id }) => id);
      const left = [...state.values.keys()].filter((key) => {
        return !known.some((id) => key.split("/").includes(id)) || isStray(state, key);
      });
      expect([made, left]).toEqual([made, []]);
      if (!isCut) break;
    }
  });

  test("a run that is not there is not found", async () => {
    const kept = new KeptTaskRuns(new MemoryKept(), "life");
    expect(kept.run("x")).toBeUndefined();
    for (const ask of [() => kept.tasks("x"), () => kept.graph("x")])
      expect(ask).toThrow(expect.objectContaining({ code: "task.run.not_found" }));
    await expect(kept.endRun("x", "done", 1)).rejects.toMatchObject({ code: "task.run.not_found" });
  });
});

describe("TaskJournal", () => {
  test("append() makes one group of all that comes while another one is being written", async () => {
    const { clock, journal, kept, state } = await openJournal();
    const { length: before } = state.writes;
    state.hold();
    journal.append([{ task: 0, state: "running", attempts: 1 }]);
    const first = journal.durable();
    clock.advance(0);
    for (const task of [1, 2, 3]) journal.append([{ task, state: "done", attempts: 1, output: task }]);
    clock.advance(9);
    expect(journal.output(2)).toBe(2);
    const all = journal.durable();
    state.release();
    await Promise.all([first, all]);
    expect(state.writes.length).toBe(before + 2);
    expect(kept.tasks("r").map(({ state: each }) => each)).toEqual(["running", "done", "done", "done"]);
  });

  test("durable() waits out what may pass, and what was appended meanwhile follows in order", async () => {
    const { clock, failures, journal, kept, state } = await openJournal();
    state.fill();
    journal.append([{ task: 0, state: "done", attempts: 1 }]);
    const durable = journal.durable();
    clock.advance(0);
    await settle();
    journal.append([{ task: 1, state: "done", attempts: 1 }]);
    state.refuse(undefined);
    clock.advance(250);
    await durable;
    await journal.finish();
    expect(kept.tasks("r").map(({ task }) => task)).toEqual([0, 1]);
    expect(failures).toEqual([]);
  });

  test("durable() rejects at once when another master leads, and nothing is written any more", async () => {
    const { clock, failures, journal, state } = await openJournal();
    const { length: before } = state.writes;
    state.depose();
    journal.append([{ task: 0, state: "done", attempts: 1 }]);
    const durable = journal.durable();
    clock.advance(0);
    await expect(durable).rejects.toMatchObject({ code: DEPOSED });
    await expect(journal.finish()).rejects.toMatchObject({ code: DEPOSED });
    expect(failures).toHaveLength(1);
    expect(state.writes.length).toBe(before);
  });

  test("finish() gives up what a store refuses for good", async () => {
    const { failures, journal, state } = await openJournal();
    state.refuse(new Failure("data.full", "no room"));
    journal.append([{ task: 0, state: "done", attempts: 1 }]);
    await expect(journal.finish()).rejects.toThrow("no room");
    expect(failures).toHaveLength(1);
  });
});

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}

async function withRun() {
  const state = new MemoryKept();
  const kept = new KeptTaskRuns(state, "life");
  await carryOut(kept, { do: "create", run: "r" });
  return { state, kept };
}

async function openJournal() {
  const { kept, state } = await withRun();
  const clock = new SteppedClock();
  const failures: unknown[] = [];
  const journal = new TaskJournal({ store: kept, run: "r", clock, failed: (thrown) => void failures.push(thrown) });
  return { state, kept, clock, failures, journal };
}
