/** Where a run stands, durably. */
export type { Checkpoint, Checkpoints } from "./checkpoint.ts";
export { CheckpointStore } from "./checkpoint-store.ts";
export { KeptCheckpoints, STATES_BYTES_MAX } from "./kept-checkpoints.ts";
