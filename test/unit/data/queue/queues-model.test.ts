import { expect, test } from "bun:test";
import fc from "fast-check";
import { Queues } from "../../../../src/data/queue/index.ts";
import type { Answer, Message, Receipt, ReceiptsReply } from "../../../../src/data/words/index.ts";
import { restored, stateOf } from "../../../support/data-copies.ts";
import { NaiveQueues } from "./naive-queues.ts";

const queue = fc.constantFrom("q", "q.dead");
const span = fc.constantFrom(0, 1, 10, 30);
const pick = fc.nat();

const step = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      type: fc.constant("enqueue" as const),
      values: fc.array(fc.string({ maxLength: 2 }), { minLength: 1, maxLength: 3 }),
      delayMs: span,
      dedupeKey: fc.option(fc.constantFrom("k", "l"), { nil: undefined }),
    }),
  },
  {
    weight: 25,
    arbitrary: fc.record({ type: fc.constant("dequeue" as const), queue, count: fc.nat(3), visibilityMs: span }),
  },
  { weight: 15, arbitrary: fc.record({ type: fc.constant("ack" as const), queue, pick }) },
  { weight: 20, arbitrary: fc.record({ type: fc.constant("nack" as const), queue, pick, delayMs: span }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant("extend" as const), queue, pick, visibilityMs: span }) },
  { weight: 15, arbitrary: fc.record({ type: fc.constant("pass" as const), ms: span }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant("restore" as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("purge" as const), queue }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Both at once; whatever they answer is compared. */
class Pair {
  queues = new Queues();
  readonly naive = new NaiveQueues();
  #index = 0;
  #nowMs = 0;
  /** Of every delivery so far, old ones too. */
  readonly #receipts: Receipt[] = [{ id: 1, delivery: 1 }];

  constructor() {
    const settings = { deliveriesMax: this.naive.deliveriesMax, dedupeMs: this.naive.dedupeMs };
    this.queues.configure({ type: "queue.configure", queue: "q", settings }, { nowMs: 0, index: 0 });
  }

  take(each: Step): void {
    const moment = { nowMs: this.#nowMs, index: ++this.#index };
    this.queues.advance(moment);
    this.naive.advance(this.#nowMs);
    switch (each.type) {
      case "enqueue": {
        const values = each.dedupeKey === undefined ? each.values : each.values.slice(0, 1);
        const answer = this.queues.enqueue({ ...each, type: "queue.enqueue", queue: "q", values }, moment);
        const ids = this.naive.enqueue("q", values, each.delayMs, each.dedupeKey);
        expect(answer).toMatchObject({ ok: true, reply: { ids } });
        break;
      }
      case "dequeue":
        this.#dequeue(each, moment);
        break;
      case "pass":
        this.#nowMs += each.ms;
        break;
      case "restore": {
        const copy = restored(this.queues, new Queues());
        expect(stateOf(copy)).toBe(stateOf(this.queues));
        expect(copy.sizeBytes).toBe(this.queues.sizeBytes);
        expect(copy.nextDueMs).toBe(this.queues.nextDueMs);
        this.queues = copy;
        break;
      }
      case "purge": {
        const answer = this.queues.purge({ type: "queue.purge", queue: each.queue }, moment);
        expect(answer).toEqual({ ok: true, reply: { removed: this.naive.purge(each.queue) } });
        break;
      }
      default:
        this.#settle(each, moment);
    }
    this.#compare();
  }

  #dequeue(each: Extract<Step, { type: "dequeue" }>, moment: { nowMs: number; index: number }): void {
    const { count, visibilityMs } = each;
    const command = { type: "queue.dequeue", queue: each.queue, count, visibilityMs, consumer: "c" } as const;
    const answer = this.queues.dequeue(command, moment);
    if (!answer.ok) throw new Error(answer.message);
    const expected = this.naive.dequeue(each.queue, count, visibilityMs, "c");
    expect(answer.reply.messages).toEqual(expected.map(messageOf));
    const waiting = this.naive.messages.filter(({ queue: name }) => name === each.queue);
    const untils = waiting.flatMap(({ untilMs }) => untilMs ?? []);
    expect(answer.reply.nextMs).toBe(untils.length > 0 ? Math.min(...untils) : undefined);
    this.#receipts.push(...expected);
  }

  #settle(each: Extract<Step, { pick: number }>, moment: { nowMs: number; index: number }): void {
    const receipt = this.#receipts[this.#receipts.length - 1 - (each.pick % Math.min(6, this.#receipts.length))]!;
    const command = { queue: each.queue, receipts: [receipt] };
    let answer: Answer<ReceiptsReply>;
    let isGood: boolean;
    if (each.type === "ack") {
      answer = this.queues.ack({ ...command, type: "queue.ack" }, moment);
      isGood = this.naive.ack(each.queue, receipt);
    } else if (each.type === "nack") {
      answer = this.queues.nack({ ...command, type: "queue.nack", delayMs: each.delayMs }, moment);
      isGood = this.naive.nack(each.queue, receipt, each.delayMs);
    } else {
      answer = this.queues.extend({ ...command, type: "queue.extend", visibilityMs: each.visibilityMs }, moment);
      isGood = this.naive.extend(each.queue, receipt, each.visibilityMs);
    }
    const reply = isGood ? { done: [receipt.id], unknown: [] } : { done: [], unknown: [receipt.id] };
    expect(answer).toEqual({ ok: true, reply });
  }

  #compare(): void {
    for (const name of ["q", "q.dead"]) {
      const kept = this.naive.messages.filter((each) => each.queue === name);
      const out = kept.filter(({ consumer }) => consumer !== undefined).length;
      const ready = this.naive.ready(name);
      expect(this.queues.peek(name, 100)).toEqual(ready.map(messageOf));
      const { ready: readyCount, delayed, out: outCount } = this.queues.stats(name) ?? { ready: 0, delayed: 0, out: 0 };
      expect([readyCount, delayed, outCount]).toEqual([ready.length, kept.length - ready.length - out, out]);
    }
  }
}

function messageOf({ id, delivery, value, enqueuedMs, from }: Message): Message {
  return { id, delivery, value, enqueuedMs, ...(from && { from }) };
}

test("Queues do as a naive list does when commands, time and snapshots come at random", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
      const pair = new Pair();
      for (const each of steps) pair.take(each);
    }),
    { numRuns: 300 },
  );
});
