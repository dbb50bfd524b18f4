/** The dead-letter tools for the command line: finds the file that is meant and hands plain data on. */
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { join, resolve } from "node:path";
import { Failure, messageOf } from "../base/errors.ts";
import {
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterSummary,
  listDeadLetters,
  type PurgeReport,
  purgeDeadLetters,
  type ReplayReport,
  replayable,
  showDeadLetter,
  summariseDeadLetters,
} from "../work/pipeline/dead-letter/index.ts";
import { loadPipelineFile } from "../work/pipeline/file/index.ts";
import { pipelineDirectory } from "./self.ts";

/** A letter as people and programs are shown it. */
export type LetterView = Omit<DeadLetter, "payload"> & { readonly record?: string; readonly text?: string };

export interface LetterQuery {
  readonly stage?: string | undefined;
  readonly reason?: string | undefined;
  readonly batch?: string | undefined;
}

/**
 * FILE is a dead-letter file, or a pipeline file whose dead letters are meant. What it holds decides; where its first line
 * is damaged, and so does not look like a letter, the ending does.
 */
export async function deadLetterPath(file: string, dataDir: string | undefined): Promise<string> {
  if (!existsSync(file))
    throw new Failure(
      "dead_letter.not_found",
      `${file} does not exist; a dead-letter file or a pipeline file is required`,
    );
  if (holdsLetters(startOf(file)) || /\.(ndjson|jsonl)$/.test(file)) return file;
  const { file: pipeline } = await loadPipelineFile(file);
  return resolve(pipeline.settings.dead_letters ?? join(pipelineDirectory(dataDir, file), "dead-letters.ndjson"));
}

/** Blanks in front of the first letter that are looked past. */
const START_BYTES = 4096;

/** Letters begin with a brace, or there are none yet. */
function holdsLetters(start: string): boolean {
  const text = start.trimStart();
  return text === "" || text.startsWith("{");
}

function startOf(file: string): string {
  try {
    const descriptor = openSync(file, "r");
    try {
      const bytes = Buffer.alloc(START_BYTES);
      return bytes.toString("utf8", 0, readSync(descriptor, bytes, 0, START_BYTES, 0));
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    const message = `reading ${file}: ${messageOf(cause)}; a dead-letter file or a pipeline file is required`;
    throw new Failure("dead_letter.unreadable", message, { cause });
  }
}

export async function* letters(
  path: string,
  query: LetterQuery,
  offset: number,
  limit: number,
): AsyncGenerator<LetterView | { readonly damaged: string }> {
  for await (const entry of listDeadLetters(path, { ...filterOf(query), offset, limit })) {
    if (entry.kind === "letter") yield viewOf(entry.letter);
    else yield { damaged: `line ${entry.damaged.number}: ${entry.damaged.reason}` };
  }
}

export async function letter(path: string, number: number): Promise<LetterView> {
  return viewOf(await showDeadLetter(path, number));
}

export function summary(path: string, query: LetterQuery): Promise<DeadLetterSummary> {
  return summariseDeadLetters(path, filterOf(query));
}

/** Writes the records to `write`, byte for byte as they failed. */
export async function replay(
  path: string,
  query: LetterQuery,
  texts: boolean,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<ReplayReport> {
  const { lines, report } = replayable(path, filterOf(query), { texts });
  for await (const line of lines) await write(line);
  return report();
}

export function purge(path: string, query: LetterQuery, all: boolean): Promise<PurgeReport> {
  return purgeDeadLetters(path, filterOf(query), { all });
}

function filterOf({ stage, reason, batch }: LetterQuery): DeadLetterFilter {
  return {
    ...(stage !== undefined && { stage }),
    ...(reason !== undefined && { reason }),
    ...(batch !== undefined && { batch }),
  };
}

function viewOf({ payload, ...fields }: DeadLetter): LetterView {
  return payload.kind === "text"
    ? { ...fields, text: payload.text }
    : { ...fields, record: new TextDecoder().decode(payload.json) };
}
