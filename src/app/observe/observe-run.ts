/** The numbers of a process with one pipeline: what its control socket tells whoever asks. Made when somebody does. */
import { systemClock } from "../../base/clock.ts";
import type { Service } from "../../wire/rpc/index.ts";
import type { PipelineRun } from "../../work/pipeline/engine/index.ts";
import { metricsService } from "./metrics-service.ts";
import { Observation } from "./observation.ts";
import type { ProcessPort } from "./process-metrics.ts";

export function observeRun(
  name: string,
  run: Pick<PipelineRun, "counts" | "progress" | "tree">,
  { command, startedMs, version }: Pick<ProcessPort, "command" | "startedMs" | "version">,
): Service {
  const observation = new Observation({
    clock: systemClock,
    process: { command, name, startedMs, version },
    watchesLoop: false, // it would keep the process from ending with its pipeline
  });
  observation.watch({
    pipelines: { isLocal: true, pipelines: () => [{ name, state: "running", run }] },
    processes: { trees: () => [run.tree()] },
  });
  return metricsService(observation);
}
