/**
 * Queues by name: first in, first out among the messages that are ready. A delivery hides its message for a while; what is not
 * acknowledged by then comes back to its old place, with a higher delivery number, so that an older receipt settles nothing. A
 * message that was delivered too often goes to the dead letters, never away. Ids rise over all queues of the group.
 */
import { DueHeap, firstNames } from "../structure/index.ts";
import {
  type Answer,
  type Command,
  type DequeueReply,
  done,
  type EnqueueOperation,
  type EnqueueReply,
  type Message,
  type Moment,
  type PurgeReply,
  type QueueStats,
  RECORD_BYTES,
  type Receipt,
  type ReceiptsReply,
  type Refused,
  type Structure,
  type Transactional,
  valueBytes,
} from "../words/index.ts";
import {
  DEDUPE_KEYS_MAX,
  DEQUEUE_BYTES_MAX,
  QUEUE_MESSAGES_CEILING,
  QUEUE_MESSAGES_MAX,
  QUEUES_MAX,
} from "./limits.ts";
import { Queue, type Wake } from "./queue.ts";
import { illSet, severalKeyed, tooManyKeys, tooManyMessages, tooManyQueues } from "./refusals.ts";
import { copyOf, piecesOf, readQueues } from "./snapshot.ts";

type Of<Type extends Command["type"]> = Extract<Command, { type: Type }>;

export interface QueueOptions {
  /** It has messages to be had that it did not have before. Told while a command is applied: to be noted. No part of the state. */
  readonly changed?: (queue: string) => void;
  readonly queuesMax?: number;
  readonly dedupeKeysMax?: number;
}

export class Queues implements Structure, Transactional<EnqueueOperation> {
  readonly name = "queues";
  readonly #changed: (queue: string) => void;
  readonly #queuesMax: number;
  readonly #dedupeKeysMax: number;
  #queues = new Map<string, Queue>();
  #wakes = new DueHeap<Wake>();
  /** The last ones given: of messages, of queues. */
  #id = 0;
  #order = 0;
  #sizeBytes = 0;

  constructor(options: QueueOptions = {}) {
    this.#changed = options.changed ?? (() => {});
    this.#queuesMax = options.queuesMax ?? QUEUES_MAX;
    this.#dedupeKeysMax = options.dedupeKeysMax ?? DEDUPE_KEYS_MAX;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get nextDueMs(): number | undefined {
    return this.#wakes.first?.dueMs;
  }

