/**
 * The maps of a group: keys in their order, each with its value and the revisions of its life, as etcd has them. There is one revision
 * counter for all maps; a command that changes anything takes one revision for all that it changes. Operations are checked before
 * anything happens and carried out without refusal, so that a transaction is all or nothing. What keys are locked by prepared
 * transactions is not known here: who dispatches commands asks for that first.
 */
import {
  type Answer,
  type CasReply,
  type Command,
  done,
  type Entry,
  type MapOperation,
  type MapReply,
  type Moment,
  PRIVATE_PREFIX,
  RECORD_BYTES,
  type Refused,
  refused,
  type Structure,
  sameValue,
  type Transactional,
  type Value,
  valueBytes,
} from "../words/index.ts";
import { type Change, History, type HistoryBounds } from "./history.ts";
import { DELETE_RANGE_MAX, MAPS_MAX } from "./limits.ts";
import { captureMaps, restoreMaps } from "./pieces.ts";
import {
  type EventsPage,
  type EventsQuery,
  type Past,
  type RangePage,
  type RangeQuery,
  readEntry,
  readEvents,
  readRange,
} from "./reads.ts";
import { SortedEntries } from "./sorted-entries.ts";

/** What maps need of leases: keys put under one are told to it, and it asks for their removal when it ends. */
export interface LeaseBook {
  has(lease: number): boolean;
  attach(lease: number, map: string, key: string): void;
  detach(lease: number, map: string, key: string): void;
}

export interface MapsOptions {
  readonly history: HistoryBounds;
  /** What a command has changed, when it is done with. */
  readonly changed: (changes: readonly Change[]) => void;
}

type Cas = Extract<Command, { readonly type: "map.cas" }>;
type Delete = Extract<MapOperation, { readonly type: "map.delete" }>;
type DeleteRange = Extract<MapOperation, { readonly type: "map.deleteRange" }>;
type Put = Extract<MapOperation, { readonly type: "map.put" }>;

export class Maps implements Structure, Transactional<MapOperation> {
  readonly name = "maps";
  readonly nextDueMs = undefined;
  readonly #leases: LeaseBook;
  readonly #options: MapsOptions;
  readonly #tables = new Map<string, SortedEntries>();
  #history: History;
  #liveBytes = 0;
  #revision = 0;
  /** Of the command that is being applied, until it is sealed. */
  #open: Change[] = [];

  constructor(leases: LeaseBook, options: MapsOptions) {
    this.#leases = leases;
    this.#options = options;
    this.#history = new History(options.history);
  }

  /** Of the last change. */
  get revision(): number {
    return this.#revision;
  }

  /** Reads of revisions before it, and watches from it or before it, are refused. */
  get compacted(): number {
    return this.#history.compacted;
  }

  get sizeBytes(): number {
    return this.#liveBytes + this.#history.sizeBytes;
  }

