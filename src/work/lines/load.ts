/** Reads a file of lines from disk, bounded and strictly UTF-8, and finds the files that it names. */
import { constants, existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, isAbsolute, resolve } from "node:path";
import { Failure, messageOf } from "../../base/errors.ts";
import type { ResolvePath } from "./convert.ts";
import { MAX_FILE_BYTES } from "./limits.ts";

/** Opening a pipe that nobody writes to would wait for a writer. */
const READING = constants.O_RDONLY | constants.O_NONBLOCK;
/** What whoever started this process has given it (`<(…)` of a shell): a pipe has its writer then. */
const GIVEN = /^\/(?:dev\/(?:stdin|fd\/\d+)|proc\/self\/fd\/\d+)$/;

/** Throws a Failure when the file cannot be read as text; `kind` (`pipeline`) names it in codes and messages. */
export async function loadLinesFile(path: string, kind: string): Promise<string> {
  const bytes = await readBounded(path, kind);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const message = `reading ${path}: the file is not UTF-8, a text file is required`;
    throw new Failure(`${kind}.file.not_utf8`, message, { cause });
  }
}

async function readBounded(path: string, kind: string): Promise<Uint8Array> {
  try {
    const isGiven = GIVEN.test(path);
    await using file = await open(path, isGiven ? constants.O_RDONLY : READING);
    const found = await file.stat();
    if (!found.isFile() && !(isGiven && found.isFIFO())) throw notAFile(path, kind);
    const target = new Uint8Array(MAX_FILE_BYTES + 1);
    let filled = 0;
    while (filled < target.length) {
      const { bytesRead } = await file.read(target, filled, target.length - filled, null);
      if (bytesRead === 0) return target.subarray(0, filled);
      filled += bytesRead;
    }
  } catch (cause) {
    throw cause instanceof Failure ? cause : unreadable(path, kind, cause);
  }
  const message = `reading ${path}: the file is larger than ${MAX_FILE_BYTES} bytes, a ${kind} file is required`;
  throw new Failure(`${kind}.file.too_large`, message);
}

/** A pipe in a folder has no end until its writer says so, and a reload would wait for that. */
function notAFile(path: string, kind: string): Failure {
  const message = `reading ${path}: it is a directory, a pipe or a device, a regular file is required`;
  return new Failure(`${kind}.file.not_regular`, message);
}

function unreadable(path: string, kind: string, cause: unknown): Failure {
  const missing = (cause as { code?: unknown })?.code === "ENOENT"; // node's errors carry a code beside the message
  const code = missing ? `${kind}.file.not_found` : `${kind}.file.unreadable`;
  const reason = missing ? "no such file" : messageOf(cause);
  return new Failure(code, `reading ${path}: ${reason}, a readable ${kind} file is required`, { cause });
}

/** A relative path is looked for in the working directory, then beside the file that names it. */
export function pathResolver(fileName: string, workingDirectory: string): ResolvePath {
  const beside = resolve(workingDirectory, dirname(fileName));
  return (path, need) => {
    if (need === "any") return resolve(workingDirectory, path);
    const candidates = isAbsolute(path) ? [path] : [resolve(workingDirectory, path), resolve(beside, path)];
    return candidates.find((candidate) => existsSync(candidate));
  };
}
