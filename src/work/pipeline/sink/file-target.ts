/**
 * A file that only grows, and can be cut back to a position. The position carries a hash of the bytes before it: a file
 * that is not the one we wrote is never cut. Pipes and devices under a file name take bytes, but nothing can be undone there.
 */
import { existsSync, statSync } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Failure } from "../../../base/errors.ts";
import { cannotOpen, changed, writeFailed } from "./failures.ts";
import type { Target, TargetPosition } from "./target.ts";

/** Enough to tell that it is our output, little enough to read at each checkpoint. */
const TAIL_BYTES = 4096;

/** The position behind the last byte; undefined when the path is no regular file. */
export async function endOfFile(path: string): Promise<TargetPosition | undefined> {
  if (!existsSync(path) || !statSync(path).isFile()) return undefined;
  await using file = await open(path, "r");
  const { size } = await file.stat();
  return { bytes: size, tail: await tailOf(file, size) };
}

export class FileTarget implements Target {
  readonly path: string;
  #file: FileHandle | undefined;
  #isRegular = true;
  /** Bytes of the file, those of writes under way included. */
  #bytes = 0;
  #failure: Failure | undefined;

  readonly #mode: number;

  constructor(path: string, mode = 0o666) {
    this.path = path;
    this.#mode = mode;
  }

  async open(position: TargetPosition | undefined): Promise<void> {
    await this.close();
    this.#failure = undefined;
    try {
      await this.#open(position);
    } catch (thrown) {
      await this.close();
      throw cannotOpen(this.path, thrown);
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    const at = this.#bytes;
    this.#bytes += bytes.length;
    try {
      await this.#writeAll(bytes, at);
    } catch (thrown) {
      this.#failure ??= writeFailed(this.path, thrown);
      throw this.#failure;
    }
  }

  async flush(): Promise<TargetPosition> {
    const bytes = this.#bytes;
    const file = this.#opened();
    if (!this.#isRegular) return { bytes };
    try {
      await file.datasync();
      if (this.#failure !== undefined) throw this.#failure;
      return { bytes, tail: await tailOf(file, bytes) };
    } catch (thrown) {
      this.#failure ??= writeFailed(this.path, thrown);
      throw this.#failure;
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #open(position: TargetPosition | undefined): Promise<void> {
    await mkdir(dirname(resolve(this.path)), { recursive: true });
    const isNew = !existsSync(this.path);
    if (isNew && position?.tail !== undefined) throw changed(this.path, "the file is gone");
    if (!isNew && statSync(this.path).isDirectory()) {
      throw new Failure("sink.not_a_file", `cannot write ${this.path}: it is a directory; a file is required`);
    }
    // Opened without emptying it: a file that turns out not to be ours stays as it is.
    this.#isRegular = isNew || statSync(this.path).isFile();
    const file = await open(this.path, isNew ? "wx+" : this.#isRegular ? "r+" : "w", this.#mode);
    this.#file = file;
    this.#bytes = position?.bytes ?? 0;
    if (!this.#isRegular) return;
    if (position !== undefined) await checkTail(this.path, file, position);
    await file.truncate(this.#bytes);
    await file.datasync();
    if (isNew) await syncDirectory(dirname(resolve(this.path)));
  }

  async #writeAll(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const file = this.#opened();
      const position = this.#isRegular ? at + done : null;
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position);
      if (bytesWritten === 0)
        throw new Failure("sink.write_failed", `cannot write ${this.path}: it takes no more bytes`);
      done += bytesWritten;
    }
  }

  #opened(): FileHandle {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#file === undefined) throw new Failure("sink.not_open", `cannot write ${this.path}: it is not open`);
    return this.#file;
  }
}

async function checkTail(path: string, file: FileHandle, position: TargetPosition): Promise<void> {
  const { size } = await file.stat();
  if (size < position.bytes)
    throw changed(path, `it has ${size} bytes, the checkpoint was made behind byte ${position.bytes}`);
  const now = await tailOf(file, position.bytes);
  if (position.tail === undefined || now.hash === position.tail.hash) return;
  throw changed(path, `its bytes before byte ${position.bytes} are not those that were written`);
}

async function tailOf(file: FileHandle, end: number): Promise<{ bytes: number; hash: string }> {
  const tail = new Uint8Array(Math.min(TAIL_BYTES, end));
  if (tail.length > 0) await file.read(tail, 0, tail.length, end - tail.length);
  return { bytes: tail.length, hash: Bun.hash.xxHash64(tail).toString(16) };
}

/** A new name is durable only when its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
