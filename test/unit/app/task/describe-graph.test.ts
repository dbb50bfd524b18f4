import { expect, test } from "bun:test";
import { planOf } from "../../../../src/app/task/describe-graph.ts";
import { graphText, taskReportText } from "../../../../src/cli/view/task.ts";
import { reportOf, type StoredTask } from "../../../../src/work/task/index.ts";
import { get, graphOf } from "../../work/task/support.ts";

const GRAPH = graphOf([get("publish", ["a", "b"]), get("a"), get("b", ["a"])], { name: "nightly", parallel: 2 });

const task = (number: number, state: StoredTask["state"], more: Partial<StoredTask> = {}): StoredTask => {
  return {
    task: number,
    state,
    attempts: 1,
    startedMs: 0,
    endedMs: 1,
    tookMs: null,
    code: null,
    reason: null,
    ...more,
  };
};

const RUN = { id: "r1", name: "nightly", file: "g.json", fingerprint: "f", tasks: 3, startedMs: 1_000 } as const;

test("planOf() gives levels, order and the longest chain by id", () => {
  expect(planOf(GRAPH)).toMatchObject({
    name: "nightly",
    parallel: 2,
    levels: [["a"], ["b"], ["publish"]],
    order: ["a", "b", "publish"],
    criticalPath: ["a", "b", "publish"],
  });
});

test("graphText() shows the order above the chart, and says when Mermaid would not draw it", () => {
  const lines = graphText(planOf(GRAPH)).split("\n");
  expect(lines.slice(0, 6)).toEqual([
    "nightly: 3 tasks, 2 at once; a line waits for the lines above it",
    "1  a",
    "2  b",
    "3  publish",
    "longest chain (3): a → b → publish",
    "",
  ]);
  expect(lines[6]).toBe("flowchart TD");
  const wide = graphOf([get("a"), ...Array.from({ length: 501 }, (_, index) => get(`t${index}`, ["a"]))]);
  expect(graphText(planOf(wide))).toContain("501 needs: Mermaid draws them with maxEdges set to that");
});

test("reportOf() counts every task, also those that never began, and finds what made the run last", () => {
  const stored = [task(1, "done", { tookMs: 30 }), task(2, "failed", { attempts: 3, tookMs: 50, reason: "no" })];
  const report = reportOf({ ...RUN, state: "failed", endedMs: 1_200 }, GRAPH, stored);
  expect(report).toMatchObject({
    elapsedMs: 200,
    counts: { pending: 1, running: 0, waiting: 0, done: 1, failed: 1, skipped: 0 },
    retries: 2,
    slowest: [{ id: "b" }, { id: "a" }],
    failed: [{ id: "b", attempts: 3, reason: "no" }],
    criticalPath: { tasks: ["a", "b"], tookMs: 80 },
  });
});

test("taskReportText() says what failed and how to try it again, with nothing in it that moves the cursor", () => {
  const stored = [task(1, "done", { tookMs: 30 }), task(2, "failed", { tookMs: 5, reason: "bad \u001b[2J\nnews" })];
  const text = taskReportText(reportOf({ ...RUN, state: "failed", endedMs: 1_200 }, GRAPH, stored));
  expect(text).toContain("nightly (r1): failed after 200 ms");
  expect(text).toContain("failed  b: bad ␛[2J␊news");
  expect(text).toContain("distributed_system task run --resume r1 --retry-failed");
});