  get keys(): number {
    let keys = 0;
    for (const entries of this.#tables.values()) keys += entries.size;
    return keys;
  }

  /** Names, sorted. */
  list(): readonly { readonly map: string; readonly keys: number }[] {
    return [...this.#tables.keys()].sort().map((map) => ({ map, keys: this.#tables.get(map)?.size ?? 0 }));
  }

  advance(): void {
    // Nothing of maps falls due: leases see to theirs.
  }

  apply(operation: MapOperation, moment: Moment): Answer<MapReply> {
    const refusal = this.check([operation], moment);
    if (refusal !== undefined) return refusal;
    const reply = this.run(operation, moment);
    this.seal();
    return done(reply);
  }

  cas({ map, key, expect, value, lease }: Cas): Answer<CasReply> {
    const current = this.get(map, key);
    if (!isExpected(current, expect)) return done({ swapped: false, revision: this.#revision, current });
    if (value === undefined) this.#delete(map, key);
    else {
      const refusal = this.#checkPut(map, lease, 0);
      if (refusal !== undefined) return refusal;
      this.#put(map, key, value, lease);
    }
    this.seal();
    return done({ swapped: true, revision: this.#revision });
  }

  compact(revision: number): Answer<MapReply> {
    if (revision > this.#revision) {
      return refused(
        "data.compact_future",
        `compacting to revision ${revision}: the group is at revision ${this.#revision}, at most that is required`,
      );
    }
    this.#history.compact(revision);
    return done({ revision: this.#revision });
  }

  check(operations: readonly MapOperation[], _moment: Moment): Refused | undefined {
    let more = 0;
    let deleted = 0;
    for (const operation of operations) {
      if (operation.type === "map.put") {
        const refusal = this.#checkPut(operation.map, operation.lease, more);
        if (refusal !== undefined) return refusal;
        if (!this.#tables.has(operation.map)) more++;
      } else if (operation.type === "map.deleteRange") {
        deleted += this.#tables.get(operation.map)?.count(operation.key, operation.end) ?? 0;
      }
    }
    if (deleted <= DELETE_RANGE_MAX) return undefined;
    const what = `deleting ${deleted} keys in one command: at most ${DELETE_RANGE_MAX} are, delete them in parts`;
    return refused("data.range_too_large", what);
  }

  /** Of a decided transaction's put the lease may have ended since: then its key has gone with it. */
  run(operation: MapOperation, _moment: Moment): MapReply {
    if (operation.type === "map.delete") return this.#runDelete(operation);
    if (operation.type === "map.deleteRange") return this.#runDeleteRange(operation);
    return this.#runPut(operation);
  }

  /** The end of a command: what it has changed is one revision, and is told. */
  seal(): void {
    if (this.#open.length === 0) return;
    const changes = this.#open;
    this.#open = [];
    this.#history.trim();
    this.#options.changed(changes);
  }

  /** A lease has ended: its keys go, in one revision. */
  removeAll(keys: Iterable<readonly [map: string, key: string]>): void {
    for (const [map, key] of keys) this.#delete(map, key);
    this.seal();
  }

  /** Undefined when it is not there. Throws `data.compacted` and `data.future_revision` for the past. */
  get(map: string, key: string, atRevision?: number): Entry | undefined {
    if (atRevision === undefined) return this.#tables.get(map)?.get(key);
    return readEntry(this.#past(map), key, atRevision);
  }

  range(query: RangeQuery): RangePage {
    return readRange(this.#past(query.map), query);
  }

  events(query: EventsQuery): EventsPage {
    return readEvents(this.#past(""), query);
  }

  /** Keys of a range as they are, for who looks for locks. */
  keysOf({ map, key, end }: DeleteRange): Iterable<Entry> {
    return this.#tables.get(map)?.range(key, end) ?? [];
  }

  capture(): Iterable<unknown> {
    const tables = [...this.#tables.keys()].sort().map((name) => ({ name, entries: this.#entriesOf(name).copy() }));
    const history = { compacted: this.#history.compacted, changes: this.#history.list() };
    return captureMaps({ revision: this.#revision, tables, history });
  }

  restore(pieces: Iterable<unknown>): void {
    this.#tables.clear();
    this.#history = new History(this.#options.history);
    this.#liveBytes = 0;
    this.#revision = restoreMaps(pieces, {
      add: (map, entry) => this.#add(map, entry),
      get: (map, key) => this.get(map, key),
      history: this.#history,
    });
  }

  #past(map: string): Past {
    return { map, entries: this.#tables.get(map), history: this.#history, revision: this.#revision };
  }

  #checkPut(map: string, lease: number | undefined, moreMaps: number): Refused | undefined {
    if (lease !== undefined && !this.#leases.has(lease)) {
      return refused(
        "data.lease_unknown",
        `putting a key of ${map} under lease ${lease}: there is no such lease, or no more`,
      );
    }
    if (this.#tables.has(map) || this.#tables.size + moreMaps < MAPS_MAX) return undefined;
    return refused("data.too_many", `making map ${map}: the group has ${MAPS_MAX} maps, at most that many`);
  }

  #runPut({ map, key, value, lease }: Put): MapReply {
    if (lease !== undefined && !this.#leases.has(lease)) this.#delete(map, key);
    else this.#put(map, key, value, lease);
    return { revision: this.#revision };
  }

  #runDelete({ map, key }: Delete): MapReply {
    const previous = this.#delete(map, key);
    return { revision: this.#revision, previous, deleted: previous === undefined ? 0 : 1 };
  }

  #runDeleteRange(operation: DeleteRange): MapReply {
    const entries = [...this.keysOf(operation)];
    for (const { key } of entries) this.#delete(operation.map, key);
    return { revision: this.#revision, deleted: entries.length };
  }

  #put(map: string, key: string, value: Value, lease: number | undefined): void {
    const entries = this.#entriesOf(map);
    const revision = this.#nextRevision();
    const previous = entries.get(key);
    const created = previous?.created ?? revision;
    const entry = { key, value, revision, created, version: (previous?.version ?? 0) + 1, lease };
    entries.set(entry);
    this.#liveBytes += entryBytes(entry) - (previous === undefined ? 0 : entryBytes(previous));
    if (previous?.lease !== lease) this.#moveLease(map, key, previous?.lease, lease);
    this.#record({ event: { type: "put", map, entry, revision }, previous });
  }

  #delete(map: string, key: string): Entry | undefined {
    const entries = this.#tables.get(map);
    const previous = entries?.delete(key);
    if (entries === undefined || previous === undefined) return undefined;
    const revision = this.#nextRevision();
    this.#liveBytes -= entryBytes(previous);
    if (entries.size === 0) this.#drop(map);
    if (previous.lease !== undefined) this.#leases.detach(previous.lease, map, key);
    this.#record({ event: { type: "delete", map, entry: previous, revision }, previous });
    return previous;
  }

  #moveLease(map: string, key: string, from: number | undefined, to: number | undefined): void {
    if (from !== undefined) this.#leases.detach(from, map, key);
    if (to !== undefined) this.#leases.attach(to, map, key);
  }

  /** The first change of a command takes the next revision; those after it share it. */
  #nextRevision(): number {
    if (this.#open.length === 0) this.#revision++;
    return this.#revision;
  }

  #record(change: Change): void {
    this.#open.push(change);
    if (!change.event.map.startsWith(PRIVATE_PREFIX)) this.#history.add(change);
  }

  /** As it was captured. */
  #add(map: string, entry: Entry): void {
    this.#entriesOf(map).set(entry);
    this.#liveBytes += entryBytes(entry);
    if (entry.lease !== undefined) this.#leases.attach(entry.lease, map, entry.key);
  }

  #entriesOf(map: string): SortedEntries {
    let entries = this.#tables.get(map);
    if (entries === undefined) {
      entries = new SortedEntries();
      this.#tables.set(map, entries);
      this.#liveBytes += RECORD_BYTES + map.length;
    }
    return entries;
  }

  #drop(map: string): void {
    this.#tables.delete(map);
    this.#liveBytes -= RECORD_BYTES + map.length;
  }
}

function isExpected(current: Entry | undefined, expect: Cas["expect"]): boolean {
  if ("absent" in expect) return current === undefined;
  if ("revision" in expect) return (current?.revision ?? 0) === expect.revision;
  return current !== undefined && sameValue(current.value, expect.value);
}

function entryBytes(entry: Entry): number {
  return RECORD_BYTES + entry.key.length + valueBytes(entry.value);
}
