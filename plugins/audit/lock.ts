/**
 * One writer for an audit file. The lock is SQLite's on a small database beside it, held by an open transaction: the kernel
 * gives it back when the process is gone, however it went. A file with a process id cannot do that: an id is given out again,
 * a killed process that nobody has waited for still looks alive, and two who find a stale file race for it. The id is in
 * there all the same, so that whoever is refused can say who holds it.
 */
import { Database } from "bun:sqlite";

/** A replacement starts within milliseconds of a crash; the kernel may still be taking the old process apart. */
const WAIT_MS = 250;

export interface Lock {
  release(): void;
}

/** Throws when another process, or another stage of this one, holds the lock. */
export function acquireLock(path: string): Lock {
  const file = `${path}.lock`;
  const database = new Database(file, { create: true });
  try {
    database.run(`PRAGMA busy_timeout = ${WAIT_MS}`);
    database.run(`PRAGMA user_version = ${process.pid}`);
    database.run("BEGIN IMMEDIATE"); // readers still get in, to read the holder's id
  } catch (error) {
    const holder = readHolder(database);
    database.close();
    if (!isBusy(error)) throw new Error(`locking ${file} failed: ${String(error)}`);
    throw new Error(
      `audit file ${path} is being written by process ${holder}; an audit file has one writer: end it, or choose another file`,
    );
  }
  return {
    release() {
      database.run("ROLLBACK");
      database.close();
    },
  };
}

function readHolder(database: Database): string {
  try {
    const row = database.query<{ user_version: number }, []>("PRAGMA user_version").get();
    return String(row?.user_version ?? "unknown");
  } catch {
    return "unknown"; // only a detail of the message; the refusal itself is reported
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY");
}