  advance(moment: Moment): void {
    for (let wake = this.#wakes.take(moment.nowMs); wake !== undefined; wake = this.#wakes.take(moment.nowMs)) {
      const { queue } = wake;
      queue.wake = undefined;
      this.#changing(queue, () => {
        queue.forget(moment.nowMs);
        for (let message = queue.due(moment.nowMs); message !== undefined; message = queue.due(moment.nowMs)) {
          this.#giveBack(queue, message);
        }
      });
    }
  }

  enqueue(command: EnqueueOperation, moment: Moment): Answer<EnqueueReply> {
    return this.check([command], moment) ?? done(this.run(command, moment));
  }

  check(operations: readonly EnqueueOperation[], { nowMs }: Moment): Refused | undefined {
    const more = new Map<string, number>();
    const moreKeys = new Map<string, number>();
    for (const { queue: name, values, dedupeKey } of operations) {
      if (dedupeKey !== undefined && values.length !== 1) return severalKeyed(name, values.length);
      const queue = this.#queues.get(name);
      if (dedupeKey !== undefined && queue?.known(dedupeKey, nowMs) !== undefined) continue;
      more.set(name, (more.get(name) ?? 0) + values.length);
      if (dedupeKey !== undefined) moreKeys.set(name, (moreKeys.get(name) ?? 0) + 1);
    }
    return this.#noRoom(more) ?? this.#noRoomForKeys(moreKeys, nowMs);
  }

  run(operation: EnqueueOperation, { nowMs }: Moment): EnqueueReply {
    const { values, delayMs = 0, dedupeKey } = operation;
    const queue = this.#queueOf(operation.queue);
    const known = dedupeKey === undefined ? undefined : queue.known(dedupeKey, nowMs);
    if (known !== undefined) return { ids: [known], isDuplicate: true };
    const ids = values.map(() => ++this.#id);
    this.#changing(queue, () => {
      for (const [at, value] of values.entries()) {
        const message = { id: ids[at]!, delivery: 0, value, enqueuedMs: nowMs };
        queue.put(message, delayMs > 0 ? nowMs + delayMs : undefined);
      }
      queue.counts.enqueued += values.length;
      if (dedupeKey !== undefined) this.#remember(queue, dedupeKey, ids[0]!, nowMs);
    });
    if (delayMs === 0 && ids.length > 0) this.#changed(queue.name);
    return { ids };
  }

  dequeue(command: Of<"queue.dequeue">, { nowMs }: Moment): Answer<DequeueReply> {
    const queue = this.#queues.get(command.queue);
    if (queue === undefined) return done({ messages: [], nowMs });
    const messages = this.#changing(queue, () =>
      queue.take(command.count, nowMs + command.visibilityMs, command.consumer),
    );
    const nextMs = queue.pending.first?.dueMs;
    return done(nextMs === undefined ? { messages, nowMs } : { messages, nextMs, nowMs });
  }

  ack(command: Of<"queue.ack">, _moment: Moment): Answer<ReceiptsReply> {
    return this.#settle(command, (queue, message) => {
      queue.drop(message);
      queue.counts.acknowledged++;
    });
  }

  nack(command: Of<"queue.nack">, { nowMs }: Moment): Answer<ReceiptsReply> {
    const { delayMs = 0 } = command;
    const dueMs = delayMs > 0 ? nowMs + delayMs : undefined;
    return this.#settle(command, (queue, message) => this.#giveBack(queue, message, dueMs));
  }

  /** Hidden for so long from now on. */
  extend(command: Of<"queue.extend">, { nowMs }: Moment): Answer<ReceiptsReply> {
    const queue = this.#queues.get(command.queue);
    const reply = sorted(command.receipts, (receipt) => queue?.extend(receipt, nowMs + command.visibilityMs) === true);
    if (queue !== undefined) this.#schedule(queue);
    return done(reply);
  }

  configure(command: Of<"queue.configure">, _moment: Moment): Answer<QueueStats> {
    const { queue: name, settings } = command;
    const { deliveriesMax = 1, dedupeMs = 0, messagesMax = 1 } = settings;
    if (!isWithin(deliveriesMax, 1) || !isWithin(dedupeMs, 0) || !isWithin(messagesMax, 1, QUEUE_MESSAGES_CEILING)) {
      return illSet(name, settings);
    }
    const refusal = this.#noRoom(new Map([[name, 0]]));
    if (refusal !== undefined) return refusal;
    const queue = this.#queueOf(name);
    this.#changing(queue, () => queue.configure(settings));
    return done(queue.stats);
  }

  /** All messages go, and all dedupe keys; its settings stay. A queue without settings is as if it had never been. */
  purge(command: Of<"queue.purge">, _moment: Moment): Answer<PurgeReply> {
    const queue = this.#queues.get(command.queue);
    if (queue === undefined) return done({ removed: 0 });
    this.#queues.delete(queue.name);
    this.#sizeBytes -= queueBytes(queue);
    if (queue.wake !== undefined) this.#wakes.remove(queue.wake);
    if (Object.keys(queue.configured).length > 0) {
      const emptied = this.#queueOf(queue.name);
      emptied.configure(queue.configured);
      Object.assign(emptied.counts, queue.counts);
    }
    return done({ removed: queue.size });
  }

  stats(name: string): QueueStats | undefined {
    return this.#queues.get(name)?.stats;
  }

  /** By name. */
  list(limit: number, after?: string): QueueStats[] {
    return firstNames(this.#queues.keys(), limit, after).map((name) => this.#queues.get(name)!.stats);
  }

  /** The messages that come next; as many as one answer may hold, one at least. */
  peek(name: string, limit: number): Message[] {
    const first = this.#queues.get(name)?.ready.peek(limit) ?? [];
    let bytes = 0;
    const end = first.findIndex(({ value }, at) => {
      bytes += valueBytes(value);
      return at > 0 && bytes > DEQUEUE_BYTES_MAX;
    });
    return end < 0 ? first : first.slice(0, end);
  }

  capture(): Iterable<unknown> {
    return piecesOf(this.#id, this.#order, Array.from(this.#queues.values(), copyOf));
  }

  restore(pieces: Iterable<unknown>): void {
    const { id, order, queues } = readQueues(pieces);
    this.#id = id;
    this.#order = order;
    this.#queues = queues;
    this.#wakes = new DueHeap();
    this.#sizeBytes = 0;
    for (const queue of queues.values()) {
      this.#sizeBytes += queueBytes(queue);
      this.#schedule(queue);
    }
  }

  #queueOf(name: string): Queue {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const queue = new Queue(name, ++this.#order);
    this.#queues.set(name, queue);
    this.#sizeBytes += queueBytes(queue);
    return queue;
  }

  /** Back to its place, to wait, or among the dead letters. */
  #giveBack(queue: Queue, message: Message, dueMs?: number): void {
    if (queue.isSpent(message)) return this.#bury(queue, message);
    queue.giveBack(message, dueMs);
    if (dueMs === undefined) this.#changed(queue.name);
  }

  /** A bound of the dead letters' queue does not stop it: the message is there already. */
  #bury(queue: Queue, message: Message): void {
    const { id, delivery, value, enqueuedMs } = message;
    queue.drop(message);
    queue.counts.deadLettered++;
    const target = this.#queueOf(queue.settings.deadLetter);
    const letter = {
      id: ++this.#id,
      delivery: 0,
      value,
      enqueuedMs,
      from: { queue: queue.name, id, deliveries: delivery },
    };
    const put = (): void => {
      target.put(letter);
      target.counts.enqueued++;
    };
    // Within `changing` of the same queue its bytes are counted already.
    if (target === queue) put();
    else this.#changing(target, put);
    this.#changed(target.name);
  }

  #remember(queue: Queue, key: string, id: number, atMs: number): void {
    queue.forget(atMs);
    queue.remember({ key, id, atMs });
  }

  #settle(
    { queue: name, receipts }: { readonly queue: string; readonly receipts: readonly Receipt[] },
    carryOut: (queue: Queue, message: Message) => void,
  ): Answer<ReceiptsReply> {
    const queue = this.#queues.get(name);
    if (queue === undefined) return done(sorted(receipts, () => false));
    const reply = this.#changing(queue, () =>
      sorted(receipts, (receipt) => {
        const message = queue.settle(receipt);
        if (message !== undefined) carryOut(queue, message);
        return message !== undefined;
      }),
    );
    return done(reply);
  }

  /** Whatever changes a queue goes through here: bytes and times are kept up. */
  #changing<T>(queue: Queue, change: () => T): T {
    const before = queue.sizeBytes;
    const result = change();
    this.#sizeBytes += queue.sizeBytes - before;
    this.#schedule(queue);
    return result;
  }

  #schedule(queue: Queue): void {
    const { nextDueMs, wake } = queue;
    if (wake?.dueMs === nextDueMs) return;
    const next = nextDueMs === undefined ? undefined : { queue, dueMs: nextDueMs, order: queue.order, place: -1 };
    queue.wake = next;
    if (wake !== undefined && next !== undefined) this.#wakes.replace(wake, next);
    else if (next !== undefined) this.#wakes.add(next);
    else if (wake !== undefined) this.#wakes.remove(wake);
  }

  #noRoom(more: ReadonlyMap<string, number>): Refused | undefined {
    let queues = this.#queues.size;
    for (const [name, count] of more) {
      const queue = this.#queues.get(name);
      const max = queue?.settings.messagesMax ?? QUEUE_MESSAGES_MAX;
      const size = queue?.size ?? 0;
      if (queue === undefined && ++queues > this.#queuesMax) return tooManyQueues(name, this.#queuesMax);
      if (size + count > max && count > 0) return tooManyMessages(name, size, count, max);
    }
    return undefined;
  }

  /** Those that count no more are forgotten before one is added, but not by looking. */
  #noRoomForKeys(more: ReadonlyMap<string, number>, nowMs: number): Refused | undefined {
    for (const [name, count] of more) {
      const queue = this.#queues.get(name);
      if (queue === undefined || queue.rememberedCount + count <= this.#dedupeKeysMax) continue;
      const kept = queue.rememberedCount - queue.outdatedCount(nowMs);
      if (kept + count > this.#dedupeKeysMax) return tooManyKeys(name, this.#dedupeKeysMax);
    }
    return undefined;
  }
}

function queueBytes({ name, sizeBytes }: Queue): number {
  return 5 * RECORD_BYTES + name.length + sizeBytes;
}

function sorted(receipts: readonly Receipt[], isGood: (receipt: Receipt) => boolean): ReceiptsReply {
  const reply = { done: [] as number[], unknown: [] as number[] };
  for (const receipt of receipts) (isGood(receipt) ? reply.done : reply.unknown).push(receipt.id);
  return reply;
}

function isWithin(value: number, min: number, max = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max;
}
