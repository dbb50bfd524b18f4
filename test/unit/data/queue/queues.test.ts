import { expect, test } from "bun:test";
import {
  DEDUPE_MS,
  DELIVERIES_MAX,
  DEQUEUE_BYTES_MAX,
  type QueueOptions,
  Queues,
} from "../../../../src/data/queue/index.ts";
import {
  type EnqueueReply,
  type Message,
  NAME_CHARS_MAX,
  type Refused,
  type Value,
} from "../../../../src/data/words/index.ts";
import { restored, sentPieces, stateOf } from "../../../support/data-copies.ts";

/** With a clock, and commands in short. */
class Rig {
  queues: Queues;
  nowMs = 0;
  #index = 0;

  constructor(options: QueueOptions = {}) {
    this.queues = new Queues(options);
  }

  enqueue(queue: string, ...values: Value[]): EnqueueReply | Refused {
    const answer = this.queues.enqueue({ type: "queue.enqueue", queue, values }, this.#moment());
    return answer.ok ? answer.reply : answer;
  }

  keyed(queue: string, dedupeKey: string): EnqueueReply | Refused {
    const answer = this.queues.enqueue({ type: "queue.enqueue", queue, values: ["v"], dedupeKey }, this.#moment());
    return answer.ok ? answer.reply : answer;
  }

  dequeue(queue: string, count = 1, visibilityMs = 1_000): readonly Message[] {
    const command = { type: "queue.dequeue", queue, count, visibilityMs, consumer: "c" } as const;
    const answer = this.queues.dequeue(command, this.#moment());
    if (!answer.ok) throw new Error(answer.code);
    return answer.reply.messages;
  }

  nack(queue: string, ...receipts: Message[]): void {
    this.queues.nack({ type: "queue.nack", queue, receipts }, this.#moment());
  }

  ack(queue: string, ...receipts: Message[]): unknown {
    return this.queues.ack({ type: "queue.ack", queue, receipts }, this.#moment());
  }

  configure(queue: string, settings: Record<string, number | string>): unknown {
    return this.queues.configure({ type: "queue.configure", queue, settings }, this.#moment());
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.queues.advance(this.#moment());
  }

  #moment(): { nowMs: number; index: number } {
    return { nowMs: this.nowMs, index: ++this.#index };
  }
}

test("nack() gives a message back to its old place in the order", () => {
  const rig = new Rig();
  rig.enqueue("q", "a", "b", "c");
  const [a, b] = rig.dequeue("q", 2);
  rig.nack("q", b!);
  rig.nack("q", a!);
  expect(rig.dequeue("q", 3).map(({ value, delivery }) => [value, delivery])).toEqual([
    ["a", 2],
    ["b", 2],
    ["c", 1],
  ]);
});

test("ack() knows no receipt of an older delivery, nor one that comes twice", () => {
  const rig = new Rig();
  rig.enqueue("q", "a");
  const [old] = rig.dequeue("q", 1, 100);
  rig.pass(100);
  const [fresh] = rig.dequeue("q");
  expect(rig.ack("q", old!)).toEqual({ ok: true, reply: { done: [], unknown: [1] } });
  expect(rig.ack("q", fresh!, fresh!)).toEqual({ ok: true, reply: { done: [1], unknown: [1] } });
  expect(rig.ack("nowhere", fresh!)).toEqual({ ok: true, reply: { done: [], unknown: [1] } });
});

test("nack() moves a message to the dead letters when it was delivered too often, where it stays", () => {
  const rig = new Rig();
  rig.configure("q", { deliveriesMax: 2, deadLetter: "graves" });
  rig.enqueue("q", "poison");
  for (let count = 0; count < 2; count++) rig.nack("q", ...rig.dequeue("q"));
  expect(rig.queues.peek("q", 1)).toEqual([]);
  for (let count = 0; count < 3 * DELIVERIES_MAX; count++) rig.nack("graves", ...rig.dequeue("graves"));
  expect(rig.queues.peek("graves", 10)).toMatchObject([
    { value: "poison", enqueuedMs: 0, from: { queue: "q", id: 1, deliveries: 2 } },
  ]);
  expect(rig.queues.stats("q")).toMatchObject({ deadLettered: 1, enqueued: 1, ready: 0, out: 0 });
});

test("nack() buries in the same queue when that is its own queue of dead letters, and counts its bytes once", () => {
  const rig = new Rig();
  rig.configure("q", { deliveriesMax: 1, deadLetter: "q" });
  rig.enqueue("q", "poison");
  rig.nack("q", ...rig.dequeue("q"));
  expect(rig.queues.peek("q", 10)).toMatchObject([{ id: 2, from: { id: 1 } }]);
  expect(restored(rig.queues, new Queues()).sizeBytes).toBe(rig.queues.sizeBytes);
});

test("Queues name the dead letters of a queue within the bound of names when its own is as long as may be", () => {
  const rig = new Rig();
  const name = "n".repeat(NAME_CHARS_MAX);
  rig.enqueue(name, "a");
  const { deadLetter } = rig.queues.stats(name)!.settings;
  expect(deadLetter).toBe(`${"n".repeat(NAME_CHARS_MAX - 5)}.dead`);
});

test("enqueue() refuses the whole with data.full when one message more would be too many", () => {
  const rig = new Rig({ queuesMax: 2 });
  rig.configure("q", { messagesMax: 3 });
  rig.enqueue("q", "a", "b");
  const [a] = rig.dequeue("q");
  expect(rig.enqueue("q", "c", "d")).toMatchObject({ code: "data.full", retryable: true });
  rig.ack("q", a!);
  expect(rig.enqueue("q", "c", "d")).toEqual({ ids: [3, 4] });
  rig.enqueue("p", "a");
  expect(rig.enqueue("r", "a")).toMatchObject({ code: "data.full" });
  expect(rig.configure("r", { dedupeMs: 1 })).toMatchObject({ code: "data.full" });
});

test("check() counts what all operations together add", () => {
  const rig = new Rig();
  rig.configure("q", { messagesMax: 2 });
  const one = { type: "queue.enqueue", queue: "q", values: ["a"] } as const;
  expect(rig.queues.check([one, one], { nowMs: 0, index: 9 })).toBeUndefined();
  expect(rig.queues.check([one, one, one], { nowMs: 0, index: 9 })).toMatchObject({ code: "data.full" });
  expect(rig.queues.stats("q")).toMatchObject({ ready: 0 });
});

test("enqueue() answers with the first message of a key, in a full queue too, until the key's time is over", () => {
  const rig = new Rig();
  rig.configure("q", { messagesMax: 1 });
  expect(rig.keyed("q", "k")).toEqual({ ids: [1] });
  rig.pass(DEDUPE_MS - 1);
  expect(rig.keyed("q", "k")).toEqual({ ids: [1], isDuplicate: true });
  rig.ack("q", ...rig.dequeue("q"));
  expect(rig.keyed("q", "k")).toEqual({ ids: [1], isDuplicate: true });
  rig.pass(1);
  expect(rig.keyed("q", "k")).toEqual({ ids: [2] });
});

test("enqueue() refuses one dedupe key for several values, and keys past their bound until older ones are over", () => {
  const rig = new Rig({ dedupeKeysMax: 2 });
  const several = { type: "queue.enqueue", queue: "q", values: ["a", "b"], dedupeKey: "k" } as const;
  expect(rig.queues.enqueue(several, { nowMs: 0, index: 1 })).toMatchObject({ code: "data.queue.dedupe" });
  rig.keyed("q", "k");
  rig.keyed("q", "l");
  expect(rig.keyed("q", "m")).toMatchObject({ code: "data.full" });
  expect(rig.enqueue("q", "without")).toEqual({ ids: [3] });
  rig.pass(DEDUPE_MS);
  expect(rig.keyed("q", "m")).toEqual({ ids: [4] });
});

test("advance() forgets the keys of an idle queue, and then wants no more ticks", () => {
  const rig = new Rig();
  rig.keyed("q", "k");
  rig.ack("q", ...rig.dequeue("q"));
  const before = rig.queues.sizeBytes;
  rig.pass(rig.queues.nextDueMs!);
  expect(rig.queues.nextDueMs).toBeUndefined();
  expect(rig.queues.sizeBytes).toBeLessThan(before);
});

test("dequeue() gives as many as one answer may hold, and one at least", () => {
  const rig = new Rig();
  const large = new Uint8Array(DEQUEUE_BYTES_MAX - 10);
  rig.enqueue("q", large, large, "small", "small too");
  expect(rig.dequeue("q", 9).length).toBe(1);
  expect(rig.queues.peek("q", 9).length).toBe(2);
  expect(rig.dequeue("q", 9).length).toBe(2);
});

test("dequeue() says when the next message is to be had when all are delayed or out", () => {
  const rig = new Rig();
  rig.queues.enqueue({ type: "queue.enqueue", queue: "q", values: ["a"], delayMs: 700 }, { nowMs: 0, index: 1 });
  const command = { type: "queue.dequeue", queue: "q", count: 1, visibilityMs: 500, consumer: "c" } as const;
  expect(rig.queues.dequeue(command, { nowMs: 0, index: 2 })).toEqual({
    ok: true,
    reply: { messages: [], nextMs: 700, nowMs: 0 },
  });
  rig.pass(700);
  expect(rig.dequeue("q")).toMatchObject([{ value: "a" }]);
  expect(rig.queues.dequeue(command, { nowMs: 700, index: 9 })).toMatchObject({
    reply: { messages: [], nextMs: 1_700 },
  });
});

test("Queues tell of a queue each time that messages become ready in it, and only then", () => {
  const told: string[] = [];
  const rig = new Rig({ changed: (queue) => told.push(queue) });
  rig.configure("q", { deliveriesMax: 2 });
  rig.queues.enqueue({ type: "queue.enqueue", queue: "q", values: ["a"], delayMs: 10 }, { nowMs: 0, index: 1 });
  expect(told.splice(0)).toEqual([]);
  rig.pass(10);
  expect(told.splice(0)).toEqual(["q"]);
  rig.dequeue("q", 1, 100);
  rig.pass(100);
  expect(told.splice(0)).toEqual(["q"]);
  rig.nack("q", ...rig.dequeue("q"));
  expect(told.splice(0)).toEqual(["q.dead"]);
  rig.enqueue("q", "b");
  expect(told.splice(0)).toEqual(["q"]);
});

test("configure() keeps what is left out and refuses what no queue can have", () => {
  const rig = new Rig();
  rig.configure("q", { deliveriesMax: 5 });
  expect(rig.configure("q", { dedupeMs: 7 })).toMatchObject({
    ok: true,
    reply: { settings: { deliveriesMax: 5, dedupeMs: 7 } },
  });
  for (const settings of [{ deliveriesMax: 0 }, { dedupeMs: -1 }, { messagesMax: 0.5 }, { messagesMax: 1e9 }]) {
    expect(rig.configure("q", settings)).toMatchObject({ ok: false, code: "data.queue.settings" });
  }
});

test("purge() takes all messages, keeps settings, and forgets a queue that has none", () => {
  const rig = new Rig();
  rig.configure("q", { deliveriesMax: 5 });
  for (const queue of ["p", "q"]) {
    rig.enqueue(queue, "a", "b");
    rig.dequeue(queue);
    expect(rig.queues.purge({ type: "queue.purge", queue }, { nowMs: 0, index: 9 })).toEqual({
      ok: true,
      reply: { removed: 2 },
    });
  }
  expect(rig.queues.list(10)).toMatchObject([{ queue: "q", ready: 0, out: 0, settings: { deliveriesMax: 5 } }]);
  expect(rig.queues.nextDueMs).toBeUndefined();
});

test("capture() gives the state at its call when commands are applied while pieces are taken", () => {
  const rig = new Rig();
  rig.enqueue("q", ..."abcdef");
  rig.dequeue("q", 2);
  rig.keyed("p", "k");
  const before = stateOf(rig.queues);
  const pieces = rig.queues.capture();
  rig.nack("q", ...rig.dequeue("q", 1));
  rig.pass(5_000);
  rig.enqueue("q", "g");
  rig.configure("q", { deliveriesMax: 3 });
  rig.queues.purge({ type: "queue.purge", queue: "p" }, { nowMs: 5_000, index: 99 });
  expect(JSON.stringify([...pieces])).toBe(before);
});

test("capture() gives messages in their order, also when tens of thousands are out, given back and ready", () => {
  const rig = new Rig();
  const fill = (queue: string): void => {
    for (let at = 0; at < 10; at++) rig.enqueue(queue, ...Array.from({ length: 1_000 }, (_, each) => `${at}-${each}`));
  };
  fill("q");
  fill("r"); // ids of a queue need not be close together
  fill("q");
  for (let at = 0; at < 18; at++) {
    const taken = rig.dequeue("q", 1_000, 100_000 - ((at * 7) % 18) * 1_000);
    rig.nack("q", ...taken.filter((_, each) => each % 5 === at % 5));
  }
  const copy = restored(rig.queues, new Queues());
  expect(copy.stats("q")).toMatchObject({ ready: 5_200 + 400, out: 14_400 });
  expect(stateOf(copy)).toBe(stateOf(rig.queues));
});

test("restore() fails with data.snapshot and keeps what there is when a piece is missing, twice there or another", () => {
  const rig = new Rig();
  rig.configure("q", { deliveriesMax: 1 });
  rig.enqueue("q", "a", "b", "c");
  rig.nack("q", ...rig.dequeue("q"));
  rig.dequeue("q");
  rig.keyed("q", "k");
  const pieces = sentPieces(rig.queues);
  const before = stateOf(rig.queues);
  const bad: unknown[][] = [[], [...pieces, []]];
  for (let at = 0; at < pieces.length; at++) {
    bad.push(pieces.toSpliced(at, 1), pieces.toSpliced(at, 0, pieces[at]), pieces.toSpliced(at, 1, "other"));
  }
  for (const each of bad) {
    expect(() => rig.queues.restore(each)).toThrow(expect.objectContaining({ code: "data.snapshot" }));
  }
  expect(stateOf(rig.queues)).toBe(before);
  rig.queues.restore(pieces);
  expect(stateOf(rig.queues)).toBe(before);
});
