/**
 * Queues in snapshots: a head, then for each queue its own head, its messages by id and its dedupe keys by age. Which messages are
 * in which list or heap is not written: it follows from what they are.
 */
import {
  byCodeUnits,
  bytesOrText,
  inPieces,
  listOf,
  optional,
  pieceFault,
  textOf,
  wholeOf,
} from "../structure/index.ts";
import type { Message, QueueSettings } from "../words/index.ts";
import { keyBytes, messageBytes, type Pending, Queue, type QueueCounts, type Remembered } from "./queue.ts";
import { byId } from "./ready-line.ts";

/** As it was when the snapshot was begun: messages never change, lists of them do. */
export interface QueueCopy {
  readonly name: string;
  readonly order: number;
  readonly configured: QueueSettings;
  readonly counts: QueueCounts;
  readonly fresh: Message[];
  readonly returned: Message[];
  readonly pending: Pending[];
  readonly remembered: readonly Remembered[];
}

interface Row {
  readonly message: Message;
  readonly pending?: Pending;
}

export function copyOf(queue: Queue): QueueCopy {
  const { name, order, configured } = queue;
  return {
    name,
    order,
    configured,
    counts: { ...queue.counts },
    ...queue.ready.parts(),
    pending: queue.pending.list(),
    remembered: queue.remembered,
  };
}

export function* piecesOf(id: number, order: number, queues: QueueCopy[]): Generator<unknown> {
  yield [id, order, queues.length];
  queues.sort((left, right) => byCodeUnits(left.name, right.name));
  for (const queue of queues) {
    const { name, configured, counts, fresh, returned, pending, remembered } = queue;
    const messages = fresh.length + returned.length + pending.length;
    const { deliveriesMax, deadLetter, dedupeMs, messagesMax } = configured;
    yield [
      [name, queue.order, messages, remembered.length],
      [counts.enqueued, counts.acknowledged, counts.deadLettered],
      [deliveriesMax ?? null, deadLetter ?? null, dedupeMs ?? null, messagesMax ?? null],
    ];
    yield* inPieces(rowsOf(queue), writeRow, ({ message }) => messageBytes(message));
    yield* inPieces(remembered, writeKey, ({ key }) => keyBytes(key));
  }
}

/** Sorted at once: a millisecond or two. */
const SLICE = 4_096;

/** By id: the list is in order, the rest is sorted and merged into it. */
function* rowsOf({ fresh, returned, pending }: QueueCopy): Generator<Row> {
  const others = inOrder(returned, pending);
  let other = others.next();
  for (const message of fresh) {
    for (; other.done !== true && other.value.message.id < message.id; other = others.next()) yield other.value;
    yield { message };
  }
  for (; other.done !== true; other = others.next()) yield other.value;
}

/**
 * By id, sorted slice by slice as far as it is asked for, and nothing is made for those that are not: nobody waits for a million of
 * them. That ids lie about evenly is the rule, not a need.
 */
function* inOrder(returned: readonly Message[], pending: readonly Pending[]): Generator<Row, void, void> {
  const size = returned.length + pending.length;
  // Each of them is looked at once here: a million lie all over the memory.
  const ids = new Float64Array(size);
  for (let at = 0; at < returned.length; at++) ids[at] = returned[at]!.id;
  for (let at = 0; at < pending.length; at++) ids[returned.length + at] = pending[at]!.order; // its message's id
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  for (const id of ids) {
    first = Math.min(first, id);
    last = Math.max(last, id);
  }
  const slices = Math.ceil(size / SLICE);
  const share = slices / (last - first + 1);
  const sliceOf = (at: number): number => Math.min(Math.floor((ids[at]! - first) * share), slices - 1);
  const ends = new Uint32Array(slices + 1);
  for (let at = 0; at < size; at++) ends[sliceOf(at) + 1]!++;
  for (let slice = 0; slice < slices; slice++) ends[slice + 1]! += ends[slice]!;
  const starts = ends.slice();
  const order = new Uint32Array(size);
  for (let at = 0; at < size; at++) order[starts[sliceOf(at)]!++] = at;
  for (let slice = 0; slice < slices; slice++) {
    const rows = Array.from(order.subarray(ends[slice], ends[slice + 1]), (at): Row => {
      const message = returned[at];
      if (message) return { message };
      const each = pending[at - returned.length]!; // it is one of them
      return { message: each.message, pending: each };
    });
    yield* rows.sort((left, right) => byId(left.message, right.message));
  }
}

function writeRow({ message: { id, delivery, value, enqueuedMs, from }, pending }: Row): unknown {
  const origin = from === undefined ? null : [from.queue, from.id, from.deliveries];
  return [
    id,
    delivery,
    value,
    enqueuedMs,
    origin,
    pending === undefined ? null : [pending.dueMs, pending.consumer ?? null],
  ];
}

function writeKey({ key, id, atMs }: Remembered): unknown {
  return [key, id, atMs];
}

export interface QueuesRead {
  readonly id: number;
  readonly order: number;
  readonly queues: Map<string, Queue>;
}

