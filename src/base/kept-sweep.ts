/**
 * Clears away what writers that were cut off have left in a kept state: before the first write of a life, and again after a write that
 * failed, as soon as no other one is under way; what is being written has pieces that no value names yet.
 */
import { deleteLarge, strayPieces, writeInGroups } from "./kept-large.ts";
import type { KeptState } from "./kept-state.ts";

export class KeptSweep {
  readonly #kept: KeptState;
  readonly #leftovers: () => readonly string[];
  #isDue = true;
  #sweeping: Promise<void> | undefined;
  #writing = 0;

  /** `kept` is its owner's alone; `leftovers` are values that nobody needs, besides pieces that no value names. */
  constructor(kept: KeptState, leftovers: () => readonly string[] = () => []) {
    this.#kept = kept;
    this.#leftovers = leftovers;
  }

  /** Every write of the owner's goes through here. When nothing is to be swept it is made at once. */
  async around<T>(write: () => Promise<T>): Promise<T> {
    while (this.#isDue && this.#writing === 0) {
      this.#sweeping ??= this.#sweep();
      await this.#sweeping;
    }
    this.#writing++;
    try {
      return await write();
    } catch (thrown) {
      this.#isDue = true;
      throw thrown;
    } finally {
      this.#writing--;
    }
  }

  async #sweep(): Promise<void> {
    try {
      const left = this.#leftovers();
      const pieces = left.flatMap((key) => deleteLarge(this.#kept, key).garbage);
      const keys = new Set([...left, ...pieces, ...strayPieces(this.#kept)]);
      await writeInGroups(
        this.#kept,
        Array.from(keys, (key) => ({ key, delete: true })),
      );
      this.#isDue = false;
    } finally {
      this.#sweeping = undefined;
    }
  }
}
