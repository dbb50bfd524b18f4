/** Stages with an owner: he always has room for the batch that the others wait for, and does none of them twice. */
import { describe, expect, test } from "bun:test";
import { Failure, toFailure } from "../../../../../src/base/errors.ts";
import { REWIND } from "../../../../../src/work/pipeline/dispatch/index.ts";
import { planOf } from "./plans.ts";
import { RemoteRig, settle } from "./remote-rig.ts";

const ORDERED = planOf("o", { sequential: true, stateful: true });
const WINDOW = 3;
const BATCHES = 7;
const lostInput = new Failure("work.input_lost", "it is not there", { retryable: true });

describe("RemoteStages with an owner", () => {
  test("process() gives the owner the oldest batch when more younger ones are there than a worker's window takes", async () => {
    await using rig = new RemoteRig([planOf("a"), ORDERED], { lease: { workerWindow: () => WINDOW } });
    const workers = ["w1", "w2", "w3"].map((id) => rig.pool.join(id));
    await rig.start();
    for (let seq = 0; seq < BATCHES; seq++) rig.put(`${seq}`).catch(() => {}); // none of them gets to its end
    await settle();
    const owner = workers.find(({ asked }) => asked.length === 2)!;
    const atOwner = (): number[] =>
      owner.taken.filter(({ deployment }) => deployment.endsWith("/1")).map(({ seq }) => seq);
    // All but the oldest are through the first segment, and wait for it at the owner.
    for (const worker of workers) {
      for (const [lease, { message }] of [...worker.leases]) if (message.seq !== 0) worker.finish(lease);
    }
    await settle();
    expect(atOwner().toSorted()).toEqual([1, 2, 3, 4, 5, 6]);
    for (const worker of workers) {
      for (const [lease, { message }] of [...worker.leases]) if (message.seq === 0) worker.finish(lease);
    }
    await settle();
    expect(atOwner()).toContain(0);
  });

  test("process() has the run go back to its checkpoint when a batch is lost behind an owner that has had it", async () => {
    await using rig = new RemoteRig([
      ORDERED,
      planOf("z", { balancer: "ROUND_ROBIN" }),
      planOf("y", { balancer: "RESPONSE_TIME" }),
    ]);
    const workers = ["w1", "w2"].map((id) => rig.pool.join(id));
    await rig.start();
    const done = rig.put("x").catch((thrown) => toFailure(thrown, "test").code);
    const owner = workers.find(({ asked }) => asked.some(({ deployment }) => deployment.endsWith("/0")))!;
    await settle();
    owner.finishAll(); // through the owner
    await settle();
    for (const worker of workers) {
      for (const lease of worker.leases.keys()) worker.fail(lease, lostInput);
    }
    expect(await done).toBe(REWIND);
    expect(owner.taken.filter(({ deployment }) => deployment.endsWith("/0"))).toHaveLength(1);
  });

  test("process() tells when a lost worker's batches are all with others", async () => {
    await using rig = new RemoteRig([planOf("a")], { lease: { workerWindow: () => WINDOW } });
    const [first, second] = [rig.pool.join("w1"), rig.pool.join("w2")];
    await rig.start();
    for (let seq = 0; seq < 2 * WINDOW; seq++) rig.put(`${seq}`).catch(() => {}); // not waited for
    await settle();
    rig.pool.lose(first);
    await settle();
    expect(rig.named("moved")).toEqual([]); // the other one has no room yet
    second.finishAll();
    await settle();
    expect(rig.named("moved")).toEqual([{ event: "moved", worker: "w1", segment: 0, batches: WINDOW }]);
  });
});
