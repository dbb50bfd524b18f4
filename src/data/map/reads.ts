/**
 * Reads of maps, as they are or as they were: the past is the present with the changes since then taken back. Keys go by UTF-16 code
 * units. Reads throw what they refuse: they change nothing, and no other node has to agree.
 */
import { Failure } from "../../base/errors.ts";
import { type Entry, type MapEvent, prefixEnd, RECORD_BYTES, valueBytes } from "../words/index.ts";
import type { History } from "./history.ts";
import { PAGE_BYTES_MAX, PAGE_ENTRIES_MAX } from "./limits.ts";
import type { SortedEntries } from "./sorted-entries.ts";

export interface RangeQuery {
  readonly map: string;
  /** The first key; none: the map's first. */
  readonly from?: string | undefined;
  /** Before this one; none: to the map's last. */
  readonly end?: string | undefined;
  /** Only keys that begin with it; together with `from` and `end` it narrows them. */
  readonly prefix?: string | undefined;
  /** Behind this key: the `next` of the page before. */
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
  /** Values are left out (empty texts stand for them). */
  readonly keysOnly?: boolean | undefined;
  /** Only how many there are. */
  readonly countOnly?: boolean | undefined;
  /** As it was then: pages of one range that fit together name the first one's `revision`. */
  readonly atRevision?: number | undefined;
}

export interface RangePage {
  readonly entries: readonly Entry[];
  /** Give it as `after` for the next page; undefined on the last one. */
  readonly next: string | undefined;
  /** Of the whole range, without `after` and `limit`. Only for the present. */
  readonly count: number | undefined;
  /** That the page shows. */
  readonly revision: number;
}

export interface EventsQuery extends EventFilter {
  /** From this revision on. */
  readonly fromRevision: number;
  readonly limit: number;
}

/** Without a map those of all maps; without key and prefix all of the map. */
export interface EventFilter {
  readonly map?: string | undefined;
  readonly key?: string | undefined;
  readonly prefix?: string | undefined;
}

export interface EventsPage {
  /** All of a revision or none, so that there may be more than `limit`. */
  readonly events: readonly MapEvent[];
  /** Where to go on. */
  readonly nextRevision: number;
}

/** A map as the reads need it: without entries where there is no such map. */
export interface Past {
  readonly map: string;
  readonly entries: SortedEntries | undefined;
  readonly history: History;
  /** Of the group, now. */
  readonly revision: number;
}

function checkRevision(revision: number, past: Pick<Past, "history" | "revision">): void {
  if (!Number.isSafeInteger(revision) || revision > past.revision) {
    throw new Failure(
      "data.future_revision",
      `reading at revision ${revision}: the group is at revision ${past.revision}, at most that is required`,
      { retryable: true },
    );
  }
  if (revision < past.history.compacted) throw compacted(revision, past.history.compacted);
}

export function compacted(revision: number, upTo: number): Failure {
  return new Failure("data.compacted", `revision ${revision} is asked for: history up to revision ${upTo} is gone`, {
    data: { compacted: upTo },
  });
}

export function readEntry(past: Past, key: string, atRevision: number | undefined): Entry | undefined {
  const current = past.entries?.get(key);
  if (atRevision === undefined) return current;
  checkRevision(atRevision, past);
  if (current !== undefined && current.revision <= atRevision) return current;
  for (const { event, previous } of past.history.from(atRevision + 1)) {
    if (event.entry.key === key && event.map === past.map) return previous;
  }
  return current;
}

export function readRange(past: Past, query: RangeQuery): RangePage {
  const { from, end } = boundsOf(query);
  const revision = query.atRevision ?? past.revision;
  if (query.atRevision !== undefined) checkRevision(query.atRevision, past);
  const isPresent = revision === past.revision;
  const count = isPresent ? (past.entries?.count(from, end) ?? 0) : undefined;
  if (query.countOnly && isPresent) return { entries: [], next: undefined, count, revision };
  const first = query.after !== undefined && query.after >= from ? `${query.after}\u0000` : from;
  const present = past.entries?.range(first, end) ?? [];
  const rows = isPresent ? present : turnedBack(present, changedSince(past, revision, first, end));
  if (query.countOnly) return { entries: [], next: undefined, count: countOf(rows), revision };
  return { ...pageOf(rows, query), count, revision };
}

export function readEvents(past: Pick<Past, "history" | "revision">, query: EventsQuery): EventsPage {
  const { fromRevision, limit } = query;
  if (fromRevision <= past.history.compacted) throw compacted(fromRevision, past.history.compacted);
  const events: MapEvent[] = [];
  for (const { event } of past.history.from(fromRevision)) {
    if (events.length >= limit && event.revision !== events.at(-1)?.revision) {
      return { events, nextRevision: event.revision };
    }
    if (matches(query, event)) events.push(event);
  }
  return { events, nextRevision: Math.max(fromRevision, past.revision + 1) };
}

export function matches({ map, key, prefix }: EventFilter, event: MapEvent): boolean {
  if (map !== undefined && event.map !== map) return false;
  if (key !== undefined && event.entry.key !== key) return false;
  return prefix === undefined || event.entry.key.startsWith(prefix);
}

function boundsOf({ from, end, prefix }: RangeQuery): { from: string; end: string | undefined } {
  const first = later(from ?? "", prefix ?? "");
  const prefixed = prefix === undefined ? undefined : prefixEnd(prefix);
  if (end === undefined || prefixed === undefined) return { from: first, end: end ?? prefixed };
  return { from: first, end: end < prefixed ? end : prefixed };
}

function later(left: string, right: string): string {
  return left < right ? right : left;
}

function countOf(rows: Iterable<Entry>): number {
  let count = 0;
  for (const _ of rows) count++;
  return count;
}

function pageOf(rows: Iterable<Entry>, { limit, keysOnly }: RangeQuery): Pick<RangePage, "entries" | "next"> {
  const most = Math.min(limit ?? PAGE_ENTRIES_MAX, PAGE_ENTRIES_MAX);
  const entries: Entry[] = [];
  let bytes = 0;
  for (const row of rows) {
    const entry = keysOnly ? { ...row, value: "" } : row;
    bytes += RECORD_BYTES + entry.key.length + valueBytes(entry.value);
    const isFull = entries.length >= most || (bytes > PAGE_BYTES_MAX && entries.length > 0);
    if (isFull) return { entries, next: entries.at(-1)?.key ?? "" };
    entries.push(entry);
  }
  return { entries, next: undefined };
}

/** Each key of the range that has changed since then, with what it was. */
function changedSince(past: Past, revision: number, from: string, end: string | undefined) {
  const changed = new Map<string, Entry | undefined>();
  for (const { event, previous } of past.history.from(revision + 1)) {
    const { key } = event.entry;
    if (event.map !== past.map || key < from || (end !== undefined && key >= end) || changed.has(key)) continue;
    changed.set(key, previous);
  }
  return changed;
}

/** Two sorted rows into one: the present's keys that have not changed, and what the changed ones were. */
function* turnedBack(present: Iterable<Entry>, changed: ReadonlyMap<string, Entry | undefined>): Generator<Entry> {
  const before = [...changed.values()].filter((entry) => entry !== undefined);
  before.sort((left, right) => (left.key < right.key ? -1 : 1));
  let at = 0;
  for (const entry of present) {
    while (at < before.length && before[at]!.key < entry.key) yield before[at++]!; // the loop's bound
    if (!changed.has(entry.key)) yield entry;
  }
  yield* before.slice(at);
}
