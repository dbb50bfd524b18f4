/**
 * Reading the dead letters: a stream of letters and of damaged lines, and what is made of it. Files may be of any size;
 * memory holds one line. What is appended while a reader runs is not seen, so a replay that fails again into the same
 * file ends.
 */
import { type FileHandle, open } from "node:fs/promises";
import { Failure, messageOf } from "../../../base/errors.ts";
import { type DeadLetterFilter, matches } from "./filter.ts";
import { type DeadLetter, decodeDeadLetter, joined } from "./letter.ts";
import { type FileLine, LINE_BYTES_MAX, readLines } from "./lines.ts";

/** A line that is no letter. `isTorn`: the last line, cut off by a crash while it was written. */
export interface DamagedLine {
  readonly number: number;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly reason: string;
  readonly isTorn: boolean;
}

export type DeadLetterEntry =
  | { readonly kind: "letter"; readonly letter: DeadLetter }
  | { readonly kind: "damaged"; readonly damaged: DamagedLine };

export interface ListOptions extends DeadLetterFilter {
  /** Letters passed over first. */
  readonly offset?: number;
  /** Most letters; every one by default. */
  readonly limit?: number;
}

/** Letters that match, in the order of the file, and the damaged lines met on the way. */
export async function* listDeadLetters(path: string, options: ListOptions = {}): AsyncGenerator<DeadLetterEntry> {
  const { offset = 0, limit = Number.POSITIVE_INFINITY, ...filter } = options;
  let matched = 0;
  if (limit <= 0) return;
  for await (const { entry } of readEntries(path)) {
    if (entry.kind === "damaged") yield entry;
    else if (matches(entry.letter, filter) && ++matched > offset) {
      yield entry;
      if (matched >= offset + limit) return;
    }
  }
}

/** The letter with this number. */
export async function showDeadLetter(path: string, number: number): Promise<DeadLetter> {
  for await (const { entry, line } of readEntries(path)) {
    if (line.number !== number) continue;
    if (entry.kind === "letter") return entry.letter;
    const { reason } = entry.damaged;
    throw new Failure(
      "dead_letter.damaged",
      `reading ${path}: line ${number} is damaged (${reason}), a letter is required`,
    );
  }
  throw new Failure(
    "dead_letter.no_such_letter",
    `reading ${path}: there is no letter ${number}, a line of the file is required`,
  );
}

export interface ReplayReport {
  /** Records handed out. */
  readonly records: number;
  /** Letters that match but hold a malformed input line instead of a record. */
  readonly texts: number;
  readonly damaged: number;
}

export interface Replay {
  /** Records as NDJSON lines, each with its newline, byte for byte as they failed. */
  readonly lines: AsyncGenerator<Uint8Array>;
  /** Complete once `lines` has ended. */
  report(): ReplayReport;
}

/** The records of matching letters, for a new run. With `texts` malformed input lines come too, as they were. */
export function replayable(
  path: string,
  filter: DeadLetterFilter = {},
  options: { readonly texts?: boolean } = {},
): Replay {
  const counts = { records: 0, texts: 0, damaged: 0 };
  return { lines: replayLines(path, filter, options.texts === true, counts), report: () => ({ ...counts }) };
}

const NEWLINE = Uint8Array.of(0x0a);

async function* replayLines(
  path: string,
  filter: DeadLetterFilter,
  withTexts: boolean,
  counts: { records: number; texts: number; damaged: number },
): AsyncGenerator<Uint8Array> {
  for await (const { entry } of readEntries(path)) {
    if (entry.kind === "damaged") counts.damaged++;
    else if (matches(entry.letter, filter)) {
      const { payload } = entry.letter;
      counts[payload.kind === "record" ? "records" : "texts"]++;
      if (payload.kind === "record") yield joined(payload.json, NEWLINE);
      else if (withTexts) yield new TextEncoder().encode(`${payload.text}\n`);
    }
  }
}

/** Every line as an entry, with the line itself; `line.bytes` is good until the next step. */
export async function* readEntries(path: string): AsyncGenerator<{ entry: DeadLetterEntry; line: FileLine }> {
  await using file = await openDeadLetters(path);
  const { size } = await file.stat();
  for await (const line of readLines(file, size)) yield { entry: entryOf(line), line };
}

export function entryOf(line: FileLine): DeadLetterEntry {
  const letter = line.isTooLong ? `longer than ${LINE_BYTES_MAX} bytes` : decodeDeadLetter(line.bytes, line.number);
  if (typeof letter !== "string" && line.isTerminated) return { kind: "letter", letter };
  const { number, offset, sizeBytes, isTerminated } = line;
  const reason = typeof letter === "string" ? letter : "no newline at its end";
  return { kind: "damaged", damaged: { number, offset, sizeBytes, reason, isTorn: !isTerminated } };
}

export async function openDeadLetters(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (cause) {
    const missing = (cause as { code?: unknown })?.code === "ENOENT"; // node's errors carry a code beside the message
    const code = missing ? "dead_letter.not_found" : "dead_letter.unreadable";
    const reason = missing ? "no such file" : messageOf(cause);
    throw new Failure(code, `reading ${path}: ${reason}, a dead-letter file is required`, { cause });
  }
}
