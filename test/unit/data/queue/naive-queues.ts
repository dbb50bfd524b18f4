/** Queues as one would write them without a thought for speed: one list of messages, searched for everything. */
import type { Message, Receipt, Value } from "../../../../src/data/words/index.ts";

interface Kept extends Message {
  readonly queue: string;
  /** Not to be had before. */
  readonly untilMs: number | undefined;
  readonly consumer: string | undefined;
}

export class NaiveQueues {
  deliveriesMax = 3;
  dedupeMs = 50;
  nowMs = 0;
  #id = 0;
  messages: Kept[] = [];
  #keys: { queue: string; key: string; id: number; atMs: number }[] = [];

  advance(nowMs: number): void {
    this.nowMs = nowMs;
    const due = this.messages.filter(({ untilMs }) => untilMs !== undefined && untilMs <= nowMs);
    due.sort((left, right) => left.untilMs! - right.untilMs! || left.id - right.id);
    for (const message of due) this.#giveBack(message, undefined);
  }

  enqueue(queue: string, values: readonly Value[], delayMs: number, key: string | undefined): readonly number[] {
    const known = this.#keys.findLast((each) => each.queue === queue && each.key === key);
    if (known !== undefined && known.atMs + this.dedupeMs > this.nowMs) return [known.id];
    const untilMs = delayMs > 0 ? this.nowMs + delayMs : undefined;
    const ids = values.map((value) => {
      const id = ++this.#id;
      const { nowMs: enqueuedMs } = this;
      this.messages.push({ queue, id, delivery: 0, value, enqueuedMs, untilMs, consumer: undefined });
      return id;
    });
    if (key !== undefined) this.#keys.push({ queue, key, id: ids[0]!, atMs: this.nowMs });
    return ids;
  }

  ready(queue: string): Kept[] {
    const ready = this.messages.filter((each) => each.queue === queue && each.untilMs === undefined);
    return ready.sort((left, right) => left.id - right.id);
  }

  dequeue(queue: string, count: number, visibilityMs: number, consumer: string): Kept[] {
    const untilMs = this.nowMs + visibilityMs;
    return this.ready(queue)
      .slice(0, count)
      .map((message) => this.#replace({ ...message, delivery: message.delivery + 1, untilMs, consumer }));
  }

  ack(queue: string, receipt: Receipt): boolean {
    const out = this.#out(queue, receipt);
    if (out !== undefined) this.messages.splice(this.messages.indexOf(out), 1);
    return out !== undefined;
  }

  nack(queue: string, receipt: Receipt, delayMs: number): boolean {
    const out = this.#out(queue, receipt);
    if (out !== undefined) this.#giveBack(out, delayMs > 0 ? this.nowMs + delayMs : undefined);
    return out !== undefined;
  }

  extend(queue: string, receipt: Receipt, visibilityMs: number): boolean {
    const out = this.#out(queue, receipt);
    if (out !== undefined) this.#replace({ ...out, untilMs: this.nowMs + visibilityMs });
    return out !== undefined;
  }

  purge(queue: string): number {
    const before = this.messages.length;
    this.messages = this.messages.filter((each) => each.queue !== queue);
    this.#keys = this.#keys.filter((each) => each.queue !== queue);
    return before - this.messages.length;
  }

  #out(queue: string, { id, delivery }: Receipt): Kept | undefined {
    const isIt = (each: Kept): boolean => each.id === id && each.queue === queue && each.delivery === delivery;
    return this.messages.find((each) => isIt(each) && each.consumer !== undefined);
  }

  #giveBack(message: Kept, untilMs: number | undefined): void {
    const { queue, id, delivery, value, enqueuedMs, from } = message;
    if (from !== undefined || delivery < this.deliveriesMax) {
      this.#replace({ ...message, untilMs, consumer: undefined });
      return;
    }
    this.messages.splice(this.messages.indexOf(message), 1);
    const origin = { queue, id, deliveries: delivery };
    const letter = { queue: `${queue}.dead`, id: ++this.#id, delivery: 0, value, enqueuedMs, from: origin };
    this.messages.push({ ...letter, untilMs: undefined, consumer: undefined });
  }

  #replace(message: Kept): Kept {
    const at = this.messages.findIndex(({ id }) => id === message.id);
    this.messages[at] = message;
    return message;
  }
}
