import { describe, expect, test } from "bun:test";
import { DataNodes, lost, noLeader } from "../../../support/data-nodes.ts";
import { driven } from "../../../support/driven.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

async function turns(count = 20): Promise<void> {
  for (let at = 0; at < count; at++) await new Promise((resolve) => setImmediate(resolve));
}

const texts = (messages: readonly { readonly value: string | Uint8Array }[]): unknown[] =>
  messages.map(({ value }) => value);

describe("Queue", () => {
  test("dequeue() gives what was enqueued, in order, text as text and bytes as bytes", async () => {
    const queue = new DataNodes().client().queue("jobs");
    await queue.enqueue(["a", new Uint8Array([0, 255, 128])]);
    await queue.enqueueJson({ job: "process" });
    expect(texts(await queue.dequeue({ count: 10 }))).toEqual([
      "a",
      new Uint8Array([0, 255, 128]),
      '{"job":"process"}',
    ]);
  });

  test("dequeue() gives the same messages again when its answer was lost", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const queue = nodes.client().queue("jobs");
    await queue.enqueue(["a", "b"]);
    let times = 0;
    nodes.faults.after = () => {
      if (times++ === 0) throw lost();
    };
    expect(texts(await driven(clock, queue.dequeue()))).toEqual(["a"]);
    expect(texts(await queue.dequeue())).toEqual(["b"]);
  });

  test("dequeue() waits for a message without writing anything", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const waiting = nodes.client().queue("jobs").dequeue({ waitMs: 5_000 });
    await turns();
    expect(nodes.applied.length).toBe(0);
    await nodes.client().queue("jobs").enqueue("late");
    expect(texts(await driven(clock, waiting, 1))).toEqual(["late"]);
    expect(clock.monotonic()).toBeLessThan(50);
  });

  test("dequeue() gives nothing when the wait is over", async () => {
    const clock = new SteppedClock();
    const queue = new DataNodes({ clock }).client().queue("jobs");
    expect(await driven(clock, queue.dequeue({ waitMs: 5_000 }))).toEqual([]);
    expect(clock.monotonic()).toBeGreaterThanOrEqual(5_000);
  });

  test("ack() settles nothing for an older delivery", async () => {
    const nodes = new DataNodes();
    const queue = nodes.client().queue("jobs");
    await queue.enqueue("a");
    const [old] = await queue.dequeue();
    await queue.nack(old!);
    const [again] = await queue.dequeue();
    expect(await queue.ack(old!)).toEqual({ done: [], unknown: [old!.id] });
    expect(await queue.ack(again!)).toEqual({ done: [again!.id], unknown: [] });
    expect(await queue.stats()).toMatchObject({ ready: 0, out: 0, acknowledged: 1 });
  });
});

describe("QueueConsumer", () => {
  test("consume() works on as many messages at once as it was told, and acknowledges each", async () => {
    const nodes = new DataNodes();
    const queue = nodes.client().queue("jobs");
    await queue.enqueue(Array.from({ length: 20 }, (_, at) => String(at)));
    const end = new AbortController();
    const seen: unknown[] = [];
    let atOnce = 0;
    let mostAtOnce = 0;
    const consuming = queue.consume(
      async ({ value }) => {
        mostAtOnce = Math.max(mostAtOnce, ++atOnce);
        await turns(2);
        atOnce--;
        seen.push(value);
        if (seen.length === 20) end.abort();
      },
      { concurrency: 4, signal: end.signal },
    );
    await consuming;
    expect(seen.length).toBe(20);
    expect(mostAtOnce).toBe(4);
    expect(nodes.machine().queues.stats("jobs")).toMatchObject({ ready: 0, out: 0, acknowledged: 20 });
  });

  test("consume() ends by itself when it has taken as many messages as it was told", async () => {
    const queue = new DataNodes().client().queue("jobs");
    await queue.enqueue(["a", "b", "c", "d", "e"]);
    const seen: unknown[] = [];
    await queue.consume(({ value }) => seen.push(value), { concurrency: 2, messagesMax: 3 });
    expect(seen).toEqual(["a", "b", "c"]);
    expect(await queue.stats()).toMatchObject({ ready: 2, out: 0, acknowledged: 3 });
  });

  test("consume() gives a message back when its handler throws, and it ends as a dead letter", async () => {
    const nodes = new DataNodes();
    const queue = nodes.client().queue("jobs");
    await queue.configure({ deliveriesMax: 3 });
    await queue.enqueue(["bad", "good"]);
    const end = new AbortController();
    const failures: string[] = [];
    let bad = 0;
    await queue.consume(
      ({ value }) => {
        if (value === "good") return end.abort();
        bad++;
        throw new Error("cannot");
      },
      { signal: end.signal, failed: (_, { message }) => failures.push(message) },
    );
    expect(bad).toBe(3);
    expect(failures).toEqual(["cannot", "cannot", "cannot"]);
    const [letter] = await nodes.client().queue("jobs.dead").dequeue();
    expect(letter).toMatchObject({ value: "bad", from: { queue: "jobs", deliveries: 3 } });
  });

  test("consume() extends a message while its handler works", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const queue = nodes.client().queue("jobs");
    await queue.enqueue("slow");
    const end = new AbortController();
    const worked = Promise.withResolvers<void>();
    let wasLost = false;
    const consuming = queue.consume(
      async (_, { lost: gone }) => {
        await worked.promise;
        wasLost = gone.aborted;
        end.abort();
      },
      { visibilityMs: 3_000, signal: end.signal },
    );
    for (let passed = 0; passed < 12_000; passed += 100) {
      await turns(5);
      clock.advance(100);
      nodes.pass(100);
    }
    expect(nodes.machine().queues.stats("jobs")).toMatchObject({ ready: 0, out: 1 });
    worked.resolve();
    await consuming;
    expect(wasLost).toBe(false);
    expect(nodes.machine().queues.stats("jobs")).toMatchObject({ acknowledged: 1 });
  });

  test("consume() tells the handler when somebody else may have the message", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    const queue = nodes.client().queue("jobs");
    await queue.enqueue("slow");
    const end = new AbortController();
    const consuming = queue.consume(
      async (_, { lost: gone }) => {
        nodes.faults.propose = () => {
          throw noLeader();
        };
        await new Promise((resolve) => gone.addEventListener("abort", resolve));
        nodes.faults.propose = () => {};
        end.abort();
      },
      { visibilityMs: 3_000, signal: end.signal },
    );
    await driven(clock, consuming, 100);
    expect(clock.monotonic()).toBeLessThan(5_000);
  });

  test("consume() goes on after an outage, and fails when it lasts too long", async () => {
    const clock = new SteppedClock();
    const nodes = new DataNodes({ clock });
    nodes.faults.propose = () => {
      throw noLeader();
    };
    const consuming = nodes
      .client({ timeoutMs: 2_000 })
      .queue("jobs")
      .consume(() => {});
    await expect(driven(clock, consuming, 100)).rejects.toMatchObject({ code: "data.unknown_outcome" });
    expect(clock.monotonic()).toBeGreaterThan(60_000);
  });
});
