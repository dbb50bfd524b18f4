/** Batches of a run on pretended workers: what is lost comes again, what is late is given back, and nothing is done twice. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../../src/base/errors.ts";
import type { LeaseBalancer } from "../../../../../src/protocol/lease/index.ts";
import { REWIND } from "../../../../../src/work/pipeline/dispatch/index.ts";
import type { FakeWorker } from "./fake-workers.ts";
import { planOf } from "./plans.ts";
import { RemoteRig, settle } from "./remote-rig.ts";

const ANY = [planOf("a"), planOf("b")];
/** Two segments that any worker does: their balancers differ. */
const TWO = [planOf("a", { balancer: "ROUND_ROBIN" }), planOf("b", { balancer: "LEAST_LOAD" })];
const OWNED = [planOf("a"), planOf("o", { sequential: true, stateful: true }), planOf("z")];

const elsewhere = new Failure("pipeline.failed_over", "it may do better elsewhere");

/** The worker that has the stage's batch number `seq`. */
function holder(rig: RemoteRig, seq: number): { readonly worker: FakeWorker; readonly lease: number } {
  for (const worker of rig.pool.workers.values()) {
    for (const [lease, { message }] of worker.leases) if (message.seq === seq) return { worker, lease };
  }
  throw new Error(`nobody has batch ${seq}`);
}

/** Results that living workers still keep for the master. */
function heldByAll(rig: RemoteRig): number {
  return [...rig.pool.workers.values()].reduce((sum, { held }) => sum + held.size, 0);
}

/** So many durations have to be known before a slow worker is told from a usual one. */
const LEARNED = 20;

async function learned(rig: RemoteRig): Promise<Promise<unknown>[]> {
  const puts: Promise<unknown>[] = [];
  while (puts.length < LEARNED) {
    puts.push(rig.put(`${puts.length}`));
    for (let segment = 0; segment < TWO.length; segment++) {
      await settle();
      for (const worker of rig.pool.workers.values()) worker.finishAll();
    }
  }
  return puts;
}

