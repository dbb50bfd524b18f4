/** What the tests of the log share: entries, a log in memory, and what a reader may expect of it. */

import { systemClock } from "../../../../../src/base/clock.ts";
import { seededRandom } from "../../../../../src/base/random.ts";
import { type LogOptions, type OpenedLog, RaftLog } from "../../../../../src/cluster/consensus/log/index.ts";
import type { Entry, HardState } from "../../../../../src/protocol/raft/index.ts";
import { MemoryFiles } from "./memory-files.ts";

export const DIRECTORY = "/log";
export const CONFIGURATION = { voters: ["a", "b", "c"], votersOutgoing: [], learners: ["d"] };

export function command(index: number, term: number, sizeBytes = 20): Entry {
  const data = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at++) data[at] = (index * 31 + term * 7 + at) & 255;
  return { index, term, kind: "command", data };
}

/** Entries of one term, `first` to `last`. */
export function commands(first: number, last: number, term = 1, sizeBytes = 20): Entry[] {
  return Array.from({ length: last - first + 1 }, (_, at) => command(first + at, term, sizeBytes));
}

export function open(files: MemoryFiles, options: Partial<LogOptions> = {}): Promise<OpenedLog> {
  const random = seededRandom(7);
  const all: LogOptions = { clock: systemClock, durability: "fsync", random, segmentBytes: 8192, files, ...options };
  return RaftLog.open(DIRECTORY, all);
}

/** A new log in memory. */
export async function fresh(options: Partial<LogOptions> = {}) {
  const files = new MemoryFiles();
  return { files, ...(await open(files, options)) };
}

export function codesOf(opened: Pick<OpenedLog, "findings">): readonly string[] {
  return opened.findings.map(({ code, severity }) => `${severity} ${code.replace("raft.log.", "")}`);
}

export function vote(term: number, votedFor?: string): HardState {
  return { term, votedFor };
}

export const LAST_SEGMENT = (files: MemoryFiles): string =>
  files
    .list(DIRECTORY)
    .filter((name) => name.startsWith("segment-"))
    .map((name) => `${DIRECTORY}/${name}`)
    .findLast((path) =>
      files
        .bytesOf(path)
        .subarray(4096)
        .some((byte) => byte !== 0),
    )!;
