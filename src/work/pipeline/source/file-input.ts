/**
 * Opens what a path leads to. A file's size is fixed when it is opened, so that a file that grows meanwhile is cut as it
 * would have been; what was added belongs to the next run. Compression is told by the first bytes, not by the name.
 */
import { closeSync, createReadStream, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { Failure, messageOf } from "../../../base/errors.ts";
import { type Filled, type Input, readFailed, type StreamWait, shortened } from "./input.ts";
import type { FileHead } from "./source.ts";
import { StreamInput } from "./stream-input.ts";

/** Enough to tell two files apart, little enough to read again at each start. */
const HEAD_BYTES = 4096;
const GZIP_CHUNK_BYTES = 256 * 1024;

/** Opens a path. Throws `source.not_found`, `source.not_readable`, `source.not_a_file`. */
export function openInput(path: string, wait: StreamWait | undefined): Input {
  const fd = openFile(path);
  try {
    const stats = fstatSync(fd);
    if (stats.isDirectory())
      throw new Failure("source.not_a_file", `cannot read ${path}: it is a directory; a file is required`);
    if (!stats.isFile()) return pipeInput(path, fd, wait);
    const head = readHead(path, fd, stats.size);
    if (head[0] === 0x1f && head[1] === 0x8b) return gzipInput(path, fd, stats, headOf(head));
    return new FileInput(path, fd, stats, headOf(head));
  } catch (thrown) {
    closeSync(fd);
    throw thrown;
  }
}

/** Whether the file still begins as it did. */
export function hasHead(path: string, head: FileHead): boolean {
  const fd = openFile(path);
  try {
    const bytes = readHead(path, fd, head.bytes);
    return headOf(bytes).hash === head.hash;
  } finally {
    closeSync(fd);
  }
}

/** Bytes on the disk, undefined for anything but a regular file. */
export function fileSize(path: string): number | undefined {
  try {
    const stats = statSync(path);
    return stats.isFile() ? stats.size : undefined;
  } catch (thrown) {
    throw cannotOpen(path, thrown);
  }
}

class FileInput implements Input {
  readonly path: string;
  readonly timeMs: number;
  readonly head: FileHead;
  readonly #fd: number;
  readonly sizeBytes: number;
  #open = true;

  constructor(path: string, fd: number, stats: Stats, head: FileHead) {
    this.path = path;
    this.timeMs = Math.floor(stats.mtimeMs);
    this.head = head;
    this.#fd = fd;
    this.sizeBytes = stats.size;
  }

  async read(target: Uint8Array, offset: number): Promise<Filled> {
    if (offset > this.sizeBytes) throw shortened(this.path, offset, this.sizeBytes);
    const wanted = Math.min(target.length, this.sizeBytes - offset);
    let bytes = 0;
    while (bytes < wanted) {
      const got = readAt(this.path, this.#fd, target, bytes, wanted - bytes, offset + bytes);
      if (got === 0) throw shortened(this.path, this.sizeBytes, offset + bytes);
      bytes += got;
    }
    return { bytes, atEnd: offset + bytes === this.sizeBytes };
  }

  progressBytes(offset: number): number {
    return offset;
  }

  async close(): Promise<void> {
    if (this.#open) closeSync(this.#fd);
    this.#open = false;
  }
}

function gzipInput(path: string, fd: number, stats: Stats, head: FileHead): Input {
  const file = createReadStream(path, { fd, start: 0, highWaterMark: GZIP_CHUNK_BYTES });
  const inflate = createGunzip({ chunkSize: GZIP_CHUNK_BYTES });
  pipeline(file, inflate, () => undefined); // an error of either reaches the reader of `inflate`
  const fail = (thrown: unknown, offset: number): Failure =>
    new Failure(
      "source.corrupt_gzip",
      `cannot inflate ${path} behind byte ${offset} of its content: ${messageOf(thrown)}; a whole, undamaged gzip file is required`,
      { cause: thrown },
    );
  return new StreamInput({
    path,
    timeMs: Math.floor(stats.mtimeMs),
    head,
    chunks: inflate,
    fail,
    usedBytes: () => file.bytesRead,
    close: () => destroy(file),
  });
}

function pipeInput(path: string, fd: number, wait: StreamWait | undefined): Input {
  const chunks = createReadStream(path, { fd, highWaterMark: GZIP_CHUNK_BYTES });
  return streamInput(path, chunks, () => destroy(chunks), wait);
}

/** Standard input or any other stream that has no file behind it. */
export function streamInput(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  close: () => void,
  wait: StreamWait | undefined,
): Input {
  const fail = (thrown: unknown, offset: number): Failure => readFailed(path, offset, thrown);
  const head = { bytes: 0, hash: "" };
  return new StreamInput({ path, timeMs: undefined, head, chunks, fail, close, usedBytes: (offset) => offset, wait });
}

function destroy(stream: Readable): void {
  stream.destroy();
}

function openFile(path: string): number {
  try {
    return openSync(path, "r");
  } catch (thrown) {
    throw cannotOpen(path, thrown);
  }
}

function cannotOpen(path: string, thrown: unknown): Failure {
  const code = (thrown as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new Failure("source.not_found", `cannot read ${path}: there is no such file`, { cause: thrown });
  }
  return new Failure("source.not_readable", `cannot read ${path}: ${messageOf(thrown)}`, { cause: thrown });
}

function readHead(path: string, fd: number, size: number): Uint8Array {
  const head = new Uint8Array(Math.min(HEAD_BYTES, size));
  return head.subarray(0, readAt(path, fd, head, 0, head.length, 0));
}

function headOf(bytes: Uint8Array): FileHead {
  return { bytes: bytes.length, hash: Bun.hash.xxHash64(bytes).toString(16) };
}

function readAt(path: string, fd: number, target: Uint8Array, at: number, length: number, position: number): number {
  if (length === 0) return 0;
  try {
    return readSync(fd, target, at, length, position);
  } catch (thrown) {
    throw readFailed(path, position, thrown);
  }
}
