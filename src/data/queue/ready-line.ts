/**
 * The messages that are to be had, by id: the order in which they were enqueued. New ones come with rising ids, so they are a plain
 * list that is read from its front; those that come back (not acknowledged, delayed until now) are in a heap beside it. Taking the
 * next one costs nothing in the first case and a logarithm in the second.
 */
import { type Due, DueHeap, Fifo } from "../structure/index.ts";
import type { Message } from "../words/index.ts";

interface Returned extends Due {
  readonly message: Message;
}

export class ReadyLine {
  readonly #fresh = new Fifo<Message>();
  readonly #returned = new DueHeap<Returned>();

  get size(): number {
    return this.#fresh.size + this.#returned.size;
  }

  get first(): Message | undefined {
    const fresh = this.#fresh.first;
    const returned = this.#returned.first?.message;
    if (fresh === undefined || returned === undefined) return fresh ?? returned;
    return fresh.id < returned.id ? fresh : returned;
  }

  add(message: Message): void {
    const { last } = this.#fresh;
    if (last === undefined || last.id < message.id) this.#fresh.add(message);
    else this.#returned.add({ message, dueMs: message.id, order: message.id, place: -1 });
  }

  take(): Message | undefined {
    const { first } = this;
    if (first === undefined) return undefined;
    return first === this.#fresh.first ? this.#fresh.take() : this.#returned.take(first.id)?.message;
  }

  /** Copies: of the list in its order, of the heap in none. */
  parts(): { readonly fresh: Message[]; readonly returned: Message[] } {
    return { fresh: this.#fresh.list(), returned: this.#returned.list().map(({ message }) => message) };
  }

  /** The first so many, in order. */
  peek(limit: number): Message[] {
    const fresh = this.#fresh.list(limit);
    if (this.#returned.size === 0) return fresh;
    return [...fresh, ...this.parts().returned].sort(byId).slice(0, limit);
  }
}

export function byId(left: { readonly id: number }, right: { readonly id: number }): number {
  return left.id - right.id;
}
