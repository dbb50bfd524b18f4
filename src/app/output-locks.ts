/**
 * One run at a time writes an output. The lock is a SQLite file in the temporary directory, named after the output and held
 * open: the kernel gives it back when this process dies, however it dies. Runs of one user on one machine see each other.
 */
import { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { Failure, messageOf } from "../base/errors.ts";

export interface OutputLocks {
  release(): void;
}

/** Fails with `checkpoint.output_in_use`; devices and pipes are nobody's alone and need no lock. */
export function lockOutputs(paths: readonly string[]): OutputLocks {
  const held: Database[] = [];
  const release = (): void => {
    for (const database of held.splice(0)) database.close();
  };
  try {
    for (const path of paths) if (!path.startsWith("/dev/")) held.push(lock(path));
  } catch (thrown) {
    release();
    throw thrown;
  }
  return { release };
}

function lock(path: string): Database {
  const directory = join(tmpdir(), `distributed_system-${process.getuid?.() ?? "user"}`, "locks");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const name = createHash("sha256").update(realName(path)).digest("hex").slice(0, 32);
  const database = new Database(join(directory, `${name}.db`), { create: true });
  try {
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run("BEGIN EXCLUSIVE");
    return database;
  } catch (thrown) {
    database.close();
    const reason = messageOf(thrown);
    const message = /locked|busy/i.test(reason)
      ? `${path} is being written by another run; each run needs outputs of its own`
      : `cannot lock ${path}: ${reason}`;
    throw new Failure("checkpoint.output_in_use", message);
  }
}

/** The same for every spelling of a path, also while the file is not there yet. */
function realName(path: string): string {
  const absolute = resolve(path);
  if (existsSync(absolute)) return realpathSync(absolute);
  const folder = dirname(absolute);
  return join(existsSync(folder) ? realpathSync(folder) : folder, basename(absolute));
}
