/**
 * One attempt of a task on one worker: asked for once, then asked about until its outcome is known. What it says in the end is
 * how sure it is: the worker's own word, that nothing has begun, or that nobody knows.
 */
import { type Clock, pause } from "../../../base/clock.ts";
import { Failure, messageOf, toFailure } from "../../../base/errors.ts";
import { readMessage } from "../../../work/pipeline/dispatch/index.ts";
import type { TaskOutcome } from "../../../work/task/index.ts";
import { ANSWER_WITHIN_MS, type PackedTask, readOutcome, runReply, TASK_TOPICS } from "../../worker/task-messages.ts";
import type { TaskWorkerLife } from "./task-workers.ts";

/** A worker that has not answered by then hangs. */
const REQUEST_TIMEOUT_MS = 2 * ANSWER_WITHIN_MS;
/** Of two links between two nodes one is given up: soon it is known whether there is another. */
const ASK_AGAIN_MS = 50;
/** Links that may give way to others in a row. */
const BROKEN_LINKS_MAX = 3;

export type AttemptEnd =
  | { readonly how: "told"; readonly outcome: TaskOutcome }
  /** Certainly nothing has begun. */
  | { readonly how: "refused"; readonly failure: Failure }
  /** It may have begun, and it may be done. */
  | { readonly how: "lost"; readonly reason: string }
  /** The signal. */
  | { readonly how: "given up" };

export interface RemoteAttemptOptions {
  readonly clock: Clock;
  /** Unique in the cluster. */
  readonly id: string;
  readonly task: PackedTask;
  readonly worker: TaskWorkerLife;
  readonly signal: AbortSignal;
}

/** Never rejects. */
export async function attemptOn(options: RemoteAttemptOptions): Promise<AttemptEnd> {
  const { signal, worker } = options;
  if (worker.gone !== undefined) return refused("work.lost", worker.gone);
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  const gone = worker.onGone(stop);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await askUntilKnown(options, abort.signal);
  } finally {
    gone.close();
    signal.removeEventListener("abort", stop);
    if (signal.aborted) drop(options);
  }
}

async function askUntilKnown(options: RemoteAttemptOptions, signal: AbortSignal): Promise<AttemptEnd> {
  const { clock, id, task, worker } = options;
  const { handle } = worker;
  let message: object = { attempt: id, work: JSON.stringify(task.work), files: task.files };
  let brokenLinks = 0;
  for (let isFirst = true; ; isFirst = false) {
    let answer: unknown;
    try {
      answer = await handle.request(TASK_TOPICS.run, message, { timeoutMs: REQUEST_TIMEOUT_MS, signal });
      brokenLinks = 0;
    } catch (thrown) {
      const end = endOf(toFailure(thrown, "work.failed"), options, isFirst, ++brokenLinks);
      if (end) return end;
      await pause(clock, ASK_AGAIN_MS, signal);
    }
    const told = answer === undefined ? undefined : understood(handle.id, answer);
    if (told) return told;
    message = { attempt: id };
  }
}

/** What an attempt that was stopped from outside fails with. */
const GIVEN_UP = "task.given_up";

/** Undefined when it is still at work. */
function understood(worker: string, answer: unknown): AttemptEnd | undefined {
  try {
    const { outcome: text } = readMessage(runReply, answer, `what worker ${worker} says of a task`);
    if (text === undefined) return undefined;
    const outcome = readOutcome(text);
    const isGivenUp = outcome.state === "failed" && outcome.code === GIVEN_UP; // by the worker, for it ends
    return isGivenUp ? { how: "lost", reason: outcome.reason } : { how: "told", outcome };
  } catch (thrown) {
    return { how: "lost", reason: messageOf(thrown) };
  }
}

/** Undefined when it is worth asking again. */
function endOf(
  failure: Failure,
  { signal, worker }: RemoteAttemptOptions,
  isFirst: boolean,
  brokenLinks: number,
): AttemptEnd | undefined {
  const { code, data, message } = failure;
  if (signal.aborted) return { how: "given up" };
  if (isFirst && (data?.untouched === true || NEVER_BEGUN.has(code))) return { how: "refused", failure };
  if (worker.gone !== undefined) return { how: "lost", reason: worker.gone };
  const isPassing = code === "link.closed" || code === "link.overloaded";
  return isPassing && brokenLinks <= BROKEN_LINKS_MAX ? undefined : { how: "lost", reason: message };
}

/** A first request that a link, or the worker's reading of it, refuses before anything is done. */
const NEVER_BEGUN: ReadonlySet<string> = new Set([
  "link.overloaded",
  "link.too_large",
  "link.unencodable",
  "link.unknown_topic",
  "work.message",
  "task.message",
]);

function refused(code: string, reason: string): AttemptEnd {
  return { how: "refused", failure: new Failure(code, reason, { retryable: true }) };
}

function drop({ id, worker }: RemoteAttemptOptions): void {
  try {
    worker.handle.notify(TASK_TOPICS.drop, { attempt: id });
  } catch {
    // the link is full or gone: the worker gives up what nobody asks about
  }
}
