/** A worker and its masters: what they may ask for, what it says by itself, and how it ends what nobody needs any more. */
import { describe, expect, test } from "bun:test";
import type { ReportMessage } from "../../../../../src/work/pipeline/dispatch/index.ts";
import { REPORT_INTERVAL_MS, TOPICS } from "../../../../../src/work/pipeline/dispatch/index.ts";
import { settle } from "./remote-rig.ts";
import { codeOf, WorkerRig } from "./worker-rig.ts";

const ECHO = { a: { batch: (text: string) => text.toUpperCase() } };
const HANGS = { a: { batch: (text: string) => (text === "hang\n" ? ("hang" as const) : text) } };

describe("Worker", () => {
  test("hello is answered with what it can do, also when it is about to leave", async () => {
    await using rig = new WorkerRig(ECHO);
    const master = rig.master();
    expect(await rig.request(master, TOPICS.hello, {})).toMatchObject({ capacity: 3, isLeaving: false });
    await rig.worker.leave();
    expect(await rig.request(master, TOPICS.hello, {})).toMatchObject({ isLeaving: true });
  });

  test("takes a batch through the stages that were deployed, and answers with where the result lies", async () => {
    await using rig = new WorkerRig(ECHO);
    const master = rig.master();
    const deployed = await rig.deploy(master);
    expect(deployed).toMatchObject({ machine: rig.memory.place.machine, results: { pid: process.pid } });
    const reply = await rig.lease(master, "x\n");
    expect(rig.textOf(reply)).toBe("X\n");
    expect(reply).toMatchObject({ malformed: 0, counts: [{ in: 1, out: 1 }], dead: [], states: [] });
  });

  test("a deployment is refused when another master has it, when it is leaving, and when it cannot be understood", async () => {
    await using rig = new WorkerRig(ECHO);
    const master = rig.master();
    await rig.deploy(master);
    expect(await codeOf(rig.deploy(rig.master("another")))).toBe("work.deployed");
    for (const wrong of [
      { plans: [] },
      { inFlight: 0 },
      { encoding: "text" as never },
      { states: [["a", "b"]] as never },
    ]) {
      expect(await codeOf(rig.deploy(master, { deployment: "e", ...wrong }))).toBe("work.message");
    }
    void rig.worker.leave();
    expect(await codeOf(rig.deploy(master, { deployment: "e" }))).toBe("work.leaving");
  });

  for (const [what, message] of [
    ["nothing", undefined],
    ["a text", "deploy"],
    ["a negative lease", { deployment: "d", lease: -1 }],
    ["content that is neither bytes nor a place", { deployment: "d", lease: 1, content: { place: 1 } }],
  ] as const) {
    test(`refuses ${what} with work.message, on every topic`, async () => {
      await using rig = new WorkerRig(ECHO);
      const master = rig.master();
      await rig.deploy(master);
      for (const topic of [TOPICS.deploy, TOPICS.lease, TOPICS.undeploy]) {
        expect(await codeOf(rig.request(master, topic, message))).toBe("work.message");
      }
      expect(() => rig.notify(master, TOPICS.release, message)).toThrow("was not understood");
      expect(rig.textOf(await rig.lease(master, "x\n"))).toBe("X\n");
    });
  }

  test("a lease for stages that are not here is refused so that it goes elsewhere", async () => {
    await using rig = new WorkerRig(ECHO);
    const master = rig.master();
    const refused = rig.lease(master, "x\n", { deployment: "other" });
    await expect(refused).rejects.toMatchObject({ code: "work.not_deployed", retryable: true });
    rig.notify(master, TOPICS.release, { deployment: "other", leases: [1, 2] });
    expect(await rig.request(master, TOPICS.undeploy, { deployment: "other", how: "stop" })).toBeNull();
  });

  test("who has not asked for stages can lease nothing from them, release nothing, and not end them", async () => {
    await using rig = new WorkerRig(ECHO);
    const [master, other, again] = [rig.master("m1"), rig.master("m2"), rig.master("m1", "m1-2")];
    await rig.deploy(master);
    const reply = await rig.lease(master, "x\n");
    for (const link of [other, again]) {
      expect(await codeOf(rig.lease(link, "y\n"))).toBe("work.not_deployed");
      expect(await codeOf(rig.request(link, TOPICS.fetch, { deployment: "d", lease: 1, part: 0, offset: 0 }))).toBe(
        "work.not_deployed",
      );
      rig.notify(link, TOPICS.release, { deployment: "d", leases: [1] });
      await rig.request(link, TOPICS.undeploy, { deployment: "d", how: "kill" });
    }
    for (let batch = 0; batch < 2; batch++) await rig.lease(master, "z\n"); // would lie where the first one does
    expect(rig.textOf(reply)).toBe("X\n");
  });

  test("stages that cannot start are refused with the reason, and nothing of them stays", async () => {
    await using rig = new WorkerRig({ a: { initError: "no licence" }, b: {} });
    const master = rig.master();
    await expect(rig.deploy(master)).rejects.toThrow("no licence");
    expect([rig.kept, rig.worker.trees(), rig.hosts.living("a")]).toEqual([0, [], []]);
    await rig.deploy(master, { plans: [{ library: "b" }] });
    expect(rig.kept).toBe(1);
  });

  test("files that could not all be fetched are given back", async () => {
    await using rig = new WorkerRig(ECHO);
    const master = rig.master();
    rig.fetching = async ({ name }) => {
      if (name === "second") throw new Error("it is not there");
    };
    const plans = [{ name: "first" }, { name: "second" }];
    await expect(rig.deploy(master, { plans })).rejects.toThrow("it is not there");
    await settle();
    expect([rig.kept, rig.worker.trees()]).toEqual([0, []]);
  });

  test("files are given back when the stages cannot even be built", async () => {
    await using rig = new WorkerRig(ECHO);
    const master = rig.master();
    expect(await codeOf(rig.deploy(master, { inFlight: 60_000 }))).toBe("pipeline.memory");
    expect([rig.kept, rig.worker.trees()]).toEqual([0, []]);
  });

  test("undeploy ends the stages in order, and gives their files back", async () => {
    await using rig = new WorkerRig(ECHO);
    const master = rig.master();
    await rig.deploy(master);
    await rig.request(master, TOPICS.undeploy, { deployment: "d", how: "stop" });
    expect(rig.hosts.all.map(({ alive, cleanedUp }) => [alive, cleanedUp])).toEqual([[false, true]]);
    expect([rig.kept, rig.worker.trees()]).toEqual([0, []]);
    expect(await codeOf(rig.lease(master, "x\n"))).toBe("work.not_deployed");
  });

  test("undeploy ends stages at once with batches in them, which are refused so that they go elsewhere", async () => {
    await using rig = new WorkerRig(HANGS);
    const master = rig.master();
    await rig.deploy(master);
    const hanging = rig.lease(master, "hang\n");
    hanging.catch(() => {});
    await settle();
    expect(rig.worker.queue).toBe(1);
    await rig.request(master, TOPICS.undeploy, { deployment: "d", how: "kill" });
    await expect(hanging).rejects.toMatchObject({ code: "work.undeployed", retryable: true });
    expect([rig.worker.queue, rig.hosts.living("a")]).toEqual([0, []]);
  });

  test("undeploy also ends stages whose files are still on their way", async () => {
    await using rig = new WorkerRig(ECHO);
    const master = rig.master();
    const fetched = Promise.withResolvers<void>();
    rig.fetching = () => fetched.promise;
    const deploying = codeOf(rig.deploy(master));
    await settle();
    await rig.request(master, TOPICS.undeploy, { deployment: "d", how: "kill" });
    fetched.resolve();
    expect(await deploying).toBe("work.undeployed");
    expect([rig.kept, rig.worker.trees(), rig.hosts.living("a")]).toEqual([0, [], []]);
    rig.fetching = async () => {};
    await rig.deploy(master);
  });

  test("a deployment takes the place of the same one whose files are still on their way", async () => {
    await using rig = new WorkerRig(ECHO);
    const master = rig.master();
    const fetched = Promise.withResolvers<void>();
    rig.fetching = () => fetched.promise;
    const first = codeOf(rig.deploy(master));
    const second = rig.deploy(master);
    fetched.resolve();
    expect(await first).toBe("work.undeployed");
    await second;
    expect([rig.kept, rig.hosts.all.length]).toEqual([1, 1]);
  });

  test("the stages of a master end when its link is gone, those of another go on", async () => {
    await using rig = new WorkerRig(ECHO);
    const [one, two] = [rig.master("m1"), rig.master("m2")];
    await rig.deploy(one, { deployment: "d1" });
    await rig.deploy(two, { deployment: "d2" });
    one.close();
    await settle();
    expect([rig.hosts.living("a").length, rig.kept]).toEqual([1, 1]);
    expect(rig.told).toEqual(["the link to master m1 is gone: its stages here end"]);
    expect(rig.textOf(await rig.lease(two, "x\n", { deployment: "d2" }))).toBe("X\n");
  });

  test("stages do not come up for a master whose link went while their files were on their way", async () => {
    await using rig = new WorkerRig(ECHO);
    const master = rig.master();
    const fetched = Promise.withResolvers<void>();
    rig.fetching = () => fetched.promise;
    const deploying = codeOf(rig.deploy(master));
    await settle();
    master.close();
    await settle();
    fetched.resolve();
    expect(await deploying).not.toBe("none");
    expect([rig.kept, rig.worker.trees(), rig.hosts.living("a")]).toEqual([0, [], []]);
  });

  test("the same life of a master goes on over its other link", async () => {
    await using rig = new WorkerRig(ECHO);
    const first = rig.master();
    await rig.deploy(first);
    const second = rig.master();
    first.close();
    await settle();
    expect(rig.textOf(await rig.lease(second, "x\n"))).toBe("X\n");
    rig.clock.advance(REPORT_INTERVAL_MS);
    expect(second.named(TOPICS.report)).toHaveLength(1);
    second.close();
    await settle();
    expect(rig.hosts.living("a")).toEqual([]);
  });

  test("another life of the same master does not take over what the first one had", async () => {
    await using rig = new WorkerRig(ECHO);
    const first = rig.master("m", "life1");
    await rig.deploy(first);
    const second = rig.master("m", "life2");
    await rig.request(second, TOPICS.hello, {});
    first.close();
    await settle();
    expect(rig.hosts.living("a")).toEqual([]);
    await rig.deploy(second);
    expect(rig.textOf(await rig.lease(second, "x\n"))).toBe("X\n");
  });

  test("a master that is back at once gets its stages again, though those of before are still ending", async () => {
    await using rig = new WorkerRig(ECHO);
    const first = rig.master("m", "life1");
    await rig.deploy(first);
    first.close();
    const second = rig.master("m", "life2");
    await rig.deploy(second);
    expect(rig.textOf(await rig.lease(second, "x\n"))).toBe("X\n");
    expect([rig.kept, rig.hosts.living("a").length]).toEqual([1, 1]);
  });

  test("a deployment that is asked for anew takes the old one's place, though its link still seems to be open", async () => {
    await using rig = new WorkerRig(HANGS);
    const first = rig.master();
    await rig.deploy(first);
    const hanging = codeOf(rig.lease(first, "hang\n"));
    await settle();
    const second = rig.master(); // the same process, which has given the first one up
    await Promise.all([rig.deploy(second), hanging.then((code) => expect(code).toBe("work.undeployed"))]);
    rig.clock.advance(REPORT_INTERVAL_MS);
    expect([first.named(TOPICS.report).length, second.named(TOPICS.report).length]).toEqual([0, 1]);
    first.close();
    await settle();
    expect(rig.textOf(await rig.lease(second, "x\n"))).toBe("x\n");
    expect([rig.kept, rig.hosts.living("a").length]).toEqual([1, 1]);
  });

  test("a deployment that was asked for anew stays when the end of the old one is over at last", async () => {
    await using rig = new WorkerRig(HANGS);
    const master = rig.master();
    await rig.deploy(master);
    const hanging = codeOf(rig.lease(master, "hang\n"));
    await settle();
    const ending = rig.request(master, TOPICS.undeploy, { deployment: "d", how: "stop" });
    await settle();
    await rig.deploy(master);
    await Promise.all([ending, hanging]);
    expect(rig.textOf(await rig.lease(master, "x\n"))).toBe("x\n");
    expect([rig.kept, rig.hosts.living("a").length]).toEqual([1, 1]);
  });

  test("reports go to each master regularly, with its own deployments and leases only", async () => {
    await using rig = new WorkerRig(HANGS);
    const [one, two] = [rig.master("m1"), rig.master("m2")];
    await rig.deploy(one, { deployment: "d1" });
    await rig.deploy(two, { deployment: "d2" });
    const hanging = codeOf(rig.lease(one, "hang\n", { deployment: "d1" }));
    await settle();
    rig.clock.advance(REPORT_INTERVAL_MS * 3);
    expect([one.named(TOPICS.report).length, two.named(TOPICS.report).length]).toEqual([3, 3]);
    const [first] = one.named<ReportMessage>(TOPICS.report);
    const [second] = two.named<ReportMessage>(TOPICS.report);
    expect(first).toMatchObject({ load: { cpu: 0.25, memory: 0.5, queue: 1 } });
    expect(first!.deployments).toMatchObject([{ deployment: "d1", leases: [1], stages: [{ name: "s", inFlight: 1 }] }]);
    expect(second!.deployments).toMatchObject([{ deployment: "d2", leases: [] }]);
    await rig.worker.close();
    await hanging;
  });

  test("reports stop with the last master, survive a full link, and begin again with the next one", async () => {
    await using rig = new WorkerRig(ECHO);
    const first = rig.master("m1");
    await rig.request(first, TOPICS.hello, {});
    first.isFull = true;
    rig.clock.advance(REPORT_INTERVAL_MS);
    first.isFull = false;
    rig.clock.advance(REPORT_INTERVAL_MS);
    expect(first.named(TOPICS.report)).toHaveLength(1);
    first.close();
    await settle();
    rig.clock.advance(REPORT_INTERVAL_MS * 2);
    expect(rig.clock.timers).toBe(0);
    const second = rig.master("m2");
    await rig.request(second, TOPICS.hello, {});
    rig.clock.advance(REPORT_INTERVAL_MS);
    expect(second.named(TOPICS.report)).toHaveLength(1);
  });

  test("leave() is told again with the next report when the link had no room for it", async () => {
    await using rig = new WorkerRig(ECHO);
    const master = rig.master();
    await rig.deploy(master);
    master.isFull = true;
    void rig.worker.leave();
    expect(master.named(TOPICS.leaving)).toEqual([]);
    master.isFull = false;
    rig.clock.advance(REPORT_INTERVAL_MS);
    expect(master.named(TOPICS.leaving)).toEqual([{}]);
  });

  test("leave() tells every master, and waits until none has stages here", async () => {
    await using rig = new WorkerRig(ECHO);
    const [one, two] = [rig.master("m1"), rig.master("m2")];
    await rig.deploy(one, { deployment: "d1" });
    await rig.deploy(two, { deployment: "d2" });
    let left = false;
    const leaving = rig.worker.leave().then(() => {
      left = true;
    });
    expect([one.named(TOPICS.leaving).length, two.named(TOPICS.leaving).length]).toEqual([1, 1]);
    await rig.request(one, TOPICS.undeploy, { deployment: "d1", how: "stop" });
    await settle();
    expect(left).toBe(false);
    expect(rig.textOf(await rig.lease(two, "x\n", { deployment: "d2" }))).toBe("X\n");
    await rig.request(two, TOPICS.undeploy, { deployment: "d2", how: "stop" });
    await leaving;
  });

  test("stages that end by themselves are told to their master, once, and cleared away", async () => {
    await using rig = new WorkerRig({ a: { batch: () => "crash" } });
    const master = rig.master();
    await rig.deploy(master, { settings: { max_restarts: 0 }, plans: [{ policy: "FAIL_FAST" }] });
    const code = codeOf(rig.lease(master, "x\n"));
    for (let turn = 0; turn < 5; turn++) {
      await settle();
      rig.clock.advance(1_000);
    }
    expect(await code).toBe("work.stages_ended");
    for (const host of rig.hosts.living("a")) host.kill();
    for (let turn = 0; turn < 5; turn++) {
      await settle();
      rig.clock.advance(1_000);
    }
    expect(master.named(TOPICS.failed)).toMatchObject([{ deployment: "d", code: "pipeline.failed" }]);
    expect([rig.kept, rig.worker.trees(), rig.hosts.living("a")]).toEqual([0, [], []]);
  });

  test("close() ends all that is here", async () => {
    await using rig = new WorkerRig(ECHO);
    await rig.deploy(rig.master("m1"), { deployment: "d1" });
    await rig.deploy(rig.master("m2"), { deployment: "d2" });
    await rig.worker.close();
    expect([rig.kept, rig.hosts.living("a"), rig.worker.trees()]).toEqual([0, [], []]);
  });
});
