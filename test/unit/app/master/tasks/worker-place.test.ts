/** Who gets a task, what a lost or unwilling worker means for it, and how several runs share. */
import { describe, expect, test } from "bun:test";
import { TaskWorkers } from "../../../../../src/app/master/tasks/task-workers.ts";
import { type PlaceEvent, WorkerPlace } from "../../../../../src/app/master/tasks/worker-place.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import { seededRandom } from "../../../../../src/base/random.ts";
import { type BalancerName, createBalancer } from "../../../../../src/protocol/balance/index.ts";
import type { ReadyTask, ReadyWork, TaskOutcome } from "../../../../../src/work/task/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { FakeTaskPool, settle } from "./fake-task-workers.ts";

const DONE: TaskOutcome = { state: "done", output: { status: 200 } };
const http = (method: "GET" | "POST"): ReadyWork => ({
  type: "http",
  method,
  url: "http://127.0.0.1/",
  headers: {},
  expect: [[200, 299]],
  responseBytesMax: 100,
});

class Rig {
  readonly clock = new SteppedClock();
  readonly pool = new FakeTaskPool();
  readonly told: string[] = [];
  readonly events: PlaceEvent[] = [];
  readonly workers = new TaskWorkers({ clock: this.clock, pool: this.pool, tell: (text) => this.told.push(text) });
  readonly place = this.open();
  #attempts = 0;

  open(balancer: BalancerName = "ROUND_ROBIN"): WorkerPlace {
    return new WorkerPlace({
      clock: this.clock,
      workers: this.workers,
      balancer: createBalancer(balancer, { random: seededRandom(1) }),
      newAttempt: () => `a${++this.#attempts}`,
      pack: async (work) => ({ work, files: [] }),
      pipeline: async () => ({ written: 3 }),
      observe: (event) => this.events.push(event),
    });
  }

  execute(method: "GET" | "POST" = "GET", place = this.place) {
    const abort = new AbortController();
    const task: ReadyTask = { run: "r", id: `t${this.#attempts}`, timeoutMs: 1000, work: http(method) };
    return { abort, outcome: place.execute(task, { signal: abort.signal }) };
  }
}

