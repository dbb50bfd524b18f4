/**
 * The list of running instances: a file `<pid>.json` (0600) for each beside its socket, saying who it is and where it
 * listens. A process that was killed leaves both behind; whoever reads the list clears away what belongs to no living process.
 */
import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { requireOwn } from "./private-directory.ts";
import { isThere, lifeOf, type ProcessIdentity } from "./process-identity.ts";
import { instancesDirectory } from "./socket-place.ts";

/** Ours has some 400 bytes. */
const ENTRY_BYTES_MAX = 64 * 1024;

export interface InstanceEntry extends ProcessIdentity {
  readonly socket: string;
  readonly command: string;
  readonly pipeline: string;
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly startedMs: number;
}

const TEXTS = ["startTime", "host", "bootId", "pidNamespace", "socket", "command", "pipeline", "version"] as const;

export function entryPath(dataDir: string, pid: number): string {
  return join(instancesDirectory(dataDir), `${pid}.json`);
}

/** Whole or not at all: readers never see half a file. */
export function writeEntry(dataDir: string, entry: InstanceEntry): void {
  const path = entryPath(dataDir, entry.pid);
  writeFileSync(`${path}.new`, `${JSON.stringify(entry, null, 2)}\n`, { mode: 0o600 });
  chmodSync(`${path}.new`, 0o600); // one left behind keeps its mode
  renameSync(`${path}.new`, path);
}

/** Entries of living processes, and of those elsewhere that nobody here can judge; oldest first. */
export function readEntries(dataDir: string): InstanceEntry[] {
  const directory = instancesDirectory(dataDir);
  if (!existsSync(directory)) return [];
  requireOwn(directory);
  const entries: InstanceEntry[] = [];
  for (const name of readdirSync(directory)) {
    const entry = /^\d{1,10}\.json$/.test(name) ? readEntry(join(directory, name)) : undefined;
    if (entry === undefined) continue;
    if (lifeOf(entry) === "dead") removeEntry(dataDir, entry);
    else entries.push(entry);
  }
  for (const name of readdirSync(directory)) {
    const pid = /^(\d{1,10})\./.exec(name)?.[1];
    if (pid !== undefined && isLeftover(directory, Number(pid))) clear(join(directory, name));
  }
  return entries.sort((left, right) => left.startedMs - right.startedMs || left.pid - right.pid);
}

/** Removes exactly this instance's files: one that got the number since keeps its own. */
export function removeEntry(dataDir: string, { pid, startTime, bootId, socket }: InstanceEntry): void {
  const path = entryPath(dataDir, pid);
  const now = readEntry(path);
  if (now && (now.startTime !== startTime || now.bootId !== bootId)) return;
  clear(path);
  if (isSocket(socket)) clear(socket);
}

export function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}

/** On a disk that is read-only it stays, and every reader passes over it. */
function clear(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // whoever can write there will clear it; nothing depends on it
  }
}

/** Half-made by a process that is gone: a socket or new file without an entry, or an entry that nobody can read. */
function isLeftover(directory: string, pid: number): boolean {
  return readEntry(join(directory, `${pid}.json`)) === undefined && !isThere(pid);
}

/** Undefined when there is none, or none of ours. */
function readEntry(path: string): InstanceEntry | undefined {
  try {
    const stats = lstatSync(path);
    if (!stats.isFile() || stats.size > ENTRY_BYTES_MAX) return undefined;
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isEntry(value) ? value : undefined;
  } catch {
    return undefined; // taken away a moment ago, or no JSON: either way there is no instance to speak of
  }
}

/** By hand: every run reads the list at its start, and a schema library is too much to load for it. */
function isEntry(value: unknown): value is InstanceEntry {
  if (typeof value !== "object" || value === null) return false;
  const { pid, startedMs, ...rest } = value as Partial<InstanceEntry>;
  return (
    Number.isSafeInteger(pid) &&
    pid! > 0 &&
    Number.isFinite(startedMs) &&
    TEXTS.every((each) => typeof rest[each] === "string")
  );
}
