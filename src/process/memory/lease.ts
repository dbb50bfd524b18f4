/**
 * A slot on loan: who holds it, where it lies, its bytes. Offset and size are all that travels to another process. Using
 * a lease after its release is a bug of ours and asserted, for the slot may be somebody else's by then; a view taken
 * before must not outlive it, which nothing can check.
 */
import { assert } from "../../base/errors.ts";

/** What a lease tells the pool it came from. */
export interface LeaseKeeper {
  moved(lease: Lease, fromOwner: string): void;
  shrunk(lease: Lease, sizeBytes: number): void;
  released(lease: Lease): void;
}

export class Lease {
  /** Of the slot's first byte within the segment. */
  readonly offset: number;
  readonly #keeper: LeaseKeeper;
  readonly #memory: Uint8Array;
  #sizeBytes: number;
  #owner: string;
  #released = false;

  constructor(keeper: LeaseKeeper, memory: Uint8Array, offset: number, sizeBytes: number, owner: string) {
    this.#keeper = keeper;
    this.#memory = memory;
    this.offset = offset;
    this.#sizeBytes = sizeBytes;
    this.#owner = owner;
  }

  get owner(): string {
    return this.#owner;
  }

  /** As asked for, or as shrunk; the block behind it may be larger. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get released(): boolean {
    return this.#released;
  }

  /** The slot's bytes in this process. */
  get view(): Uint8Array {
    this.#assertHeld("view");
    return this.#memory.subarray(this.offset, this.offset + this.#sizeBytes);
  }

  /** From now on the lease dies with another owner: the slot has been handed on. */
  transfer(owner: string): void {
    this.#assertHeld("transfer");
    const from = this.#owner;
    this.#owner = owner;
    this.#keeper.moved(this, from);
  }

  /** Keeps the first bytes only: for an output slot that was leased before its contents' size was known. */
  shrink(sizeBytes: number): void {
    this.#assertHeld("shrink");
    const allowed = Number.isSafeInteger(sizeBytes) && sizeBytes >= 0 && sizeBytes <= this.#sizeBytes;
    assert(allowed, `shrink of a lease of ${this.#sizeBytes} bytes to ${sizeBytes}`);
    this.#sizeBytes = sizeBytes;
    this.#keeper.shrunk(this, sizeBytes);
  }

  release(): void {
    this.#assertHeld("release");
    this.#released = true;
    this.#keeper.released(this);
  }

  #assertHeld(use: string): void {
    assert(!this.#released, `${use} of the lease at ${this.offset} (owner ${this.#owner}) after its release`);
  }
}
