/** What a run on workers needs from outside. */
import type { LeaseBalancer, LeaseOptions } from "../../../protocol/lease/index.ts";
import type { StagePlan } from "../stages/index.ts";
import type { DispatchEvent } from "./events.ts";
import type { StageSegment } from "./segments.ts";
import type { WorkerPool } from "./worker-pool.ts";

export interface RemotePorts {
  readonly pool: WorkerPool;
  /** A stage with all that a worker needs to run it, as plain data. */
  pack(plan: StagePlan): Promise<unknown>;
  /** For the segment's batches. */
  balancer(segment: StageSegment): LeaseBalancer;
  readonly lease: LeaseOptions;
  /** Another one for each life of a run. */
  readonly name: string;
  readonly observe: (event: DispatchEvent) => void;
  /** For people. */
  readonly tell: (text: string) => void;
}

/** Code of the failure after which a run is to go on from its checkpoint. */
export const REWIND = "run.rewind";
