/**
 * Files that are put into a directory, each read once and as a whole by the source of its format. The position knows which
 * files were read and are still there, so a restart neither skips nor repeats one. The end of a file is a cut of its own,
 * without records: with its checkpoint the file may go.
 */
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Clock } from "../../../../base/clock.ts";
import { Failure, toFailure } from "../../../../base/errors.ts";
import type { Cut, DirectoryPosition, FilePosition, ReadLimits, SeenFile, Source, SourcePosition } from "../source.ts";
import { type AfterReading, disposeOf } from "./disposal.ts";
import { directoryFailure, Inbox } from "./inbox.ts";
import { changedFailure, isSameFile, isUnchanged, lookAt, tagOf } from "./seen-file.ts";

export interface DirectorySourceOptions {
  /** As written: part of the batch ids. */
  readonly path: string;
  /** Where a relative path is looked for, in this order. */
  readonly directories: readonly string[];
  readonly pattern: string;
  readonly settleMs: number;
  readonly rescanMs: number;
  readonly after: "keep" | "delete" | "move";
  /** Seen from the directory. */
  readonly moveTo: string;
  /** When all there is has been read: wait for more, or end. */
  readonly until: "never" | "empty";
  readonly clock: Clock;
  /** A source of the format for one file; the path as written, the directory from which it is seen. */
  readonly openFile: (path: string, directory: string) => Source;
}

interface Reading {
  readonly seen: SeenFile;
  readonly source: Source;
}

/** Each one is named in every checkpoint: a directory that keeps more should have them moved or deleted. */
const DONE_MAX = 10_000;
const EMPTY_FORMAT = { kind: "ndjson" } as const;

export class DirectorySource implements Source {
  readonly totalBytes = undefined;
  readonly #options: DirectorySourceOptions;
  #base = "";
  #directory = "";
  #after: AfterReading = { kind: "keep" };
  #inbox: Inbox | undefined;
  #ready: SeenFile[] = [];
  #done: readonly SeenFile[] = [];
  #reading: Reading | undefined;
  #readBytes = 0;
  #failure: Failure | undefined;
  #isClosed = false;

  constructor(options: DirectorySourceOptions) {
    this.#options = options;
  }

