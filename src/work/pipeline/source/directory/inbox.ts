/**
 * The files that lie in a directory and are whole, in the order of their times, then names. The system tells of changes and may
 * lose some, so the directory is looked through again and again as well. A file is whole when nobody has written to it for
 * a while: by its own time, or, where that lies in the future, by what was seen of it.
 */
import { type FSWatcher, readdirSync, watch } from "node:fs";
import { join } from "node:path";
import type { Clock, Timer } from "../../../../base/clock.ts";
import { Failure, messageOf } from "../../../../base/errors.ts";
import type { SeenFile } from "../source.ts";
import { isUnchanged, lookAt } from "./seen-file.ts";

export interface InboxOptions {
  readonly directory: string;
  readonly pattern: string;
  /** How long a file has to be left alone. */
  readonly settleMs: number;
  /** Longest time between two looks. */
  readonly rescanMs: number;
  readonly clock: Clock;
}

/** Each is looked at again and again; more than this is an archive. */
const FILES_MAX = 20_000;
/** While a file is being written there is a change every moment: one look for all of them. */
const EVENTS_GAP_MS = 20;

interface Watched {
  readonly file: SeenFile;
  /** When it was first seen as it is, on the monotonic clock. */
  readonly sinceMs: number;
}

export class Inbox {
  readonly #options: InboxOptions;
  readonly #glob: Bun.Glob;
  /** Not whole yet, by name. */
  #unsettled = new Map<string, Watched>();
  #watcher: FSWatcher | undefined;
  #timer: Timer | undefined;
  #wake: (() => void) | undefined;
  #hasNews = false;
  #isClosed = false;

  constructor(options: InboxOptions) {
    this.#options = options;
    this.#glob = new Bun.Glob(options.pattern);
  }

  open(): void {
    try {
      this.#watcher = watch(this.#options.directory, () => this.#notice());
      this.#watcher.on("error", () => {}); // looking again and again is enough, only later
    } catch {
      this.#watcher = undefined; // as for a file system that tells of nothing
    }
  }

  /** Whether there are files that will be whole later. */
  get hasUnsettled(): boolean {
    return this.#unsettled.size > 0;
  }

  /** All that fit the pattern, whole or not. Fails with `source.directory`. */
  list(): SeenFile[] {
    const { directory } = this.#options;
    const names = this.#names().filter((name) => !name.startsWith(".") && this.#glob.match(name));
    if (names.length > FILES_MAX) {
      throw directoryFailure(
        directory,
        `${names.length} files in it fit the pattern; at most ${FILES_MAX} are allowed`,
      );
    }
    return names.flatMap((name) => lookAt(join(directory, name), name) ?? []);
  }

  /** Those of the files that are whole now, in order; the others are kept in mind. */
  settled(files: readonly SeenFile[]): SeenFile[] {
    const before = this.#unsettled;
    const nowMs = this.#options.clock.monotonic();
    this.#unsettled = new Map();
    const whole = files.filter((file) => {
      const known = before.get(file.name);
      const sinceMs = known && isUnchanged(known.file, file) ? known.sinceMs : nowMs;
      if (this.#leftAloneMs(file, sinceMs, nowMs) >= this.#options.settleMs) return true;
      this.#unsettled.set(file.name, { file, sinceMs });
      return false;
    });
    return whole.sort((a, b) => a.timeMs - b.timeMs || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  }

  /** Resolves when it is worth looking again, and when it is closed. */
  wait(): Promise<void> {
    const { clock, rescanMs, settleMs } = this.#options;
    const hurryMs = this.hasUnsettled ? Math.max(settleMs, EVENTS_GAP_MS) : rescanMs;
    const delayMs = this.#hasNews ? EVENTS_GAP_MS : Math.min(hurryMs, rescanMs);
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wake = undefined;
        this.#timer?.cancel();
        this.#hasNews = false;
        resolve();
      };
      this.#wake = done;
      this.#timer = clock.after(delayMs, done);
      if (this.#isClosed) done();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#watcher?.close();
    this.#wake?.();
  }

  #leftAloneMs(file: SeenFile, sinceMs: number, nowMs: number): number {
    return Math.max(this.#options.clock.now() - file.timeMs, nowMs - sinceMs);
  }

  #notice(): void {
    if (this.#hasNews) return;
    this.#hasNews = true;
    if (this.#wake === undefined) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(EVENTS_GAP_MS, this.#wake);
  }

  #names(): string[] {
    const { directory } = this.#options;
    try {
      return readdirSync(directory);
    } catch (thrown) {
      throw directoryFailure(directory, messageOf(thrown));
    }
  }
}

export function directoryFailure(directory: string, reason: string): Failure {
  return new Failure("source.directory", `cannot read the directory ${directory}: ${reason}`);
}
