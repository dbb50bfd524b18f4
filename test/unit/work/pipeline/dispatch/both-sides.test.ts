/** A master's stages and real workers in one process: only links and hosts are pretended. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { RAW_HEADER_BYTES, sealRaw } from "../../../../../src/wire/batch/index.ts";
import { REPORT_INTERVAL_MS, REWIND } from "../../../../../src/work/pipeline/dispatch/index.ts";
import type { FakeLibrary } from "../../../../support/fake-hosts.ts";
import { LinkedPool } from "./linked-pool.ts";
import { planOf } from "./plans.ts";
import { RemoteRig, settle } from "./remote-rig.ts";
import { WorkerRig } from "./worker-rig.ts";

function sealed(text: string): string {
  const view = new Uint8Array(RAW_HEADER_BYTES + 4096);
  const payload = Buffer.from(text);
  view.set(payload, RAW_HEADER_BYTES);
  const bytes = sealRaw(view, { id: "x@0", timeMs: 0, line: 1, format: { kind: "ndjson" } }, payload.length);
  return Buffer.from(view.subarray(0, bytes)).toString("latin1");
}

/** A batch of one line through the stages; what came out. */
async function put(rig: RemoteRig, text: string): Promise<string> {
  const item = await rig.raw(Buffer.from(sealed(text), "latin1"));
  await rig.stages.way.process(item);
  const result = Buffer.from(item.slot.view.subarray(0, item.bytes)).toString();
  item.slot.release();
  return result;
}

const upper: FakeLibrary = { batch: (text) => text.toUpperCase() };
const STAGE = planOf("s", { library: "a", maxRetries: 100 });

/** The run ends while a worker ends what it had of it, to begin again: what was asked for last once stayed there for ever. */
const ENDED_WHILE_REPLACED = (
  ["turn", "connect", "connect", "cut", "turn", "connect", "time", "crash", "cut", "cut"] as const
).map((what) => ({ what, who: 0 }));

describe("RemoteStages and Worker", () => {
  test("a worker that takes its master for gone, who has another link to it, is given its stages again", async () => {
    const pool = new LinkedPool();
    await using one = new WorkerRig({ a: upper });
    const handle = pool.connect("w1", one);
    await using rig = new RemoteRig([STAGE], { workers: pool });
    await rig.start();
    expect(await put(rig, "x\n")).toBe("X\n");
    for (const text of ["y", "z"]) {
      await pool.relink(handle);
      expect(await put(rig, `${text}\n`)).toBe(`${text.toUpperCase()}\n`);
    }
    expect([rig.failures, one.kept, one.hosts.living("a").length]).toEqual([[], 1, 1]);
  });

  test("an owner that takes its master for gone has the run go back to its checkpoint, and not end for good", async () => {
    const pool = new LinkedPool();
    await using one = new WorkerRig({ a: upper });
    const handle = pool.connect("w1", one);
    await using rig = new RemoteRig([planOf("s", { library: "a", sequential: true })], { workers: pool });
    await rig.start();
    expect(await put(rig, "x\n")).toBe("X\n");
    await pool.relink(handle);
    await settle();
    await expect(put(rig, "y\n")).rejects.toMatchObject({ retryable: true });
    expect(rig.failures[0]).toMatchObject({ code: REWIND, retryable: true });
  });

  test("any number of batches pass, and no memory stays behind on either side", async () => {
    const pool = new LinkedPool();
    await using one = new WorkerRig({ a: upper });
    await using two = new WorkerRig({ a: upper });
    pool.connect("w1", one);
    pool.connect("w2", two);
    await using rig = new RemoteRig([STAGE], { workers: pool });
    await rig.start();
    for (let round = 0; round < 30; round++) {
      const texts = Array.from({ length: 10 }, (_, index) => `r${round}-${index}\n`);
      expect(await Promise.all(texts.map((text) => put(rig, text)))).toEqual(texts.map((text) => text.toUpperCase()));
    }
    expect([one.hosts.all[0]!.seen > 0, two.hosts.all[0]!.seen > 0]).toEqual([true, true]);
    await rig.stages.stop();
    expect([one.kept, two.kept, one.worker.trees(), two.worker.trees()]).toEqual([0, 0, [], []]);
    expect([...one.hosts.all, ...two.hosts.all].every(({ cleanedUp }) => cleanedUp)).toBe(true);
  });

  test("every batch comes out once, whatever happens to links and hosts", async () => {
    const step = fc.record({
      what: fc.constantFrom("put", "put", "put", "cut", "relink", "connect", "crash", "time", "turn"),
      who: fc.nat({ max: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        const pool = new LinkedPool();
        await using one = new WorkerRig({ a: upper });
        await using two = new WorkerRig({ a: upper });
        const rigs = { w1: one, w2: two } as const;
        await using rig = new RemoteRig([STAGE], { workers: pool });
        pool.connect("w1", one);
        pool.connect("w2", two);
        await rig.start();
        const pass = async (ms: number): Promise<void> => {
          for (const clock of [one.clock, two.clock, rig.clock]) clock.advance(ms);
          await settle();
          pool.deliver();
          await settle();
        };
        const puts: Promise<string>[] = [];
        for (const { what, who } of steps) {
          const id = who % 2 === 0 ? "w1" : "w2";
          const handle = pool.handles.get(id);
          if (what === "put") puts.push(put(rig, `b${puts.length}\n`));
          if (what === "cut" && handle) pool.cut(handle);
          if (what === "relink" && handle) await pool.relink(handle);
          if (what === "connect" && !handle) pool.connect(id, rigs[id]);
          if (what === "crash") for (const host of rigs[id].hosts.living("a")) host.kill();
          if (what === "time") await pass(who * REPORT_INTERVAL_MS);
          if (what === "turn") await Promise.resolve();
        }
        for (const id of ["w1", "w2"] as const) if (!pool.handles.has(id)) pool.connect(id, rigs[id]);
        let done = 0;
        for (const each of puts) void each.then(() => done++);
        for (let turn = 0; turn < 200 && done < puts.length; turn++) await pass(REPORT_INTERVAL_MS);
        expect(await Promise.all(puts)).toEqual(puts.map((_, index) => `B${index}\n`));
        expect(rig.failures).toEqual([]);
        await rig.stages.close();
        await pass(REPORT_INTERVAL_MS);
        expect([one.kept, two.kept, one.worker.queue, two.worker.queue]).toEqual([0, 0, 0, 0]);
        expect([...one.hosts.living("a"), ...two.hosts.living("a")]).toEqual([]);
      }),
      { numRuns: 60, examples: [[ENDED_WHILE_REPLACED]] },
    );
  }, 60_000);
});
