/**
 * The pool of one segment: leases of slots, each with an owner, handed out by one process (the parent) only. A full
 * pool is back-pressure: who asks waits in line, memory never grows. The line is strictly first come, first served:
 * nobody is served past the head of it, not even who could be, so a large request is not starved by small ones. A dead
 * process's leases come back with one call.
 *
 * Call `releaseOwner` only once the owner's exit has been seen: until then it may still write into its slots.
 * Not here: mapping, what lies in a slot, who lives.
 */
import type { Clock } from "../../base/clock.ts";
import { assert, Failure } from "../../base/errors.ts";
import { formatBytes } from "../../base/units.ts";
import { BuddyAllocator } from "./buddy.ts";
import { Lease, type LeaseKeeper } from "./lease.ts";
import { type PoolStatistics, Statistics } from "./statistics.ts";
import { type Waiter, WaitingLine } from "./waiting-line.ts";

/** Smallest slot: small enough for a batch of a few records, large enough that 1 GiB needs 16,384 entries only. */
export const MIN_SLOT_BYTES = 64 * 1024;

/** Waiters at once. A pipeline has a few dozen batches in flight; more says that nobody gives anything back. */
export const WAITERS_MAX = 1024;

export interface PoolOptions {
  readonly waitersMax?: number;
}

export class Pool {
  readonly #memory: Uint8Array;
  readonly #clock: Clock;
  readonly #buddy: BuddyAllocator;
  readonly #byOwner = new Map<string, Set<Lease>>();
  readonly #line: WaitingLine;
  readonly #statistics = new Statistics();
  readonly #keeper: LeaseKeeper;
  #leases = 0;
  #closed = false;

