/** Door: masters in a group as real processes, what befalls them, and clients whose histories are judged. */
export { RaftCluster, type RaftClusterOptions } from "./cluster.ts";
export { type Damage, damageLog } from "./damage.ts";
export { type Counts, planOf, type Strike } from "./plan.ts";
export { type ChaosOptions, type ChaosOutcome, runChaos } from "./run-chaos.ts";
export { type PartitionOptions, type PartitionOutcome, runPartitions } from "./run-partitions.ts";
export { Work, type WorkOptions } from "./run-workloads.ts";
export type { Judgement, Worker, Workload } from "./workload.ts";
