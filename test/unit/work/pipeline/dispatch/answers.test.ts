/** Answers of workers that are of no use, and what a master makes of them: no result is lost silently, and none stays there. */
import { describe, expect, test } from "bun:test";
import { Failure, toFailure } from "../../../../../src/base/errors.ts";
import { REWIND } from "../../../../../src/work/pipeline/dispatch/index.ts";
import type { LeaseReply } from "../../../../../src/work/pipeline/dispatch/messages.ts";
import { planOf } from "./plans.ts";
import { RemoteRig, settle } from "./remote-rig.ts";

const ANY = [planOf("a"), planOf("b")];
const OWNED = [planOf("o", { sequential: true })];
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (thrown) => toFailure(thrown, "test").code,
  );

/** The first answer only. */
function once(distort: (reply: LeaseReply) => unknown): (reply: LeaseReply) => unknown {
  let times = 0;
  return (reply) => (times++ === 0 ? distort(reply) : reply);
}

describe("RemoteStages", () => {
  for (const [what, distort] of [
    ["counts for a stage too little", (reply: LeaseReply) => ({ ...reply, counts: reply.counts.slice(1) })],
    ["counts for no stage", (reply: LeaseReply) => ({ ...reply, counts: [] })],
    ["counts for a stage too much", (reply: LeaseReply) => ({ ...reply, counts: [...reply.counts, ...reply.counts] })],
    ["cannot be read", () => ({ counts: "many" })],
    [
      "names a place that is none",
      ({ content, ...rest }: LeaseReply) => ({ ...rest, content: { ...content, offset: 1e9 } }),
    ],
  ] as const) {
    test(`process() has a batch done again, and keeps nothing, when the answer ${what}`, async () => {
      await using rig = new RemoteRig(ANY);
      const distorts = once(distort);
      const workers = ["w1", "w2"].map((id) => rig.pool.join(id, { isBrisk: true, distorts }));
      await rig.start();
      expect(await rig.put("x")).toBe("x>a>b");
      await settle();
      expect(workers.flatMap(({ taken }) => taken)).toHaveLength(2);
      expect(workers.map(({ held }) => held.size)).toEqual([0, 0]);
      expect(rig.failures).toEqual([]);
    });

    test(`process() has the run go back when an owner's answer ${what}`, async () => {
      await using rig = new RemoteRig(OWNED);
      const owner = rig.pool.join("w1", { isBrisk: true, distorts: once(distort) });
      await rig.start();
      expect(await codeOf(rig.put("x"))).toBe(REWIND);
      expect([owner.taken.length, owner.held.size]).toEqual([1, 0]); // it is in its state already
    });
  }

  for (const [code, expected, asked] of [
    ["link.too_large", "link.too_large", 1],
    ["work.too_large", "work.too_large", 1],
    ["link.timeout", REWIND, 1],
    ["work.stages_ended", REWIND, 1],
    ["pipeline.failed", "pipeline.failed", 1],
  ] as const) {
    test(`process() asks an owner who said ${code} nothing more, and fails with ${expected}`, async () => {
      await using rig = new RemoteRig(OWNED);
      const owner = rig.pool.join("w1");
      await rig.start();
      const failed = codeOf(rig.put("x"));
      await settle();
      owner.fail([...owner.leases.keys()][0]!, new Failure(code, "no"));
      expect(await failed).toBe(expected);
      await settle();
      expect(owner.taken).toHaveLength(asked);
    });
  }

  for (const code of ["work.not_deployed", "work.undeployed", "work.stages_ended", "link.timeout"]) {
    test(`process() has the run go back, and not end for good, when its owner says ${code}`, async () => {
      await using rig = new RemoteRig(OWNED);
      const owner = rig.pool.join("w1");
      await rig.start();
      const thrown = rig.put("x").catch((reason: unknown) => toFailure(reason, "test"));
      await settle();
      owner.fail([...owner.leases.keys()][0]!, new Failure(code, "no stages are here"));
      const said = [await thrown, ...rig.failures]; // the first is why the run ends
      expect(said.every((each) => (each as Failure).retryable)).toBe(true);
      expect(said.map((each) => (each as Failure).code)).toContain(REWIND);
    });
  }

  for (const code of ["work.not_deployed", "work.undeployed"]) {
    test(`process() has the only worker bring its stages up again that says ${code}, however often`, async () => {
      await using rig = new RemoteRig(ANY);
      const worker = rig.pool.join("w1");
      await rig.start();
      const done = [rig.put("x"), rig.put("y")];
      for (let times = 1; times <= 20; times++) {
        await settle();
        worker.deployed.clear();
        for (const lease of [...worker.leases.keys()]) worker.fail(lease, new Failure(code, "no stages are here"));
        await settle();
        expect(worker.asked).toHaveLength(1 + times); // once for both
      }
      worker.finishAll();
      expect(await Promise.all(done)).toEqual(["x>a>b", "y>a>b"]);
      expect([rig.failures, worker.held.size, rig.named("lost")]).toEqual([[], 0, []]);
    });
  }

  test("process() does not take word of stages that were there before for word of those that are there now", async () => {
    await using rig = new RemoteRig(ANY);
    const worker = rig.pool.join("w1");
    await rig.start();
    const done = [rig.put("x"), rig.put("y")];
    await settle();
    const [early, late] = [...worker.leases.keys()] as [number, number];
    worker.deployed.clear();
    worker.fail(early, new Failure("work.not_deployed", "no stages are here"));
    await settle();
    worker.fail(late, new Failure("work.undeployed", "they are about to end"));
    await settle();
    expect(worker.asked).toHaveLength(2);
    worker.finishAll();
    expect(await Promise.all(done)).toEqual(["x>a>b", "y>a>b"]);
  });

  test("process() asks an owner again who had no room for the question", async () => {
    await using rig = new RemoteRig(OWNED);
    const owner = rig.pool.join("w1");
    await rig.start();
    const done = rig.put("x");
    await settle();
    owner.fail([...owner.leases.keys()][0]!, new Failure("link.overloaded", "too much", { retryable: true }));
    await settle();
    owner.finishAll();
    expect(await done).toBe("x>o");
  });

  test("process() fails at once, and asks nobody else, for what no link carries", async () => {
    await using rig = new RemoteRig(ANY);
    const workers = ["w1", "w2"].map((id) => rig.pool.join(id));
    await rig.start();
    const failed = codeOf(rig.put("x"));
    await settle();
    const worker = workers.find(({ leases }) => leases.size > 0)!;
    worker.fail([...worker.leases.keys()][0]!, new Failure("link.too_large", "no"));
    expect(await failed).toBe("link.too_large");
    expect(workers.flatMap(({ taken }) => taken)).toHaveLength(1);
  });

  test("a result is given back later when the link has no room for that now", async () => {
    await using rig = new RemoteRig(ANY);
    const worker = rig.pool.join("w1", { isBrisk: true, fullTimes: 2 });
    await rig.start();
    expect(await rig.put("x")).toBe("x>a>b");
    await settle();
    expect(worker.held.size).toBe(1);
    await rig.pass(1_000);
    expect([worker.held.size, rig.failures]).toEqual([0, []]);
  });
});