describe("execute()", () => {
  test("gives each worker its turn, and hands on what it says", async () => {
    const rig = new Rig();
    const [one, two] = [rig.pool.join("one"), rig.pool.join("two")];
    await settle();
    const [first, second] = [rig.execute(), rig.execute()];
    await settle();
    expect([one.asked.length, two.asked.length]).toEqual([1, 1]);
    expect(JSON.parse(one.last.message.work!)).toEqual(http("GET"));
    one.last.tell(DONE);
    two.last.tell({ state: "failed", code: "task.http.status", reason: "500", retryable: true });
    expect(await first.outcome).toEqual(DONE);
    expect(await second.outcome).toMatchObject({ code: "task.http.status" });
  });

  test("gives tasks of one key to one worker, where the balancer looks at keys", async () => {
    const rig = new Rig();
    const workers = ["one", "two", "three"].map((id) => rig.pool.join(id, 100));
    await settle();
    const place = rig.open("CONSISTENT_HASH");
    const signal = new AbortController().signal;
    const send = async (id: string, key?: string) => {
      const task = { run: "r", id, ...(key !== undefined && { key }), timeoutMs: 1000, work: http("GET") };
      const outcome = place.execute(task, { signal });
      await settle();
      for (const { asked } of workers) for (const each of asked) each.tell(DONE); // or it would bound the load
      await outcome;
    };
    const busy = (): number[] => workers.map(({ asked }) => asked.length);
    for (let i = 0; i < 5; i++) await send(`same${i}`, "customer 7");
    expect(busy().toSorted()).toEqual([0, 0, 5]);
    for (let i = 0; i < 30; i++) await send(`other${i}`);
    expect(Math.min(...busy())).toBeGreaterThan(0);
  });

  test("takes a plugin's task that is not idempotent for one of unknown outcome when its worker is lost", async () => {
    const rig = new Rig();
    const [one, two] = [rig.pool.join("one"), rig.pool.join("two")];
    await settle();
    const work = { type: "plugin", library: "/p.ts", idempotent: false, params: {}, records: [] } as const;
    const task = { run: "r", id: "t", timeoutMs: 1000, work };
    const outcome = rig.place.execute(task, { signal: new AbortController().signal });
    await settle();
    rig.pool.lose(one);
    expect(await outcome).toMatchObject({ code: "task.worker_lost", reason: expect.stringContaining("unknown") });
    expect(two.asked).toEqual([]);
  });

  test("waits while all workers are full", async () => {
    const rig = new Rig();
    const one = rig.pool.join("one", 1);
    await settle();
    const tasks = [rig.execute(), rig.execute()];
    await settle();
    expect(one.asked).toHaveLength(1);
    one.last.tell(DONE);
    await settle();
    expect(one.asked).toHaveLength(2);
    one.last.tell(DONE);
    expect(await Promise.all(tasks.map(({ outcome }) => outcome))).toEqual([DONE, DONE]);
  });

  test("gives a task back when there is no worker any more, after it has told that there is no room", async () => {
    const rig = new Rig();
    const [one, two] = [rig.pool.join("one"), rig.pool.join("two")];
    await settle();
    const order: string[] = [];
    const watch = rig.place.watch(() => order.push(`room for ${rig.place.capacity}`));
    const { outcome } = rig.execute("GET");
    void outcome.then(({ state }) => order.push(state));
    await settle();
    rig.pool.lose(one);
    rig.pool.drain(two, true);
    await settle();
    rig.clock.advance(0);
    expect(await outcome).toMatchObject({ state: "failed", code: "work.none", unplaced: true, untouched: true });
    expect([order[0], new Set(order.slice(0, -1)).size, order.at(-1)]).toEqual(["room for 0", 1, "failed"]);
    expect(rig.workers.free).toBe(0);
    watch.close();
  });

  test("asks again, without the task, until the outcome is known", async () => {
    const rig = new Rig();
    const one = rig.pool.join("one");
    await settle();
    const { outcome } = rig.execute("POST");
    await settle();
    one.last.tellLater();
    await settle();
    one.last.refuse(new Failure("link.closed", "the other link is kept", { retryable: true }));
    await settle();
    rig.clock.advance(1000);
    await settle();
    expect(one.asked.map(({ message }) => message)).toMatchObject([
      { attempt: "a1", work: expect.any(String) },
      { attempt: "a1" },
      { attempt: "a1" },
    ]);
    expect(one.asked.slice(1).some(({ message }) => "work" in message)).toBe(false);
    one.last.tell(DONE);
    expect(await outcome).toEqual(DONE);
  });

  test("takes a task elsewhere, whatever it is, when a worker refuses it before it begins", async () => {
    const rig = new Rig();
    const [one, two] = [rig.pool.join("one"), rig.pool.join("two")];
    await settle();
    const { outcome } = rig.execute("POST");
    await settle();
    one.last.refuse(new Failure("work.leaving", "leaves", { retryable: true, data: { untouched: true } }));
    await settle();
    two.last.tell(DONE);
    expect(await outcome).toEqual(DONE);
    expect(rig.events).toEqual([]);
  });

  test("asks who has refused again after a while when all have", async () => {
    const rig = new Rig();
    const one = rig.pool.join("one");
    await settle();
    const { outcome } = rig.execute();
    const busy = new Failure("task.busy", "full", { retryable: true, data: { untouched: true } });
    for (let refusals = 0; refusals < 2; refusals++) {
      await settle();
      one.last.refuse(busy);
    }
    await settle();
    expect(one.asked).toHaveLength(2);
    rig.clock.advance(1000);
    await settle();
    one.last.tell(DONE);
    expect(await outcome).toEqual(DONE);
  });

  test("fails what no worker can take for good", async () => {
    const rig = new Rig();
    const one = rig.pool.join("one");
    await settle();
    const { outcome } = rig.execute();
    await settle();
    one.last.refuse(new Failure("link.too_large", "65 MB"));
    expect(await outcome).toMatchObject({ state: "failed", code: "link.too_large", retryable: false, untouched: true });
  });

  test("takes an idempotent task of a lost worker to another one", async () => {
    const rig = new Rig();
    const [one, two] = [rig.pool.join("one"), rig.pool.join("two")];
    await settle();
    const { outcome } = rig.execute("GET");
    await settle();
    rig.pool.lose(one);
    await settle();
    two.last.tell(DONE);
    expect(await outcome).toEqual(DONE);
    expect(rig.events).toEqual([{ event: "lost", worker: "one" }, { event: "failover" }]);
  });

  test("calls the outcome of another task of a lost worker unknown: retryable, and not untouched", async () => {
    const rig = new Rig();
    const [one, two] = [rig.pool.join("one"), rig.pool.join("two")];
    await settle();
    const { outcome } = rig.execute("POST");
    await settle();
    rig.pool.lose(one, "it is dead");
    const end = await outcome;
    expect(end).toMatchObject({ state: "failed", code: "task.worker_lost", retryable: true });
    expect(end).not.toHaveProperty("untouched");
    expect(two.asked).toHaveLength(0);
  });

  test("gives a task up that has cost several workers", async () => {
    const rig = new Rig();
    const workers = ["one", "two", "three", "four", "five"].map((id) => rig.pool.join(id));
    await settle();
    const { outcome } = rig.execute("GET");
    for (let lost = 0; lost < 4; lost++) {
      await settle();
      rig.pool.lose(workers.find(({ asked }) => asked.some(({ signal }) => !signal!.aborted))!);
    }
    expect(await outcome).toMatchObject({ code: "task.worker_lost" });
    expect(workers.filter(({ asked }) => asked.length > 0)).toHaveLength(4);
  });

  test("takes what an ending worker gave up for lost", async () => {
    const rig = new Rig();
    const [one, two] = [rig.pool.join("one"), rig.pool.join("two")];
    await settle();
    const { outcome } = rig.execute("GET");
    await settle();
    one.last.tell({ state: "failed", code: "task.given_up", reason: "the worker has ended", retryable: true });
    await settle();
    two.last.tell(DONE);
    expect(await outcome).toEqual(DONE);
  });

  test("tells the worker when a task is given up", async () => {
    const rig = new Rig();
    const one = rig.pool.join("one");
    await settle();
    const { abort, outcome } = rig.execute();
    await settle();
    abort.abort(new Error("its timeout"));
    expect(await outcome).toMatchObject({ code: "task.given_up", reason: "its timeout" });
    expect(one.dropped).toEqual(["a1"]);
    const others = Array.from({ length: 3 }, () => rig.execute());
    await settle();
    others[2]!.abort.abort(new Error("no place came free"));
    expect(await others[2]!.outcome).toMatchObject({ reason: "no place came free" });
    expect(rig.workers.free).toBe(0);
    expect(one.asked).toHaveLength(3);
  });

  test("runs a pipeline here, also without workers", async () => {
    const rig = new Rig();
    const task: ReadyTask = { run: "r", id: "copy", timeoutMs: 1000, work: { type: "pipeline", file: "/p.txt" } };
    const outcome = await rig.place.execute(task, { signal: new AbortController().signal });
    expect(outcome).toEqual({ state: "done", output: { written: 3 } });
  });
});

