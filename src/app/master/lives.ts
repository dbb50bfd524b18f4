/** From one life of a pipeline to the next: how much at once, how soon again, and when that has no end. */
import { Failure } from "../../base/errors.ts";
import type { BackoffPolicy } from "../../protocol/retry/index.ts";

/** Batches under way for each one of the setting: two workers and more have to be kept busy. The memory bounds it. */
export const IN_FLIGHT_FACTOR = 8;
/** A worker that owned stages is lost, or the master before has not let go yet: at once, and slower when that goes on without a batch passing. */
export const SOON: BackoffPolicy = { initialMs: 50, maxMs: 2_000 };
/** What may get better by itself: a full disk, an output in use. */
export const RETRY_DELAY: BackoffPolicy = { initialMs: 1_000, maxMs: 30_000 };

/** Going back so often without a batch between, each time within a minute: the stages end their owners. */
export const REWINDS_MAX = 50;
export const LIFE_MS = 60_000;

export function endless({ message }: Failure): Failure {
  const words = `went back to its checkpoint ${REWINDS_MAX} times in a row, and nothing passed between; the last time because`;
  return new Failure("pipeline.crash_loop", `${words} ${message}`);
}
