import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../src/base/errors.ts";
import { type RunningChild, Supervision, type SupervisionPorts } from "../../../../src/process/supervise/index.ts";
import type { ExitReason } from "../../../../src/protocol/supervision/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { CRASH, Forest, NORMAL, turn, Worker } from "./forest.ts";

const LIMITS = { maxRestarts: 2, restartPeriodMs: 1_000 };

/** What the promise is rejected with. */
async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const thrown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(thrown instanceof Failure)) throw new Error(`no Failure: ${String(thrown)}`);
  return thrown;
}

describe("Supervision", () => {
  test("start() rejects with the reason when the supervisor gave up", async () => {
    const forest = new Forest({ children: [{ id: "a" }, { id: "b" }] });
    forest.starts.set("b", "refuse");
    const failure = await failureOf(forest.root.start());
    expect([failure.code, failure.message]).toEqual(["test.refused", "b refused to run: no"]);
    await forest.root.stop();
    expect(forest.news()).toEqual(["start a", "start b", "end b", "escalated b", "end a"]);
  });

  test("start() rejects when the supervisor was stopped before all children served", async () => {
    const forest = new Forest({ children: [{ id: "a" }, { id: "b" }], name: "main" });
    forest.starts.set("b", "hang");
    const starting = failureOf(forest.root.start());
    await turn();
    await forest.root.stop();
    const failure = await starting;
    expect([failure.code, failure.message]).toEqual([
      "supervision.stopped",
      "cannot start main: it was stopped before all children served",
    ]);
  });

  test("stop() kills on the tick after the shutdown time, and only then", async () => {
    const forest = new Forest({ children: [{ id: "a", shutdown: { timeoutMs: 100 } }] });
    await forest.root.start();
    const worker = forest.worker("a");
    worker.stubborn = true;
    const stopped = forest.root.stop();
    forest.clock.advance(99);
    expect(worker.asked).toEqual(["shutdown"]);
    forest.clock.advance(1);
    expect(worker.asked).toEqual(["shutdown", "kill"]);
    await stopped;
  });

  test("stop() and abort() resolve at once when it never started", async () => {
    const forest = new Forest({ children: [{ id: "a" }] });
    await Promise.all([forest.root.stop(), forest.root.abort()]);
    expect(forest.log).toEqual([]);
  });

  test("escalated() may abort at once: what it asks comes after the effects under way", async () => {
    const asked: string[] = [];
    const ports: SupervisionPorts = {
      clock: new SteppedClock(),
      spawn: (id) => {
        const worker = new Worker(() => {});
        worker.stubborn = true;
        worker.serve();
        if (id === "b") queueMicrotask(() => worker.exit(CRASH));
        const terminate: Worker["terminate"] = (how) => {
          asked.push(`${how} ${id}`);
          worker.terminate(how);
        };
        return { started: worker.started, exited: worker.exited, terminate };
      },
      escalated: () => void supervision.abort(),
    };
    const supervision = new Supervision([{ id: "a" }, { id: "b" }], { ...LIMITS, maxRestarts: 0 }, ports);
    await supervision.start().catch(() => {});
    await supervision.stop();
    expect(asked).toEqual(["shutdown a", "kill a"]);
  });

  test("spawn() that throws counts as a crash and is tried again on a tick", async () => {
    const forest = new Forest({ children: [{ id: "a" }] });
    forest.starts.set("a", "throw");
    const starting = forest.root.start();
    await turn();
    expect(forest.states).toEqual(["a restarting"]);
    expect(forest.root.lastExit("a")).toEqual({ code: null, signal: null, reason: "a cannot be spawned", atMs: 0 });
    forest.starts.clear();
    forest.clock.advance(0);
    await starting;
    expect([forest.states, forest.root.restarts]).toEqual([["a running"], 1]);
  });

  test("a deadline beyond the platform's longest timer does not make it busy", async () => {
    const delays: number[] = [];
    const clock = new SteppedClock();
    const recording = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after(delayMs: number, callback: () => void) {
        delays.push(delayMs);
        return clock.after(delayMs, callback);
      },
    };
    const worker = new Worker(() => {});
    worker.serve();
    worker.stubborn = true;
    const ports = { clock: recording, spawn: () => worker, escalated() {} };
    const monthMs = 30 * 24 * 3_600_000;
    const supervision = new Supervision([{ id: "a", shutdown: { timeoutMs: monthMs } }], LIMITS, ports);
    await supervision.start();
    const stopped = supervision.stop();
    clock.advance(monthMs - 1);
    expect([worker.asked, delays]).toEqual([["shutdown"], [2 ** 31 - 1, monthMs - (2 ** 31 - 1)]]);
    clock.advance(1);
    await stopped;
    expect(worker.asked).toEqual(["shutdown", "kill"]);
  });

  test("what an earlier incarnation says is not taken for the new one's", async () => {
    const workers: Worker[] = [];
    const spawn = (): Worker => {
      workers.push(new Worker(() => {}));
      return workers.at(-1)!;
    };
    const clock = new SteppedClock();
    const supervision = new Supervision([{ id: "a" }], LIMITS, { clock, spawn, escalated() {} });
    void supervision.start().catch(() => {});
    workers[0]!.exit(CRASH);
    workers[0]!.serve();
    await turn();
    expect(supervision.states()[0]!.state).toBe("restarting");
    clock.advance(0);
    await turn();
    expect(supervision.tree().children[0]).toMatchObject({ state: "starting", restarts: 1 });
    workers[1]!.serve();
    await turn();
    expect(supervision.tree().children[0]).toMatchObject({ state: "running", uptimeMs: 0 });
  });

  test("what an earlier incarnation says late does not make the new one serve", async () => {
    const serves = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const ends = [Promise.withResolvers<ExitReason>(), Promise.withResolvers<ExitReason>()];
    let count = 0;
    const spawn = (): RunningChild => {
      const number = count++;
      return { started: serves[number]!.promise, exited: ends[number]!.promise, terminate() {} };
    };
    const clock = new SteppedClock();
    const supervision = new Supervision([{ id: "a" }], LIMITS, { clock, spawn, escalated() {} });
    void supervision.start().catch(() => {});
    ends[0]!.resolve(CRASH);
    await turn();
    clock.advance(0);
    serves[0]!.resolve();
    await turn();
    expect(supervision.states()[0]).toMatchObject({ state: "starting", incarnation: 2 });
    expect(supervision.tree().children[0]!.uptimeMs).toBeUndefined();
  });

  test("a nearer deadline is kept when a farther one is waited for", async () => {
    const plan = { children: [{ id: "a", shutdown: { timeoutMs: 10_000 } }, { id: "b" }], restartDelayMs: () => 10 };
    const forest = new Forest(plan);
    await forest.root.start();
    forest.worker("a").stubborn = true;
    void forest.root.terminateChild("a");
    await forest.exit("b", CRASH);
    forest.clock.advance(10);
    await turn();
    expect(forest.states).toEqual(["a stopping", "b running"]);
    forest.clock.advance(9_990);
    expect(forest.alive.has("a")).toBe(false);
  });
});

