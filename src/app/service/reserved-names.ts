/**
 * Names that no service of a user may have: those of this program's contracts, on whatever kind of node they are. A call of `pipelines` means
 * the same everywhere, also on a worker that has none.
 */
export const RESERVED_NAMES: readonly string[] = [
  "auth",
  "cache",
  "cluster",
  "counter",
  "dead_letters",
  "gateway",
  "instance",
  "instances",
  "lease",
  "lock",
  "map",
  "metrics",
  "overview",
  "pipelines",
  "pmd",
  "queue",
  "raft",
  "reports",
  "services",
  "system",
  "tasks",
  "txn",
];
