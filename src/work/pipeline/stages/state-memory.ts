/**
 * The way of states and replayed batches between this process and the hosts of one stage: a segment of its own, in which a
 * copy lies only while it is on its way. What the engine keeps stays in private memory, where no plugin can damage it; the
 * segment is sparse, so that a stage nobody kills costs nothing. What has no room travels base64 over the control channel.
 */
import type { Clock } from "../../../base/clock.ts";
import { type Lease, Pool, type Segment, type SharedMemory } from "../../../process/memory/index.ts";
import type { Carried, Place } from "../../../process/plugin/index.ts";

export interface Carriage {
  readonly content: Carried;
  /** Once the host has read it, or is gone. */
  release(): void;
}

/** Room into which a host writes its state. */
export interface Room {
  readonly place: Place;
  /** The first bytes of it, copied. */
  copy(bytes: number): Uint8Array;
  release(): void;
}

/** Less than this is asked for by nobody; below it a segment is not worth its descriptor. */
const SEGMENT_BYTES_MIN = 1024 * 1024;

export class StateMemory {
  readonly segment: Segment | undefined;
  readonly #pool: Pool | undefined;

  /** `largestBytes` is the largest batch or state there can be. Without space for a segment everything travels as text. */
  constructor(memory: SharedMemory, largestBytes: number, clock: Clock) {
    try {
      this.segment = memory.createSegment(Math.max(largestBytes, SEGMENT_BYTES_MIN));
      this.#pool = new Pool(this.segment.view, clock);
    } catch {
      // the file system for shared memory is full: slower, but it works
    }
  }

  carry(bytes: Uint8Array): Carriage {
    const lease = this.#lease(bytes.length);
    if (!lease) return { content: Buffer.from(bytes).toString("base64"), release() {} };
    lease.view.set(bytes);
    return { content: [lease.offset, bytes.length], release: () => lease.release() };
  }

  /** Room for so many bytes, or none. */
  room(bytes: number): Room | undefined {
    const lease = this.#lease(bytes);
    return (
      lease && {
        place: [lease.offset, lease.sizeBytes],
        copy: (length) => lease.view.slice(0, length),
        release: () => lease.release(),
      }
    );
  }

  close(): void {
    this.#pool?.close();
    this.segment?.close();
  }

  #lease(bytes: number): Lease | undefined {
    return this.#pool && bytes <= this.#pool.largestLeaseBytes ? this.#pool.tryLease(bytes, "state") : undefined;
  }
}
