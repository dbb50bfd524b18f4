/** Where the benchmark works. */
import { mkdtempSync, statfsSync } from "node:fs";
import { join } from "node:path";

export interface Site {
  readonly directory: string;
  readonly executable: string;
}

const TMPFS = 0x0102_1994;

/** A new directory in that one. Fails when it is in memory, where fsync costs nothing. */
export function newDirectory(parent: string): string {
  if (statfsSync(parent).type === TMPFS) {
    throw new Error(`${parent} is in memory; --directory has to name one on a disk, or fsync would mean nothing`);
  }
  return mkdtempSync(join(parent, "raft-bench-"));
}
