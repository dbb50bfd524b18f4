/**
 * Files written so that only what is right ever has its name: under another name first, counted and hashed on the way,
 * flushed, and put in place by one step of the file system. Nothing here follows a link that it was not told to follow.
 */
import { createHash } from "node:crypto";
import { chmodSync, closeSync, constants, fsyncSync, lstatSync, mkdirSync, openSync } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Failure, messageOf } from "../../base/errors.ts";
import { CHUNK_BYTES_MAX } from "./limits.ts";

/** Keys may be among the files; nobody but the owner reads them. */
export const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const OTHERS = 0o077;

/** What a file must hold. */
export interface Content {
  readonly sha256: string;
  readonly bytes: number;
}

/** Made when it is not there, with its parents. Fails with `artifact.directory` when it is a link or another user's. */
export function makePrivateDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
    const found = lstatSync(path);
    if (!found.isDirectory()) throw refusal(path, "it is no directory");
    const own = process.getuid?.();
    if (own !== undefined && found.uid !== own) throw refusal(path, `it belongs to user ${found.uid}`);
    if ((found.mode & OTHERS) !== 0) chmodSync(path, DIRECTORY_MODE);
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw refusal(path, messageOf(thrown), thrown);
  }
}

/** A folder in a private directory; whatever else has its name gives way. */
export async function makeFolder(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  if (found) await rm(path, { force: true });
  mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
}

/** In pieces; of a file itself, not of what a link in its place points to, unless `follow` says so. */
export async function* readChunks(path: string, follow = false): AsyncGenerator<Uint8Array> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW); // a pipe must not hold us
  await using file = await open(path, flags);
  for (;;) {
    const chunk = new Uint8Array(CHUNK_BYTES_MAX);
    const { bytesRead } = await file.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) return;
    yield chunk.subarray(0, bytesRead);
  }
}

/** Writes a new file, durably. False, and no file, when the chunks are not that content; stops at the first byte too many. */
export async function writeVerified(
  path: string,
  content: Content,
  chunks: AsyncIterable<Uint8Array>,
): Promise<boolean> {
  let isRight = false;
  const file = await open(path, "wx", FILE_MODE);
  try {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > content.bytes) return false;
      hash.update(chunk);
      await writeAll(file, chunk, bytes - chunk.length);
    }
    isRight = bytes === content.bytes && hash.digest("hex") === content.sha256;
    if (isRight) await file.sync();
    return isRight;
  } finally {
    await file.close();
    if (!isRight) await rm(path, { force: true });
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, written, chunk.length - written, position + written);
    written += bytesWritten;
  }
}

/** False when it is not there, is no plain file, or holds something else. */
export async function holds(path: string, content: Content): Promise<boolean> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found?.isFile() || found.size !== content.bytes) return false;
  const hash = createHash("sha256");
  for await (const chunk of readChunks(path)) hash.update(chunk);
  return hash.digest("hex") === content.sha256;
}

/** In one step; the name survives a power cut too. */
export async function putInPlace(temporary: string, path: string): Promise<void> {
  await rename(temporary, path);
  flushDirectory(dirname(path));
}

export function flushDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function refusal(path: string, fault: string, cause?: unknown): Failure {
  const message = `cannot keep artifacts in ${path}: ${fault}; a directory of this user is required`;
  return new Failure("artifact.directory", message, { cause });
}
