/** Reads a pipeline file from disk, bounded and strictly UTF-8, and finds the files that it names. */
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, isAbsolute, resolve } from "node:path";
import { Failure, messageOf } from "../../../base/errors.ts";
import type { ResolvePath } from "./convert.ts";
import { MAX_FILE_BYTES } from "./limits.ts";
import { type ParsedPipelineFile, parsePipelineFile } from "./parse.ts";

export interface LoadedPipelineFile extends ParsedPipelineFile {
  /** For `formatFaults`. */
  readonly text: string;
}

/** Throws a Failure when the file cannot be read as text; faults inside it come back as data. */
export async function loadPipelineFile(path: string): Promise<LoadedPipelineFile> {
  const bytes = await readBounded(path);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const message = `reading ${path}: the file is not UTF-8, a text file is required`;
    throw new Failure("pipeline.file.not_utf8", message, { cause });
  }
  return { text, ...parsePipelineFile(text, path) };
}

/** A relative path is looked for in the working directory, then beside the pipeline file. */
export function pathResolver(pipelinePath: string, workingDirectory: string): ResolvePath {
  const beside = resolve(workingDirectory, dirname(pipelinePath));
  return (path, need) => {
    if (need === "any") return resolve(workingDirectory, path);
    const candidates = isAbsolute(path) ? [path] : [resolve(workingDirectory, path), resolve(beside, path)];
    return candidates.find((candidate) => existsSync(candidate));
  };
}

async function readBounded(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path, "r");
    const target = new Uint8Array(MAX_FILE_BYTES + 1);
    let filled = 0;
    while (filled < target.length) {
      const { bytesRead } = await file.read(target, filled, target.length - filled, null);
      if (bytesRead === 0) return target.subarray(0, filled);
      filled += bytesRead;
    }
  } catch (cause) {
    throw unreadable(path, cause);
  }
  const message = `reading ${path}: the file is larger than ${MAX_FILE_BYTES} bytes, a pipeline file is required`;
  throw new Failure("pipeline.file.too_large", message);
}

function unreadable(path: string, cause: unknown): Failure {
  const missing = (cause as { code?: unknown })?.code === "ENOENT"; // node's errors carry a code beside the message
  const code = missing ? "pipeline.file.not_found" : "pipeline.file.unreadable";
  const reason = missing ? "no such file" : messageOf(cause);
  return new Failure(code, `reading ${path}: ${reason}, a readable pipeline file is required`, { cause });
}