export function readQueues(pieces: Iterable<unknown>): QueuesRead {
  const reader = pieces[Symbol.iterator]();
  const [idRead, orderRead, countRead] = listOf(next(reader, "the head of the queues"), "the head of the queues", 3);
  const id = wholeOf(idRead, "the last message id");
  const order = wholeOf(orderRead, "the last queue's number");
  const queues = new Map<string, Queue>();
  for (let left = wholeOf(countRead, "the number of queues"); left > 0; left--) {
    const queue = readQueue(reader, { id, order });
    if (queues.has(queue.name)) throw pieceFault("a queue's name", queue.name, "each name once");
    queues.set(queue.name, queue);
  }
  const behind = reader.next();
  if (behind.done !== true) throw pieceFault("what is behind the last queue", behind.value, "nothing");
  return { id, order, queues };
}

function readQueue(reader: Iterator<unknown>, last: { readonly id: number; readonly order: number }): Queue {
  const [head, counts, settings] = listOf(next(reader, "a queue"), "a queue", 3);
  const [nameRead, orderRead, messages, keys] = listOf(head, "a queue's head", 4);
  const name = textOf(nameRead, "a queue's name");
  const order = wholeOf(orderRead, `the number of queue ${name}`, 1);
  if (order > last.order) throw pieceFault(`the number of queue ${name}`, order, `one up to ${last.order}`);
  const queue = new Queue(name, order);
  queue.configure(readSettings(settings));
  const [enqueued, acknowledged, deadLettered] = listOf(counts, "a queue's counts", 3);
  queue.counts.enqueued = wholeOf(enqueued, "messages enqueued");
  queue.counts.acknowledged = wholeOf(acknowledged, "messages acknowledged");
  queue.counts.deadLettered = wholeOf(deadLettered, "dead letters");
  let idBefore = 0;
  for (const row of rows(reader, wholeOf(messages, "a queue's messages"), "messages")) {
    idBefore = readMessage(queue, row, idBefore + 1, last.id);
  }
  for (const row of rows(reader, wholeOf(keys, "a queue's dedupe keys"), "dedupe keys")) readKey(queue, row);
  return queue;
}

function readSettings(row: unknown): QueueSettings {
  const [deliveriesMax, deadLetter, dedupeMs, messagesMax] = listOf(row, "a queue's settings", 4);
  return {
    deliveriesMax: optional(deliveriesMax, (value) => wholeOf(value, "deliveriesMax", 1)),
    deadLetter: optional(deadLetter, (value) => textOf(value, "deadLetter")),
    dedupeMs: optional(dedupeMs, (value) => wholeOf(value, "dedupeMs")),
    messagesMax: optional(messagesMax, (value) => wholeOf(value, "messagesMax", 1)),
  };
}

/** Gives its id. */
function readMessage(queue: Queue, row: unknown, idMin: number, idMax: number): number {
  const [idRead, delivery, value, enqueuedMs, origin, waits] = listOf(row, "a message", 6);
  const id = wholeOf(idRead, "a message's id", idMin);
  if (id > idMax) throw pieceFault("a message's id", id, `one up to ${idMax}`);
  const message: Message = {
    id,
    delivery: wholeOf(delivery, "a message's delivery"),
    value: bytesOrText(value, "a message's value"),
    enqueuedMs: wholeOf(enqueuedMs, "a message's time"),
    ...optional(origin, readOrigin),
  };
  if (waits === null) {
    queue.put(message);
    return id;
  }
  const [dueRead, consumerRead] = listOf(waits, "a waiting message", 2);
  const dueMs = wholeOf(dueRead, "a message's next time");
  const consumer = optional(consumerRead, (name) => textOf(name, "a consumer"));
  if (consumer === undefined) queue.put(message, dueMs);
  else queue.putOut(message, dueMs, consumer);
  return id;
}

function readOrigin(row: unknown): Pick<Message, "from"> {
  const [queue, id, deliveries] = listOf(row, "where a dead letter is from", 3);
  return {
    from: {
      queue: textOf(queue, "a dead letter's queue"),
      id: wholeOf(id, "a dead letter's id"),
      deliveries: wholeOf(deliveries, "a dead letter's deliveries"),
    },
  };
}

function readKey(queue: Queue, row: unknown): void {
  const [key, id, atMs] = listOf(row, "a dedupe key", 3);
  queue.remember({ key: textOf(key, "a dedupe key"), id: wholeOf(id, "its message"), atMs: wholeOf(atMs, "its time") });
}

function* rows(reader: Iterator<unknown>, count: number, what: string): Generator<unknown> {
  let left = count;
  while (left > 0) {
    const piece = listOf(next(reader, `a piece of ${what}`), `a piece of ${what}`);
    if (piece.length === 0 || piece.length > left)
      throw pieceFault(`a piece of ${what}`, piece, `a list of 1 to ${left}`);
    left -= piece.length;
    yield* piece;
  }
}

function next(reader: Iterator<unknown>, what: string): unknown {
  const step = reader.next();
  if (step.done === true) throw pieceFault(what, undefined, "one more piece");
  return step.value;
}
