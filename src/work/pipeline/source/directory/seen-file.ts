/**
 * Which file it is, and what it was like: by these a file is known again after a restart, another one under its name is told
 * apart, and a change is noticed.
 */
import { type Stats, statSync } from "node:fs";
import { Failure, messageOf } from "../../../../base/errors.ts";
import type { SeenFile } from "../source.ts";

/** Undefined when there is no regular file. */
export function lookAt(path: string, name: string): SeenFile | undefined {
  const stats = statOf(path);
  if (!stats?.isFile()) return undefined;
  return { name, inode: stats.ino, bornMs: stats.birthtimeMs, bytes: stats.size, timeMs: stats.mtimeMs };
}

/** The same file, changed or not. A number of a file that is gone is soon given to the next one; its birth tells them apart. */
export function isSameFile(left: SeenFile, right: SeenFile): boolean {
  return left.name === right.name && left.inode === right.inode && left.bornMs === right.bornMs;
}

export function isUnchanged(left: SeenFile, right: SeenFile): boolean {
  return isSameFile(left, right) && left.bytes === right.bytes && left.timeMs === right.timeMs;
}

/** Short, and another one for each file and each of its states: for the ids of batches. */
export function tagOf({ bornMs, bytes, inode, timeMs }: SeenFile): string {
  return Bun.hash.xxHash64([inode, bornMs, bytes, timeMs].join(":")).toString(36);
}

export function changedFailure(path: string, taken: SeenFile, now: SeenFile): Failure {
  return new Failure(
    "source.file_changed",
    `${path} was changed after it was taken: it had ${taken.bytes} bytes and has ${now.bytes}; files have to be whole: write them ` +
      "elsewhere and rename them into the directory, or raise settle. Move it away to go on without it",
  );
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (thrown) {
    throw new Failure("source.not_readable", `cannot look at ${path}: ${messageOf(thrown)}`, { cause: thrown });
  }
}
