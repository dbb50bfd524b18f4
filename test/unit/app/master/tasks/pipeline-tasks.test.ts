/** Pipelines as tasks: whose they are, when they are over, what is left of them, and what a task that is given up does to them. */
import { describe, expect, test } from "bun:test";
import { FILE_IN_USE } from "../../../../../src/app/master/pipelines.ts";
import { PipelineTasks } from "../../../../../src/app/master/tasks/pipeline-tasks.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import { settle } from "./fake-task-workers.ts";

type State = "running" | "paused" | "ended" | "failed" | "cancelled";

interface Fake {
  entry: { id: string; name: string; path: string; state: State; origin?: string; detail?: string };
  isUnfinished: boolean;
  summary?: object;
}

const SUMMARY = { elapsedMs: 5, faults: [] as string[], output: "/out", stages: [], written: 7 };

class Rig {
  readonly list: Fake[] = [];
  readonly submitted: string[] = [];
  readonly cancelled: string[] = [];
  readonly told: string[] = [];
  /** What a submission fails with. */
  refusal: Failure | undefined;
  readonly abort = new AbortController();
  readonly tasks = new PipelineTasks({
    reports: undefined as never, // nothing here has ended in an earlier life
    pipelines: {
      list: () => this.list,
      unfinished: (path: string) => this.list.find(({ entry, isUnfinished }) => entry.path === path && isUnfinished),
      submit: async ({ path, origin }: { path: string; origin?: string }) => {
        const { refusal } = this;
        this.refusal = undefined;
        if (refusal) throw refusal;
        this.submitted.push(path);
        return this.add("running", origin);
      },
      cancel: async (id: string) => void this.cancelled.push(id),
    } as never, // as much of pipelines as is used
    tell: (text) => this.told.push(text),
  });

  add(state: State, origin?: string, path = "/copy.txt"): Fake {
    const id = `p${this.list.length}`;
    const fake: Fake = {
      entry: { id, name: "copy", path, state, ...(origin !== undefined && { origin }) },
      isUnfinished: state === "running" || state === "paused",
    };
    this.list.push(fake);
    return fake;
  }

  run(task = "r1.copy") {
    return this.tasks.run(task, "/copy.txt", this.abort.signal);
  }

  end(fake: Fake, state: State, summary?: object): void {
    fake.entry = { ...fake.entry, state, detail: "no luck" };
    fake.isUnfinished = state === "paused";
    if (summary) fake.summary = summary;
    this.tasks.changed();
  }
}

