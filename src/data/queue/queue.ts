/**
 * One queue: what is ready, what is delayed or delivered until some time, which dedupe keys count, and how often what happened.
 * It moves messages between these and knows the rules of receipts. Not here: ids, bounds over all queues, where dead letters go
 * (`queues.ts`), snapshots (`snapshot.ts`).
 */
import { type Due, DueHeap, Fifo } from "../structure/index.ts";
import {
  type Message,
  NAME_CHARS_MAX,
  type QueueSettings,
  type QueueStats,
  RECORD_BYTES,
  type Receipt,
  valueBytes,
} from "../words/index.ts";

import {
  DEAD_SUFFIX,
  DEDUPE_MS,
  DEDUPE_SLACK_MS,
  DELIVERIES_MAX,
  DEQUEUE_BYTES_MAX,
  QUEUE_MESSAGES_MAX,
} from "./limits.ts";
import { ReadyLine } from "./ready-line.ts";

/** A message that is not to be had until then: delayed, or out at a consumer. Never changed: replaced. */
export interface Pending extends Due {
  /** With the number of its last delivery. */
  readonly message: Message;
  readonly consumer: string | undefined;
}

/** A dedupe key and the message that has taken it. */
export interface Remembered {
  readonly key: string;
  readonly id: number;
  readonly atMs: number;
}

export interface QueueCounts {
  enqueued: number;
  acknowledged: number;
  deadLettered: number;
}

type Settings = { readonly [Name in keyof QueueSettings]-?: NonNullable<QueueSettings[Name]> };

/** When it wants to be advanced, among all queues. */
export interface Wake extends Due {
  readonly queue: Queue;
}

export class Queue {
  readonly name: string;
  /** By when it came to be, unique. */
  readonly order: number;
  readonly counts: QueueCounts = { enqueued: 0, acknowledged: 0, deadLettered: 0 };
  readonly ready = new ReadyLine();
  readonly pending = new DueHeap<Pending>();
  /** As configured. */
  configured: QueueSettings = {};
  settings: Settings;
  wake: Wake | undefined;
  sizeBytes = 0;
  readonly #out = new Map<number, Pending>();
  /** By age; and by key. */
  readonly #remembered = new Fifo<Remembered>();
  readonly #known = new Map<string, Remembered>();

  constructor(name: string, order: number) {
    this.name = name;
    this.order = order;
    this.settings = resolve(name, {});
  }

  get size(): number {
    return this.ready.size + this.pending.size;
  }

  get nextDueMs(): number | undefined {
    const pendingMs = this.pending.first?.dueMs;
    const oldest = this.#remembered.first;
    if (oldest === undefined) return pendingMs;
    const forgetMs = oldest.atMs + this.settings.dedupeMs + DEDUPE_SLACK_MS;
    return pendingMs === undefined || forgetMs < pendingMs ? forgetMs : pendingMs;
  }

  get stats(): QueueStats {
    const out = this.#out.size;
    return {
      queue: this.name,
      ready: this.ready.size,
      delayed: this.pending.size - out,
      out,
      ...this.counts,
      settings: this.settings,
    };
  }

  /** What is left out stays. */
  configure(settings: QueueSettings): void {
    const given = Object.entries(settings).filter(([, value]) => value !== undefined);
    this.configured = { ...this.configured, ...Object.fromEntries(given) };
    this.settings = resolve(this.name, this.configured);
  }

  /** To be had at once, or not before `dueMs`. */
  put(message: Message, dueMs?: number): void {
    this.sizeBytes += messageBytes(message);
    this.#place(message, dueMs);
  }

  /** As it stood in a snapshot. */
  putOut(message: Message, dueMs: number, consumer: string): void {
    this.sizeBytes += messageBytes(message);
    this.#hide(message, dueMs, consumer);
  }

  /** The key must not be known. */
  remember(remembered: Remembered): void {
    this.#remembered.add(remembered);
    this.#known.set(remembered.key, remembered);
    this.sizeBytes += keyBytes(remembered.key);
  }

  /** The message that has taken this key, while the key counts. */
  known(key: string, nowMs: number): number | undefined {
    const remembered = this.#known.get(key);
    return remembered !== undefined && this.#counts(remembered, nowMs) ? remembered.id : undefined;
  }

