/** Pipelines as tasks: whose they are, when they are over, what is left of them, and what a task that is given up does to them. */
import { describe, expect, test } from "bun:test";
import { PipelineTasks } from "../../../../../src/app/master/tasks/pipeline-tasks.ts";
import type { Failure } from "../../../../../src/base/errors.ts";
import { settle } from "./fake-task-workers.ts";

type State = "running" | "paused" | "ended" | "failed" | "cancelled";

interface Fake {
  entry: { id: string; name: string; state: State; origin?: string; detail?: string };
  isOver: boolean;
  summary?: object;
}

const SUMMARY = { elapsedMs: 5, faults: [] as string[], output: "/out", stages: [], written: 7 };

class Rig {
  readonly list: Fake[] = [];
  readonly submitted: string[] = [];
  readonly cancelled: string[] = [];
  readonly abort = new AbortController();
  readonly tasks = new PipelineTasks({
    dataDir: undefined,
    pipelines: {
      list: () => this.list,
      submit: async ({ path, origin }: { path: string; origin?: string }) => {
        this.submitted.push(path);
        return this.add("running", origin);
      },
      cancel: async (id: string) => void this.cancelled.push(id),
    } as never, // as much of pipelines as is used
  });

  add(state: State, origin?: string): Fake {
    const id = `p${this.list.length}`;
    const fake: Fake = {
      entry: { id, name: "copy", state, ...(origin !== undefined && { origin }) },
      isOver: state !== "running",
    };
    this.list.push(fake);
    return fake;
  }

  run() {
    return this.tasks.run("r1.copy", "/copy.txt", this.abort.signal);
  }

  end(fake: Fake, state: State, summary?: object): void {
    fake.entry = { ...fake.entry, state, detail: "no luck" };
    fake.isOver = true;
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
    rig.add("running", "r1.other");
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
});
