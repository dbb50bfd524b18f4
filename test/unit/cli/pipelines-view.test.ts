/** A master's pipelines and workers as people read them. */
import { describe, expect, test } from "bun:test";
import type { PipelineView, WorkerInfo } from "../../../src/app/master/ask-master.ts";
import { pipelinesTable, workersTable } from "../../../src/cli/view/pipelines.ts";

const PIPELINE: PipelineView = {
  ...{ id: "orders-20260101-k7xq", name: "orders", path: "/orders.txt", state: "running", submittedMs: 0 },
  ...{ read: 12_345, written: 12_000, deadLettered: 3, stages: [], rewinds: 0 },
};

describe("pipelinesTable()", () => {
  test("shows how far each is, where that can be known, and why one does not go on", () => {
    const half = { ...PIPELINE, readBytes: 199, totalBytes: 300 };
    const waiting = { ...PIPELINE, id: "x", state: "retrying", detail: "no\u001b[31m space" };
    const [, , first, second] = pipelinesTable([half, waiting]).split("\n");
    expect(first).toMatch(/^orders-20260101-k7xq +orders +running +12.345 +12.000 +3 +66 %/);
    expect(second).toContain("retrying");
    expect(second).toMatch(/no\S* ?space$/);
    expect(second).not.toContain("\u001b");
  });
});

describe("workersTable()", () => {
  test("shows what each can do and does, and nothing of one that has not said", () => {
    const busy: WorkerInfo = { id: "w1", capacity: 4, isDraining: true, cpu: 0.5, memory: 0.255, queue: 7 };
    const [, , first, second] = workersTable([busy, { id: "w2", capacity: 2, isDraining: false }]).split("\n");
    expect(first).toMatch(/^w1 +draining +4 +50 % +26 % +7$/);
    expect(second!.trimEnd()).toMatch(/^w2 +working +2$/);
  });
});
