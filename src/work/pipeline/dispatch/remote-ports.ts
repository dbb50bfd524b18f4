/** What a run on workers needs from outside. */
import type { LeaseBalancer, LeaseOptions, LeaseWorker } from "../../../protocol/lease/index.ts";
import type { StagePlan } from "../stages/index.ts";
import type { DispatchEvent } from "./events.ts";
import type { Refusals } from "./refusals.ts";
import type { StageSegment } from "./segments.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** A batch that is about to be offered to workers. */
export interface ChoiceRequest {
  readonly batch: string;
  readonly bytes: number;
  readonly workers: readonly LeaseWorker[];
}

export interface RemotePorts {
  readonly pool: WorkerPool;
  /** A stage with all that a worker needs to run it, as plain data. */
  pack(plan: StagePlan): Promise<unknown>;
  /** For the segment's batches. */
  balancer(segment: StageSegment): LeaseBalancer;
  /** Asked for each batch before it is offered, where somebody outside chooses; the balancer looks for what it has said. */
  readonly choose?: ((segment: StageSegment, job: ChoiceRequest) => Promise<void>) | undefined;
  /** What a balancer keeps together, of a batch's id; the id itself when it is left out. */
  readonly keyOf?: ((batch: string) => string) | undefined;
  readonly lease: LeaseOptions;
  /** Another one for each life of a run. */
  readonly name: string;
  /** The same for all lives of a run. */
  readonly refusals?: Refusals | undefined;
  readonly observe: (event: DispatchEvent) => void;
  /** For people. */
  readonly tell: (text: string) => void;
}

/** Code of the failure after which a run is to go on from its checkpoint. */
export const REWIND = "run.rewind";
