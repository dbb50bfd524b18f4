/** Which worker gets which stages, and what becomes of them when it refuses, breaks, drains or goes. */
import { describe, expect, spyOn, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { ForeignSegments } from "../../../../../src/work/pipeline/dispatch/contents.ts";
import { REWIND } from "../../../../../src/work/pipeline/dispatch/index.ts";
import type { FakeWorker } from "./fake-workers.ts";
import { planOf } from "./plans.ts";
import { RemoteRig, settle } from "./remote-rig.ts";

const ANY = [planOf("a")];
const OWNED = [planOf("a"), planOf("o", { sequential: true, stateful: true }), planOf("z")];
const SUSPENDED_MS = 10_000;
const SLOW_MS = 12_000;

const broken = new Failure("plugin.threw", "init said no");
const unreachable = new Failure("work.fetch", "the file could not be fetched", { retryable: true });

/** Of the segments 0, 1, … which it runs. */
function segmentsOf({ deployed }: FakeWorker): string {
  return [...deployed.keys()].map((deployment) => deployment.slice(deployment.indexOf("/") + 1)).join("");
}

function ownersOf(rig: RemoteRig): FakeWorker[] {
  return [...rig.pool.workers.values()].filter((worker) => segmentsOf(worker).includes("1"));
}

describe("Placement", () => {
  test("start() waits for those who are about to serve when a stage is to fail over, and for nobody else", async () => {
    for (const policy of ["FAILOVER", "RETRY_WITH_BACKOFF"] as const) {
      await using rig = new RemoteRig([planOf("a", { policy })]);
      const comes = Promise.withResolvers<void>();
      rig.pool.join("w1", { isBrisk: true });
      rig.pool.join("w2", { isBrisk: true, comingUp: () => comes.promise });
      let isReady = false;
      const started = rig.stages.start().then(() => {
        isReady = true;
      });
      await settle();
      expect(isReady).toBe(policy !== "FAILOVER");
      comes.resolve();
      await started;
      expect(isReady).toBe(true);
    }
  });

  test("start() waits ten seconds at most for somebody to fail over to", async () => {
    await using rig = new RemoteRig([planOf("a", { policy: "FAILOVER" })]);
    rig.pool.join("w1", { isBrisk: true });
    rig.pool.join("w2", { isBrisk: true, comingUp: () => new Promise(() => {}) });
    let isReady = false;
    void rig.stages.start().then(() => {
      isReady = true;
    });
    await settle();
    rig.clock.advance(9_999);
    await settle();
    expect(isReady).toBe(false);
    rig.clock.advance(1);
    await settle();
    expect(isReady).toBe(true);
  });

  test("start() waits for a worker, and says so", async () => {
    await using rig = new RemoteRig(ANY);
    let started = false;
    const start = rig.stages.start().then(() => {
      started = true;
    });
    await settle();
    rig.clock.advance(60_000);
    await settle();
    expect([started, rig.told]).toEqual([false, ["waiting for a worker"]]);
    rig.pool.join("w");
    await start;
  });

  test("gives every worker what any can do, and the owner's part to one only", async () => {
    await using rig = new RemoteRig(OWNED);
    for (const id of ["w1", "w2", "w3"]) rig.pool.join(id);
    await rig.start();
    rig.pool.join("w4");
    await settle();
    expect(Array.from(rig.pool.workers.values(), segmentsOf).map((all) => all.replace("1", ""))).toEqual(
      Array.from({ length: 4 }, () => "02"),
    );
    expect(ownersOf(rig)).toHaveLength(1);
  });

  test("chooses the same owner among the same workers, whoever comes first, and not one for all pipelines", async () => {
    const ids = ["w1", "w2", "w3", "w4"];
    const chosen = new Set<string>();
    for (const order of [ids, ids.toReversed()]) {
      await using rig = new RemoteRig(OWNED);
      for (const id of order) rig.pool.join(id);
      await rig.start();
      chosen.add(ownersOf(rig)[0]!.id);
    }
    expect(chosen.size).toBe(1);
  });

  test("gives an owner the states of its own stages, and the numbers to go on from", async () => {
    const states = new Map([
      ["o", Uint8Array.of(1)],
      ["gone", Uint8Array.of(2)],
    ]);
    await using rig = new RemoteRig(OWNED, { states, firstSeq: 42 });
    const worker = rig.pool.join("w");
    await rig.start();
    const [first, owned, last] = ["0", "1", "2"].map(
      (index) => worker.asked.find(({ deployment }) => deployment.endsWith(index))!,
    );
    expect(owned).toMatchObject({
      firstSeq: 42,
      isSequential: true,
      encoding: "batch",
      states: [["o", states.get("o")!]],
    });
    expect(first).toMatchObject({ isSequential: false, encoding: "batch", states: [] });
    expect(last).toMatchObject({ isSequential: false, encoding: "ndjson", states: [] });
    expect(new Set(worker.asked.map(({ deployment }) => deployment)).size).toBe(3);
  });

  test("leaves a worker alone for a while that cannot run the stages, as long as another can", async () => {
    await using rig = new RemoteRig(ANY);
    let refusal: Failure | undefined = broken;
    const bad = rig.pool.join("bad", { refuses: () => refusal });
    const good = rig.pool.join("good", { isBrisk: true });
    await rig.start();
    expect(await rig.put("x")).toBe("x>a");
    expect([bad.asked.length, bad.taken.length, good.taken.length]).toEqual([1, 0, 1]);
    expect(rig.told).toEqual(["p: worker bad cannot run its stages: init said no"]);
    rig.clock.advance(SUSPENDED_MS - 1_000);
    await settle();
    expect(bad.asked).toHaveLength(1);
    refusal = undefined;
    rig.clock.advance(1_000);
    await settle();
    expect([bad.asked.length, segmentsOf(bad)]).toEqual([2, "0"]);
    expect(rig.failures).toEqual([]);
  });

  test("ends the run with the plugin's reason when it runs on none of the workers", async () => {
    await using rig = new RemoteRig(ANY);
    rig.pool.join("w1", { refuses: () => broken });
    rig.pool.join("w2", { refuses: () => broken });
    await expect(rig.start()).rejects.toBe(broken);
    expect(rig.failures).toEqual([broken]);
  });

  test("ends the run when an owner's plugin takes longer to refuse than anybody is left alone", async () => {
    await using rig = new RemoteRig([planOf("o", { sequential: true })]);
    const pause = (): Promise<void> => new Promise((resolve) => rig.clock.after(SLOW_MS, resolve));
    const options = { refuses: () => broken, comingUp: pause };
    const workers = ["w1", "w2", "w3"].map((id) => rig.pool.join(id, options));
    const start = rig.stages.start().catch((thrown) => thrown);
    for (let tries = 0; tries < 2 * workers.length && rig.failures.length === 0; tries++) {
      await settle();
      rig.clock.advance(SLOW_MS);
      await settle();
    }
    expect(rig.failures).toEqual([broken]);
    expect(await start).toBe(broken);
    expect(workers.map(({ asked }) => asked.length)).toEqual([1, 1, 1]);
  });

  test("tries again who refused long ago when stages break that have run elsewhere since", async () => {
    await using rig = new RemoteRig([planOf("o", { sequential: true })]);
    let refusal: Failure | undefined = broken;
    const refuses = () => {
      const said = refusal;
      refusal = undefined;
      return said;
    };
    const workers = ["w1", "w2"].map((id) => rig.pool.join(id, { refuses }));
    await rig.start();
    const owner = workers.find(({ deployed }) => deployed.size > 0)!;
    rig.clock.advance(SUSPENDED_MS + 1);
    rig.pool.breakStages(owner, owner.asked[0]!.deployment, "plugin.crash_loop");
    await settle();
    expect(rig.failures.map(({ code }) => code)).toEqual([REWIND]); // an owner's stages broke: not the end
    expect(workers.filter((each) => each !== owner).map(({ deployed }) => deployed.size)).toEqual([1]);
  });

  test("keeps nothing mapped of a worker that is gone, or whose stages were brought up anew", async () => {
    const forget = spyOn(ForeignSegments.prototype, "forget");
    try {
      await using rig = new RemoteRig(ANY);
      const worker = rig.pool.join("w1");
      rig.pool.join("w2");
      await rig.start();
      rig.pool.breakStages(worker, worker.asked[0]!.deployment, "plugin.crash_loop");
      expect(forget).toHaveBeenCalledTimes(1);
      rig.clock.advance(SUSPENDED_MS);
      await settle();
      rig.pool.lose(worker);
      expect(forget).toHaveBeenCalledTimes(2);
    } finally {
      forget.mockRestore();
    }
  });

  test("asks a worker that is still there at once again when only the link gave way, also twice", async () => {
    for (const code of ["link.closed", "link.overloaded"]) {
      await using rig = new RemoteRig(OWNED);
      let times = 0;
      const refuses = () => (++times <= 2 ? new Failure(code, "another one is kept", { retryable: true }) : undefined);
      const worker = rig.pool.join("w1", { isBrisk: true, refuses });
      const start = rig.stages.start();
      await settle();
      rig.clock.advance(1_000);
      await start;
      expect([rig.told, rig.failures]).toEqual([[], []]);
      expect(worker.deployed.size).toBe(3);
    }
  });

  test("waits, and tries again, when the way to all workers is the trouble and not the plugin", async () => {
    await using rig = new RemoteRig(ANY);
    let refusal: Failure | undefined = unreachable;
    rig.pool.join("w1", { refuses: () => refusal });
    const start = rig.stages.start();
    await settle();
    expect(rig.failures).toEqual([]);
    refusal = undefined;
    rig.clock.advance(SUSPENDED_MS);
    await start;
  });

  test("chooses another owner when the first one cannot run the stages", async () => {
    await using rig = new RemoteRig(OWNED);
    const refuses = (message: { deployment: string }): Failure | undefined =>
      message.deployment.endsWith("/1") && ++tries === 1 ? broken : undefined;
    let tries = 0;
    rig.pool.join("w1", { refuses });
    rig.pool.join("w2", { refuses });
    await rig.start();
    expect(tries).toBe(2);
    expect(ownersOf(rig)).toHaveLength(1);
    expect(rig.failures).toEqual([]);
  });

  test("takes the batches elsewhere when stages break on one worker, and tries it again after a while", async () => {
    await using rig = new RemoteRig(ANY);
    const [w1, w2] = [rig.pool.join("w1"), rig.pool.join("w2")];
    await rig.start();
    const done = Promise.all([rig.put("x"), rig.put("y")]);
    await settle();
    expect([w1.leases.size, w2.leases.size]).toEqual([1, 1]);
    rig.pool.breakStages(w1, "life1/0", "pipeline.crash_loop");
    await settle();
    expect(w2.leases.size).toBe(2);
    w2.finishAll();
    expect(await done).toEqual(["x>a", "y>a"]);
    rig.clock.advance(SUSPENDED_MS);
    await settle();
    expect([w1.asked.length, segmentsOf(w1)]).toEqual([2, "0"]);
    expect(rig.failures).toEqual([]);
  });

  test("ends the run with the reason when stages break on the only worker that has them", async () => {
    await using rig = new RemoteRig(ANY);
    const worker = rig.pool.join("w1");
    await rig.start();
    rig.pool.breakStages(worker, "life1/0", "pipeline.crash_loop");
    expect(rig.failures.map(({ code }) => code)).toEqual(["pipeline.crash_loop"]);
  });

  test("hears nothing of stages that are not this run's", async () => {
    await using rig = new RemoteRig(ANY);
    const worker = rig.pool.join("w1");
    await rig.start();
    rig.pool.breakStages(worker, "life0/0", "pipeline.crash_loop");
    expect(rig.failures).toEqual([]);
  });

  test("a drained worker ends what it has, gets nothing more, and keeps no stages", async () => {
    await using rig = new RemoteRig(ANY);
    const [w1, w2] = [rig.pool.join("w1"), rig.pool.join("w2")];
    await rig.start();
    const first = Promise.all([rig.put("x"), rig.put("y")]);
    await settle();
    rig.pool.drain(w1, true);
    const later = Promise.all([rig.put("z"), rig.put("q")]);
    await settle();
    expect([w1.leases.size, w2.leases.size]).toEqual([1, 3]);
    await rig.pass(1_000);
    expect(w1.ended).toEqual([]);
    w1.finishAll();
    w2.finishAll();
    await Promise.all([first, later]);
    await rig.pass(1_000);
    expect(w1.ended).toEqual([{ deployment: "life1/0", how: "stop" }]);
    expect(w1.held.size).toBe(0);
    expect(rig.failures).toEqual([]);
  });

  test("a worker that is drained no more works on, with the stages that it still has", async () => {
    await using rig = new RemoteRig(ANY);
    const worker = rig.pool.join("w1");
    await rig.start();
    const first = rig.put("x");
    await settle();
    rig.pool.drain(worker, true);
    const second = rig.put("y");
    await settle();
    rig.pool.drain(worker, false);
    await settle();
    expect([worker.leases.size, worker.asked.length, rig.told]).toEqual([2, 1, []]);
    worker.finishAll();
    expect(await Promise.all([first, second])).toEqual(["x>a", "y>a"]);
    await rig.pass(1_000);
    await rig.stages.close();
    expect(worker.ended.map(({ deployment }) => deployment)).toEqual(["life1/0"]);
  });

  test("a worker that is drained no more gets again what it had lost", async () => {
    await using rig = new RemoteRig(ANY);
    const worker = rig.pool.join("w1", { isBrisk: true });
    await rig.start();
    rig.pool.drain(worker, true);
    await rig.pass(1_000);
    expect(segmentsOf(worker)).toBe("");
    const waiting = rig.put("x");
    rig.pool.drain(worker, false);
    expect(await waiting).toBe("x>a");
  });

  test("a drained worker is not tried again when stages had broken there", async () => {
    await using rig = new RemoteRig(ANY);
    const [w1] = [rig.pool.join("w1"), rig.pool.join("w2")];
    await rig.start();
    rig.pool.breakStages(w1, "life1/0", "pipeline.crash_loop");
    rig.pool.drain(w1, true);
    rig.clock.advance(SUSPENDED_MS);
    await settle();
    expect(w1.asked).toHaveLength(1);
  });

  test("a worker that is drained while stages are being brought up there is not said to have refused them", async () => {
    await using rig = new RemoteRig(ANY);
    const up = Promise.withResolvers<void>();
    const worker = rig.pool.join("w1", { comingUp: async (times) => (times === 1 ? up.promise : undefined) });
    const start = rig.stages.start().catch(() => {});
    await settle();
    rig.pool.drain(worker, true);
    await settle();
    expect(worker.ended).toEqual([{ deployment: "life1/0", how: "stop" }]);
    up.reject(new Failure("work.undeployed", "these stages were ended before they ran"));
    await settle();
    rig.pool.drain(worker, false);
    await settle();
    expect([rig.told, worker.asked.length]).toEqual([[], 2]);
    await rig.stages.close();
    await start;
  });

  test("draining an owner rewinds the run, whose stages then go to another worker", async () => {
    await using rig = new RemoteRig(OWNED);
    rig.pool.join("w1");
    rig.pool.join("w2");
    await rig.start();
    rig.pool.drain(ownersOf(rig)[0]!, true);
    expect(rig.failures.map(({ code }) => code)).toEqual([REWIND]);
  });

  test("a draining worker is no owner, and gets no stages", async () => {
    await using rig = new RemoteRig(OWNED);
    const draining = rig.pool.join("w1");
    draining.isDraining = true;
    rig.pool.join("w2");
    await rig.start();
    expect([segmentsOf(draining), ownersOf(rig).map(({ id }) => id)]).toEqual(["", ["w2"]]);
  });

  test("close() ends all stages at once, stop() in order, and neither is done twice", async () => {
    await using rig = new RemoteRig(OWNED);
    const worker = rig.pool.join("w1");
    await rig.start();
    await rig.stages.stop();
    await rig.stages.close();
    expect(worker.ended.map(({ how }) => how)).toEqual(["stop", "stop", "stop"]);
    expect(worker.deployed.size).toBe(0);
    expect(rig.pool.watchers).toBe(0);
  });

  test("close() also ends stages that are only just being brought up", async () => {
    await using rig = new RemoteRig(ANY);
    const start = rig.stages.start().catch((thrown: unknown) => thrown);
    await settle();
    const worker = rig.pool.join("w1");
    await rig.stages.close();
    expect(worker.ended).toEqual([{ deployment: "life1/0", how: "kill" }]);
    expect(await start).toMatchObject({ code: "pipeline.aborted" });
  });

  test("progress() adds up what the workers say of each stage of this run, and of no other", async () => {
    await using rig = new RemoteRig(ANY);
    const all = [rig.pool.join("w1"), rig.pool.join("w2")];
    await rig.start();
    all.forEach((worker, at) => {
      const counts = {
        rows: 10 + at,
        inFlight: 1,
        retries: at,
        restarts: 2,
        ...(at === 1 && { failures: 3, waitedMs: 5 }),
      };
      const stages = [{ name: "a", ...counts, pids: [at + 1] }];
      const deployments = ["life1/0", "another/0"].map((deployment) => ({
        deployment,
        leases: [],
        stages,
        tree: undefined,
      }));
      Object.defineProperty(worker, "report", { value: { ...worker.report, deployments } });
      rig.pool.report(worker);
    });
    expect(rig.stages.progress()).toEqual([
      { name: "a", rows: 21, inFlight: 2, retries: 1, restarts: 4, failures: 3, waitedMs: 5, pids: [1, 2] }, // an older worker tells less
    ]);
    rig.pool.lose(all[0]!);
    expect(rig.stages.progress()).toMatchObject([{ rows: 11, inFlight: 1, pids: [2] }]);
    expect(rig.stages.tree().children.map(({ name }) => name)).toEqual(["worker w2"]);
  });
});
