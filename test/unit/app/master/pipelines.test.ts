/** What a master makes of what is asked of it: which submissions become one, what fresh is for, what is refused, what is forgotten. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareOrRefuse } from "../../../../src/app/check-pipeline.ts";
import { type KeptStores, openKeptStores } from "../../../../src/app/master/kept/kept-stores.ts";
import { FILE_IN_USE, Pipelines, type PipelinesPorts } from "../../../../src/app/master/pipelines.ts";
import type { PipelineView } from "../../../../src/app/master/pipelines-contract.ts";
import type { Submission } from "../../../../src/app/master/submissions.ts";
import { systemClock } from "../../../../src/base/clock.ts";
import { messageOf } from "../../../../src/base/errors.ts";
import { ReportBuilder } from "../../../../src/work/report/index.ts";
import { MemoryKept } from "../../../support/kept-state.ts";
import { until } from "../../../support/until.ts";

/** Of submissions that are over. */
const OVER_MAX = 200;

let directory: string;
let kept: MemoryKept;
let stores: KeptStores;
let told: string[];
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "distributed-system-test-"));
  kept = new MemoryKept();
  stores = openKeptStores(kept, { dataDir: directory, instance: "i", tell: (text) => told.push(text) });
  told = [];
  path = join(directory, "orders.txt"); // is not there: what runs fails at once
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function entry(state: Submission["state"], more: Partial<Submission> = {}): Submission {
  return { id: "old", name: "orders", path, state, fresh: false, submittedMs: 1, rewinds: 0, ...more };
}

async function pipelinesOf(entries: readonly Submission[], more: Partial<PipelinesPorts> = {}): Promise<Pipelines> {
  for (const each of entries) await stores.submissions.save(each);
  let ids = 0;
  const ports = {
    ...{ dataDir: directory, instance: "i", pool: undefined, shelf: undefined, ...stores },
    ...{
      newId: () => `new${++ids}`,
      nowMs: () => 1_000 + ids,
      keep: async () => "files",
      keepChanged: async () => "changed",
      retain: async () => {},
    },
    ...{ show: () => {}, prepare: (entry: Submission) => prepareOrRefuse(entry.path) },
    ...{ tell: (text: string) => told.push(text), changed: () => {}, dispatched: () => {} },
  };
  return new Pipelines({ ...ports, ...more } as unknown as PipelinesPorts); // nothing here comes to have workers
}

describe("submitOnce()", () => {
  test("leaves alone what is under way or paused, also with fresh: it may have been begun so", async () => {
    for (const state of ["running", "paused"] as const) {
      const pipelines = await pipelinesOf([entry(state)]);
      const known = await pipelines.submitOnce({ path, fresh: true });
      expect(known.entry).toEqual(entry(state));
      expect(pipelines.list()).toHaveLength(1);
      expect(told.pop()).toContain("--fresh starts it over");
      await pipelines.submitOnce({ path });
      expect(told).toEqual([]);
    }
  });

  test("begins what has ended or failed anew with fresh, and leaves what has ended alone without", async () => {
    const states: string[] = [];
    const changed = ({ state }: PipelineView, isNews: boolean): void => void (isNews && states.push(state));
    const pipelines = await pipelinesOf([entry("ended")], { changed });
    expect((await pipelines.submitOnce({ path })).entry.id).toBe("old");
    expect(told.pop()).toContain("--fresh runs it again");
    const anew = await pipelines.submitOnce({ path, fresh: true });
    expect(anew.entry).toMatchObject({ id: "new1", fresh: true });
    await until("it has failed", () => anew.isOver);
    const again = await pipelines.submitOnce({ path, fresh: true });
    await until("it has failed again", () => again.isOver);
    expect(again).toBe(anew);
    expect(states).toEqual(["starting", "failed", "starting", "failed"]);
  });
});

describe("submit()", () => {
  test("takes nothing over for somebody with an origin, and fails while somebody has the file", async () => {
    for (const state of ["running", "paused"] as const) {
      const pipelines = await pipelinesOf([entry(state, { origin: "r1.other" })]);
      const { code, retryable } = await pipelines.submit({ path, origin: "r1.copy" }).catch((thrown) => thrown);
      expect({ code, retryable }).toEqual({ code: FILE_IN_USE, retryable: true });
      expect(pipelines.find("old").entry.state).toBe(state);
    }
    const pipelines = await pipelinesOf([entry("failed")]);
    const own = await pipelines.submit({ path, origin: "r1.copy" });
    expect(own.entry).toMatchObject({ id: "new1", origin: "r1.copy" });
    await until("it is over", () => own.isOver);
  });

  test("changes nothing when it cannot be stored", async () => {
    const pipelines = await pipelinesOf([entry("paused", { input: "/in" })]);
    kept.fill();
    for (const request of [{ path, input: "/other" }, { path: `${path}.2` }])
      expect(await pipelines.submit(request).catch(messageOf)).toContain("disk is full");
    kept.refuse(undefined);
    expect(pipelines.list().map((each) => each.entry)).toEqual([entry("paused", { input: "/in" })]);
  });
});

