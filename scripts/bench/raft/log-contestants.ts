/**
 * Who takes part: the disk alone (synced at once, or aside in a thread), our segments (the same two ways), and the other design that was
 * thought of, a table in SQLite with its write-ahead log synced at each commit.
 */
import { Database } from "bun:sqlite";
import { closeSync, fdatasync, fdatasyncSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { RaftLog } from "../../../src/cluster/consensus/log/index.ts";
import type { Entry } from "../../../src/protocol/raft/index.ts";

export interface LogContestant {
  commit(entries: readonly Entry[]): void | Promise<void>;
  close(): void | Promise<void>;
}

export const NAMES = ["disk", "disk-aside", "segments", "segments-aside", "sqlite"] as const;
export type Name = (typeof NAMES)[number];

/** What a record of ours has beside the data: header, trailer, 16 bytes an entry. */
const RECORD_BYTES = 72;
const ENTRY_BYTES = 16;
const FILLED_BYTES = 32 * 2 ** 20;

export const CONTESTANTS: Readonly<Record<Name, (path: string) => LogContestant | Promise<LogContestant>>> = {
  disk: (path) => bareDisk(path, false),
  "disk-aside": (path) => bareDisk(path, true),
  segments: (path) => ourLog(path, systemClock),
  "segments-aside": (path) => ourLog(path, { ...systemClock, monotonic: slowClock() }),
  sqlite,
};

function bareDisk(path: string, isAside: boolean): LogContestant {
  const fd = openSync(path, "w+");
  writeSync(fd, new Uint8Array(FILLED_BYTES));
  fdatasyncSync(fd);
  const bytes = new Uint8Array(64 * 2 ** 10).fill(9);
  let at = 0;
  return {
    commit(entries) {
      const size = entries.reduce((sum, entry) => sum + ENTRY_BYTES + sizeOf(entry), RECORD_BYTES);
      if (at + size > FILLED_BYTES) at = 0;
      writeSync(fd, bytes, 0, size, at);
      at += size;
      if (!isAside) return fdatasyncSync(fd);
      return new Promise((resolve, reject) => fdatasync(fd, (error) => (error ? reject(error) : resolve())));
    },
    close: () => closeSync(fd),
  };
}

async function ourLog(path: string, clock: Clock): Promise<LogContestant> {
  const { log } = await RaftLog.open(path, { clock, durability: "fsync" });
  await log.persist({ term: 1, votedFor: "a" }, []);
  return { commit: (entries) => log.persist(undefined, entries), close: () => log.close() };
}

/** Every look at it is 10 ms later: the log takes the disk for a slow one, and syncs aside. */
function slowClock(): () => number {
  let ms = 0;
  return () => {
    ms += 10;
    return ms;
  };
}

function sqlite(path: string): LogContestant {
  mkdirSync(path, { recursive: true });
  const database = new Database(join(path, "log.db"), { create: true });
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = FULL");
  database.run("PRAGMA locking_mode = EXCLUSIVE");
  database.run("CREATE TABLE entry (position INTEGER PRIMARY KEY, term INTEGER, kind INTEGER, data BLOB)");
  const cut = database.query("DELETE FROM entry WHERE position >= ?");
  const insert = database.query("INSERT INTO entry VALUES (?, ?, ?, ?)");
  const write = database.transaction((entries: readonly Entry[]) => {
    cut.run(entries[0]!.index);
    for (const entry of entries) insert.run(entry.index, entry.term, 1, entry.kind === "command" ? entry.data : null);
  });
  return { commit: (entries) => write(entries), close: () => database.close() };
}

function sizeOf(entry: Entry): number {
  return entry.kind === "command" ? entry.data.byteLength : 0;
}