  /** Fails with `source.directory`, `source.position`, `source.not_found`, `source.file_changed`. */
  async open(position: SourcePosition | undefined): Promise<void> {
    const { after, clock, moveTo, path, pattern, rescanMs, settleMs } = this.#options;
    this.#base = baseOf(this.#options);
    this.#directory = resolve(this.#base, path);
    this.#after = after === "move" ? { kind: after, directory: resolve(this.#directory, moveTo) } : { kind: after };
    this.#inbox = new Inbox({ directory: this.#directory, pattern, settleMs, rescanMs, clock });
    this.#inbox.open();
    if (position === undefined) return;
    const { done, file } = checked(position, path);
    this.#done = done;
    disposeOf(done, this.#directory, this.#after);
    if (file) await this.#goOn(file.seen, file.position);
  }

  async read(target: Uint8Array, limits: ReadLimits): Promise<Cut | undefined> {
    while (!this.#isClosed) {
      if (this.#failure) throw this.#failure;
      if (this.#reading) {
        const found = await this.#reading.source.read(target, limits);
        return found ? this.#cutOf(this.#reading, found) : this.#finish(this.#reading);
      }
      const next = this.#ready.shift() ?? this.#look();
      if (next) await this.#begin(next);
      else if (this.#options.until === "empty" && !this.#inbox!.hasUnsettled) return undefined;
      else await this.#inbox!.wait();
    }
    return undefined;
  }

  committed(position: SourcePosition): void {
    if (position.kind !== "directory") return;
    try {
      disposeOf(position.done, this.#directory, this.#after);
    } catch (thrown) {
      this.#failure = toFailure(thrown, "source.directory"); // the next read tells it
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#inbox?.close();
    await this.#reading?.source.close();
    this.#reading = undefined;
  }

  /** Looks through the directory; the first of the files that may be read now. */
  #look(): SeenFile | undefined {
    const inbox = this.#inbox!; // opened before it is read
    const files = inbox.list();
    const done = new Map(this.#done.map((file) => [file.name, file]));
    const isNew = (file: SeenFile): boolean => {
      const taken = done.get(file.name);
      if (taken === undefined || !isSameFile(taken, file)) return true;
      if (!isUnchanged(taken, file)) throw changedFailure(join(this.#directory, file.name), taken, file);
      return false;
    };
    const fresh = files.filter(isNew);
    const there = new Map(files.map((file) => [file.name, file]));
    this.#done = this.#done.filter((file) => {
      const now = there.get(file.name);
      return now !== undefined && isSameFile(now, file);
    });
    this.#ready = inbox.settled(fresh);
    return this.#ready.shift();
  }

  /** A file that has changed or gone since it was looked at is left to the next look. */
  async #begin(seen: SeenFile): Promise<void> {
    const now = lookAt(join(this.#directory, seen.name), seen.name);
    if (now === undefined || !isUnchanged(seen, now)) return;
    const source = this.#sourceOf(seen);
    await source.open(undefined);
    this.#reading = { seen, source };
  }

  async #goOn(seen: SeenFile, position: FilePosition): Promise<void> {
    const now = lookAt(join(this.#directory, seen.name), seen.name);
    if (now === undefined || !isSameFile(seen, now)) {
      const message = `cannot go on in ${join(this.#directory, seen.name)}: the file is gone; put it back or start over with --fresh`;
      throw new Failure("source.not_found", message);
    }
    if (!isUnchanged(seen, now)) throw changedFailure(join(this.#directory, seen.name), seen, now);
    const source = this.#sourceOf(seen);
    await source.open(position);
    this.#reading = { seen, source };
  }

  #sourceOf({ name }: SeenFile): Source {
    return this.#options.openFile(join(this.#options.path, name), this.#base);
  }

  /** The end of a file, as a cut without records. */
  async #finish({ seen, source }: Reading): Promise<Cut> {
    await source.close();
    this.#reading = undefined;
    const path = join(this.#directory, seen.name);
    const now = lookAt(path, seen.name);
    if (now && isSameFile(seen, now) && !isUnchanged(seen, now)) throw changedFailure(path, seen, now);
    this.#done = [...this.#done, seen];
    if (this.#done.length > DONE_MAX) {
      const message = `${this.#done.length} files of it were read and are still there; at most ${DONE_MAX} are allowed: use after=move or after=delete`;
      throw directoryFailure(this.#directory, message);
    }
    this.#readBytes += seen.bytes;
    return {
      id: `${join(this.#options.path, seen.name)};${tagOf(seen)}@end`,
      bytes: 0,
      rows: 0,
      line: 1,
      timeMs: Math.floor(seen.timeMs),
      format: EMPTY_FORMAT,
      position: this.#position(null),
      progressBytes: this.#readBytes,
      oversized: [],
    };
  }

  /** The file's name alone would not do for an id: another file may come under it. */
  #cutOf({ seen }: Reading, found: Cut): Cut {
    const path = join(this.#options.path, seen.name);
    const position = found.position as FilePosition; // a file source's own
    return {
      ...found,
      id: `${path};${tagOf(seen)}${found.id.slice(path.length)}`,
      position: this.#position({ seen, position }),
      progressBytes: this.#readBytes + found.progressBytes,
    };
  }

  #position(file: DirectoryPosition["file"]): DirectoryPosition {
    return { v: 1, kind: "directory", path: this.#options.path, file, done: this.#done };
  }
}

function baseOf({ directories, path }: DirectorySourceOptions): string {
  const isDirectory = (base: string): boolean =>
    statSync(resolve(base, path), { throwIfNoEntry: false })?.isDirectory() === true;
  const base = directories.find(isDirectory);
  if (base !== undefined) return base;
  const places = [...new Set(directories.map((each) => resolve(each, path)))].join(" and ");
  throw directoryFailure(path, `there is no directory at ${places}`);
}

function checked(position: SourcePosition, path: string): DirectoryPosition {
  if (position.v === 1 && position.kind === "directory" && position.path === path) return position;
  const shown = JSON.stringify(position).slice(0, 200);
  throw new Failure(
    "source.position",
    `cannot go on from ${shown}: a position of source:directory with path=${path} is required; start over with --fresh`,
  );
}