describe("run()", () => {
  test("submits the file, waits for its end, and gives its counts", async () => {
    const rig = new Rig();
    const output = rig.run();
    await settle();
    expect(rig.submitted).toEqual(["/copy.txt"]);
    rig.end(rig.list[0]!, "ended", SUMMARY);
    expect(await output).toEqual({ written: 7, elapsedMs: 5, output: "/out", stages: [] });
  });

  test("finds its submission of an earlier life, under way or ended, and submits nothing then", async () => {
    const rig = new Rig();
    rig.add("running", "r1.other", "/other.txt");
    const own = rig.add("running", "r1.copy");
    const output = rig.run();
    await settle();
    rig.end(own, "ended", SUMMARY);
    await output;
    expect(await rig.run()).toMatchObject({ written: 7 });
    expect(rig.submitted).toEqual([]);
  });

  test("submits anew what has failed or was cancelled before", async () => {
    for (const state of ["failed", "cancelled"] as const) {
      const rig = new Rig();
      rig.add(state, "r1.copy");
      void rig.run();
      await settle();
      expect(rig.submitted).toHaveLength(1);
    }
  });

  test("goes on waiting while somebody has paused it", async () => {
    const rig = new Rig();
    const output = rig.run();
    await settle();
    rig.end(rig.list[0]!, "paused");
    rig.end(rig.list[0]!, "ended", SUMMARY);
    expect(await output).toMatchObject({ written: 7 });
  });

  test("fails when the pipeline failed, was cancelled, or does not add up", async () => {
    const ends: [State, object | undefined, string, boolean][] = [
      ["failed", undefined, "has failed: no luck", true],
      ["cancelled", undefined, "is cancelled", false],
      ["ended", { ...SUMMARY, faults: ["1 record is missing"] }, "1 record is missing", true],
    ];
    for (const [state, summary, text, retryable] of ends) {
      const rig = new Rig();
      const output = rig.run().catch((thrown: unknown) => thrown as Failure);
      await settle();
      rig.end(rig.list[0]!, state, summary);
      const failure = (await output) as Failure;
      expect(failure).toMatchObject({ code: "task.pipeline.failed", retryable });
      expect(failure.message).toContain(text);
    }
  });

  test("cancels its pipeline when the task is given up, and no other's", async () => {
    for (const origin of ["r1.copy", undefined]) {
      const rig = new Rig();
      const output = rig.run().catch((thrown: unknown) => (thrown as Error).message);
      await settle();
      if (origin === undefined) delete rig.list[0]!.entry.origin;
      rig.abort.abort(new Error("its timeout"));
      expect(await output).toBe("its timeout");
      expect(rig.cancelled).toEqual(origin === undefined ? [] : ["p0"]);
    }
  });

  test("leaves its pipeline alone when the master ends", async () => {
    const rig = new Rig();
    const output = rig.run().catch((thrown: unknown) => (thrown as Error).message);
    await settle();
    rig.tasks.leave();
    rig.abort.abort(new Error("the master ends"));
    expect(await output).toBe("the master ends");
    expect(rig.cancelled).toEqual([]);
  });

  test("takes nothing over: it waits while its file is under way or paused for somebody else, and runs then", async () => {
    for (const state of ["running", "paused"] as const) {
      const rig = new Rig();
      const others = rig.add(state);
      const output = rig.run();
      await settle();
      expect(rig.submitted).toEqual([]);
      expect(rig.told).toEqual([`task r1.copy waits for the end of p0, which is ${state} with the same file`]);
      rig.end(others, "cancelled");
      await settle();
      expect(rig.submitted).toEqual(["/copy.txt"]);
      rig.end(rig.list[1]!, "ended", SUMMARY);
      expect(await output).toMatchObject({ written: 7 });
    }
  });

  test("lets two tasks with one file run one after the other", async () => {
    const rig = new Rig();
    const first = rig.run("r1.first");
    await settle();
    const second = rig.run("r1.second");
    await settle();
    expect(rig.list.map(({ entry }) => entry.origin)).toEqual(["r1.first"]);
    rig.end(rig.list[0]!, "ended", SUMMARY);
    await first;
    await settle();
    expect(rig.list.map(({ entry }) => entry.origin)).toEqual(["r1.first", "r1.second"]);
    rig.end(rig.list[1]!, "ended", SUMMARY);
    expect(await second).toMatchObject({ written: 7 });
  });

  test("waits again when somebody was quicker with its file, and fails with anything else", async () => {
    const rig = new Rig();
    rig.refusal = new Failure(FILE_IN_USE, "in use");
    const output = rig.run();
    await settle();
    expect(rig.submitted).toEqual(["/copy.txt"]);
    rig.end(rig.list[0]!, "ended", SUMMARY);
    await output;
    const other = new Rig();
    other.refusal = new Failure("master.too_many", "too many");
    expect(await other.run().catch((thrown: Failure) => thrown.code)).toBe("master.too_many");
  });

  test("leaves the other's pipeline alone when the task is given up while it waits", async () => {
    const rig = new Rig();
    rig.add("paused");
    const output = rig.run().catch((thrown: unknown) => (thrown as Error).message);
    await settle();
    rig.abort.abort(new Error("its timeout"));
    expect(await output).toBe("its timeout");
    expect({ submitted: rig.submitted, cancelled: rig.cancelled }).toEqual({ submitted: [], cancelled: [] });
  });
});
