/** Where a run stands, durably. */
export { type Checkpoint, CheckpointStore } from "./checkpoint-store.ts";
