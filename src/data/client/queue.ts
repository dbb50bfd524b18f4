/**
 * A durable queue. What is taken is hidden from others for a while and comes again unless it is acknowledged: each message is worked
 * on at least once, and acknowledged once. `consume` does all of that around a handler.
 */
import type { Clock } from "../../base/clock.ts";
import type { CallOptions } from "../../wire/rpc/index.ts";
import { fromWire, toWire, type WireValue } from "../contract/index.ts";
import type { EnqueueReply, Message, QueueSettings, Receipt, ReceiptsReply, Value } from "../words/index.ts";
import type { Calls } from "./calls.ts";
import { type ConsumeOptions, type Handler, QueueConsumer } from "./consumer.ts";
import { TIMEOUT_MS_DEFAULT, VISIBILITY_MS_DEFAULT } from "./limits.ts";
import type { ReadOptions } from "./map-options.ts";
import type { DequeueOptions, EnqueueOptions } from "./queue-options.ts";

export interface QueuePorts {
  readonly clock: Clock;
  readonly newId: () => string;
}

export class Queue {
  readonly name: string;
  readonly group: string;
  /** Who takes: one name for all that goes through this object. */
  readonly consumer: string;
  readonly #calls: Pick<Calls, "queue">;
  readonly #ports: QueuePorts;

  constructor(name: string, group: string, calls: Pick<Calls, "queue">, ports: QueuePorts) {
    this.name = name;
    this.group = group;
    this.consumer = ports.newId();
    this.#calls = calls;
    this.#ports = ports;
  }

  /** One message or several, in their order. */
  enqueue(values: Value | readonly Value[], options: EnqueueOptions = {}): Promise<EnqueueReply> {
    const { dedupeKey, delayMs, ...call } = options;
    const list = typeof values === "string" || values instanceof Uint8Array ? [values] : values;
    const more = { ...(delayMs !== undefined && { delayMs }), ...(dedupeKey !== undefined && { dedupeKey }) };
    return this.#calls.queue.enqueue({ ...this.#where(), values: list.map(toWire), ...more }, call);
  }

  enqueueJson(value: unknown, options?: EnqueueOptions): Promise<EnqueueReply> {
    return this.enqueue(JSON.stringify(value), options);
  }

  async dequeue(options: DequeueOptions = {}): Promise<readonly Message[]> {
    const { count = 1, visibilityMs = VISIBILITY_MS_DEFAULT, waitMs = 0, ...call } = options;
    const input = { ...this.#where(), count, visibilityMs, waitMs, consumer: this.consumer };
    const { messages } = await this.#calls.queue.dequeue(input, { timeoutMs: waitMs + TIMEOUT_MS_DEFAULT, ...call });
    return messages.map((message) => ({ ...message, value: fromWire(message.value as WireValue) }));
  }

  /** They are done. */
  ack(receipts: Receipt | readonly Receipt[], options?: CallOptions): Promise<ReceiptsReply> {
    return this.#calls.queue.ack({ ...this.#where(), receipts: listOf(receipts) }, options);
  }

  /** They are not: others may have them, after `delayMs`. */
  nack(
    receipts: Receipt | readonly Receipt[],
    { delayMs, ...call }: CallOptions & { readonly delayMs?: number } = {},
  ): Promise<ReceiptsReply> {
    const input = { ...this.#where(), receipts: listOf(receipts), ...(delayMs !== undefined && { delayMs }) };
    return this.#calls.queue.nack(input, call);
  }

  /** They take longer: hidden for so long from now on. */
  extend(receipts: Receipt | readonly Receipt[], visibilityMs: number, options?: CallOptions): Promise<ReceiptsReply> {
    return this.#calls.queue.extend({ ...this.#where(), receipts: listOf(receipts), visibilityMs }, options);
  }

  /**
   * Hands each message to the handler: acknowledged when that returns, given back when it throws, extended while it works. Ends when
   * the signal aborts and every handler has come to its end.
   */
  consume(handler: Handler, options: ConsumeOptions = {}): Promise<void> {
    return new QueueConsumer(this, handler, options, this.#ports.clock).run();
  }

  async configure(settings: QueueSettings, options?: CallOptions): Promise<void> {
    await this.#calls.queue.configure({ ...this.#where(), settings: { ...settings } }, options);
  }

  async purge(options?: CallOptions): Promise<void> {
    await this.#calls.queue.purge(this.#where(), options);
  }

  /** Undefined when there has never been a message. */
  async stats({ consistency, ...call }: ReadOptions = {}) {
    return (await this.#calls.queue.stats({ ...this.#where(), consistency }, call)).stats;
  }

  #where(): { readonly group: string; readonly queue: string } {
    return { group: this.group, queue: this.name };
  }
}

function listOf(receipts: Receipt | readonly Receipt[]): Receipt[] {
  const list = Array.isArray(receipts) ? (receipts as readonly Receipt[]) : [receipts as Receipt]; // one or the other
  return list.map(({ delivery, id }) => ({ id, delivery }));
}
