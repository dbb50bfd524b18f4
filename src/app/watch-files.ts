/**
 * Calls back when the content of a file changes. Directories are watched, not files: editors and builds write a new file and
 * rename it, and a watch on the old one would never hear of the next change. Several events of one save become one call.
 */
import { type FSWatcher, readFileSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { Clock, Timer } from "../base/clock.ts";

/** A save is several events within a few milliseconds; a build that writes longer is seen again when it is done. */
const SETTLE_MS = 200;

export interface FileWatch {
  /** Watch these from now on. */
  follow(files: readonly string[]): void;
  close(): void;
}

export function watchFiles(files: readonly string[], clock: Clock, changed: () => void): FileWatch {
  const watchers = new Map<string, FSWatcher>();
  let followed = files;
  let before = "";
  let settling: Timer | undefined;
  const settle = (): void => {
    settling = undefined;
    const now = digestOf(followed);
    if (now === before) return;
    before = now;
    changed();
  };
  const heard = (_event: string, name: string | null): void => {
    const isOurs = name === null || followed.some((path) => basename(path) === name); // an output may grow beside them
    if (isOurs) settling ??= clock.after(SETTLE_MS, settle);
  };
  const follow = (wanted: readonly string[]): void => {
    followed = wanted;
    before = digestOf(wanted);
    const directories = new Set(wanted.map(dirname));
    for (const [directory, watcher] of watchers) {
      if (directories.has(directory)) continue;
      watcher.close();
      watchers.delete(directory);
    }
    for (const directory of directories) if (!watchers.has(directory)) watchers.set(directory, watch(directory, heard));
  };
  follow(files);
  return {
    follow,
    close() {
      settling?.cancel();
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}

/** A file that is not there at this moment is being replaced: that is a change too. */
function digestOf(files: readonly string[]): string {
  return files.map((path) => `${path}:${hashOf(path)}`).join("\n");
}

function hashOf(path: string): string {
  try {
    return Bun.hash.xxHash64(readFileSync(path)).toString(16);
  } catch {
    return "gone";
  }
}
