/** How API tokens name the cluster that they are for. */
import type { ClusterKey } from "../../wire/auth/index.ts";

/** Follows from the cluster's key: nobody configures it, and no two clusters have the same. */
export function audienceOf({ clusterId }: Pick<ClusterKey, "clusterId">): string {
  return `distributed_system/${clusterId}`;
}
