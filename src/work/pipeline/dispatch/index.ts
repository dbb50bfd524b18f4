/** Batches of a run on workers: the master's side and the worker's. */
export type { DispatchEvent } from "./events.ts";
export {
  failedMessage,
  type HelloReply,
  helloReply,
  type NodeLoad,
  type ReportMessage,
  readMessage,
  reportMessage,
  TOPICS,
} from "./messages.ts";
export { Refusals } from "./refusals.ts";
export { type ChoiceRequest, REWIND, type RemotePorts } from "./remote-ports.ts";
export { RemoteStages } from "./remote-stages.ts";
export type { StageSegment } from "./segments.ts";
export { type PlacedProgress, REPORT_INTERVAL_MS, Worker, type WorkerPorts } from "./worker.ts";
export type { WorkerHandle, WorkerPool, WorkerWatcher } from "./worker-pool.ts";
