/**
 * The load of the queue benchmark, the same for everybody: producers send, each with one message under way, consumers take, work (on nothing)
 * and acknowledge. Half as many messages go through first, to warm up. It runs in Bun and in Node.js.
 */
import { figuresOf } from "../../common/figures.ts";
import type { QueueResult, QueueWork } from "./work.ts";

export interface QueueClient {
  /** Resolves when the message is durable. */
  send(text: string): Promise<unknown>;
  /** Begins to take messages; calls back with each one's text once it was acknowledged. */
  consume(acknowledged: (text: string) => void): Promise<void> | void;
}

export async function runLoad(work: QueueWork, client: QueueClient): Promise<QueueResult> {
  const warm = Math.floor(work.messages / 2);
  const tally = new Tally();
  await client.consume((text) => tally.acknowledged(Number.parseInt(text, 10)));
  await through(work, client, tally, [0, warm]);
  const begunMs = performance.now();
  const times = await through(work, client, tally, [warm, warm + work.messages]);
  const figures = figuresOf(times, performance.now() - begunMs);
  return { ...figures, done: tally.onceFrom(warm) };
}

/** Sends the messages of these numbers, and waits until so many in all are acknowledged. Gives how long each sending took. */
async function through(
  { atOnce, sizeBytes }: QueueWork,
  client: QueueClient,
  tally: Tally,
  [from, to]: readonly [number, number],
): Promise<readonly number[]> {
  const times: number[] = [];
  let next = from;
  const producer = async (): Promise<void> => {
    while (next < to) {
      const text = `${next++} `.padEnd(sizeBytes, ".");
      const sentMs = performance.now();
      await client.send(text);
      times.push(performance.now() - sentMs);
    }
  };
  await Promise.all([...Array.from({ length: atOnce }, producer), tally.until(to)]);
  return times;
}

/** Which messages were acknowledged how often. */
class Tally {
  readonly #counts = new Map<number, number>();
  #total = 0;
  #goal = { at: 0, reached: (): void => {} };

  acknowledged(number: number): void {
    this.#counts.set(number, (this.#counts.get(number) ?? 0) + 1);
    if (++this.#total === this.#goal.at) this.#goal.reached();
  }

  until(at: number): Promise<void> {
    return new Promise((reached) => {
      this.#goal = { at, reached };
      if (this.#total >= at) reached();
    });
  }

  /** How many of those from this number on were acknowledged exactly once. */
  onceFrom(first: number): number {
    return [...this.#counts].filter(([number, count]) => number >= first && count === 1).length;
  }
}
