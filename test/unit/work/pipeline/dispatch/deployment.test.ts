/** Stages on a worker, over hosts that are no processes: batches in, results out, and no memory that stays behind. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Failure } from "../../../../../src/base/errors.ts";
import { machineId } from "../../../../../src/process/memory/index.ts";
import { ForeignSegments } from "../../../../../src/work/pipeline/dispatch/contents.ts";
import { Deployment, type DeploymentOptions } from "../../../../../src/work/pipeline/dispatch/deployment.ts";
import type { LeaseMessage, LeaseReply } from "../../../../../src/work/pipeline/dispatch/messages.ts";
import type { StagePlan } from "../../../../../src/work/pipeline/stages/index.ts";
import { FakeHosts, type FakeLibrary } from "../../../../support/fake-hosts.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { checkOf, planOf, whole } from "./plans.ts";
import { settingsOf, settle } from "./remote-rig.ts";
import { codeOf, fakePorts, MasterMemory } from "./worker-rig.ts";

const IN_FLIGHT = 8;
/** More than slots of any segment here. */
const MANY = 200;
/** No usual slot holds it, and it goes in one message. */
const LARGE_BYTES = 2 ** 20;
const never = new AbortController().signal;

class DeploymentRig implements AsyncDisposable {
  readonly clock = new SteppedClock();
  readonly hosts: FakeHosts;
  readonly memory = new MasterMemory();
  readonly failures: Failure[] = [];
  readonly deployment: Deployment;
  readonly #foreign = new ForeignSegments();
  #lease = 0;

  constructor(library: FakeLibrary, plan: Partial<StagePlan> = {}, more: Partial<DeploymentOptions> = {}) {
    this.hosts = new FakeHosts({ a: library });
    this.deployment = new Deployment({
      pipeline: "p",
      run: "r",
      stages: [planOf("s", { library: "a", ...plan })],
      settings: settingsOf({ memory: 16 * 2 ** 20 }),
      encoding: "ndjson",
      inFlight: IN_FLIGHT,
      isSequential: false,
      firstSeq: 0,
      states: undefined,
      ports: fakePorts(this.hosts, this.clock),
      machine: machineId(),
      segments: new ForeignSegments(),
      clock: this.clock,
      failed: (failure) => void this.failures.push(failure),
      ...more,
    });
  }

  lease(text: string, more: Partial<LeaseMessage> = {}, signal: AbortSignal = never): Promise<LeaseReply> {
    const lease = ++this.#lease;
    const content = whole(more.content ?? this.memory.raw(text));
    const flags = { barrier: false, finish: false, failsOver: false, asBytes: false, check: checkOf(content) };
    const message = { deployment: "d", lease, seq: lease - 1, id: `x@${lease}`, ...flags, ...more, content };
    return this.deployment.lease(message, signal);
  }

