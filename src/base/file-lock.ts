/**
 * A file that a living process holds. The lock is SQLite's, on a transaction that stays open: the kernel gives it back when
 * the process is gone, however it went, and it holds between containers, where process ids mean nothing to each other.
 */
import { Database } from "bun:sqlite";

export interface FileLock {
  release(): void;
}

/**
 * Who only finds out that a lock is taken has its file for a moment too. Whoever is to get it waits until such have gone: else
 * several that try at once turn each other away, on a busy machine for many seconds.
 */
const LOOK_MS = 50;

/** Undefined when somebody holds it, after `LOOK_MS` at most. Makes the file; SQLite's error when that cannot be. */
export function takeFileLock(path: string): FileLock | undefined {
  const database = new Database(path, { create: true });
  try {
    database.run(`PRAGMA busy_timeout = ${LOOK_MS}`);
    database.run("PRAGMA journal_mode = MEMORY"); // nothing is written: no file beside it is needed
    database.run("BEGIN EXCLUSIVE");
  } catch (thrown) {
    database.close();
    if (String((thrown as { code?: unknown }).code).startsWith("SQLITE_BUSY")) return undefined; // SQLite's errors carry a code
    throw thrown;
  }
  return { release: () => database.close() };
}
