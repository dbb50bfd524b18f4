/**
 * Writes files that are the owner's alone (0600) whole or not at all: under another name first, flushed, then put in place
 * by one step of the file system. `createPrivate` leaves what is there alone, also when two processes do it at once;
 * `replacePrivate` takes its place. Neither ever follows a link that lies in the place.
 */
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Failure, messageOf } from "../../base/errors.ts";
import { systemEntropy } from "./entropy.ts";

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** Its missing parents get the same mode. What is there keeps its own. Fails with `secrets.write_failed`. */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
  } catch (thrown) {
    throw writeFailure(path, thrown);
  }
}

/** False when there was a file of that name already. Fails with `secrets.write_failed`. */
export function createPrivate(path: string, text: string): boolean {
  return throughTemporary(path, text, (temporary) => {
    try {
      linkSync(temporary, path);
      return true;
    } catch (thrown) {
      if ((thrown as { code?: unknown }).code === "EEXIST") return false; // node's errors carry a code beside the message
      throw thrown;
    }
  });
}

/** Fails with `secrets.write_failed`. */
export function replacePrivate(path: string, text: string): void {
  throughTemporary(path, text, (temporary) => renameSync(temporary, path));
}

function throughTemporary<T>(path: string, text: string, place: (temporary: string) => T): T {
  const digits = Buffer.from(systemEntropy(6)).toString("hex");
  const temporary = join(dirname(path), `.${basename(path)}.${digits}`);
  try {
    const file = openSync(temporary, "wx", FILE_MODE);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    const placed = place(temporary);
    flushDirectory(dirname(path));
    return placed;
  } catch (thrown) {
    throw writeFailure(path, thrown);
  } finally {
    removeIfPossible(temporary);
  }
}

/** On a disk that is read-only there is nothing to remove, and what keeps it from being written has been told. */
function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // a leftover with a name of its own harms nobody
  }
}

/** So that the name survives a power cut too. */
function flushDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function writeFailure(path: string, thrown: unknown): Failure {
  const message = `cannot write ${path}: ${messageOf(thrown)}; a place that can be written is required`;
  return new Failure("secrets.write_failed", message, { cause: thrown });
}
