/**
 * Pipelines as tasks of a graph: each is a submission of the master like any other, found again by its task after a restart, so
 * that one that has ended meanwhile is not run twice. A task takes nothing over: while its file is under way or paused for
 * somebody else, be it another task, it waits for the end of that and runs then. Its pipeline is cancelled when the task is given
 * up, and left alone when the master ends.
 */
import { resolve } from "node:path";
import { Failure } from "../../../base/errors.ts";
import { type StoredReports, viewOf } from "../../../work/report/index.ts";
import type { Json } from "../../../work/task/index.ts";
import type { MasterPipeline } from "../master-pipeline.ts";
import { FILE_IN_USE, type Pipelines, type SubmitRequest } from "../pipelines.ts";

export interface PipelineTasksPorts {
  readonly reports: Pick<StoredReports, "get">;
  readonly pipelines: Pick<Pipelines, "list" | "submit" | "cancel" | "unfinished">;
  /** For people. */
  readonly tell: (text: string) => void;
}

interface TaskSubmission extends SubmitRequest {
  readonly origin: string;
}

export class PipelineTasks {
  readonly #ports: PipelineTasksPorts;
  readonly #waiting = new Set<() => void>();
  #isLeaving = false;

  constructor(ports: PipelineTasksPorts) {
    this.#ports = ports;
  }

  /** The state of some pipeline has changed. */
  changed(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** What is given up from now on is only left to the next life of the master. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** To its end; gives its counts. `task` is its name in all lives of the master, `files` what is kept of it. */
  async run(task: string, file: string, signal: AbortSignal, files?: string): Promise<Json> {
    const { pipelines } = this.#ports;
    const known = pipelines.list().findLast(({ entry }) => entry.origin === task);
    const goesOn = known && (known.entry.state === "ended" || known.isUnfinished);
    const pipeline = goesOn ? known : await this.#submit({ path: resolve(file), origin: task, files }, signal);
    try {
      await this.#until(() => !pipeline.isUnfinished, signal);
    } catch (thrown) {
      if (!this.#isLeaving && pipeline.entry.origin === task) await pipelines.cancel(pipeline.entry.id);
      throw thrown;
    }
    return this.#outputOf(pipeline);
  }

  /** As soon as nobody else has the file. */
  async #submit(request: TaskSubmission, signal: AbortSignal): Promise<MasterPipeline> {
    const { origin: task, path } = request;
    const { pipelines, tell } = this.#ports;
    for (;;) {
      const other = pipelines.unfinished(path)?.entry;
      if (other) tell(`task ${task} waits for the end of ${other.id}, which is ${other.state} with the same file`);
      await this.#until(() => !pipelines.unfinished(path), signal);
      try {
        return await pipelines.submit(request);
      } catch (thrown) {
        if (!(thrown instanceof Failure) || thrown.code !== FILE_IN_USE) throw thrown; // somebody was quicker
      }
    }
  }

  async #until(isSo: () => boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (isSo()) return;
    const over = Promise.withResolvers<void>();
    const look = (): void => {
      if (isSo()) over.resolve();
    };
    const abort = (): void => over.reject(signal.reason);
    this.#waiting.add(look);
    signal.addEventListener("abort", abort, { once: true });
    try {
      await over.promise;
    } finally {
      this.#waiting.delete(look);
      signal.removeEventListener("abort", abort);
    }
  }

  /** As a pipeline that ran in one process gives it. */
  #outputOf({ entry, summary }: MasterPipeline): Json {
    const { detail = "", id, name, state } = entry;
    if (state !== "ended") {
      const message = `pipeline ${name} (${id}) ${state === "failed" ? `has failed: ${detail}` : `is ${state}`}`;
      throw new Failure("task.pipeline.failed", message, { retryable: state === "failed" });
    }
    if (!summary) return this.#storedOutput(id);
    if (summary.faults.length > 0) {
      throw new Failure("task.pipeline.failed", `pipeline ${name}: ${summary.faults.join("; ")}`, { retryable: true });
    }
    const { elapsedMs, output = null, stages, written } = summary;
    return { written, elapsedMs, output, stages: stages.map((stage) => ({ ...stage })) };
  }

  /** It has ended in an earlier life of this master. */
  #storedOutput(id: string): Json {
    const { activeMs, counts, faults, places, stages } = viewOf(this.#ports.reports.get(id));
    if (faults.length > 0) {
      throw new Failure("task.pipeline.failed", `pipeline ${id}: ${faults.join("; ")}`, { retryable: true });
    }
    const listed = stages.map(
      ({ added, deadLettered, filtered, in: taken, out, restarts, retries, skipped, stage }) => {
        return { stage, in: taken, out, filtered, deadLettered, skipped, added, retries, restarts };
      },
    );
    return { written: counts.written, elapsedMs: activeMs, output: places.output ?? null, stages: listed };
  }
}
