/**
 * The few things that the log asks of a file system, so that tests can tear writes, fail syncs and lose power. Reads and writes
 * take everything or throw; both exist twice: at once, and aside (in a thread, while the event loop goes on).
 */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  read,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  write,
  writeSync,
} from "node:fs";
import { join } from "node:path";

export interface LogFile {
  size(): number;
  /** As much as there is, up to the end of `into`: how many bytes. */
  read(into: Uint8Array, at: number): number;
  readAside(into: Uint8Array, at: number): Promise<number>;
  write(bytes: Uint8Array, at: number): void;
  writeAside(bytes: Uint8Array, at: number): Promise<void>;
  /** Data, and the size where it has changed. */
  sync(): void;
  syncAside(): Promise<void>;
  close(): void;
}

/** `create` makes it anew and empty; `write` and `read` want it to be there. */
export type OpenMode = "create" | "write" | "read";

export interface LogFiles {
  /** Names in a directory; none when it does not exist. */
  list(directory: string): readonly string[];
  open(path: string, mode: OpenMode): LogFile;
  /** Takes the target's place. */
  rename(from: string, to: string): void;
  /** A file, or a directory with all that is in it; or nothing. */
  remove(path: string): void;
  makeDirectory(path: string): void;
  /** Names that were made, changed or removed in it are durable then. */
  syncDirectory(path: string): void;
}

const FLAGS: Readonly<Record<OpenMode, string>> = { create: "w+", write: "r+", read: "r" };

class DiskFile implements LogFile {
  readonly #fd: number;
  #isClosed = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  size(): number {
    return fstatSync(this.#fd).size;
  }

  read(into: Uint8Array, at: number): number {
    let done = 0;
    while (done < into.length) {
      const count = readSync(this.#fd, into, done, into.length - done, at + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async readAside(into: Uint8Array, at: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const count = await moved((call) => read(this.#fd, into, done, into.length - done, at + done, call));
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  write(bytes: Uint8Array, at: number): void {
    let done = 0;
    while (done < bytes.length) done += writeSync(this.#fd, bytes, done, bytes.length - done, at + done);
  }

  async writeAside(bytes: Uint8Array, at: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      done += await moved((call) => write(this.#fd, bytes, done, bytes.length - done, at + done, call));
    }
  }

  sync(): void {
    fdatasyncSync(this.#fd);
  }

  syncAside(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#fd, (error) => (error ? reject(error) : resolve()));
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#fd);
  }
}

type Moved = (error: NodeJS.ErrnoException | null, count: number) => void;

function moved(start: (call: Moved) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    start((error, count) => (error ? reject(error) : resolve(count)));
  });
}

/** The real one. Files are the owner's alone. */
export const diskFiles: LogFiles = {
  list(directory) {
    try {
      return readdirSync(directory);
    } catch (thrown) {
      if (errorCodeOf(thrown) === "ENOENT") return [];
      throw thrown;
    }
  },
  open: (path, mode) => new DiskFile(openSync(path, FLAGS[mode], 0o600)),
  rename: renameSync,
  remove: (path) => rmSync(path, { recursive: true, force: true }),
  makeDirectory: (path) => void mkdirSync(path, { recursive: true, mode: 0o700 }),
  syncDirectory(path) {
    const fd = openSync(path, "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  },
};

/** `ENOSPC` and the like. */
export function errorCodeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
}

/** All of a file, or undefined when it is not there. */
export function readWhole(files: LogFiles, path: string): Uint8Array | undefined {
  let file: LogFile;
  try {
    file = files.open(path, "read");
  } catch (thrown) {
    if (errorCodeOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
  try {
    const bytes = new Uint8Array(file.size());
    return bytes.subarray(0, file.read(bytes, 0));
  } finally {
    file.close();
  }
}

/** Makes a file whole or not at all: whoever opens it finds the old one or the new one. */
export function replaceFile(files: LogFiles, directory: string, name: string, bytes: Uint8Array): void {
  const temporary = join(directory, `${name}.tmp`);
  const file = files.open(temporary, "create");
  try {
    file.write(bytes, 0);
    file.sync();
  } finally {
    file.close();
  }
  files.rename(temporary, join(directory, name));
  files.syncDirectory(directory);
}
