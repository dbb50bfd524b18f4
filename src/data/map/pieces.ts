/**
 * Maps in snapshots: the entries of each map in their order, then the history. A change in the history names what is to be found
 * elsewhere in the snapshot (the current entry, the change before of the same key) instead of repeating it.
 */
import { bytesOrText, inPieces, listOf, optional, pieceFault, textOf, wholeOf } from "../structure/index.ts";
import { type Entry, RECORD_BYTES, valueBytes } from "../words/index.ts";
import type { Change, History } from "./history.ts";
import type { SortedEntries } from "./sorted-entries.ts";

export interface CapturedMaps {
  readonly revision: number;
  /** By name. */
  readonly tables: readonly { readonly name: string; readonly entries: SortedEntries }[];
  readonly history: { readonly compacted: number; readonly changes: readonly Change[] };
}

export interface MapsTarget {
  add(map: string, entry: Entry): void;
  get(map: string, key: string): Entry | undefined;
  readonly history: History;
}

/** A piece begins with what it is. */
const KIND = { head: 0, entries: 1, history: 2 } as const;
const IS_DELETE = 1;
const IS_PUT = 0;

/** A text is a map's name: the entries behind it are of that map. */
type EntryRow = string | Entry;
type ChangeRow = readonly [change: Change, isCurrent: boolean, isFollowing: boolean];

export function* captureMaps({ revision, tables, history }: CapturedMaps): Generator<unknown> {
  yield [KIND.head, revision, history.compacted];
  for (const piece of inPieces(entryRows(tables), writeEntryRow, entryRowBytes)) yield [KIND.entries, ...piece];
  const rows = changeRows(history.changes, tables);
  for (const piece of inPieces(rows, writeChange, changeRowBytes)) yield [KIND.history, ...piece];
}

/** Gives the revision. */
export function restoreMaps(pieces: Iterable<unknown>, target: MapsTarget): number {
  let revision: number | undefined;
  const entries = new EntryReader(target);
  const changes = new ChangeReader(target);
  for (const piece of pieces) {
    const [kind, ...rows] = listOf(piece, "a piece of maps");
    if (kind === KIND.head && revision === undefined) {
      const [own, compacted] = listOf(rows, "the head of maps", 2);
      revision = wholeOf(own, "the revision");
      target.history.compact(wholeOf(compacted, "the compacted revision"));
    } else if (kind === KIND.entries && revision !== undefined) for (const row of rows) entries.read(row);
    else if (kind === KIND.history && revision !== undefined) for (const row of rows) changes.read(row);
    else throw pieceFault("a piece of maps", kind, "a head, then entries, then history");
  }
  if (revision === undefined) throw pieceFault("the head of maps", undefined, "a list");
  return revision;
}

function* entryRows(tables: CapturedMaps["tables"]): Generator<EntryRow> {
  for (const { name, entries } of tables) {
    yield name;
    yield* entries.range();
  }
}

function writeEntryRow(row: EntryRow): unknown {
  return typeof row === "string" ? row : writeEntry(row);
}

function entryRowBytes(row: EntryRow): number {
  return typeof row === "string" ? row.length : row.key.length + valueBytes(row.value) + 32;
}

function writeEntry({ key, value, revision, created, version, lease }: Entry): unknown[] {
  return lease === undefined
    ? [key, value, revision, created, version]
    : [key, value, revision, created, version, lease];
}

function readEntry(row: unknown): Entry {
  const [key, value, revision, created, version, lease] = listOf(row, "an entry");
  return {
    key: textOf(key, "a key"),
    value: bytesOrText(value, "a value"),
    revision: wholeOf(revision, "a revision", 1),
    created: wholeOf(created, "a first revision", 1),
    version: wholeOf(version, "a version", 1),
    lease: optional(lease, (id) => wholeOf(id, "a lease")),
  };
}

class EntryReader {
  readonly #target: MapsTarget;
  #map: string | undefined;
  #lastKey: string | undefined;

  constructor(target: MapsTarget) {
    this.#target = target;
  }

  read(row: unknown): void {
    if (typeof row === "string") {
      if (this.#map !== undefined && row <= this.#map) throw pieceFault("a map", row, "one behind the last");
      this.#map = row;
      this.#lastKey = undefined;
      return;
    }
    const entry = readEntry(row);
    if (this.#map === undefined) throw pieceFault("the map of an entry", undefined, "text");
    if (this.#lastKey !== undefined && entry.key <= this.#lastKey)
      throw pieceFault("a key", entry.key, "one behind the last");
    this.#lastKey = entry.key;
    this.#target.add(this.#map, entry);
  }
}

function* changeRows(changes: readonly Change[], tables: CapturedMaps["tables"]): Generator<ChangeRow> {
  const current = new Map(tables.map(({ name, entries }) => [name, entries]));
  const seen = new Map<string, Set<string>>();
  for (const change of changes) {
    const { map, entry } = change.event;
    let keys = seen.get(map);
    if (keys === undefined) {
      keys = new Set();
      seen.set(map, keys);
    }
    yield [change, current.get(map)?.get(entry.key) === entry, keys.has(entry.key)];
    keys.add(entry.key);
  }
}

/** The entry stands there unless it is the current one, or that of a delete: the previous one. */
function writeChange([{ event, previous }, isCurrent, isFollowing]: ChangeRow): unknown {
  const isDelete = event.type === "delete";
  const head = [isDelete ? IS_DELETE : IS_PUT, event.map, event.entry.key, event.revision];
  const entry = isCurrent || isDelete ? null : writeEntry(event.entry);
  return [...head, entry, isFollowing || previous === undefined ? null : writeEntry(previous)];
}

function changeRowBytes([{ event, previous }]: ChangeRow): number {
  const before = previous === undefined ? 0 : previous.key.length + valueBytes(previous.value);
  return RECORD_BYTES + event.map.length + event.entry.key.length + valueBytes(event.entry.value) + before;
}

class ChangeReader {
  readonly #target: MapsTarget;
  readonly #latest = new Map<string, Map<string, Entry | undefined>>();
  #lastRevision = 0;

  constructor(target: MapsTarget) {
    this.#target = target;
  }

  read(row: unknown): void {
    const [type, mapName, keyName, number, written, before] = listOf(row, "a change", 6);
    const map = textOf(mapName, "a map");
    const key = textOf(keyName, "a key");
    const revision = wholeOf(number, "a revision", Math.max(1, this.#lastRevision));
    if (type !== IS_PUT && type !== IS_DELETE) throw pieceFault("the kind of a change", type, "0 or 1");
    const keys = this.#keysOf(map);
    const previous = keys.has(key) ? keys.get(key) : optional(before, readEntry);
    const entry = type === IS_DELETE ? previous : (optional(written, readEntry) ?? this.#target.get(map, key));
    if (entry === undefined) throw pieceFault(`the entry of a change of ${map}`, key, "a key that is or was there");
    this.#lastRevision = revision;
    keys.set(key, type === IS_DELETE ? undefined : entry);
    this.#target.history.add({
      event: { type: type === IS_DELETE ? "delete" : "put", map, entry, revision },
      previous,
    });
  }

  #keysOf(map: string): Map<string, Entry | undefined> {
    let keys = this.#latest.get(map);
    if (keys === undefined) {
      keys = new Map();
      this.#latest.set(map, keys);
    }
    return keys;
  }
}
