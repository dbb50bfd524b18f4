/**
 * What a stage with state needs to come back after a crash: the last snapshot, and every batch processed since, copied
 * out of shared memory. Bounded by the distance between two barriers. The copies' memory is used again and again: fresh
 * pages for every batch cost more than the copying itself.
 */
import type { RowRange } from "../../../process/plugin/index.ts";

export interface ReplayEntry {
  readonly bytes: Uint8Array;
  readonly rows?: readonly RowRange[];
}

/** Room is rounded up to a multiple of this, so that batches of about one size fit each other's memory. */
const ROOM_STEP_BYTES = 256 * 1024;

export class ReplayLog {
  #snapshot: Uint8Array | undefined;
  #entries: ReplayEntry[] = [];
  /** Memory of entries that are no longer needed. */
  #spare: ArrayBufferLike[] = [];

  constructor(snapshot: Uint8Array | undefined) {
    this.#snapshot = snapshot;
  }

  get snapshot(): Uint8Array | undefined {
    return this.#snapshot;
  }

  /** Valid until `cover`. */
  get entries(): readonly ReplayEntry[] {
    return this.#entries;
  }

  add(batch: Uint8Array, rows: readonly RowRange[] | undefined): void {
    const bytes = new Uint8Array(this.#room(batch.length), 0, batch.length);
    bytes.set(batch);
    this.#entries.push(rows ? { bytes, rows } : { bytes });
  }

  /** Everything up to now is inside this state. */
  cover(snapshot: Uint8Array): void {
    this.#snapshot = snapshot;
    this.#spare = this.#entries.map(({ bytes }) => bytes.buffer);
    this.#entries = [];
  }

  /** What is too small is let go: sizes settle, and nothing grows beyond one distance between barriers. */
  #room(bytes: number): ArrayBufferLike {
    const spare = this.#spare.pop();
    if (spare && spare.byteLength >= bytes) return spare;
    return new ArrayBuffer(Math.ceil(bytes / ROOM_STEP_BYTES) * ROOM_STEP_BYTES);
  }
}
