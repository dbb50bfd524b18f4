/**
 * The shared memory between two stages, and the rule that keeps it free of deadlock. Every batch in flight holds at most
 * one slot of an edge, and a usual slot is at most one *share*: half of the segment divided by the batches in flight, so
 * usual slots are always to be had. The other half is one *reserve* for a batch that outgrows its share; it is handed
 * to the oldest batch in flight only, which waits for nobody, so it comes back.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import { formatBytes } from "../../../base/units.ts";
import { type Lease, MIN_SLOT_BYTES, Pool, type Segment, type SharedMemory } from "../../../process/memory/index.ts";

/** A place in an edge's segment that holds one batch. */
export interface Slot {
  readonly offset: number;
  readonly capacityBytes: number;
  readonly view: Uint8Array;
  /** Gives back what a smaller content does not need. */
  shrink(bytes: number): void;
  release(): void;
}

/** What a batch holds that has given its slot back and waits for another. */
export const NO_SLOT: Slot = { offset: 0, capacityBytes: 0, view: new Uint8Array(0), shrink() {}, release() {} };

/** Resolves when every batch before this one has left the pipeline. */
export type WaitUntilOldest = (seq: number) => Promise<void>;

export class Edge {
  readonly segment: Segment;
  readonly shareBytes: number;
  readonly #pool: Pool;
  readonly #reserve: Lease;
  readonly #untilOldest: WaitUntilOldest;
  #reserveTaken = false;

  constructor(memory: SharedMemory, sizeBytes: number, inFlight: number, clock: Clock, untilOldest: WaitUntilOldest) {
    this.segment = memory.createSegment(sizeBytes);
    this.#pool = new Pool(this.segment.view, clock);
    const reserve = this.#pool.tryLease(this.#pool.largestLeaseBytes / 2, "reserve");
    if (!reserve) throw new Failure("pipeline.memory", `no reserve in a segment of ${formatBytes(sizeBytes)}`);
    this.#reserve = reserve;
    this.shareBytes = 2 ** Math.floor(Math.log2(this.#pool.largestLeaseBytes / 2 / inFlight));
    this.#untilOldest = untilOldest;
    if (this.shareBytes < MIN_SLOT_BYTES) {
      const message = `memory=${formatBytes(sizeBytes)} is too little for in_flight=${inFlight}`;
      throw new Failure("pipeline.memory", `${message}; required are ${formatBytes(4 * MIN_SLOT_BYTES * inFlight)}`);
    }
  }

  /** The largest content a slot of this edge can ever take. */
  get largestBytes(): number {
    return this.#reserve.sizeBytes;
  }

  statistics() {
    return this.#pool.statistics();
  }

  /** Whether so many bytes can be had in turn; more has to wait until the batch is the oldest, and must hold up nobody then. */
  isShare(bytes: number): boolean {
    return bytes <= this.shareBytes;
  }

  /** Fails with `pipeline.batch_too_large` for what no slot can hold, `memory.wait_ended` when the signal aborts. */
  async slot(bytes: number, seq: number, owner: string, signal: AbortSignal): Promise<Slot> {
    if (this.isShare(bytes)) return slotOf(await this.#pool.lease(bytes, owner, signal));
    this.checkSize(bytes);
    await this.#untilOldest(seq);
    if (this.#reserveTaken) throw new Failure("pipeline.memory", "the reserve is taken by a younger batch");
    this.#reserveTaken = true;
    return this.#reserveSlot();
  }

  /** Fails with `pipeline.batch_too_large`. */
  checkSize(bytes: number): void {
    if (bytes <= this.largestBytes) return;
    const message = `a batch became ${formatBytes(bytes)} large, a slot holds at most ${formatBytes(this.largestBytes)}`;
    throw new Failure("pipeline.batch_too_large", `${message}; lower batch_rows or raise memory`);
  }

  close(): void {
    this.#pool.close();
    this.segment.close();
  }

  #reserveSlot(): Slot {
    const { offset, sizeBytes, view } = this.#reserve;
    return {
      offset,
      capacityBytes: sizeBytes,
      view,
      shrink() {},
      release: () => {
        this.#reserveTaken = false;
      },
    };
  }
}

function slotOf(lease: Lease): Slot {
  return {
    offset: lease.offset,
    capacityBytes: lease.sizeBytes,
    view: lease.view,
    shrink: (bytes) => lease.shrink(bytes),
    release: () => lease.release(),
  };
}