  textOf({ content }: LeaseReply): string {
    return Buffer.from(this.#foreign.batchOf(whole(content), () => {}).view).toString();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.deployment.end("kill");
    this.memory.segment.close();
  }
}

const isShared = ({ content }: LeaseReply): boolean => !(content instanceof Uint8Array);

describe("Deployment", () => {
  test("lease() leaves a result where the stage put it, until it is released", async () => {
    await using rig = new DeploymentRig({});
    await rig.deployment.start();
    for (let batch = 1; batch <= MANY; batch++) {
      const reply = await rig.lease(`${batch}\n`);
      expect([isShared(reply), rig.textOf(reply)]).toEqual([true, `${batch}\n`]);
      rig.deployment.release(batch);
      rig.deployment.release(batch); // once more does no harm
    }
    expect([rig.deployment.queue, rig.deployment.leases]).toEqual([0, []]);
  });

  test("lease() waits for room when results are not released, and goes on when one is", async () => {
    await using rig = new DeploymentRig({});
    await rig.deployment.start();
    let done = 0;
    const all = Array.from({ length: MANY }, () => rig.lease("x\n").then(() => done++));
    await settle();
    const before = done;
    expect([before > 0, before < MANY]).toEqual([true, true]);
    for (let lease = 1; lease <= 4; lease++) rig.deployment.release(lease);
    await settle();
    expect(done).toBeGreaterThan(before);
    while (done < MANY) {
      for (let lease = 1; lease <= MANY; lease++) rig.deployment.release(lease);
      await settle();
    }
    await Promise.all(all);
  });

  for (const [what, more] of [
    ["for another machine", { asBytes: true }],
    ["of a cancelled lease", {}],
  ] as const) {
    test(`lease() keeps no memory for a result ${what}`, async () => {
      await using rig = new DeploymentRig({});
      await rig.deployment.start();
      const signal = "asBytes" in more ? never : AbortSignal.abort();
      for (let batch = 1; batch <= MANY; batch++) {
        const reply = rig.lease(`${batch}\n`, more, signal);
        if (signal.aborted) expect(await codeOf(reply)).toBe("work.cancelled");
        else expect(isShared(await reply)).toBe(false);
      }
    });
  }

  test("lease() gives a batch back, and its memory, when the stage fails it over to another node", async () => {
    await using rig = new DeploymentRig({ batch: () => new Error("no") }, { policy: "FAILOVER" });
    await rig.deployment.start();
    for (let batch = 1; batch <= MANY; batch++) {
      expect(await codeOf(rig.lease("x\n", { failsOver: true }))).toBe("pipeline.failed_over");
    }
    expect([rig.failures, rig.deployment.queue]).toEqual([[], 0]);
  });

  test("lease() sends a large result as bytes: the room for such is one batch's only", async () => {
    const large = "x".repeat(900_000);
    await using rig = new DeploymentRig({});
    await rig.deployment.start();
    const all = await Promise.all(Array.from({ length: 5 }, (_, batch) => rig.lease(`${batch}${large}\n`)));
    expect(all.map(isShared)).toEqual([false, false, false, false, false]);
    expect(all.map((reply) => rig.textOf(reply)[0])).toEqual(["0", "1", "2", "3", "4"]);
  });

  for (const isSequential of [false, true]) {
    const order = isSequential ? "in their order" : "in turn";
    test(`lease() does large batches ${order}, however many come at a time`, async () => {
      const plan = isSequential ? { sequential: true } : { lanes: 2 };
      await using rig = new DeploymentRig({ batch: (text) => text.repeat(LARGE_BYTES / 2) }, plan, { isSequential });
      await rig.deployment.start();
      const replies = await Promise.all(Array.from({ length: IN_FLIGHT }, (_, seq) => rig.lease(`${seq}\n`)));
      expect(replies.map((reply) => rig.textOf(reply).slice(0, 2))).toEqual(replies.map((_, seq) => `${seq}\n`));
      expect(replies.some(isShared)).toBe(false);
    });
  }

  test("piece() gives what is too large for the answer, and its lease is reported, until it is released", async () => {
    const result = "y".repeat(2 * LARGE_BYTES + 1);
    await using rig = new DeploymentRig({ batch: () => result });
    await rig.deployment.start();
    const reply = await rig.lease("x\n");
    expect(reply.content).toEqual({ part: 0, bytes: result.length });
    expect([rig.deployment.leases, rig.deployment.queue]).toEqual([[1], 0]);
    expect(Buffer.from(rig.deployment.piece(1, 0, 0)).toString()).toBe(result);
    expect((await rig.lease("z\n")).content).toEqual({ part: 0, bytes: result.length }); // its room is free at once
    rig.deployment.release(1);
    expect(rig.deployment.leases).toEqual([2]);
    expect(() => rig.deployment.piece(1, 0, 0)).toThrow("not here any more");
  });

  test("lease() fails with work.input_lost when another batch lies in the place by now", async () => {
    await using rig = new DeploymentRig({});
    await rig.deployment.start();
    const content = rig.memory.raw("one");
    const check = checkOf(content) ^ 1;
    expect(await codeOf(rig.lease("", { content, check }))).toBe("work.input_lost");
    expect(rig.textOf(await rig.lease("two"))).toContain("two");
  });

  test("lease() has large batches wait for none that was lost on the way here", async () => {
    const large = "x".repeat(900_000);
    await using rig = new DeploymentRig({});
    await rig.deployment.start();
    const gone = { place: { ...rig.memory.place, inode: rig.memory.place.inode + 1 }, offset: 0, bytes: 1 };
    expect(await codeOf(rig.lease("", { content: gone }))).toBe("work.input_lost");
    expect(isShared(await rig.lease(`${large}\n`))).toBe(false);
  });

  test("lease() keeps the order of the source's numbers, in whatever order batches come", async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([5, 6, 7, 8, 9, 10], { minLength: 6 }), async (order) => {
        const seen: string[] = [];
        const library: FakeLibrary = {
          loaded: { sequential: true },
          batch: (text) => {
            seen.push(text);
            return text;
          },
        };
        await using rig = new DeploymentRig(library, { sequential: true }, { isSequential: true, firstSeq: 5 });
        await rig.deployment.start();
        const all = await Promise.all(order.map((seq) => rig.lease(`${seq}\n`, { seq })));
        expect(seen).toEqual(["5\n", "6\n", "7\n", "8\n", "9\n", "10\n"]);
        expect(all.map((reply) => rig.textOf(reply))).toEqual(order.map((seq) => `${seq}\n`));
      }),
      { numRuns: 10 },
    );
  });

  test("lease() goes on in order, also with large batches, when one comes again whose input was lost", async () => {
    const large = "x".repeat(900_000);
    const plan = { sequential: true } as const;
    await using rig = new DeploymentRig({ loaded: plan }, plan, { isSequential: true });
    await rig.deployment.start();
    const gone = { place: { ...rig.memory.place, inode: rig.memory.place.inode + 1 }, offset: 0, bytes: 1 };
    expect(await codeOf(rig.lease("", { seq: 1, content: gone }))).toBe("work.input_lost");
    const [third, second] = [rig.lease(`2${large}\n`, { seq: 2 }), rig.lease(`1${large}\n`, { seq: 1 })];
    await settle();
    const first = rig.lease(`0${large}\n`, { seq: 0 });
    const all = await Promise.all([first, second, third]);
    expect(all.map((reply) => rig.textOf(reply)[0])).toEqual(["0", "1", "2"]);
    expect(rig.failures).toEqual([]);
  });

  test("lease() fails with what the stage says of the batch, and the stages go on", async () => {
    const batch = (text: string) => (text === "bad\n" ? new Error("bad") : text);
    await using rig = new DeploymentRig({ batch }, { policy: "FAIL_FAST" });
    await rig.deployment.start();
    await expect(rig.lease("bad\n")).rejects.toMatchObject({ code: "pipeline.failed" });
    expect(rig.textOf(await rig.lease("good\n"))).toBe("good\n");
    expect(rig.failures).toEqual([]);
  });

  test("all batches go elsewhere, when nothing runs here any more, once the stages cannot go on", async () => {
    await using rig = new DeploymentRig(
      { batch: () => "hang" },
      {},
      { settings: settingsOf({ max_restarts: 0, memory: 16 * 2 ** 20 }) },
    );
    await rig.deployment.start();
    const [first, second] = [codeOf(rig.lease("x\n")), codeOf(rig.lease("y\n"))];
    const seen = first.then(() => [rig.failures.length, rig.hosts.living("a").length]);
    await settle();
    for (let death = 0; death < 3; death++) {
      for (const host of rig.hosts.living("a")) host.kill();
      await settle();
      rig.clock.advance(1_000);
      await settle();
    }
    expect(rig.failures).toMatchObject([{ code: "pipeline.failed" }]);
    expect(rig.hosts.living("a")).toEqual([]);
    expect(await seen).toEqual([1, 0]); // by then the master knew why, and nothing ran
    const third = codeOf(rig.lease("z\n"));
    expect(await Promise.all([first, second, third])).toEqual([
      "work.stages_ended",
      "work.stages_ended",
      "work.stages_ended",
    ]);
  });

  test("end() lets plugins clean up, or not, and refuses what comes later so that it goes elsewhere", async () => {
    for (const how of ["stop", "kill"] as const) {
      await using rig = new DeploymentRig({});
      await rig.deployment.start();
      await rig.lease("x\n");
      await rig.deployment.end(how);
      await rig.deployment.end("kill");
      expect(rig.hosts.all.map(({ alive, cleanedUp }) => [alive, cleanedUp])).toEqual([[false, how === "stop"]]);
      await expect(rig.lease("y\n")).rejects.toMatchObject({ code: "work.undeployed", retryable: true });
      expect(rig.failures).toEqual([]);
    }
  });

  test("end() refuses also those that wait for room, so that they go elsewhere", async () => {
    await using rig = new DeploymentRig({});
    await rig.deployment.start();
    const all = Array.from({ length: MANY }, () => codeOf(rig.lease("x\n")));
    await settle();
    await rig.deployment.end("kill");
    const codes = new Set(await Promise.all(all));
    codes.delete("none");
    expect([...codes]).toEqual(["work.undeployed"]);
  });

  test("start() fails with the plugin's reason when it cannot run", async () => {
    await using rig = new DeploymentRig({ initError: "no licence" });
    await expect(rig.deployment.start()).rejects.toThrow("no licence");
    expect(rig.hosts.living("a")).toEqual([]);
  });

  test("progress() and tree() tell of the stages here", async () => {
    await using rig = new DeploymentRig({});
    await rig.deployment.start();
    await rig.lease("x\n");
    expect(rig.deployment.progress()).toMatchObject([{ name: "s", rows: 1, inFlight: 0 }]);
    expect(rig.deployment.tree().children.map(({ name }) => name)).toEqual(["s"]);
  });
});