describe("RemoteStages", () => {
  test("process() asks the balancer with the key that is made of the batch's id, or the id itself", async () => {
    for (const keyOf of [undefined, (batch: string) => `file of ${batch}`]) {
      const keys: (string | undefined)[] = [];
      const pick: LeaseBalancer["pick"] = (candidates, { key }) => {
        keys.push(key);
        return candidates[0]?.id;
      };
      await using rig = new RemoteRig(ANY, { balancer: { pick }, ...(keyOf && { keyOf }) });
      rig.pool.join("w", { isBrisk: true });
      await rig.start();
      const item = await rig.item("x");
      await rig.stages.way.process(item);
      item.slot.release();
      expect(keys).toEqual([keyOf ? keyOf(item.id) : item.id]);
    }
  });

  test("process() takes a batch through all segments, by its place in memory, and gives every result back once", async () => {
    await using rig = new RemoteRig(OWNED);
    const worker = rig.pool.join("w", { isBrisk: true });
    await rig.start();
    expect(await rig.put("x")).toBe("x>a>o>z");
    expect(worker.taken.map(({ content }) => content instanceof Uint8Array)).toEqual([false, false, false]);
    expect(worker.taken.map(({ asBytes }) => asBytes)).toEqual([false, false, false]);
    expect(worker.released).toHaveLength(3);
    expect(new Set(worker.released)).toEqual(new Set(worker.taken.map(({ lease }) => lease)));
    expect(rig.failures).toEqual([]);
  });

  test("process() sends bytes, and asks for bytes, where the worker reaches no memory of ours", async () => {
    await using rig = new RemoteRig(TWO);
    const worker = rig.pool.join("w", { isBrisk: true, isRemote: true });
    await rig.start();
    expect(await rig.put("x")).toBe("x>a>b");
    expect(worker.taken.map(({ content }) => content instanceof Uint8Array)).toEqual([true, true]);
    expect(worker.taken.every(({ asBytes }) => asBytes)).toBe(true);
    expect(worker.released).toEqual([]);
  });

  test("process() adds up what each segment counted, in the order of the stages", async () => {
    await using rig = new RemoteRig(OWNED);
    rig.pool.join("w", { isBrisk: true });
    await rig.start();
    const item = await rig.item("x");
    await rig.stages.way.process(item);
    expect(item.result.counts).toHaveLength(3);
    item.slot.release();
  });

  test("process() leaves the raw batch's room when it is through, so that any number of batches can pass", async () => {
    await using rig = new RemoteRig(ANY);
    rig.pool.join("w", { isBrisk: true });
    await rig.start();
    for (let batch = 0; batch < 500; batch++) expect(await rig.put(`${batch}`)).toBe(`${batch}>a>b`);
  });

  test("process() gives a lost worker's batches to another one at once", async () => {
    await using rig = new RemoteRig(ANY);
    const [first] = [rig.pool.join("w1"), rig.pool.join("w2")];
    await rig.start();
    const all = Promise.all(["x", "y", "z", "q"].map((text) => rig.put(text)));
    await settle();
    expect(first.leases.size).toBe(2);
    rig.pool.lose(first);
    await settle();
    const [other] = rig.pool.workers.values();
    expect(other!.leases.size).toBe(4);
    other!.finishAll();
    expect(await all).toEqual(["x>a>b", "y>a>b", "z>a>b", "q>a>b"]);
    expect(rig.named("lost")).toHaveLength(1);
    expect(rig.failures).toEqual([]);
    expect(heldByAll(rig)).toBe(0);
  });

  test("process() waits when the last worker is lost, and goes on when one comes", async () => {
    await using rig = new RemoteRig(ANY);
    const first = rig.pool.join("w1");
    await rig.start();
    const done = rig.put("x");
    await settle();
    rig.pool.lose(first);
    await settle();
    rig.pool.join("w2", { isBrisk: true });
    expect(await done).toBe("x>a>b");
  });

  test("process() starts again from the raw batch when a result is lost with its worker", async () => {
    let wanted = "w1";
    const balancer = { pick: (all: readonly { id: string }[]) => (all.find(({ id }) => id === wanted) ?? all[0])?.id };
    await using rig = new RemoteRig(TWO, { balancer });
    const [first, second] = [rig.pool.join("w1"), rig.pool.join("w2")];
    await rig.start();
    const done = rig.put("x");
    await settle();
    wanted = "w2";
    first.finishAll();
    await settle();
    expect(holder(rig, 0).worker).toBe(second);
    rig.pool.lose(first); // the result of the first segment lay there, and nobody has read it
    second.finishAll();
    await settle();
    expect(second.taken.map(({ deployment }) => deployment.at(-1))).toEqual(["1", "0"]);
    second.finishAll();
    await settle();
    second.finishAll();
    expect(await done).toBe("x>a>b");
    expect(second.held.size).toBe(0);
    expect(rig.failures).toEqual([]);
  });

  test("process() has the run go back to its checkpoint when results of a batch are lost again and again", async () => {
    await using rig = new RemoteRig(ANY);
    const worker = rig.pool.join("w1");
    await rig.start();
    const done = rig.put("x").catch((thrown) => thrown);
    await settle();
    while (worker.leases.size > 0) {
      worker.fail(
        [...worker.leases.keys()][0]!,
        new Failure("work.input_lost", "it is not there", { retryable: true }),
      );
      await settle();
    }
    expect(await done).toMatchObject({ code: REWIND });
    expect(worker.taken.length).toBe(10);
  });

  test("process() goes to another worker when one fails a batch over, and is told when nobody else is left", async () => {
    await using rig = new RemoteRig(ANY);
    rig.pool.join("w1");
    rig.pool.join("w2");
    await rig.start();
    const done = rig.put("x");
    await settle();
    const first = holder(rig, 0);
    expect(first.worker.leases.get(first.lease)!.message.failsOver).toBe(true);
    first.worker.fail(first.lease, elsewhere);
    await settle();
    const second = holder(rig, 0);
    expect(second.worker).not.toBe(first.worker);
    expect(second.worker.leases.get(second.lease)!.message.failsOver).toBe(false);
    second.worker.finishAll();
    expect(await done).toBe("x>a>b");
    expect(rig.named("failover").map(({ worker }) => worker)).toEqual([first.worker.id]);
  });

  test("process() fails with what the stages say of a batch, and asks nobody else", async () => {
    await using rig = new RemoteRig(ANY);
    rig.pool.join("w1");
    rig.pool.join("w2");
    await rig.start();
    const done = rig.put("x");
    await settle();
    const { lease, worker } = holder(rig, 0);
    worker.fail(lease, new Failure("pipeline.failed", "stage a: batch b0: no"));
    await expect(done).rejects.toMatchObject({ code: "pipeline.failed", message: "stage a: batch b0: no" });
    expect([...rig.pool.workers.values()].map(({ taken }) => taken.length).toSorted()).toEqual([0, 1]);
  });

  test("process() goes to another worker when an answer cannot be read", async () => {
    await using rig = new RemoteRig(ANY);
    rig.pool.join("w1");
    rig.pool.join("w2");
    await rig.start();
    const done = rig.put("x");
    await settle();
    const { lease, worker } = holder(rig, 0);
    worker.leases.get(lease)!.answer({ counts: "many" });
    worker.leases.delete(lease);
    await settle();
    expect(worker.released).toEqual([lease]);
    holder(rig, 0).worker.finishAll();
    expect(await done).toBe("x>a>b");
  });

  test("the run is to rewind, once, when an owner is lost with batches under way", async () => {
    await using rig = new RemoteRig(OWNED);
    rig.pool.join("w1");
    rig.pool.join("w2");
    await rig.start();
    const all = ["x", "y", "z"].map((text) => rig.put(text).catch((thrown) => thrown.code));
    await settle();
    for (const worker of rig.pool.workers.values()) worker.finishAll();
    await settle();
    const owner = [...rig.pool.workers.values()].find(({ deployed }) => deployed.size === 3)!;
    expect(owner.leases.size).toBe(3);
    rig.pool.lose(owner);
    await settle();
    expect(rig.failures[0]).toMatchObject({ code: REWIND, retryable: true });
    expect(new Set(rig.failures.map(({ code }) => code))).toEqual(new Set([REWIND]));
    rig.stages.refuseAll(new Failure("run.ended", "it is over"));
    expect(new Set(await Promise.all(all))).toEqual(new Set(["work.owner_lost"]));
  });

  test("the run is to rewind when an owner is lost that has nothing to do", async () => {
    await using rig = new RemoteRig(OWNED);
    rig.pool.join("w1", { isBrisk: true });
    await rig.start();
    await rig.put("x");
    rig.pool.lose(rig.pool.workers.get("w1")!);
    expect(rig.failures.map(({ code }) => code)).toEqual([REWIND]);
  });

  test("the run goes on when a worker is lost that owns nothing", async () => {
    await using rig = new RemoteRig(OWNED);
    rig.pool.join("w1", { isBrisk: true });
    rig.pool.join("w2", { isBrisk: true });
    await rig.start();
    const other = [...rig.pool.workers.values()].find(({ deployed }) => deployed.size === 2)!;
    rig.pool.lose(other);
    expect(await rig.put("x")).toBe("x>a>o>z");
    expect(rig.failures).toEqual([]);
  });

  test("a slow worker's batch is given to a second one; the loser's result is late, and given back", async () => {
    const hedge = { quantile: 0.9, factor: 2, minMs: 50, maxMs: 100, maxShare: 1 };
    await using rig = new RemoteRig(ANY, { lease: { hedge } });
    rig.pool.join("w1");
    rig.pool.join("w2");
    await rig.start();
    for (let batch = 0; batch < 20; batch++) {
      const done = rig.put(`${batch}`);
      await settle();
      const { worker } = holder(rig, batch);
      worker.finishAll();
      await done;
    }
    const done = rig.put("slow");
    await settle();
    const first = holder(rig, 20);
    await rig.pass(200, 50);
    expect(rig.named("hedge")).toHaveLength(1);
    const second = [...rig.pool.workers.values()].find((worker) => worker !== first.worker)!;
    expect(second.leases.size).toBe(1);
    second.finishAll();
    expect(await done).toBe("slow>a>b");
    expect(rig.named("late")).toHaveLength(0);
    first.worker.finishAll();
    await settle();
    expect(rig.named("late")).toEqual([{ event: "late", worker: first.worker.id }]);
    expect(heldByAll(rig)).toBe(0);
    expect(first.worker.released).toContain(first.lease);
    expect(rig.named("done")).toHaveLength(21);
  });

  test("a silent worker's late result is used while the batch is open, and given back when it is not", async () => {
    await using rig = new RemoteRig(ANY);
    rig.pool.join("w1");
    rig.pool.join("w2");
    await rig.start();
    const texts = ["x", "y"];
    const all = texts.map((text) => rig.put(text));
    await settle();
    const silent = holder(rig, 0).worker;
    const other = [...rig.pool.workers.values()].find((worker) => worker !== silent)!;
    for (let passed = 0; passed < 4_000; passed += 250) {
      rig.clock.advance(250);
      rig.pool.report(other);
    }
    await settle();
    expect(other.leases.size).toBe(2); // its own, and that of the silent one
    silent.finishAll();
    expect(await all[0]).toBe("x>a>b");
    other.finishAll();
    expect(await Promise.all(all)).toEqual(["x>a>b", "y>a>b"]);
    await settle();
    expect(heldByAll(rig)).toBe(0);
    expect(rig.failures).toEqual([]);
  });

  test("process() fails for everybody who waits when the run is over, also for who comes later", async () => {
    await using rig = new RemoteRig(ANY);
    rig.pool.join("w1");
    await rig.start();
    const waiting = rig.put("x");
    const over = new Failure("run.over", "it is over");
    await settle();
    rig.stages.refuseAll(over);
    await expect(waiting).rejects.toBe(over);
    await expect(rig.put("y")).rejects.toBe(over);
  });

  test("process() loses and doubles nothing, and leaves no result behind, whatever happens to the workers", async () => {
    const step = fc.record({
      what: fc.constantFrom("finish", "finish", "finish", "fail", "lose", "join", "time", "report", "put", "put"),
      who: fc.nat({ max: 9 }),
    });
    const hedge = { quantile: 0.5, factor: 1, minMs: 1, maxMs: 500, maxShare: 1 };
    let [losses, hedges] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        await using rig = new RemoteRig(TWO, { lease: { hedge } });
        let workers = 0;
        rig.pool.join(`w${workers++}`);
        rig.pool.join(`w${workers++}`);
        await rig.start();
        const puts = await learned(rig);
        for (const { what, who } of steps) {
          const all = [...rig.pool.workers.values()];
          const worker = all[who % Math.max(1, all.length)];
          const lease = worker && [...worker.leases.keys()][who % Math.max(1, worker.leases.size)];
          if (what === "put" && puts.length < 2 * LEARNED) puts.push(rig.put(`${puts.length}`));
          if (what === "finish" && worker && lease !== undefined) worker.finish(lease);
          if (what === "fail" && worker && lease !== undefined) worker.fail(lease, elsewhere);
          if (what === "lose" && worker) rig.pool.lose(worker);
          if (what === "join") rig.pool.join(`w${workers++}`);
          if (what === "time") rig.clock.advance(who * 400);
          if (what === "report" && worker) rig.pool.report(worker);
          await settle();
        }
        rig.pool.join(`w${workers++}`);
        for (let turn = 0; turn < 400 && rig.results.size < puts.length; turn++) {
          for (const worker of rig.pool.workers.values()) worker.finishAll();
          await rig.pass(250);
        }
        await Promise.all(puts);
        for (const worker of rig.pool.workers.values()) worker.finishAll();
        await settle();
        expect([...rig.results.keys()].toSorted((a, b) => a - b)).toEqual(puts.map((_, seq) => seq));
        for (const [seq, result] of rig.results) expect(result).toBe(`${seq}>a>b`);
        expect(rig.failures).toEqual([]);
        expect(heldByAll(rig)).toBe(0);
        losses += rig.named("lost").length;
        hedges += rig.named("hedge").length;
      }),
      { numRuns: 60 },
    );
    expect([losses > 0, hedges > 0]).toEqual([true, true]);
  }, 60_000);
});
