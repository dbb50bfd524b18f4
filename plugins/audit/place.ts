/**
 * Whether an audit file can be where a parameter wants it, found by looking only: no folder, file or lock is made. What the file
 * holds is not looked at: another process may be writing it, and only who has the lock can tell.
 */
import { accessSync, constants, type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { messageOf } from "../common/faults.ts";

/** Throws what is in the way. */
export function checkPlace(file: string): void {
  if (file === "") throw new Error("is empty; the path of a file is required");
  const path = resolve(file);
  const stats = statIfThere(path);
  if (stats !== undefined && !stats.isFile()) {
    const found = stats.isDirectory() ? "a directory" : "a device or pipe";
    throw new Error(`audit file ${path} is ${found}; a regular file is required`);
  }
  if (stats !== undefined) checkAccess(path, constants.R_OK | constants.W_OK);
  checkFolder(dirname(path));
}

/** The folder, or the nearest one above it that is there, must be a directory that can be written. */
function checkFolder(folder: string): void {
  const stats = statIfThere(folder);
  if (stats === undefined) return checkFolder(dirname(folder)); // ends at the root, which is there
  if (!stats.isDirectory()) throw new Error(`${folder} is no directory; one is required to hold the audit file`);
  checkAccess(folder, constants.W_OK | constants.X_OK);
}

function checkAccess(path: string, mode: number): void {
  try {
    accessSync(path, mode);
  } catch (error) {
    throw new Error(`${path} cannot be written by the user who runs this: ${messageOf(error)}`);
  }
}

/** Undefined when there is nothing: also when a part of the path is a file, which is then found further up. */
function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new Error(`${path} cannot be looked at: ${messageOf(error)}`);
  }
}
