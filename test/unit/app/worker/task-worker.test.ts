/** Tasks on a worker, without a link: what a master asks, in which order, and what it hears. */
import { describe, expect, test } from "bun:test";
import {
  ANSWER_WITHIN_MS,
  ORPHANED_MS,
  readOutcome,
  readWork,
  TASK_TOPICS,
} from "../../../../src/app/worker/task-messages.ts";
import { TASKS_AT_ONCE, TaskWorker } from "../../../../src/app/worker/task-worker.ts";
import { Failure } from "../../../../src/base/errors.ts";
import type { PeerLink, RequestContext } from "../../../../src/wire/link/index.ts";
import type { Json } from "../../../../src/work/task/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const GET = JSON.stringify({
  type: "http",
  method: "GET",
  url: "http://127.0.0.1/a",
  headers: {},
  expect: [[200, 299]],
  responseBytesMax: 100,
});
const PLUGIN = JSON.stringify({ type: "plugin", library: "/plugins/x.ts", params: {}, records: [{ n: 1 }] });

interface Call {
  readonly signal: AbortSignal;
  resolve(output: Json): void;
  reject(thrown: unknown): void;
}

class Rig {
  readonly clock = new SteppedClock();
  readonly calls: Call[] = [];
  readonly worker = new TaskWorker({
    clock: this.clock,
    http: { fetch: async () => Response.json({ fine: true }), now: () => 0 },
    plugin: (_work, _files, _master, signal) =>
      new Promise((resolve, reject) => {
        this.calls.push({ signal, resolve, reject });
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  });

  ask(message: unknown, signal = new AbortController().signal): Promise<{ outcome?: string }> {
    const context = { link: {} as PeerLink, signal } as RequestContext;
    const answer = this.worker.handlers[TASK_TOPICS.run]!.request!(message, context);
    return answer as Promise<{ outcome?: string }>;
  }

  drop(attempt: string): void {
    this.worker.handlers[TASK_TOPICS.drop]!.notify!({ attempt }, {} as never);
  }
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "nothing failed",
    (thrown: unknown) => (thrown as Failure).code,
  );

describe("run", () => {
  test("gives the outcome of a request, and forgets it then", async () => {
    const rig = new Rig();
    const { outcome } = await rig.ask({ attempt: "a", work: GET });
    expect(readOutcome(outcome!)).toMatchObject({ state: "done", output: { status: 200, body: { fine: true } } });
    expect(rig.worker.queue).toBe(0);
    expect(await codeOf(rig.ask({ attempt: "a" }))).toBe("task.unknown_attempt");
  });

  test("reads whether a plugin's task may be done twice: its processes are not shared with others then", async () => {
    const work = { ...JSON.parse(PLUGIN), idempotent: false };
    expect(readWork(JSON.stringify(work))).toEqual(work);
  });

  test("makes an attempt once, however often it is asked for", async () => {
    const rig = new Rig();
    const first = rig.ask({ attempt: "a", work: PLUGIN, files: [] });
    const second = rig.ask({ attempt: "a", work: PLUGIN, files: [] });
    const third = rig.ask({ attempt: "a" });
    expect(rig.calls).toHaveLength(1);
    rig.calls[0]!.resolve({ records: [] });
    const outcomes = await Promise.all([first, second, third]);
    expect(outcomes.map(({ outcome }) => readOutcome(outcome!).state)).toEqual(["done", "done", "done"]);
  });

  test("says that it is at work when it takes long, and the outcome when it is asked again", async () => {
    const rig = new Rig();
    const first = rig.ask({ attempt: "a", work: PLUGIN });
    rig.clock.advance(ANSWER_WITHIN_MS);
    expect(await first).toEqual({});
    rig.clock.advance(ORPHANED_MS - 1);
    const second = rig.ask({ attempt: "a" });
    rig.clock.advance(1);
    rig.calls[0]!.resolve({ records: [] });
    expect(readOutcome((await second).outcome!)).toMatchObject({ state: "done" });
  });

  test("gives an attempt up when nobody has asked about it for a while", async () => {
    const rig = new Rig();
    const link = new AbortController();
    const asked = rig.ask({ attempt: "a", work: PLUGIN }, link.signal);
    link.abort(new Failure("link.closed", "gone"));
    await asked;
    rig.clock.advance(ORPHANED_MS - 1);
    expect(rig.calls[0]!.signal.aborted).toBe(false);
    rig.clock.advance(1);
    expect(rig.calls[0]!.signal.aborted).toBe(true);
    await codeOf(rig.ask({ attempt: "b" }));
    expect(rig.worker.queue).toBe(0);
  });

  test("keeps an outcome that came while the link was gone for who asks over another one", async () => {
    const rig = new Rig();
    const link = new AbortController();
    const asked = rig.ask({ attempt: "a", work: PLUGIN }, link.signal);
    link.abort(new Failure("link.closed", "gone"));
    rig.calls[0]!.resolve({ records: [{ n: 2 }] });
    await asked;
    const { outcome } = await rig.ask({ attempt: "a" });
    expect(readOutcome(outcome!)).toEqual({ state: "done", output: { records: [{ n: 2 }] } });
  });

  test("refuses what is no task, pipelines among it, before anything begins", async () => {
    const rig = new Rig();
    const pipeline = JSON.stringify({ type: "pipeline", file: "/x.txt" });
    for (const work of ["{", "[]", pipeline, JSON.stringify({ ...JSON.parse(GET), method: "STEAL" })])
      expect(await codeOf(rig.ask({ attempt: "a", work }))).toBe("task.message");
    expect(await codeOf(rig.ask({ attempt: "" }))).toBe("work.message");
    expect(rig.worker.queue).toBe(0);
  });

  test("refuses more than it can hold, and says that nothing has begun", async () => {
    const rig = new Rig();
    const all = 4 * TASKS_AT_ONCE;
    for (let number = 0; number < all; number++) void rig.ask({ attempt: `a${number}`, work: PLUGIN }).catch(() => {});
    const refused = await rig.ask({ attempt: "more", work: PLUGIN }).catch((thrown: unknown) => thrown as Failure);
    expect(refused).toMatchObject({ code: "task.busy", retryable: true, data: { untouched: true } });
    expect(rig.calls).toHaveLength(all);
    rig.worker.close();
  });
});

test("drop() ends an attempt at once", async () => {
  const rig = new Rig();
  const asked = rig.ask({ attempt: "a", work: PLUGIN });
  rig.drop("a");
  rig.drop("unknown");
  expect(readOutcome((await asked).outcome!)).toMatchObject({ state: "failed", code: "task.given_up" });
});

describe("leave()", () => {
  test("takes no new attempts, and resolves when the last one is fetched", async () => {
    const rig = new Rig();
    const asked = rig.ask({ attempt: "a", work: PLUGIN });
    let hasLeft = false;
    const leaving = rig.worker.leave().then(() => {
      hasLeft = true;
    });
    const refused = await rig.ask({ attempt: "b", work: GET }).catch((thrown: unknown) => thrown as Failure);
    expect(refused).toMatchObject({ code: "work.leaving", data: { untouched: true } });
    expect(hasLeft).toBe(false);
    rig.calls[0]!.resolve({ records: [] });
    await asked;
    await leaving;
  });

  test("resolves at once when there is nothing", () => new Rig().worker.leave());
});

test("close() gives up what is under way, with no timers left", async () => {
  const rig = new Rig();
  const asked = rig.ask({ attempt: "a", work: PLUGIN });
  rig.worker.close();
  expect(readOutcome((await asked).outcome!)).toMatchObject({ code: "task.given_up" });
  expect(rig.clock.timers).toBe(0);
});
