/**
 * Which traces the entries of a spool belong to, until they are read. In memory only: a trace is worth nothing to whoever reads again after a
 * crash. What is too much is forgotten, the oldest first: its batches begin traces of their own.
 */

/** Entries are read soon; a sampled one is one in a hundred. */
const TRACES_MAX = 1_024;

export class SpoolTraces {
  /** By the offset of the entry, ascending. */
  readonly #traces = new Map<number, string>();

  /** Offsets come in their order. */
  add(offset: number, traceparent: string | undefined): void {
    if (traceparent === undefined) return;
    this.#traces.set(offset, traceparent);
    if (this.#traces.size <= TRACES_MAX) return;
    for (const oldest of this.#traces.keys()) {
      this.#traces.delete(oldest);
      return;
    }
  }

  /** The first of those that begin from here on and before there. What begins before is read, and forgotten. */
  between(from: number, until: number): string | undefined {
    for (const [offset, traceparent] of this.#traces) {
      if (offset >= until) return undefined;
      if (offset >= from) return traceparent;
      this.#traces.delete(offset);
    }
    return undefined;
  }
}
