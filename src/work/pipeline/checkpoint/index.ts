/** Where a run stands, durably. */
export { type Checkpoint, CheckpointStore, removeCheckpoint } from "./checkpoint-store.ts";
