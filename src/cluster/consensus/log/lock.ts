/**
 * One process writes a log. The lock is a SQLite file in its directory, held open: the kernel gives it back when this process dies,
 * however it dies. Who only checks a log needs none.
 */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { Failure, messageOf } from "../../../base/errors.ts";

export const LOCK_NAME = "lock";

export interface LogLock {
  release(): void;
}

/** Fails with `raft.log.in_use`. */
export function lockLog(directory: string): LogLock {
  const database = new Database(join(directory, LOCK_NAME), { create: true });
  try {
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run("BEGIN EXCLUSIVE");
    return { release: () => database.close() };
  } catch (thrown) {
    database.close();
    const reason = messageOf(thrown);
    const isBusy = /locked|busy/i.test(reason);
    const message = isBusy
      ? `opening the log in ${directory}: another process has it open; one at a time may write it`
      : `locking the log in ${directory}: ${reason}; a directory that can be written is required`;
    throw new Failure(isBusy ? "raft.log.in_use" : "raft.log.cannot_lock", message, {
      retryable: isBusy,
      cause: thrown,
    });
  }
}
