/** Works through a queue: so many messages at once, each one extended while its handler works. */
import { type Clock, pause, type Timer } from "../../base/clock.ts";
import { assert, Failure, toFailure } from "../../base/errors.ts";
import type { Message, ReceiptsReply } from "../words/index.ts";
import {
  BACKOFF_MS_MAX,
  CONCURRENCY_MAX,
  KEEPS_IN_TTL,
  POLL_MS,
  SILENCE_MS_MAX,
  VISIBILITY_MS_DEFAULT,
} from "./limits.ts";
import type { DequeueOptions } from "./queue-options.ts";

/** `lost` aborts when somebody else may have the message. What it throws gives the message back. */
export type Handler = (message: Message, context: { readonly lost: AbortSignal }) => unknown;

export interface ConsumeOptions {
  readonly concurrency?: number;
  /** After a crash others have to wait so long (30 s). */
  readonly visibilityMs?: number;
  /** Ends when so many messages have been taken and worked on. */
  readonly messagesMax?: number;
  /** A message whose handler has failed is not to be had before (0). */
  readonly retryDelayMs?: number;
  readonly signal?: AbortSignal;
  /** Told of every handler that has thrown, and of every answer about a message that went wrong. */
  readonly failed?: (message: Message, failure: Failure) => void;
}

/** What it needs of a queue. */
export interface Source {
  readonly name: string;
  dequeue(options: DequeueOptions): Promise<readonly Message[]>;
  ack(receipt: Message): Promise<ReceiptsReply>;
  nack(receipt: Message, options: { readonly delayMs?: number }): Promise<ReceiptsReply>;
  extend(receipt: Message, visibilityMs: number, options: { readonly timeoutMs: number }): Promise<ReceiptsReply>;
}

export class QueueConsumer {
  readonly #source: Source;
  readonly #handler: Handler;
  readonly #options: ConsumeOptions;
  readonly #clock: Clock;
  readonly #working = new Set<Promise<void>>();

  constructor(source: Source, handler: Handler, options: ConsumeOptions, clock: Clock) {
    const { concurrency = 1 } = options;
    assert(
      Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= CONCURRENCY_MAX,
      `concurrency is ${concurrency}; 1 to ${CONCURRENCY_MAX} is required`,
    );
    this.#source = source;
    this.#handler = handler;
    this.#options = options;
    this.#clock = clock;
  }

  async run(): Promise<void> {
    const { concurrency = 1, messagesMax = Number.POSITIVE_INFINITY, signal } = this.#options;
    try {
      let heardMs = this.#clock.monotonic();
      let left = messagesMax;
      while (!signal?.aborted && left > 0) {
        const room = Math.min(concurrency - this.#working.size, left);
        if (room === 0) {
          await Promise.race(this.#working);
          continue;
        }
        const askedMs = this.#clock.monotonic();
        const messages = await this.#take(room, heardMs);
        if (!messages) continue;
        heardMs = this.#clock.monotonic();
        left -= messages.length;
        for (const message of messages) this.#begin(message, askedMs);
      }
    } finally {
      await Promise.all(this.#working);
    }
  }

  /** Undefined when there was no answer: to be asked again, unless that has been so for too long. */
  async #take(count: number, heardMs: number): Promise<readonly Message[] | undefined> {
    const { signal, visibilityMs = VISIBILITY_MS_DEFAULT } = this.#options;
    try {
      return await this.#source.dequeue({ count, visibilityMs, waitMs: POLL_MS, ...(signal && { signal }) });
    } catch (thrown) {
      if (signal?.aborted) return undefined;
      const failure = toFailure(thrown, "queue.consume");
      const passes = failure.retryable || failure.code === "data.unknown_outcome"; // what was taken then comes again
      if (!passes || this.#clock.monotonic() - heardMs > SILENCE_MS_MAX) throw failure;
      await pause(this.#clock, BACKOFF_MS_MAX, signal);
      return undefined;
    }
  }

  #begin(message: Message, askedMs: number): void {
    const work = this.#work(message, askedMs).finally(() => this.#working.delete(work));
    this.#working.add(work);
  }

  async #work(message: Message, askedMs: number): Promise<void> {
    const { failed = () => {}, retryDelayMs, visibilityMs = VISIBILITY_MS_DEFAULT } = this.#options;
    const hold = new Hold(message, { askedMs, visibilityMs }, this.#source, this.#clock);
    try {
      await this.#handler(message, { lost: hold.lost });
    } catch (thrown) {
      hold.stop();
      failed(message, toFailure(thrown, "queue.handler"));
      const delay = retryDelayMs === undefined ? {} : { delayMs: retryDelayMs };
      await this.#source.nack(message, delay).catch((why) => failed(message, toFailure(why, "queue.nack")));
      return;
    }
    hold.stop();
    try {
      const { unknown } = await this.#source.ack(message);
      if (unknown.length > 0) failed(message, lateAck(this.#source.name, message));
    } catch (thrown) {
      failed(message, toFailure(thrown, "queue.ack"));
    }
  }
}

/** A message that is being worked on: hidden from others as long as extending it succeeds. */
class Hold {
  readonly #message: Message;
  readonly #visibilityMs: number;
  readonly #source: Source;
  readonly #clock: Clock;
  readonly #lost = new AbortController();
  #untilMs: number;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(
    message: Message,
    { askedMs, visibilityMs }: { readonly askedMs: number; readonly visibilityMs: number },
    source: Source,
    clock: Clock,
  ) {
    this.#message = message;
    this.#visibilityMs = visibilityMs;
    this.#source = source;
    this.#clock = clock;
    // After a long wait nobody here knows since when it is hidden: it is extended at once, and that says.
    const nowMs = clock.monotonic();
    const isFresh = nowMs - askedMs <= visibilityMs / KEEPS_IN_TTL;
    this.#untilMs = (isFresh ? askedMs : nowMs) + visibilityMs;
    this.#arm(isFresh ? visibilityMs / KEEPS_IN_TTL : 0);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  stop(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  #arm(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => void this.#extend());
  }

  async #extend(): Promise<void> {
    const askedMs = this.#clock.monotonic();
    const leftMs = this.#untilMs - askedMs;
    if (leftMs <= 0) return this.#lose();
    try {
      const { unknown } = await this.#source.extend(this.#message, this.#visibilityMs, { timeoutMs: leftMs });
      if (this.#isOver) return;
      if (unknown.length > 0) return this.#lose();
      this.#untilMs = askedMs + this.#visibilityMs;
      this.#arm(this.#visibilityMs / KEEPS_IN_TTL);
    } catch {
      if (!this.#isOver) this.#arm(Math.min(leftMs, this.#visibilityMs / KEEPS_IN_TTL / KEEPS_IN_TTL)); // until its time is over
    }
  }

  #lose(): void {
    this.stop();
    const { delivery, id } = this.#message;
    const message = `message ${id} of ${this.#source.name}, delivery ${delivery}, may be delivered again: it was not extended in time`;
    this.#lost.abort(new Failure("queue.lost", message));
  }
}

function lateAck(queue: string, { delivery, id }: Message): Failure {
  const message = `message ${id} of ${queue}, delivery ${delivery}, was acknowledged too late: it was delivered again, or is done already`;
  return new Failure("queue.late_ack", message);
}
