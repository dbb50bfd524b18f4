/** What happens to a file whose records are committed: it stays, goes, or is put aside. Durable before it is forgotten. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Failure, messageOf } from "../../../../base/errors.ts";
import type { SeenFile } from "../source.ts";
import { changedFailure, isSameFile, isUnchanged, lookAt, tagOf } from "./seen-file.ts";

export type AfterReading =
  | { readonly kind: "keep" }
  | { readonly kind: "delete" }
  | { readonly kind: "move"; readonly directory: string };

/**
 * Does to each file what is to be done. Another file under its name is left alone; a changed one refuses with `source.file_changed`,
 * because what was added to it has not been read.
 */
export function disposeOf(files: readonly SeenFile[], directory: string, after: AfterReading): void {
  if (after.kind === "keep" || files.length === 0) return;
  for (const file of files) {
    const path = join(directory, file.name);
    const now = lookAt(path, file.name);
    if (now === undefined || !isSameFile(file, now)) continue;
    if (!isUnchanged(file, now)) throw changedFailure(path, file, now);
    remove(path, file, after);
  }
  syncDirectory(directory);
}

function remove(path: string, file: SeenFile, after: Exclude<AfterReading, { kind: "keep" }>): void {
  try {
    if (after.kind === "delete") rmSync(path, { force: true });
    else move(path, file, after.directory);
  } catch (thrown) {
    const message = `cannot ${after.kind} ${path}, whose records are committed: ${messageOf(thrown)}`;
    throw new Failure("source.directory", message, { cause: thrown });
  }
}

/** Nothing there is replaced: a second file of one name gets a longer one. */
function move(path: string, file: SeenFile, directory: string): void {
  mkdirSync(directory, { recursive: true });
  const plain = join(directory, file.name);
  renameSync(path, existsSync(plain) ? `${plain}.${tagOf(file)}` : plain);
  syncDirectory(directory);
}

function syncDirectory(directory: string): void {
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
