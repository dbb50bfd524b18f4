/**
 * One attempt of one task, wherever it was placed: on this machine or on a worker that got it as plain data. Never throws: what goes
 * wrong is an outcome, and whether it may be repeated is said in it.
 */
import { Failure, messageOf } from "../../base/errors.ts";
import { type HttpPort, requestHttp } from "./http.ts";
import { REASON_LENGTH_MAX, RESULT_BYTES_MAX } from "./limits.ts";
import type { FailedOutcome, TaskOutcome } from "./outcome.ts";
import type { ReadyPlugin, ReadyTask, ReadyWork } from "./ready-task.ts";
import type { Json, PipelineWork } from "./types.ts";

export interface TaskPorts {
  readonly http: HttpPort;
  /** Gives `{ records, rejected, counts }`. */
  readonly plugin: (work: ReadyPlugin, signal: AbortSignal) => Promise<Json>;
  /** Runs a pipeline to its end and gives its counts. */
  readonly pipeline: (work: PipelineWork, signal: AbortSignal) => Promise<Json>;
}

export interface ExecuteOptions {
  /** Its reason says why the attempt was given up. */
  readonly signal: AbortSignal;
  readonly ports: TaskPorts;
}

export async function executeTask(task: Pick<ReadyTask, "work">, options: ExecuteOptions): Promise<TaskOutcome> {
  if (options.signal.aborted) return { ...givenUp(options.signal), untouched: true };
  try {
    return bounded(await perform(task.work, options));
  } catch (thrown) {
    return options.signal.aborted ? givenUp(options.signal) : failedOutcome(thrown);
  }
}

function perform(work: ReadyWork, { ports, signal }: ExecuteOptions): Promise<Json> {
  if (work.type === "http") return requestHttp(work, signal, ports.http);
  return work.type === "plugin" ? ports.plugin(work, signal) : ports.pipeline(work, signal);
}

/** Headers and counts come on top of what a task's own limit bounds. */
function bounded(output: Json): TaskOutcome {
  const bytes = JSON.stringify(output).length;
  if (bytes <= 2 * RESULT_BYTES_MAX) return { state: "done", output };
  const reason = `its result has ${bytes} bytes, at most ${2 * RESULT_BYTES_MAX} are kept`;
  return { state: "failed", code: "task.result_too_large", reason, retryable: false };
}

/** A Failure says in its data what else is known: `untouched`, `retryAfterMs`. */
export function failedOutcome(thrown: unknown): FailedOutcome {
  const reason = messageOf(thrown).slice(0, REASON_LENGTH_MAX).toWellFormed();
  if (!(thrown instanceof Failure)) return { state: "failed", code: "task.failed", reason, retryable: false };
  const { code, data, retryable } = thrown;
  const retryAfterMs = data?.retryAfterMs;
  return {
    state: "failed",
    code,
    reason,
    retryable,
    ...(data?.untouched === true && { untouched: true }),
    ...(typeof retryAfterMs === "number" && { retryAfterMs }),
  };
}

function givenUp({ reason }: AbortSignal): FailedOutcome {
  return { state: "failed", code: "task.given_up", reason: messageOf(reason), retryable: true };
}
