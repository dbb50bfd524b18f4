/**
 * Calls back when the content of a file changes. Files are looked at now and then rather than watched by the kernel: editors
 * and builds replace files and whole directories, some file systems tell nothing, and a save during a reload must not be
 * lost. A file counts as saved when it has stayed the same from one look to the next.
 */
import { readFileSync, statSync } from "node:fs";
import type { Clock, Timer } from "../base/clock.ts";

/** Looking costs some microseconds a file; a person does not notice half a second. */
const LOOK_MS = 250;

export interface WatchedFile {
  readonly path: string;
  /** Of the content that is in use, as `contentHash` gives it; without it what is there now is taken to be in use. */
  readonly content?: string;
}

export interface FileWatch {
  /** Watch these from now on. Those that were watched before keep what was last told of them. */
  follow(files: readonly WatchedFile[]): void;
  close(): void;
}

interface Watched {
  /** Size and times at the last look. */
  seen: string;
  /** Of the content that was last told. */
  told: string;
}

export function watchFiles(
  files: readonly WatchedFile[],
  clock: Clock,
  changed: () => void,
  lookMs: number = LOOK_MS,
): FileWatch {
  let watched = new Map<string, Watched>();
  let timer: Timer | undefined;
  const follow = (wanted: readonly WatchedFile[]): void => {
    watched = new Map(wanted.map((file) => [file.path, watched.get(file.path) ?? newlyWatched(file)]));
  };
  const tick = (): void => {
    const saved = [...watched].filter(([path, file]) => isSaved(path, file));
    timer = clock.after(lookMs, tick);
    if (saved.length > 0) changed();
  };
  follow(files);
  timer = clock.after(lookMs, tick);
  return { follow, close: () => timer?.cancel() };
}

/** What was saved since its content was taken into use counts as a change: nobody would else hear of it. */
function newlyWatched({ content, path }: WatchedFile): Watched {
  return { seen: look(path), told: content === undefined ? digest(path) : `${GONE} ${content}` };
}

/** Remembers what it has seen; true once for each new content. */
function isSaved(path: string, file: Watched): boolean {
  const seen = look(path);
  const isSettled = seen === file.seen;
  file.seen = seen;
  if (!isSettled || seen === GONE) return false; // still being written, or between the old file and the new one
  if (file.told.startsWith(`${seen} `)) return false;
  const told = digest(path);
  const isNew = contentOf(told) !== contentOf(file.told);
  file.told = told;
  return isNew;
}

const GONE = "gone";

function look(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found ? `${found.ino}:${found.size}:${found.mtimeNs}` : GONE;
}

/** Fails when it cannot be read. */
export function contentHash(path: string): string {
  return Bun.hash.xxHash64(readFileSync(path)).toString(16);
}

/** The look that goes with a content, and the content's hash. */
function digest(path: string): string {
  const seen = look(path);
  try {
    return `${seen} ${contentHash(path)}`;
  } catch {
    return `${GONE} `; // it was replaced this very moment: the next look finds the new one
  }
}

function contentOf(told: string): string {
  return told.slice(told.indexOf(" ") + 1);
}
