/** One process writes a log, and holds a file in its directory for it. Who only checks a log needs none. */
import { join } from "node:path";
import { Failure, messageOf } from "../../../base/errors.ts";
import { type FileLock, takeFileLock } from "../../../base/file-lock.ts";

export const LOCK_NAME = "lock";

/** Fails with `raft.log.in_use`. */
export function lockLog(directory: string): FileLock {
  const lock = tryLock(directory);
  if (lock) return lock;
  const message = `opening the log in ${directory}: another process has it open; one at a time may write it`;
  throw new Failure("raft.log.in_use", message, { retryable: true });
}

function tryLock(directory: string): FileLock | undefined {
  try {
    return takeFileLock(join(directory, LOCK_NAME));
  } catch (thrown) {
    const message = `locking the log in ${directory}: ${messageOf(thrown)}; a directory that can be written is required`;
    throw new Failure("raft.log.cannot_lock", message, { cause: thrown });
  }
}
