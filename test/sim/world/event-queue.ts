/**
 * What is going to happen: a binary heap ordered by time, then by the order of insertion, so that two things of one instant
 * always happen in the same order. Events are plain objects of one shape, for there are millions of them.
 */
export const EventKind = { action: 0, wake: 1, datagram: 2, stream: 3, undelivered: 4 } as const;
export type EventKind = (typeof EventKind)[keyof typeof EventKind];

export interface SimEvent<Message> {
  atMs: number;
  order: number;
  kind: EventKind;
  /** The node it happens to; -1 for an action of the world. */
  to: number;
  /** Sender of a message; of an undelivered one whom it was for. */
  from: number;
  /** Of a wake: its ticket. Of a stream message: the life of its sender, who hears when it is not delivered. */
  stamp: number;
  message: Message | undefined;
  action: (() => void) | undefined;
  /** It has reached its node and waits for this life of it; 0: not yet there. */
  heldLife: number;
  /** It has waited its turn at a slow node. */
  isServed: boolean;
}

export class EventQueue<Message> {
  readonly #heap: SimEvent<Message>[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  peek(): SimEvent<Message> | undefined {
    return this.#heap[0];
  }

  add(
    atMs: number,
    kind: EventKind,
    to: number,
    from: number,
    stamp: number,
    message: Message | undefined,
    action?: () => void,
  ): void {
    this.put({ atMs, order: 0, kind, to, from, stamp, message, action, heldLife: 0, isServed: false }, atMs);
  }

  /** (Again) into the queue, behind all others of that instant. */
  put(event: SimEvent<Message>, atMs: number): void {
    event.atMs = atMs;
    event.order = this.#order++;
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above]!;
      if (!precedes(event, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  take(): SimEvent<Message> | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    this.#sink(last);
    return first;
  }

  #sink(event: SimEvent<Message>): void {
    const heap = this.#heap;
    const size = heap.length;
    let at = 0;
    for (let below = 1; below < size; below = 2 * at + 1) {
      if (below + 1 < size && precedes(heap[below + 1]!, heap[below]!)) below++;
      const child = heap[below]!;
      if (!precedes(child, event)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = event;
  }
}

function precedes(left: SimEvent<unknown>, right: SimEvent<unknown>): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
}
