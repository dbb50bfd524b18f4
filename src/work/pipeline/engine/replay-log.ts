/**
 * What a stage with state needs to come back after a crash: the last snapshot, and every batch processed since, copied
 * out of shared memory. Bounded by the distance between two barriers.
 */
import type { RowRange } from "../../../process/plugin/index.ts";

export interface ReplayEntry {
  readonly bytes: Uint8Array;
  readonly rows?: readonly RowRange[];
}

export class ReplayLog {
  #snapshot: Uint8Array | undefined;
  #entries: ReplayEntry[] = [];

  constructor(snapshot: Uint8Array | undefined) {
    this.#snapshot = snapshot;
  }

  get snapshot(): Uint8Array | undefined {
    return this.#snapshot;
  }

  get entries(): readonly ReplayEntry[] {
    return this.#entries;
  }

  add(batch: Uint8Array, rows: readonly RowRange[] | undefined): void {
    this.#entries.push(rows ? { bytes: batch.slice(), rows } : { bytes: batch.slice() });
  }

  /** Everything up to now is inside this state. */
  cover(snapshot: Uint8Array): void {
    this.#snapshot = snapshot;
    this.#entries = [];
  }
}