describe("capacity", () => {
  test("follows the workers that are there and do not drain", async () => {
    const rig = new Rig();
    const [one, two] = [rig.pool.join("one", 3), rig.pool.join("two", 5)];
    await settle();
    expect(rig.place.capacity).toBe(8);
    rig.pool.drain(one, true);
    expect(rig.place.capacity).toBe(5);
    rig.pool.drain(one, false);
    rig.pool.lose(two);
    expect(rig.place.capacity).toBe(3);
  });

  test("leaves a second run its share while the first one has all places", async () => {
    const rig = new Rig();
    const one = rig.pool.join("one", 4);
    await settle();
    const [first, second] = [rig.place, rig.open()];
    const watched = [first, second].map((place) => place.watch(() => {}));
    const tasks = Array.from({ length: 4 }, () => rig.execute("GET", first));
    await settle();
    expect([first.capacity, second.capacity]).toEqual([4, 2]);
    tasks.push(rig.execute("GET", second), rig.execute("GET", second));
    await settle();
    expect([first.capacity, second.capacity]).toEqual([2, 2]);
    for (let number = 0; number < 6; number++) {
      one.asked[number]!.tell(DONE);
      await settle();
    }
    await Promise.all(tasks.map(({ outcome }) => outcome));
    expect([first.capacity, second.capacity]).toEqual([4, 4]);
    for (const each of watched) each.close();
  });

  test("is told to those who watch it, once a turn", async () => {
    const rig = new Rig();
    let told = 0;
    const watch = rig.place.watch(() => told++);
    rig.clock.advance(0);
    const before = told;
    rig.pool.join("one");
    rig.pool.join("two");
    await settle();
    rig.clock.advance(0);
    expect(told).toBe(before + 1);
    watch.close();
  });
});

describe("a worker", () => {
  test("that does no tasks gets none, and people are told", async () => {
    const rig = new Rig();
    rig.pool.join("old", new Failure("link.unknown_topic", "nobody here takes task/hello"));
    await settle();
    expect(rig.place.capacity).toBe(0);
    expect(rig.told).toEqual(["worker old gets no tasks: nobody here takes task/hello"]);
  });

  test("that does not answer the first time is asked again", async () => {
    const rig = new Rig();
    const slow = rig.pool.join("slow", new Failure("link.deadline_exceeded", "late", { retryable: true }));
    await settle();
    slow.hello = 3;
    rig.clock.advance(1000);
    await settle();
    expect(rig.place.capacity).toBe(3);
  });
});
