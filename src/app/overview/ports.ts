/**
 * What the overview is gathered from: plain data of parts that know nothing of it. What a node does not have is left out; what fails is
 * told as missing, and the rest is told all the same.
 */
import type { Clock } from "../../base/clock.ts";
import type { Membership } from "../../cluster/membership/index.ts";
import type {
  CacheView,
  DeadLettersView,
  GatewayView,
  GroupView,
  InstanceView,
  PipelineView,
  ServiceView,
} from "../../edge/dashboard/index.ts";
import type { PeerLink } from "../../wire/link/index.ts";

/** A worker as its master knows it. */
export interface WorkerTotals {
  readonly id: string;
  readonly isDraining: boolean;
  readonly cpu?: number | undefined;
  readonly memory?: number | undefined;
  readonly queue?: number | undefined;
}

export interface MasterPipelines {
  /** Who has answered. */
  readonly by: string;
  readonly pipelines: readonly PipelineView[];
  readonly workers: readonly WorkerTotals[];
}

export interface MachineShares {
  readonly cpu: number;
  readonly memory: number;
}

/** A process that does not answer hides none of the others. */
export interface InstancesTold {
  readonly instances: readonly InstanceView[];
  readonly silent: readonly { readonly pid: number; readonly name: string; readonly reason: string }[];
}

export interface OverviewPorts {
  readonly clock: Clock;
  readonly node: { readonly id: string; readonly version: string; readonly life: string };
  readonly membership: Pick<Membership, "self" | "members" | "leader" | "explain">;
  readonly links: () => readonly Pick<PeerLink, "peer" | "isOpen" | "counts">[];
  /** Of this machine. */
  readonly load?: (() => MachineShares | undefined) | undefined;
  /** Of whoever leads, asked over links; undefined when there is no master. */
  readonly masterPipelines?: (() => Promise<MasterPipelines | undefined>) | undefined;
  /** This process and those beside it, each with its tree. */
  readonly instances?: (() => Promise<InstancesTold> | InstancesTold) | undefined;
  readonly services?: (() => readonly ServiceView[]) | undefined;
  readonly deadLetters?: (() => Promise<readonly DeadLettersView[]>) | undefined;
  readonly groups?: (() => Promise<readonly GroupView[]> | readonly GroupView[]) | undefined;
  readonly cache?: (() => CacheView | undefined) | undefined;
  readonly gateway?: (() => Promise<GatewayView>) | undefined;
}
