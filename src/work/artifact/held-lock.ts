/**
 * A file that a living process holds. The lock is SQLite's, on a transaction that stays open: the kernel gives it back when
 * the process is gone, however it went, and it holds between containers, where process ids mean nothing to each other.
 */
import { Database } from "bun:sqlite";

export interface HeldLock {
  release(): void;
}

/** Undefined when somebody holds it. Makes the file. */
export function takeLock(path: string): HeldLock | undefined {
  const database = new Database(path, { create: true });
  try {
    database.run("PRAGMA busy_timeout = 0");
    database.run("PRAGMA journal_mode = MEMORY"); // nothing is written: no file beside it is needed
    database.run("BEGIN EXCLUSIVE");
  } catch (thrown) {
    database.close();
    if (String((thrown as { code?: unknown }).code).startsWith("SQLITE_BUSY")) return undefined; // SQLite's errors carry a code
    throw thrown;
  }
  return { release: () => database.close() };
}
