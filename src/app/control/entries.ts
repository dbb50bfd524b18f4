/**
 * The list of running instances: a file `<pid>.json` (0600) for each beside its socket, saying who it is and where it
 * listens. A process that was killed leaves both behind; a command that reads the list clears away what belongs to no living
 * process. What an entry says is no reason to touch anything but its own files: an entry can be forged, and root may read
 * other users' lists.
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
import { isThere } from "../../process/limits/index.ts";
import { type Owner, requireReadable } from "./private-directory.ts";
import { lifeOf, type ProcessIdentity } from "./process-identity.ts";
import { instancesDirectory, placeOf } from "./socket-place.ts";

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

/** What one dead process has left. */
export interface Leftover {
  readonly pid: number;
  readonly paths: readonly string[];
}

export interface Survey {
  /** Of living processes, and of those elsewhere that nobody here can judge; oldest first. */
  readonly entries: readonly InstanceEntry[];
  readonly leftovers: readonly Leftover[];
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

/** What runs; and clears away what is left of what ran, where the list is this user's own. */
export function readEntries(dataDir: string): readonly InstanceEntry[] {
  const { entries, leftovers } = surveyEntries(dataDir);
  if (leftovers.length === 0) return entries;
  const owner = requireReadable(instancesDirectory(dataDir));
  if (!owner.isThisUser) return entries;
  for (const { pid, paths } of leftovers) {
    // The number may have become a new instance's since the look.
    if (isDead(pid, readEntry(dataDir, pid, owner))) paths.forEach(clear);
  }
  return entries;
}

/** Looks and changes nothing. Fails with `control.directory` when the list is another user's, except for root. */
export function surveyEntries(dataDir: string): Survey {
  const directory = instancesDirectory(dataDir);
  if (!existsSync(directory)) return { entries: [], leftovers: [] };
  const owner = requireReadable(directory);
  const entries: InstanceEntry[] = [];
  const leftovers: Leftover[] = [];
  for (const [pid, names] of Map.groupBy(readdirSync(directory), pidOf)) {
    if (pid === undefined) continue;
    const entry = readEntry(dataDir, pid, owner);
    const socket = entry && socketOf(dataDir, entry, owner);
    if (isDead(pid, entry)) {
      const paths = new Set(names.map((name) => join(directory, name)));
      if (socket !== undefined && isSocket(socket)) paths.add(socket);
      leftovers.push({ pid, paths: [...paths] });
    } else if (entry && socket !== undefined) entries.push({ ...entry, socket });
  }
  return { entries: entries.sort((one, other) => one.startedMs - other.startedMs || one.pid - other.pid), leftovers };
}

/** For the process that wrote it: one that got the number since keeps its own. */
export function removeOwnEntry(dataDir: string, { bootId, pid, socket, startTime }: InstanceEntry): void {
  const now = readEntry(dataDir, pid);
  if (now && (now.startTime !== startTime || now.bootId !== bootId)) return;
  clear(entryPath(dataDir, pid));
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

/** Undefined for a file that is none of ours. */
function pidOf(name: string): number | undefined {
  const pid = /^([1-9]\d{0,9})\.(json|json\.new|sock|gateway\.sock)$/.exec(name)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

/** Without an entry that can be read it is what a process has half made. */
function isDead(pid: number, entry: InstanceEntry | undefined): boolean {
  return entry ? lifeOf(entry) === "dead" : !isThere(pid);
}

/** Where the entry's socket is, or was; undefined when it names a place or a file that is not that instance's. */
function socketOf(dataDir: string, { pid, socket }: InstanceEntry, { uid }: Owner): string | undefined {
  const path = placeOf(socket, dataDir, pid, uid);
  if (path === undefined) return undefined;
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats === undefined || (stats.isSocket() && stats.uid === uid) ? path : undefined;
}

/** Undefined when there is none, or none of the list's owner. */
function readEntry(dataDir: string, pid: number, owner?: Owner): InstanceEntry | undefined {
  const path = entryPath(dataDir, pid);
  try {
    const stats = lstatSync(path);
    if (!stats.isFile() || stats.size > ENTRY_BYTES_MAX || (owner && stats.uid !== owner.uid)) return undefined;
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isEntry(value) && value.pid === pid ? value : undefined;
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
