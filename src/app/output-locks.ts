/**
 * One run at a time writes an output: it holds a file in the temporary directory, named after the output. Runs of one user on one
 * machine see each other.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { Failure, messageOf } from "../base/errors.ts";
import { type FileLock, takeFileLock } from "../base/file-lock.ts";

export interface OutputLocks {
  release(): void;
}

/** Fails with `checkpoint.output_in_use`; devices and pipes are nobody's alone and need no lock. */
export function lockOutputs(paths: readonly string[]): OutputLocks {
  const held: FileLock[] = [];
  const release = (): void => {
    for (const one of held.splice(0)) one.release();
  };
  try {
    for (const path of paths) if (!path.startsWith("/dev/")) held.push(lock(path));
  } catch (thrown) {
    release();
    throw thrown;
  }
  return { release };
}

function lock(path: string): FileLock {
  const directory = join(tmpdir(), `distributed_system-${process.getuid?.() ?? "user"}`, "locks");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const name = createHash("sha256").update(realName(path)).digest("hex").slice(0, 32);
  const held = tryLock(path, join(directory, `${name}.db`));
  if (held) return held;
  const message = `${path} is being written by another run; each run needs outputs of its own`;
  throw new Failure("checkpoint.output_in_use", message);
}

function tryLock(path: string, file: string): FileLock | undefined {
  try {
    return takeFileLock(file);
  } catch (thrown) {
    throw new Failure("checkpoint.output_in_use", `cannot lock ${path}: ${messageOf(thrown)}`);
  }
}

/** The same for every spelling of a path, also while the file is not there yet. */
function realName(path: string): string {
  const absolute = resolve(path);
  if (existsSync(absolute)) return realpathSync(absolute);
  const folder = dirname(absolute);
  return join(existsSync(folder) ? realpathSync(folder) : folder, basename(absolute));
}
