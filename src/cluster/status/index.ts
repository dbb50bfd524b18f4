/** The contract `cluster`: what a node tells of the cluster as it sees it, and how it is asked to leave. */
export { type ClusterStatus, clusterContract, type NodeExplanation, type NodeLine } from "./contract.ts";
export { type ClusterSource, clusterService } from "./service.ts";
