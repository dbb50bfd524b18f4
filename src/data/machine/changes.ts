/**
 * Who waits for a lock to pass on or for a queue to have something: told afterwards, never while a command is applied, and once for all
 * changes of one turn. What has changed the listener looks up itself. No part of the replicated state.
 */
import type { Defer } from "../map/index.ts";

export type ChangeKind = "lock" | "queue";

export class Changes {
  readonly #defer: Defer;
  readonly #listeners = new Map<string, Set<() => void>>();
  #changed = new Set<string>();

  constructor(defer: Defer) {
    this.#defer = defer;
  }

  /** Gives what ends it. */
  add(kind: ChangeKind, name: string, listener: () => void): () => void {
    const place = placeOf(kind, name);
    const own = (): void => listener(); // so that the same function may be added twice
    const listeners = this.#listeners.get(place) ?? new Set();
    this.#listeners.set(place, listeners.add(own));
    return () => {
      listeners.delete(own);
      if (listeners.size === 0 && this.#listeners.get(place) === listeners) this.#listeners.delete(place);
    };
  }

  note(kind: ChangeKind, name: string): void {
    const place = placeOf(kind, name);
    if (this.#listeners.has(place)) this.#noteAt(place);
  }

  /** Anything may have: the state was replaced. */
  noteAll(): void {
    for (const place of this.#listeners.keys()) this.#noteAt(place);
  }

  #noteAt(place: string): void {
    if (this.#changed.size === 0) this.#defer(() => this.#tell());
    this.#changed.add(place);
  }

  #tell(): void {
    const changed = this.#changed;
    this.#changed = new Set();
    for (const place of changed) for (const listener of this.#listeners.get(place) ?? []) listener();
  }
}

function placeOf(kind: ChangeKind, name: string): string {
  return `${kind} ${name}`;
}
