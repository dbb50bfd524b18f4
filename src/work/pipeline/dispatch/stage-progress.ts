/** What several workers report of the same stages, as one: sums of what is counted, and of times the slowest. Pure. */
import type { StagePlan, StageProgress } from "../stages/index.ts";
import type { DeploymentReport } from "./worker-pool.ts";

type Counted = "rows" | "inFlight" | "retries" | "restarts" | "failures" | "waitedMs";

export function progressOf(
  stages: readonly StagePlan[],
  reports: readonly Pick<DeploymentReport, "stages">[],
): readonly StageProgress[] {
  return stages.map(({ name }) => {
    const parts = reports.flatMap((report) => report.stages.filter((stage) => stage.name === name));
    const sum = (key: Counted): number => parts.reduce((total, part) => total + (part[key] ?? 0), 0);
    return {
      name,
      rows: sum("rows"),
      inFlight: sum("inFlight"),
      retries: sum("retries"),
      restarts: sum("restarts"),
      failures: sum("failures"),
      waitedMs: sum("waitedMs"),
      ...slowest(parts),
      pids: parts.flatMap((part) => part.pids),
    };
  });
}

/** Of several workers the slowest: that is the one that somebody looks for. */
function slowest(parts: readonly Quantiles[]): Pick<StageProgress, "p50Ms" | "p99Ms"> {
  const told = parts.flatMap(({ p50Ms, p99Ms }) =>
    p50Ms === undefined || p99Ms === undefined ? [] : { p50Ms, p99Ms },
  );
  if (told.length === 0) return {};
  return { p50Ms: Math.max(...told.map(({ p50Ms }) => p50Ms)), p99Ms: Math.max(...told.map(({ p99Ms }) => p99Ms)) };
}

interface Quantiles {
  readonly p50Ms?: number | undefined;
  readonly p99Ms?: number | undefined;
}
