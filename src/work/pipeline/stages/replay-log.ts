/**
 * What a stage with state needs to come back after a crash: the last snapshot, and every batch processed since, copied
 * out of shared memory. A small state is asked for again after a few batches, so that a successor has little to go
 * through; a large one only at barriers. The copies' memory is used again: fresh pages cost more than the copying.
 *
 * While a swap may still be taken back, it also keeps the way from the old plugin's last state to now, within a bound.
 */
import type { RowRange } from "../../../process/plugin/index.ts";

export interface ReplayEntry {
  readonly bytes: Uint8Array;
  readonly rows?: readonly RowRange[];
}

/** Where a host has to begin, and what it has to go through, to be where the stage is. */
export interface Past {
  readonly snapshot: Uint8Array | undefined;
  readonly entries: readonly ReplayEntry[];
}

interface Branch {
  /** Of the old plugin, when it was replaced. */
  readonly before: Past;
  readonly since: ReplayEntry[];
  bytes: number;
  readonly bytesMax: number;
  /** The bound is reached: the branch is gone. */
  outgrown(): void;
}

/** Room is a quarter more than asked for, and a multiple of this, so that batches of about one size fit each other's memory. */
const ROOM_STEP_BYTES = 16 * 1024;
/** A cold process replays a batch in 5 to 10 ms, as long as it takes to start. Below this there is nothing to win. */
const ENTRIES_MIN = 2;
/** Bytes of batches per byte of state before it is asked for again: making a snapshot is some ten times dearer than a copy. */
const BYTES_PER_STATE_BYTE = 32;

export class ReplayLog {
  #snapshot: Uint8Array | undefined;
  #entries: ReplayEntry[] = [];
  #bytes = 0;
  /** Memory of entries that are no longer needed. */
  readonly #spare: ArrayBufferLike[] = [];
  readonly #eager: boolean;
  /** Of the last batch. */
  #batchBytes = 0;
  /** Entries there were when the state was asked for. */
  #askedAt = 0;
  #branch: Branch | undefined;

  /** `eager`: a successor waits initialised, so that each batch it need not go through makes it serve sooner. */
  constructor(snapshot: Uint8Array | undefined, eager = false) {
    this.#snapshot = snapshot;
    this.#eager = eager;
  }

  get snapshot(): Uint8Array | undefined {
    return this.#snapshot;
  }

  /**
   * Whether the next batch should bring the state along: when that, as large as it was last, costs less than what a crash
   * would have to replay. True once; when that batch fails, again some batches later. An eager log asks with every batch while
   * the state is small beside it.
   */
  askSnapshot(): boolean {
    if (this.#eager && this.#batchBytes > this.#dearBytes) return true;
    const isDue = this.#entries.length >= this.#askedAt + ENTRIES_MIN;
    if (!isDue || this.#bytes < this.#dearBytes) return false;
    this.#askedAt = this.#entries.length;
    return true;
  }

  /** So many bytes to go through are as dear as giving the state, as large as it was last. */
  get #dearBytes(): number {
    return BYTES_PER_STATE_BYTE * (this.#snapshot?.length ?? 0);
  }

  /** Valid until `cover`. */
  get entries(): readonly ReplayEntry[] {
    return this.#entries;
  }

  add(batch: Uint8Array, rows: readonly RowRange[] | undefined): void {
    const entry = this.#copy(batch, rows);
    this.#bytes += batch.length;
    this.#batchBytes = batch.length;
    this.#entries.push(entry);
    if (this.#branch) this.#grow(this.#branch, entry);
  }

  /** Everything up to now is inside this state; the batch that brought it along, if one did, included. */
  cover(snapshot: Uint8Array, batch?: Uint8Array, rows?: readonly RowRange[]): void {
    this.#snapshot = snapshot;
    if (!this.#branch) for (const { bytes } of this.#entries) this.#spare.push(bytes.buffer);
    this.#entries = [];
    this.#bytes = 0;
    this.#askedAt = 0;
    if (batch) this.#batchBytes = batch.length;
    if (this.#branch && batch) this.#grow(this.#branch, this.#copy(batch, rows));
  }

  /** From now on another plugin works. Until `confirm` the way back to the one before is kept, unless it outgrows the bound. */
  branch(bytesMax: number, outgrown: () => void): void {
    const before = { snapshot: this.#snapshot, entries: [...this.#entries] };
    this.#branch = { before, since: [], bytes: 0, bytesMax, outgrown };
  }

  /** What the old plugin has not seen. */
  get sinceBranch(): readonly ReplayEntry[] {
    return this.#branch?.since ?? [];
  }

  /** The old plugin's state and all batches since are what counts again. */
  rollBack(): void {
    const branch = this.#branch;
    if (!branch) return;
    this.#branch = undefined;
    this.#snapshot = branch.before.snapshot;
    this.#entries = [...branch.before.entries, ...branch.since];
    this.#bytes = this.#entries.reduce((sum, { bytes }) => sum + bytes.length, 0);
    this.#askedAt = 0;
  }

  confirm(): void {
    if (this.#branch) this.#dropBranch();
  }

  /** The runtime takes the mapped segments for its own memory, and would let ten times a branch lie before it collects. */
  #dropBranch(): void {
    this.#branch = undefined;
    Bun.gc(true);
  }

  #grow(branch: Branch, entry: ReplayEntry): void {
    branch.since.push(entry);
    branch.bytes += entry.bytes.length;
    if (branch.bytes <= branch.bytesMax) return;
    this.#dropBranch();
    branch.outgrown();
  }

  #copy(batch: Uint8Array, rows: readonly RowRange[] | undefined): ReplayEntry {
    const bytes = new Uint8Array(this.#room(batch.length), 0, batch.length);
    bytes.set(batch);
    return rows ? { bytes, rows } : { bytes };
  }

  /** What is too small is let go. New memory is made only when none is spare: never more than the most entries at once. */
  #room(bytes: number): ArrayBufferLike {
    const spare = this.#spare.pop();
    if (spare && spare.byteLength >= bytes) return spare;
    return new ArrayBuffer(Math.ceil((bytes * 1.25) / ROOM_STEP_BYTES) * ROOM_STEP_BYTES);
  }
}