describe("Supervision requests", () => {
  test("startChild() resolves when the child serves, and rejects when it cannot", async () => {
    const forest = new Forest({ children: [] });
    await forest.root.start();
    await forest.root.startChild({ id: "a" });
    expect(forest.states).toEqual(["a running"]);
    const twice = await failureOf(forest.root.startChild({ id: "a" }));
    expect([twice.code, twice.message]).toEqual([
      "supervision.already_started",
      "cannot start child a: a child of that name runs, another name is required",
    ]);
    forest.starts.set("b", "fail");
    const failed = await failureOf(forest.root.startChild({ id: "b" }));
    expect([failed.code, failed.message]).toEqual([
      "supervision.start_failed",
      "cannot start child b: it ended before it served (died)",
    ]);
    expect(forest.root.lastExit("b")).toBeUndefined();
    const wrong = await failureOf(forest.root.startChild({ id: "c", restart: "often" as never }));
    expect(wrong.code).toBe("supervision.invalid_spec");
    expect(wrong.message).toContain('child.restart: "often", one of permanent, transient, temporary is required');
  });

  test("terminateChild() resolves when the child is really gone", async () => {
    const forest = new Forest({ children: [{ id: "a", shutdown: { timeoutMs: 100 } }] });
    await forest.root.start();
    forest.worker("a").stubborn = true;
    let isDone = false;
    const done = forest.root.terminateChild("a").then(() => {
      isDone = true;
    });
    await turn();
    expect([isDone, forest.states]).toEqual([false, ["a stopping"]]);
    forest.clock.advance(100);
    await done;
    expect([forest.alive.size, forest.states]).toEqual([0, ["a stopped"]]);
  });

  test("restartChild() resolves when the child serves again", async () => {
    const forest = new Forest({ children: [{ id: "a" }] });
    await forest.root.start();
    expect((await failureOf(forest.root.restartChild("a"))).code).toBe("supervision.running");
    await forest.root.terminateChild("a");
    forest.starts.set("a", "hang");
    let isDone = false;
    const done = forest.root.restartChild("a").then(() => {
      isDone = true;
    });
    await turn();
    expect([isDone, forest.states]).toEqual([false, ["a starting"]]);
    forest.worker("a").serve();
    await done;
    expect(forest.states).toEqual(["a running"]);
  });

  test("deleteChild() forgets the child and its last exit", async () => {
    const forest = new Forest({ children: [{ id: "a" }] });
    await forest.root.start();
    expect((await failureOf(forest.root.deleteChild("a"))).code).toBe("supervision.running");
    await forest.root.terminateChild("a");
    expect(forest.root.lastExit("a")?.reason).toBe("shutdown");
    await forest.root.deleteChild("a");
    expect([forest.states, forest.root.lastExit("a")]).toEqual([[], undefined]);
    const gone = await failureOf(forest.root.deleteChild("a"));
    expect([gone.code, gone.message]).toEqual([
      "supervision.not_found",
      "cannot delete child a: there is no child of that name",
    ]);
  });

  test("requests reject while the supervisor does not run, and when it stops meanwhile", async () => {
    const forest = new Forest({ children: [{ id: "a" }] });
    expect((await failureOf(forest.root.startChild({ id: "b" }))).code).toBe("supervision.not_running");
    await forest.root.start();
    forest.starts.set("b", "hang");
    const starting = failureOf(forest.root.startChild({ id: "b" }));
    await forest.root.stop();
    expect((await starting).code).toBe("supervision.not_running");
  });

  test("children that come and go leave nothing behind", async () => {
    const forest = new Forest({ children: [{ id: "each", restart: "temporary" }], strategy: "simple_one_for_one" });
    await forest.root.start();
    for (const id of ["a", "b"]) await forest.root.startChild(id);
    await forest.exit("a", CRASH);
    await forest.root.terminateChild("b");
    expect([forest.root.lastExit("a"), forest.root.lastExit("b"), forest.states]).toEqual([undefined, undefined, []]);
    expect(forest.root.countChildren()).toEqual({ specs: 1, active: 0, supervisors: 0, workers: 0 });
  });
});

