/**
 * Queues: elements that are all different go in, come out, are acknowledged or given back, and come again when nobody did either. In the
 * end each queue is emptied. Judged twice: as an object with an order, and by what a queue promises its users.
 */
import type { Message } from "../../../src/data/words/index.ts";
import {
  checkDelivery,
  HistoryRecorder,
  type QueueInput,
  type QueueOperation,
  type QueueOutput,
  queueModel,
} from "../linearizability/index.ts";
import { describe } from "../linearizability/print.ts";
import { judgeHistory, shortened } from "./histories.ts";
import {
  eachAtOnce,
  insist,
  type Judgement,
  Keys,
  recorded,
  timeoutOf,
  type Worker,
  type Workload,
} from "./workload.ts";

const OPERATIONS_MAX = 60;
/** Longer than a call, so that most messages come once. */
const VISIBILITY_MS = 2_000;
const DRAINERS = 6;
/** A queue holds fewer elements than operations; each may come again once or twice. */
const DRAINS_MAX = 10 * OPERATIONS_MAX;

export class Queues implements Workload {
  readonly name = "queue";
  readonly #history = new HistoryRecorder<QueueInput, QueueOutput>();
  readonly #keys = new Keys("chaos-queue", OPERATIONS_MAX);
  readonly #visibilityMs: number;
  #elements = 0;

  constructor(visibilityMs = VISIBILITY_MS) {
    this.#visibilityMs = visibilityMs;
  }

  async step(worker: Worker): Promise<void> {
    const queue = this.#keys.take();
    if (worker.random.below(2) === 0) return this.#enqueue(worker, queue);
    const message = await this.#dequeue(worker, queue, 0);
    if (message) await this.#settle(worker, queue, message, worker.random.below(8) === 0 ? "nack" : "ack");
  }

  async finish(worker: Worker): Promise<void> {
    await eachAtOnce(this.#keys.all, DRAINERS, (queue) => this.#drain(worker, queue));
  }

  judge(): Judgement {
    const operations = this.#history.operations();
    const { faults, undecided } = judgeHistory(this.name, queueModel({ redelivers: true }), operations);
    const broken = checkDelivery(operations, { isDrained: true }).map(({ culprits, why }) => told(why, culprits));
    return { workload: this.name, faults: [...faults, ...shortened(broken)], undecided };
  }

  async #enqueue(worker: Worker, queue: string): Promise<void> {
    const element = `e${++this.#elements}`;
    const recording = this.#history.invoke(worker.name, queue, { kind: "enqueue", element });
    await recorded(
      worker,
      recording,
      () => worker.data.queue(queue).enqueue(element, timeoutOf(worker)),
      () => null,
    );
  }

  async #dequeue(worker: Worker, queue: string, waitMs: number): Promise<Message | undefined> {
    const recording = this.#history.invoke(worker.name, queue, { kind: "dequeue" });
    const take = () =>
      worker.data
        .queue(queue)
        .dequeue({ visibilityMs: this.#visibilityMs, waitMs, timeoutMs: waitMs + timeoutOf(worker).timeoutMs });
    const output = ([message]: readonly Message[]): QueueOutput =>
      message ? { element: String(message.value), receipt: message.delivery } : null;
    return (await recorded(worker, recording, take, output))?.[0];
  }

  async #settle(worker: Worker, queue: string, message: Message, kind: "ack" | "nack"): Promise<void> {
    const { delivery, id, value } = message;
    const input = { kind, element: String(value), receipt: delivery } as const;
    const recording = this.#history.invoke(worker.name, queue, input);
    const settle = () => worker.data.queue(queue)[kind]({ id, delivery }, timeoutOf(worker));
    await recorded(worker, recording, settle, ({ done }) => done.includes(id));
  }

  async #drain(worker: Worker, queue: string): Promise<void> {
    for (let tries = 0; tries < DRAINS_MAX; tries++) {
      const message = await this.#dequeue(worker, queue, tries === 0 ? 0 : this.#visibilityMs);
      if (message) await this.#settle(worker, queue, message, "ack");
      else {
        const stats = await insist(worker, () => worker.data.queue(queue).stats());
        if (!stats || stats.ready + stats.out + stats.delayed === 0) return;
      }
    }
    throw new Error(`queue ${queue} is not empty after ${DRAINS_MAX} dequeues`);
  }
}

function told(why: string, culprits: readonly QueueOperation[]): string {
  return [`queue ${culprits[0]?.key}: ${why}`, ...culprits.slice(0, 6).map((each) => `  ${describe(each)}`)].join("\n");
}
