/**
 * Invalidations that Redis does not know yet. What one of them concerns is not read from there. Bounded: with more of them than it
 * holds, the only thing left to say is that everything in there is to be forgotten.
 */
import { JOURNAL_MAX } from "../limits.ts";

export interface JournalEntry {
  readonly id: string;
  /** Names as Redis has them. */
  readonly names: readonly string[];
}

export class Journal {
  readonly #entries = new Map<string, JournalEntry>();
  /** How many entries concern a name. */
  readonly #concerned = new Map<string, number>();
  /** How often all was to be forgotten, and up to which of these it has been. */
  #forget = 0;
  #forgotten = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** Everything in Redis is to be forgotten before anything is read. */
  get mustForget(): boolean {
    return this.#forget > this.#forgotten;
  }

  get isEmpty(): boolean {
    return !this.mustForget && this.#entries.size === 0;
  }

  concerns(names: readonly string[]): boolean {
    return this.mustForget || (this.#entries.size > 0 && names.some((name) => this.#concerned.has(name)));
  }

  add(entry: JournalEntry): void {
    if (this.#entries.has(entry.id)) return;
    if (this.#entries.size >= JOURNAL_MAX) this.forgetAll();
    this.#entries.set(entry.id, entry);
    for (const name of entry.names) this.#concerned.set(name, (this.#concerned.get(name) ?? 0) + 1);
  }

  /** The first few, oldest first. They stay until they are `done`. */
  first(count: number): readonly JournalEntry[] {
    return this.#entries.values().take(count).toArray();
  }

  done({ id, names }: JournalEntry): void {
    if (!this.#entries.delete(id)) return;
    for (const name of names) {
      const left = this.#concerned.get(name)! - 1; // counted when it was added
      if (left === 0) this.#concerned.delete(name);
      else this.#concerned.set(name, left);
    }
  }

  /** What is in here is part of everything. */
  forgetAll(): void {
    this.#entries.clear();
    this.#concerned.clear();
    this.#forget++;
  }

  /** To be given to `forgotten` when a forgetting that begins now has been carried out. */
  get forgetting(): number {
    return this.#forget;
  }

  forgotten(upTo: number): void {
    this.#forgotten = Math.max(this.#forgotten, upTo);
  }
}