describe("Supervision.tree", () => {
  test("tree() tells state, uptime, restarts and last exit of each child", async () => {
    const forest = new Forest({ children: [{ id: "a" }, { id: "b", restart: "transient" }], name: "main" });
    expect(forest.root.tree()).toMatchObject({ name: "main", state: "waiting", restarts: 0 });
    await forest.root.start();
    forest.clock.advance(500);
    await forest.exit("a", CRASH);
    await forest.exit("b", NORMAL);
    forest.clock.advance(70);
    expect(forest.root.tree()).toEqual({
      name: "main",
      kind: "supervisor",
      strategy: "one_for_one",
      state: "running",
      restarts: 0,
      uptimeMs: 570,
      children: [
        {
          name: "a",
          kind: "worker",
          state: "running",
          restarts: 1,
          uptimeMs: 70,
          lastExit: { code: 3, signal: null, reason: "died", atMs: 500 },
          children: [],
        },
        {
          name: "b",
          kind: "worker",
          state: "stopped",
          restarts: 0,
          lastExit: { code: 0, signal: null, reason: "done", atMs: 500 },
          children: [],
        },
      ],
    });
    await forest.root.stop();
    expect(forest.root.tree()).toMatchObject({ state: "stopped" });
    expect(forest.root.tree().uptimeMs).toBeUndefined();
  });

  test("tree() adds what the owner knows, and believes itself about name, state and restarts", async () => {
    const worker = new Worker(() => {});
    worker.serve();
    const supervision = new Supervision([{ id: "a" }], LIMITS, {
      clock: new SteppedClock(),
      spawn: () => worker,
      escalated() {},
      describe: () => ({
        name: "other",
        state: "stopped",
        restarts: 9,
        uptimeMs: 9,
        pid: 42,
        memoryBytes: 7,
        detail: "busy",
      }),
    });
    await supervision.start();
    expect(supervision.tree().children[0]).toEqual({
      name: "a",
      kind: "worker",
      state: "running",
      restarts: 0,
      uptimeMs: 9,
      pid: 42,
      memoryBytes: 7,
      detail: "busy",
      children: [],
    });
    await supervision.terminateChild("a");
    expect(supervision.tree().children[0]!.uptimeMs).toBeUndefined();
  });
});
