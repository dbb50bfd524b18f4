/** Which failures of a pipeline may pass by themselves, so that it is worth waiting. Pure. */
import type { Failure } from "../../base/errors.ts";

/** No room: for a file, in a quota, in a database. */
const FULL_CODES: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "SQLITE_FULL"]);
/** As the system and SQLite say it, where somebody has made a sentence of the error. */
const FULL_WORDS = /no space left on device|disk quota exceeded|database or disk is full/i;
/** Causes of causes. */
const DEPTH_MAX = 8;

/** Somebody else writes there: the master that has led before, and lets go in a moment, or a run that will end. */
const IN_USE = "checkpoint.output_in_use";

/** What says of itself that it may, an output in use, and a disk without room wherever that was met. */
export function mayPass(failure: Failure): boolean {
  return failure.retryable || isInUse(failure) || isFull(failure);
}

export function isInUse({ code }: Failure): boolean {
  return code === IN_USE;
}

function isFull(failure: Failure): boolean {
  let at: unknown = failure;
  for (let depth = 0; depth < DEPTH_MAX && at instanceof Error; depth++) {
    if (FULL_CODES.has((at as { code?: unknown }).code) || FULL_WORDS.test(at.message)) return true;
    at = at.cause;
  }
  return false;
}