  /** `memory` is the segment's view; what is left over after the last whole smallest slot stays unused. */
  constructor(memory: Uint8Array, clock: Clock, options: PoolOptions = {}) {
    const usableBytes = Math.floor(memory.length / MIN_SLOT_BYTES) * MIN_SLOT_BYTES;
    if (usableBytes === 0) {
      const message = `make a pool: the segment has ${memory.length} bytes, at least ${MIN_SLOT_BYTES} are required`;
      throw new Failure("memory.bad_size", message);
    }
    this.#memory = memory;
    this.#clock = clock;
    this.#buddy = new BuddyAllocator(usableBytes, MIN_SLOT_BYTES);
    this.#line = new WaitingLine(options.waitersMax ?? WAITERS_MAX);
    this.#keeper = {
      moved: (lease, from) => this.#moved(lease, from),
      shrunk: (lease, sizeBytes) => this.#shrunk(lease, sizeBytes),
      released: (lease) => this.#released(lease),
    };
  }

  /** The largest request that can ever be met: the greatest power of two within the segment. */
  get largestLeaseBytes(): number {
    return this.#buddy.largestBlockBytes;
  }

  /** A lease at once, or undefined when there is no room or somebody already waits. */
  tryLease(sizeBytes: number, owner: string): Lease | undefined {
    this.#check(sizeBytes);
    const lease = this.#line.length === 0 ? this.#take(sizeBytes, owner) : undefined;
    if (lease === undefined) this.#statistics.misses++;
    return lease;
  }

  /**
   * A lease as soon as there is room and everyone before has been served. Fails with `memory.too_large` (never
   * possible), `memory.too_many_waiters`, `memory.wait_ended` (the signal), `memory.owner_gone` or `memory.closed`.
   */
  lease(sizeBytes: number, owner: string, signal?: AbortSignal): Promise<Lease> {
    return new Promise((resolve, reject) => {
      this.#check(sizeBytes);
      if (signal?.aborted) throw waitEnded(sizeBytes, owner);
      const lease = this.#line.length === 0 ? this.#take(sizeBytes, owner) : undefined;
      if (lease) return resolve(lease);
      const waiter: Waiter = { sizeBytes, owner, sinceMs: this.#clock.monotonic(), signal, resolve, reject };
      waiter.onAbort = () => this.#giveUp(waiter);
      this.#line.join(waiter);
      signal?.addEventListener("abort", waiter.onAbort, { once: true });
      this.#statistics.waited(this.#line.length);
    });
  }

  /** Takes back every lease of a dead process and ends its waits; the number of leases taken back. */
  releaseOwner(owner: string): number {
    for (const waiter of this.#line.leave((each) => each.owner === owner)) {
      waiter.reject(new Failure("memory.owner_gone", `wait for shared memory: owner ${owner} is gone`));
    }
    const leases = [...(this.#byOwner.get(owner) ?? [])];
    this.#statistics.reclaimed += leases.length;
    for (const lease of leases) lease.release();
    this.#serve();
    return leases.length;
  }

  statistics(): PoolStatistics {
    const { sizeBytes, usedBytes } = this.#buddy;
    return this.#statistics.report({ sizeBytes, usedBytes, leases: this.#leases, waiters: this.#line.length });
  }

  /** Ends all waits and hands nothing out any more. Leases that are out may still be released. */
  close(): void {
    this.#closed = true;
    for (const waiter of this.#line.leave(() => true)) waiter.reject(closed());
  }

  #check(sizeBytes: number): void {
    if (this.#closed) throw closed();
    assert(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0, `lease of ${sizeBytes} bytes`);
    if (sizeBytes <= this.largestLeaseBytes) return;
    this.#statistics.refused++;
    const largest = formatBytes(this.largestLeaseBytes);
    const message = `lease shared memory: ${formatBytes(sizeBytes)} asked for, at most ${largest} at once are possible here`;
    throw new Failure("memory.too_large", message, { data: { sizeBytes, largestLeaseBytes: this.largestLeaseBytes } });
  }

  #take(sizeBytes: number, owner: string): Lease | undefined {
    const offset = this.#buddy.take(sizeBytes);
    if (offset === undefined) return undefined;
    const lease = new Lease(this.#keeper, this.#memory, offset, sizeBytes, owner);
    this.#own(lease);
    this.#leases++;
    this.#statistics.leased(this.#buddy.usedBytes);
    return lease;
  }

  #giveUp(waiter: Waiter): void {
    this.#line.leave((each) => each === waiter);
    waiter.reject(waitEnded(waiter.sizeBytes, waiter.owner));
    this.#serve();
  }

  /** Serves the line from its head until the head does not fit. */
  #serve(): void {
    for (let head = this.#line.head; head !== undefined; head = this.#line.head) {
      const lease = this.#take(head.sizeBytes, head.owner);
      if (lease === undefined) return;
      this.#line.leave((each) => each === head);
      this.#statistics.waitMsTotal += this.#clock.monotonic() - head.sinceMs;
      head.resolve(lease);
    }
  }

  #moved(lease: Lease, from: string): void {
    this.#disown(lease, from);
    this.#own(lease);
  }

  #shrunk(lease: Lease, sizeBytes: number): void {
    this.#buddy.shrink(lease.offset, sizeBytes);
    this.#serve();
  }

  #released(lease: Lease): void {
    this.#disown(lease, lease.owner);
    this.#leases--;
    this.#buddy.free(lease.offset);
    this.#serve();
  }

  #own(lease: Lease): void {
    const leases = this.#byOwner.get(lease.owner);
    if (leases) leases.add(lease);
    else this.#byOwner.set(lease.owner, new Set([lease]));
  }

  #disown(lease: Lease, owner: string): void {
    const leases = this.#byOwner.get(owner);
    const known = leases?.delete(lease);
    assert(known, `lease at ${lease.offset} is unknown for owner ${owner}`);
    if (leases?.size === 0) this.#byOwner.delete(owner);
  }
}

function waitEnded(sizeBytes: number, owner: string): Failure {
  const message = `wait for shared memory: ${owner} stopped waiting for ${formatBytes(sizeBytes)}`;
  return new Failure("memory.wait_ended", message, { retryable: true });
}

function closed(): Failure {
  return new Failure("memory.closed", "lease shared memory: the pool is closed");
}
