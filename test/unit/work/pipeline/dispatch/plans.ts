/** Plans of stages that run nothing, for tests of who gets them. */
import type { StagePlan } from "../../../../../src/work/pipeline/stages/index.ts";

export function planOf(name: string, more: Partial<StagePlan> = {}): StagePlan {
  return {
    name,
    library: `/${name}.ts`,
    revision: "1",
    params: {},
    policy: "RETRY_WITH_BACKOFF",
    maxRetries: 0,
    timeoutMs: 10_000,
    lanes: 1,
    sequential: false,
    stateful: false,
    exclusive: false,
    standby: 0,
    limits: {},
    passEnv: [],
    ...more,
  };
}
