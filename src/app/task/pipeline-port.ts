/** Pipelines as tasks: each runs to its end in this process; what was interrupted goes on at its checkpoint. */
import { Failure } from "../../base/errors.ts";
import type { Json, TaskPorts } from "../../work/task/index.ts";

export interface PipelinePortOptions {
  readonly dataDir: string | undefined;
  readonly show: (from: string, stream: string, line: string) => void;
}

export function pipelinePort({ dataDir, show }: PipelinePortOptions): TaskPorts["pipeline"] {
  return async ({ file }, signal): Promise<Json> => {
    const { startRun } = await import("../run-pipeline.ts"); // heavy, and most graphs have none
    const run = await startRun(file, {
      dataDir,
      fresh: false,
      show: (stage, stream, line) => show(stage, stream, line),
      warn: (text) => show(file, "warn", text),
    });
    const abort = (): void => run.abort("its task was given up");
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      const summary = await run.done;
      if (summary.error) throw new Failure(summary.error.code, summary.error.message, { retryable: true });
      if (summary.run !== "ended" || summary.faults.length > 0) {
        const why = summary.faults.length > 0 ? summary.faults.join("; ") : `it was ${summary.run}`;
        throw new Failure("task.pipeline.failed", `pipeline ${summary.pipeline}: ${why}`, { retryable: true });
      }
      const { elapsedMs, output = null, stages, written } = summary;
      return { written, elapsedMs, output, stages: stages.map((stage) => ({ ...stage })) };
    } finally {
      signal.removeEventListener("abort", abort);
    }
  };
}
