/**
 * Takes letters out of the file for good. The kept lines are copied byte for byte into a file beside it, which then takes
 * its place by rename: a crash at any moment leaves either the old file or the new one.
 *
 * A pipeline that is writing would go on writing into the old file, and its letters would be lost: so the purge refuses
 * while a process has the file open for writing, and gives up when the file grew while it was copied.
 */
import { type FileHandle, open, realpath, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Failure } from "../../../base/errors.ts";
import { type DeadLetterFilter, isEmptyFilter, matches } from "./filter.ts";
import { joined } from "./letter.ts";
import { type FileLine, readLines } from "./lines.ts";
import { entryOf, openDeadLetters } from "./read.ts";
import { processesWriting } from "./writers.ts";

export interface PurgeOptions {
  /** Needed with an empty filter: every line goes, damaged ones too. */
  readonly all?: boolean;
  /** Damaged lines go as well. */
  readonly damaged?: boolean;
  /** Processes that have the file open for writing; the system is asked by default. */
  readonly processesWriting?: (path: string) => Promise<readonly number[]>;
}

export interface PurgeReport {
  readonly purged: number;
  readonly kept: number;
  readonly damagedPurged: number;
  readonly damagedKept: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

export async function purgeDeadLetters(
  path: string,
  filter: DeadLetterFilter,
  options: PurgeOptions = {},
): Promise<PurgeReport> {
  if (isEmptyFilter(filter) && !options.all) {
    const message = `purging ${path}: no filter is given, a filter or "all" is required`;
    throw new Failure("dead_letter.no_filter", message);
  }
  await using source = await openDeadLetters(path);
  const realPath = await realpath(path); // a rename onto a symbolic link would replace the link
  await refuseIfWritten(realPath, options);
  const temporary = `${realPath}.purge`;
  await using target = await createExclusively(temporary, (await source.stat()).mode);
  try {
    const report = await copyKept(source, target, filter, options);
    await target.sync();
    await refuseIfWritten(realPath, options);
    await refuseIfGrown(path, source, report.bytesBefore);
    await rename(temporary, realPath);
    await syncDirectory(dirname(realPath));
    return report;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function copyKept(
  source: FileHandle,
  target: FileHandle,
  filter: DeadLetterFilter,
  options: PurgeOptions,
): Promise<PurgeReport> {
  const counts = { purged: 0, kept: 0, damagedPurged: 0, damagedKept: 0 };
  const { size: bytesBefore } = await source.stat();
  const writer = new BlockWriter(target);
  for await (const line of readLines(source, bytesBefore)) {
    const entry = entryOf(line);
    const isDamaged = entry.kind === "damaged";
    const goes = isDamaged ? options.all || options.damaged : matches(entry.letter, filter);
    if (goes) counts[isDamaged ? "damagedPurged" : "purged"]++;
    else {
      counts[isDamaged ? "damagedKept" : "kept"]++;
      await keepLine(line, source, writer);
    }
  }
  await writer.flush();
  return { ...counts, bytesBefore, bytesAfter: writer.written };
}

/** Pieces of a line that is too long to hold. */
const PIECE_BYTES = 1024 * 1024;
const NEWLINE = Uint8Array.of(0x0a);

async function keepLine(line: FileLine, source: FileHandle, writer: BlockWriter): Promise<void> {
  if (!line.isTooLong) {
    await writer.add(line.bytes.slice());
    if (line.isTerminated) await writer.add(NEWLINE);
    return;
  }
  for (let done = 0; done < line.sizeBytes; ) {
    const piece = new Uint8Array(Math.min(PIECE_BYTES, line.sizeBytes - done));
    const { bytesRead } = await source.read(piece, 0, piece.length, line.offset + done);
    if (bytesRead === 0) {
      throw new Failure(
        "dead_letter.changed",
        `copying line ${line.number}: the file became shorter, a file at rest is required`,
      );
    }
    await writer.add(piece.subarray(0, bytesRead));
    done += bytesRead;
  }
}

/** Gathers small writes: a call for each line would cost more than the copying. */
class BlockWriter {
  static readonly #blockBytes = 1024 * 1024;
  readonly #target: FileHandle;
  #parts: Uint8Array[] = [];
  #held = 0;
  written = 0;

  constructor(target: FileHandle) {
    this.#target = target;
  }

  async add(bytes: Uint8Array): Promise<void> {
    this.#parts.push(bytes);
    this.#held += bytes.length;
    if (this.#held >= BlockWriter.#blockBytes) await this.flush();
  }

  async flush(): Promise<void> {
    await this.#target.writeFile(joined(...this.#parts));
    this.written += this.#held;
    this.#parts = [];
    this.#held = 0;
  }
}

async function createExclusively(path: string, mode: number): Promise<FileHandle> {
  try {
    return await open(path, "wx", mode & 0o777);
  } catch (cause) {
    const message = `creating ${path}: another purge is running or was killed; wait for it, or delete that file`;
    throw new Failure("dead_letter.purge_running", message, { cause });
  }
}

async function refuseIfWritten(path: string, options: PurgeOptions): Promise<void> {
  const pids = await (options.processesWriting ?? processesWriting)(path);
  if (pids.length === 0) return;
  const message = `purging ${path}: process ${pids.join(", ")} has it open for writing, a stopped pipeline is required`;
  throw new Failure("dead_letter.in_use", message, { data: { pids }, retryable: true });
}

async function refuseIfGrown(path: string, source: FileHandle, sizeBefore: number): Promise<void> {
  const { size } = await source.stat();
  if (size === sizeBefore) return;
  const message = `purging ${path}: it changed from ${sizeBefore} to ${size} bytes meanwhile, a file at rest is required`;
  throw new Failure("dead_letter.changed", message, { retryable: true });
}

/** Makes the rename itself durable. */
async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, "r");
  await directory.sync();
}
