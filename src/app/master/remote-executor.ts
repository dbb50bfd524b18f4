/** Puts together what a run needs to have its batches done by workers: balancers, leases, files on the shelf. */
import { systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { seededRandom } from "../../base/random.ts";
import {
  type Balancer,
  type BalancerName,
  type CustomSelect,
  createBalancer,
  OutlierDetector,
  parseBalancer,
  smallClusterOutliers,
  withOutlierEjection,
} from "../../protocol/balance/index.ts";
import type { LeaseOptions } from "../../protocol/lease/index.ts";
import { type ArtifactShelf, shelvePlan } from "../../work/artifact/index.ts";
import {
  type DispatchEvent,
  RemoteStages,
  type StageSegment,
  type WorkerPool,
} from "../../work/pipeline/dispatch/index.ts";
import type { Settings } from "../../work/pipeline/file/index.ts";
import type { ExecutorFactory } from "../../work/pipeline/stages/index.ts";
import type { PreparedPipeline } from "../prepare-pipeline.ts";

/** A second lease is worth it when the first takes much longer than nearly all others did. */
const HEDGE = { quantile: 0.95, factor: 2, minMs: 100, maxMs: 10_000, maxShare: 0.1 } as const;

export interface RemoteExecutorPorts {
  readonly pool: WorkerPool;
  readonly shelf: ArtifactShelf;
  /** Another one for each life of a run, in the whole cluster. */
  readonly name: string;
  readonly observe: (event: DispatchEvent) => void;
  readonly tell: (text: string) => void;
  readonly select?: CustomSelect | undefined;
}

export interface RemoteExecutor {
  readonly executor: ExecutorFactory;
  /** When the run is over. */
  close(): Promise<void>;
}

export function remoteExecutor(prepared: PreparedPipeline, ports: RemoteExecutorPorts): RemoteExecutor {
  const { settings } = prepared.file;
  const withdrawals: (() => Promise<void>)[] = [];
  const pack = async (plan: PreparedPipeline["stages"][number]) => {
    const { files, withdraw } = await shelvePlan(plan, prepared.schemas.get(plan.name) ?? { params: {} }, ports.shelf);
    withdrawals.push(withdraw);
    return { plan, files };
  };
  const remote = {
    ...ports,
    pack,
    lease: leaseOf(settings),
    balancer: (segment: StageSegment) => balancerOf(segment, settings, ports),
  };
  return {
    executor: (options) => new RemoteStages(options, remote),
    close: async () => {
      for (const withdraw of withdrawals.splice(0)) await withdraw();
    },
  };
}

function leaseOf({ hedge, in_flight, lease }: Settings): LeaseOptions {
  return { leaseMs: lease, workerWindow: () => in_flight, ...(hedge && { hedge: HEDGE }) };
}

function balancerOf(
  { balancer: own }: StageSegment,
  settings: Settings,
  { select, tell }: RemoteExecutorPorts,
): Balancer {
  const text = own ?? settings.balancer;
  const name: BalancerName | undefined = parseBalancer(text);
  if (!name) throw new Failure("pipeline.config.balancer", `${JSON.stringify(text)} is no balancer`);
  const random = seededRandom(systemClock.now() & 0x7fffffff);
  const balancer = createBalancer(name, { random, select });
  const detector = new OutlierDetector(smallClusterOutliers, random);
  return withOutlierEjection(balancer, detector, (effect) =>
    tell(`balancer: ${effect.id} ${effect.type}${"reason" in effect ? `: ${effect.reason}` : ""}`),
  );
}