describe("a pipeline whose state cannot be stored", () => {
  test("shows how it is, says why that is not stored, and is stored when there is room", async () => {
    const pipelines = await pipelinesOf([entry("paused")]);
    kept.fill();
    const pipeline = await pipelines.resume("old");
    await until("it is over", () => pipeline.isOver);
    expect(pipeline.view().state).toBe("failed");
    expect(stores.submissions.all()[0]!.state).toBe("paused");
    expect(told).toContain("orders: cannot store the submission old: disk is full; tried again");
    kept.refuse(undefined);
    await until("it is stored", () => stores.submissions.all()[0]!.state === "failed");
    pipelines.close();
  });
});

describe("cancel()", () => {
  test("ends the report of a pipeline that was paused, by this master or an earlier one", async () => {
    const { reports } = stores;
    const builder = ReportBuilder.begin({ id: "old", kind: "pipeline", name: "orders", run: "old" }, systemClock);
    await reports.save(builder.snapshot());
    const pipelines = await pipelinesOf([entry("paused")]);
    await pipelines.cancel("old");
    expect(pipelines.find("old").view().state).toBe("cancelled");
    await until("it is stored", () => reports.get("old").state === "cancelled");
    expect(reports.get("old")).toMatchObject({ id: "old", state: "cancelled" });
  });

  test("does without a report where there is none", async () => {
    const pipelines = await pipelinesOf([entry("paused")]);
    await pipelines.cancel("old");
    expect(stores.submissions.all()[0]!.state).toBe("cancelled");
    expect(told).toEqual([]);
  });
});

test("list() forgets what the store forgets, and nobody else", async () => {
  const over = Array.from({ length: OVER_MAX }, (_, at) => entry("ended", { id: `e${at}`, submittedMs: at }));
  const pipelines = await pipelinesOf([entry("paused", { id: "paused", submittedMs: 0 }), ...over]);
  const pipeline = await pipelines.submit({ path: `${path}.2` });
  await until("it is over", () => pipeline.isOver);
  const ids = pipelines.list().map((each) => each.entry.id);
  expect(ids).toHaveLength(OVER_MAX + 1);
  expect(ids.slice(0, 2)).toEqual(["paused", "e1"]);
  expect(stores.submissions.all().map(({ id }) => id)).toEqual(ids);
});

describe("swap()", () => {
  const swap = { stage: "one", library: "/plugins/other.ts" };

  test("runs what was submitted with the change, and keeps that", async () => {
    const asked: unknown[] = [];
    const keepChanged: PipelinesPorts["keepChanged"] = async (submitted, { plugin }) => {
      asked.push([submitted, plugin]);
      return "changed";
    };
    const pipelines = await pipelinesOf([entry("failed", { files: "before" })], { keepChanged });
    const pipeline = await pipelines.swap("orders", swap);
    expect(asked).toEqual([[{ files: "before", path }, "/plugins/other.ts"]]);
    await until("it is over", () => pipeline.isOver);
    expect(stores.submissions.all()).toMatchObject([{ id: "old", files: "changed" }]);
  });

  test("changes nothing of what does not run, or when the change is refused", async () => {
    for (const state of ["paused", "ended", "cancelled"] as const) {
      const pipelines = await pipelinesOf([entry(state, { files: "before" })]);
      expect(await pipelines.swap("orders", swap).catch((thrown) => thrown.code)).toBe("master.state");
      expect(pipelines.find("orders").entry).toEqual(entry(state, { files: "before" }));
    }
    const keepChanged = async () => Promise.reject(new Error("does not load"));
    const refusing = await pipelinesOf([entry("failed", { files: "before" })], { keepChanged });
    expect(await refusing.swap("orders", swap).catch(messageOf)).toBe("does not load");
    expect(refusing.find("orders").entry).toEqual(entry("failed", { files: "before" }));
  });

  test("leaves a failed one alone whose file somebody else has now", async () => {
    const pipelines = await pipelinesOf([entry("failed", { origin: "r1.x" }), entry("paused", { id: "new" })]);
    expect(await pipelines.swap("old", swap).catch((thrown) => thrown.code)).toBe(FILE_IN_USE);
  });
});
