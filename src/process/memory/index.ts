/** The shared-memory pool: segments that processes map, and leases of slots in them. */
export { attachForeign, machineId, placeOfSegment, type SegmentPlace } from "./foreign-segment.ts";
export { Lease } from "./lease.ts";
export { MIN_SLOT_BYTES, Pool, type PoolOptions, WAITERS_MAX } from "./pool.ts";
export {
  type AttachedSegment,
  attachSegment,
  type Segment,
  SharedMemory,
  type SharedMemoryOptions,
} from "./segment.ts";
export type { PoolStatistics } from "./statistics.ts";
