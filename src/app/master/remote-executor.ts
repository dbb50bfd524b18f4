/** Puts together what a run needs to have its batches done by workers: balancers, leases, files on the shelf. */
import { resolve } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { seededRandom } from "../../base/random.ts";
import {
  type Balancer,
  type BalancerName,
  createBalancer,
  OutlierDetector,
  parseBalancer,
  smallClusterOutliers,
  withOutlierEjection,
} from "../../protocol/balance/index.ts";
import type { LeaseOptions } from "../../protocol/lease/index.ts";
import {
  type DispatchEvent,
  type Refusals,
  RemoteStages,
  type StageSegment,
  type WorkerPool,
} from "../../work/pipeline/dispatch/index.ts";
import type { Settings } from "../../work/pipeline/file/index.ts";
import type { ExecutorFactory, StagePlan } from "../../work/pipeline/stages/index.ts";
import type { PreparedPipeline } from "../prepare-pipeline.ts";
import { CustomBalancer } from "./custom-balancer.ts";
import type { ShelvedStages } from "./shelved-stages.ts";

/**
 * A second lease is worth it when the first takes much longer than others did. The measure is the median: of two workers one slow
 * one does enough batches to make any higher quantile its own.
 */
const HEDGE = { quantile: 0.5, factor: 4, minMs: 100, maxMs: 10_000, maxShare: 0.1 } as const;

export interface RemoteExecutorPorts {
  readonly pool: WorkerPool;
  /** Another one for each life of a run, in the whole cluster. */
  readonly name: string;
  /** The same for all lives of a run. */
  readonly refusals: Refusals;
  readonly observe: (event: DispatchEvent) => void;
  readonly tell: (text: string) => void;
}

export interface RemoteExecutor {
  readonly executor: ExecutorFactory;
  /** When the run is over. */
  close(): Promise<void>;
}

/** Fails with why the pipeline's own balancer cannot run. */
export async function remoteExecutor(stages: ShelvedStages, ports: RemoteExecutorPorts): Promise<RemoteExecutor> {
  const { settings } = stages.prepared.file;
  const custom = await customOf(stages.prepared, ports);
  const remote = {
    ...ports,
    pack: (plan: StagePlan) => stages.pack(plan),
    lease: leaseOf(settings),
    balancer: (segment: StageSegment) => balancerOf(segment, settings, ports, custom),
    ...(settings.balancer_key === "file" && !custom && { keyOf: inputFileOf }),
    ...(custom && { choose: (...asked: Parameters<CustomBalancer["choose"]>) => custom.choose(...asked) }),
  };
  return {
    executor: (options) => new RemoteStages(options, remote),
    close: async () => {
      await custom?.close();
    },
  };
}

/** Of a batch's id, `<path>@<offset>`. */
export function inputFileOf(batch: string): string {
  return batch.slice(0, Math.max(0, batch.lastIndexOf("@")));
}

async function customOf(
  { file, resolvePath }: PreparedPipeline,
  { tell }: RemoteExecutorPorts,
): Promise<CustomBalancer | undefined> {
  const { balancer, balancer_library: written } = file.settings;
  if (parseBalancer(balancer) !== "CUSTOM" || written === undefined) return undefined;
  const library = resolvePath(written, "present") ?? resolve(written);
  return CustomBalancer.open(library, file.name, tell);
}

function leaseOf({ hedge, in_flight, lease }: Settings): LeaseOptions {
  return { leaseMs: lease, workerWindow: () => in_flight, ...(hedge && { hedge: HEDGE }) };
}

function balancerOf(
  { balancer: own }: StageSegment,
  settings: Settings,
  { tell }: RemoteExecutorPorts,
  custom: CustomBalancer | undefined,
): Balancer {
  const text = own ?? settings.balancer;
  const name: BalancerName | undefined = parseBalancer(text);
  if (!name) throw new Failure("pipeline.config.balancer", `${JSON.stringify(text)} is no balancer`);
  const random = seededRandom(systemClock.now() & 0x7fffffff);
  const balancer = createBalancer(name, { random, select: custom?.select });
  const detector = new OutlierDetector(smallClusterOutliers, random);
  return withOutlierEjection(balancer, detector, (effect) =>
    tell(`balancer: ${effect.id} ${effect.type}${"reason" in effect ? `: ${effect.reason}` : ""}`),
  );
}