  forget(nowMs: number): void {
    for (let { first } = this.#remembered; first !== undefined; { first } = this.#remembered) {
      if (this.#counts(first, nowMs)) return;
      this.#remembered.take();
      this.#known.delete(first.key);
      this.sizeBytes -= keyBytes(first.key);
    }
  }

  /** Those that `forget` would take. */
  outdatedCount(nowMs: number): number {
    return this.#remembered.countWhile((remembered) => !this.#counts(remembered, nowMs));
  }

  /** A copy, by age. */
  get remembered(): Remembered[] {
    return this.#remembered.list();
  }

  get rememberedCount(): number {
    return this.#remembered.size;
  }

  take(count: number, dueMs: number, consumer: string): Message[] {
    const taken: Message[] = [];
    let bytes = 0;
    while (taken.length < count) {
      const { first } = this.ready;
      if (first === undefined || (taken.length > 0 && bytes + valueBytes(first.value) > DEQUEUE_BYTES_MAX)) break;
      this.ready.take();
      bytes += valueBytes(first.value);
      const message = { ...first, delivery: first.delivery + 1 };
      this.#hide(message, dueMs, consumer);
      taken.push(message);
    }
    return taken;
  }

  /** Takes back the delivery that it names; undefined: it is not the last one, or over. */
  settle({ id, delivery }: Receipt): Message | undefined {
    const pending = this.#out.get(id);
    if (pending === undefined || pending.message.delivery !== delivery) return undefined;
    this.#out.delete(id);
    this.pending.remove(pending);
    return pending.message;
  }

  extend({ id, delivery }: Receipt, dueMs: number): boolean {
    const pending = this.#out.get(id);
    if (pending === undefined || pending.message.delivery !== delivery) return false;
    const longer = { ...pending, dueMs };
    this.#out.set(id, longer);
    this.pending.replace(pending, longer);
    return true;
  }

  /** The next one whose time has come, out of the queue: it was delayed, or its consumer has not answered. */
  due(nowMs: number): Message | undefined {
    const pending = this.pending.take(nowMs);
    if (pending !== undefined) this.#out.delete(pending.message.id);
    return pending?.message;
  }

  /** A message that `settle` or `due` gave, back to its place or to wait. */
  giveBack(message: Message, dueMs?: number): void {
    this.#place(message, dueMs);
  }

  /** It is gone for good. */
  drop(message: Message): void {
    this.sizeBytes -= messageBytes(message);
  }

  /** A dead letter stays one: so no message goes in circles. */
  isSpent({ delivery, from }: Message): boolean {
    return from === undefined && delivery >= this.settings.deliveriesMax;
  }

  #counts({ atMs }: Remembered, nowMs: number): boolean {
    return atMs + this.settings.dedupeMs > nowMs;
  }

  #place(message: Message, dueMs: number | undefined): void {
    if (dueMs === undefined) this.ready.add(message);
    else this.pending.add({ message, consumer: undefined, dueMs, order: message.id, place: -1 });
  }

  #hide(message: Message, dueMs: number, consumer: string): void {
    const pending: Pending = { message, consumer, dueMs, order: message.id, place: -1 };
    this.#out.set(message.id, pending);
    this.pending.add(pending);
  }
}

export function messageBytes({ value, from }: Message): number {
  return RECORD_BYTES + valueBytes(value) + (from?.queue.length ?? 0);
}

export function keyBytes(key: string): number {
  return RECORD_BYTES + key.length;
}

function resolve(name: string, settings: QueueSettings): Settings {
  return {
    deliveriesMax: settings.deliveriesMax ?? DELIVERIES_MAX,
    deadLetter: settings.deadLetter ?? deadLetterOf(name),
    dedupeMs: settings.dedupeMs ?? DEDUPE_MS,
    messagesMax: settings.messagesMax ?? QUEUE_MESSAGES_MAX,
  };
}

/** Where that would be too long a name, queues share one: letters say where they come from. */
function deadLetterOf(name: string): string {
  return `${name.slice(0, NAME_CHARS_MAX - DEAD_SUFFIX.length).toWellFormed()}${DEAD_SUFFIX}`;
}
