/** Who may know a pipeline, put together: runs of this machine, then the masters of the cluster. */
import { type MastersCluster, masterWays } from "./master-ways.ts";
import type { PipelinePorts } from "./pipeline-target.ts";
import { type RunWaysPorts, runWays } from "./run-ways.ts";

export interface PipelineWaysPorts extends RunWaysPorts {
  /** Undefined while the node opens. */
  readonly cluster: () => MastersCluster | undefined;
}

export function pipelineWays(ports: PipelineWaysPorts): PipelinePorts["ways"] {
  const runs = runWays(ports);
  const masters = masterWays(ports.cluster);
  return (pipeline) => [...runs(pipeline), ...masters()];
}
