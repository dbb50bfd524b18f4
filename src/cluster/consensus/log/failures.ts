/** What can go wrong here, in words. */
import { Failure, messageOf } from "../../../base/errors.ts";
import { errorCodeOf } from "./files.ts";

/** Nothing was written, and the log is as it was: with room on the disk the same call succeeds. */
export function diskFull(directory: string, sizeBytes: number, cause: unknown): Failure {
  const message = `writing ${sizeBytes} bytes to the log in ${directory}: the disk is full; room for the next segment is required`;
  return new Failure("raft.log.disk_full", message, { retryable: true, cause });
}

/** For good: what a failed sync has left on the disk nobody knows, and asking again says yes without a reason (fsyncgate). */
export function writeFailed(directory: string, action: string, cause: unknown): Failure {
  const message = `${action} the log in ${directory}: ${messageOf(cause)}; it is closed for writing until it is opened again, on a disk that takes writes`;
  return new Failure("raft.log.write_failed", message, { cause });
}

export function closedLog(directory: string, why: string): Failure {
  return new Failure("raft.log.closed", `writing to the log in ${directory}: ${why}; an open log is required`);
}

export function isDiskFull(thrown: unknown): boolean {
  const code = errorCodeOf(thrown);
  return code === "ENOSPC" || code === "EDQUOT";
}

export function tooLarge(what: string, actual: number, allowed: number): Failure {
  return new Failure("raft.log.too_large", `writing ${what} of ${actual} bytes: at most ${allowed} are allowed`);
}

export function noSuchSnapshot(directory: string, index: number, why: string): Failure {
  const message = `reading the snapshot at ${index} in ${directory}: ${why}; one that is in force is required`;
  return new Failure("raft.log.no_snapshot", message);
}

export function damagedSnapshot(file: string, why: string): Failure {
  return new Failure("raft.log.bad_snapshot", `${file}: ${why}; the bytes that were written are required`);
}
