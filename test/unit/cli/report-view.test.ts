import { describe, expect, test } from "bun:test";
import type { ReportLine, ReportView } from "../../../src/app/report/reports.ts";
import { reportsTable, reportText } from "../../../src/cli/view/report.ts";
import { type Observation, ReportBuilder, type StageCounts, viewOf } from "../../../src/work/report/index.ts";

const STARTED_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const none: StageCounts = { in: 0, added: 0, out: 0, filtered: 0, deadLettered: 0, skipped: 0 };

function viewFrom(
  kind: "pipeline" | "task",
  tell: (builder: ReportBuilder) => void,
  end: (builder: ReportBuilder) => ReturnType<ReportBuilder["snapshot"]> = (builder) => builder.end("ended"),
): ReportView {
  let nowMs = STARTED_MS;
  const clock = { now: () => nowMs, monotonic: () => nowMs };
  const places = { file: "config/orders.txt", "dead letters": "/tmp/\u001b[31mdead" };
  const id = "orders-20260102-k7xq";
  const builder = ReportBuilder.begin({ id, kind, name: "orders", run: "r", places }, clock);
  tell(builder);
  nowMs += 2_000;
  return viewOf(end(builder));
}

const events: readonly Observation[] = [
  { type: "done", id: "in@0", node: "worker1", ms: 4, rows: 600, bytesIn: 60_000, bytesOut: 30_000 },
  { type: "done", id: "in@1", node: "worker1", ms: 8, rows: 300, bytesIn: 30_000, bytesOut: 20_000 },
  { type: "done", id: "in@2", node: "worker\u001b2", ms: 40, rows: 100, bytesIn: 9_000, bytesOut: 500 },
  { type: "stage", stage: "validate", ms: 3 },
  {
    type: "failed",
    id: "in@1",
    node: "worker1",
    stage: "validate",
    code: "plugin.rejected",
    reason: "no\namount",
    count: 5,
  },
  { type: "failed", id: "in@2", code: "task.timeout", reason: "it took too long" },
  { type: "hedge" },
  { type: "late", node: "worker1" },
  { type: "lost", node: "worker1" },
];

const pipeline = (builder: ReportBuilder): void => {
  for (const event of events) builder.observe(event);
  builder.followStage("validate", { retries: 2, restarts: 1 });
  builder.setRecords({
    source: { ...none, in: 1000, out: 1000 },
    stages: [{ stage: "validate", counts: { ...none, in: 1000, out: 900, filtered: 95, deadLettered: 5 } }],
    written: 900,
  });
};

describe("reportText()", () => {
  test("reportText() shows counts, stages, nodes, slowest and failures of a pipeline", () => {
    expect(`\n${reportText(viewFrom("pipeline", pipeline), STARTED_MS)}\n`).toBe(`
orders-20260102-k7xq: pipeline orders, ended
started 2026-01-02 03:04:05 UTC, at work for 2.0 s
1,000 records in: 900 written, 95 filtered, 5 dead-lettered, 0 skipped; 99.50 % success
500 records/s, 96.7 KiB in, 49.3 KiB out
3 batches: p50 8.1 ms, p90 40 ms, p99 40 ms, p99.9 40 ms, max 40 ms
retries: 2, hedges: 1, late results: 1, workers lost: 1, plugin hosts restarted: 1

stage        in  added    out  filtered  dead-lettered  skipped  retries  restarts     p50     p99    busy
──────────────────────────────────────────────────────────────────────────────────────────────────────────
source    1,000      0  1,000         0              0        0        0         0                        
validate  1,000      0    900        95              5        0        2         1  3.0 ms  3.0 ms  3.0 ms

node      done   share  records        in       out  failures  late  lost     p50     p99   busy
────────────────────────────────────────────────────────────────────────────────────────────────
worker␛2     1  33.3 %      100   8.8 KiB     500 B         0     0     0   40 ms   40 ms  40 ms
worker1      2  66.7 %      900  87.9 KiB  48.8 KiB         5     1     1  4.0 ms  8.0 ms  12 ms

slowest      node    took  records
──────────────────────────────────
in@2     worker␛2   40 ms      100
in@1      worker1  8.0 ms      300
in@0      worker1  4.0 ms      600

failed  why
     5  validate: plugin.rejected: no␊amount
        such as in@1 on worker1
     1  task.timeout: it took too long
        such as in@2

file:         config/orders.txt
dead letters: /tmp/␛[31mdead
`);
  });

  test("reportText() speaks of tasks when it is a task graph", () => {
    const text = reportText(
      viewFrom("task", (builder) => builder.addCounts({ in: 4, done: 2, failed: 1, skipped: 1, retried: 1 })),
      STARTED_MS,
    );
    expect(text).toContain("task graph orders, ended");
    expect(text).toContain("4 tasks: 2 done, 1 failed, 1 skipped, 1 tried again; 50.0 % success\n2 tasks/s");
  });

  test("reportText() says what does not add up, and nothing of it when it has not come to its end", () => {
    const lossy = (builder: ReportBuilder): void => {
      builder.setRecords({ source: { ...none, in: 3, out: 3 }, stages: [], written: 2 });
    };
    expect(reportText(viewFrom("pipeline", lossy), STARTED_MS)).toContain(
      "It does NOT add up: 3 in and 0 added, but 2 written",
    );
    const stopped = viewFrom("pipeline", lossy, (builder) => builder.end("stopped"));
    expect(reportText(stopped, STARTED_MS)).not.toContain("add up");
  });

  test("reportText() says since when nobody has written when it was left running", () => {
    const left = viewFrom(
      "pipeline",
      () => {},
      (builder) => builder.snapshot(),
    );
    expect(reportText(left, STARTED_MS + 4_000)).toContain("orders, running\n");
    expect(reportText(left, STARTED_MS + 62_000)).toContain("orders, running (silent for 1 m 0 s)");
  });

  test("reportText() shows the first reasons and counts the rest when there are many", () => {
    const text = reportText(
      viewFrom("pipeline", (builder) => {
        for (let index = 0; index < 150; index++) {
          const reason = `${"a very long reason ".repeat(9)}${index}`;
          builder.observe({ type: "failed", id: `${index}`, code: "c", reason, count: index + 1 });
        }
      }),
      STARTED_MS,
    );
    const shown = text.split("\n").filter((line) => /^ +\d+ {2}c: a very/.test(line));
    expect(shown).toHaveLength(10);
    expect(Math.max(...shown.map((line) => line.length))).toBeLessThan(110);
    expect(text).toContain(" 9,870  for other reasons");
  });
});

describe("reportsTable()", () => {
  const line: ReportLine = {
    id: "orders-20260102-k7xq",
    kind: "pipeline",
    name: "orders",
    state: "ended",
    startedMs: STARTED_MS,
    updatedMs: STARTED_MS,
    activeMs: 61_000,
    total: 1_000_000,
    failed: 1,
    successRatio: 0.999999,
  };

  test("reportsTable() has a line for each, and never rounds a lost record away", () => {
    const { successRatio: _, ...fresh } = { ...line, id: "a", kind: "task" as const, state: "running" as const };
    expect(`\n${reportsTable([line, { ...fresh, total: 0, failed: 0 }], STARTED_MS)}\n`).toBe(`
report                    kind    state        started (UTC)     took  records/tasks  failed  success
─────────────────────────────────────────────────────────────────────────────────────────────────────
orders-20260102-k7xq  pipeline    ended  2026-01-02 03:04:05  1 m 1 s      1,000,000       1  99.99 %
a                         task  running  2026-01-02 03:04:05  1 m 1 s              0       0         
`);
  });
});
