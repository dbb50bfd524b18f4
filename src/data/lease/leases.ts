/**
 * Leases: keys that are put under one go with it when it ends. A lease ends when the group's clock has passed its end; that clock stands
 * still while the group has no leader, so a change of leaders makes leases longer and never shorter. Ids are indexes of the log: no
 * lease is ever named as another one was.
 */
import { type Due, DueHeap, inPieces, listOf, pieceFault, wholeOf } from "../structure/index.ts";
import {
  type Answer,
  done,
  type LeaseReply,
  type Moment,
  RECORD_BYTES,
  type Refused,
  refused,
  type Structure,
} from "../words/index.ts";

/** Each is a client that is alive: more of them than one group serves. */
export const LEASES_MAX = 200_000;

export interface LeaseView {
  readonly lease: number;
  readonly ttlMs: number;
  /** On the group's clock. */
  readonly endsMs: number;
  readonly keys: number;
}

export interface LeasePorts {
  /** What becomes of the keys of a lease that has ended: they go, all at once. */
  remove(keys: Iterable<readonly [map: string, key: string]>): void;
  /** A prepared transaction relies on the key: it must not go before that is decided, so its lease goes on until then. */
  isPinned(map: string, key: string): boolean;
}

interface Lease extends Due {
  /** The id. */
  readonly order: number;
  readonly ttlMs: number;
  dueMs: number;
  readonly keys: Map<string, Set<string>>;
}

/** A captured lease. */
type Row = readonly [id: number, ttlMs: number, dueMs: number, isOverdue: boolean];

export class Leases implements Structure {
  readonly name = "leases";
  readonly #ports: LeasePorts;
  readonly #leases = new Map<number, Lease>();
  #ends = new DueHeap<Lease>();
  /** Over, and with a pinned key, or it was when that was looked at. */
  readonly #overdue = new Set<Lease>();
  #keys = 0;

  constructor(ports: LeasePorts) {
    this.#ports = ports;
  }

  get size(): number {
    return this.#leases.size;
  }

  get nextDueMs(): number | undefined {
    for (const lease of this.#overdue) if (!this.#isPinned(lease)) return lease.dueMs;
    return this.#ends.first?.dueMs;
  }

  get sizeBytes(): number {
    return (this.#leases.size + this.#keys) * RECORD_BYTES;
  }

  /** In the order of their ends, and of their ids where that is the same. */
  advance({ nowMs }: Moment): void {
    if ((this.#ends.first?.dueMs ?? Number.POSITIVE_INFINITY) > nowMs && this.#overdue.size === 0) return;
    for (let lease = this.#ends.take(nowMs); lease !== undefined; lease = this.#ends.take(nowMs))
      this.#overdue.add(lease);
    const over = [...this.#overdue].filter((lease) => !this.#isPinned(lease));
    over.sort((left, right) => left.dueMs - right.dueMs || left.order - right.order);
    for (const lease of over) this.#end(lease);
  }

  grant(ttlMs: number, { nowMs, index }: Moment): Answer<LeaseReply> {
    if (this.#leases.size >= LEASES_MAX) {
      return refused("data.too_many", `granting a lease: the group has ${this.#leases.size}, at most ${LEASES_MAX}`);
    }
    const lease: Lease = { order: index, ttlMs, dueMs: nowMs + ttlMs, place: -1, keys: new Map() };
    this.#leases.set(index, lease);
    this.#ends.add(lease);
    return done({ lease: index, ttlMs });
  }

  keep(id: number, { nowMs }: Moment): Answer<LeaseReply> {
    const lease = this.#leases.get(id);
    if (lease === undefined) return unknown("keeping", id);
    if (!this.#overdue.delete(lease)) this.#ends.remove(lease);
    lease.dueMs = nowMs + lease.ttlMs;
    this.#ends.add(lease);
    return done({ lease: id, ttlMs: lease.ttlMs });
  }

  /** Its keys go at once. */
  revoke(id: number): Answer<LeaseReply> {
    const lease = this.#leases.get(id);
    if (lease === undefined) return unknown("revoking", id);
    if (this.#isPinned(lease)) {
      const what = `revoking lease ${id}: a prepared distributed transaction relies on a key of it, it must be decided first`;
      return refused("data.locked", what, true);
    }
    this.#ends.remove(lease);
    this.#end(lease);
    return done({ lease: id, ttlMs: 0 });
  }

  has(id: number): boolean {
    return this.#leases.has(id);
  }

  attach(id: number, map: string, key: string): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) throw pieceFault(`the lease of ${map} ${key}`, id, "one that is there");
    let keys = lease.keys.get(map);
    if (keys === undefined) {
      keys = new Set();
      lease.keys.set(map, keys);
    }
    if (!keys.has(key)) this.#keys++;
    keys.add(key);
  }

  detach(id: number, map: string, key: string): void {
    const lease = this.#leases.get(id);
    const keys = lease?.keys.get(map);
    if (!keys?.delete(key)) return;
    this.#keys--;
    if (keys.size === 0) lease?.keys.delete(map);
  }

  show(id: number): LeaseView | undefined {
    const lease = this.#leases.get(id);
    return lease === undefined ? undefined : viewOf(lease);
  }

  /** By their ids, those behind `after`. */
  list(limit: number, after = 0): readonly LeaseView[] {
    const leases = [...this.#leases.values()].filter(({ order }) => order > after);
    return leases.slice(0, limit).map(viewOf); // ids rise as leases are granted
  }

  capture(): Iterable<unknown> {
    const rows = [...this.#leases.values()].map(
      (lease): Row => [lease.order, lease.ttlMs, lease.dueMs, this.#overdue.has(lease)],
    );
    return inPieces(
      rows,
      (row) => row,
      () => 20,
    );
  }

  /** Keys come back with the maps. */
  restore(pieces: Iterable<unknown>): void {
    this.#leases.clear();
    this.#ends = new DueHeap();
    this.#overdue.clear();
    this.#keys = 0;
    let last = 0;
    for (const piece of pieces) {
      for (const row of listOf(piece, "a piece of leases")) {
        const [id, ttl, due, isOverdue] = listOf(row, "a lease", 4);
        last = wholeOf(id, "the id of a lease", last + 1);
        const ttlMs = wholeOf(ttl, "the ttl of a lease", 1);
        const dueMs = wholeOf(due, "the end of a lease");
        const lease: Lease = { order: last, ttlMs, dueMs, place: -1, keys: new Map() };
        this.#leases.set(last, lease);
        if (isOverdue === true) this.#overdue.add(lease);
        else this.#ends.add(lease);
      }
    }
  }

  /** In the order of maps and keys, which is the same on every node: that in which they were attached is not. */
  #end(lease: Lease): void {
    const keys: (readonly [string, string])[] = [];
    for (const map of [...lease.keys.keys()].sort()) {
      for (const key of [...(lease.keys.get(map) ?? [])].sort()) keys.push([map, key]);
    }
    this.#ports.remove(keys);
    this.#leases.delete(lease.order);
    this.#overdue.delete(lease);
  }

  #isPinned({ keys }: Lease): boolean {
    for (const [map, each] of keys) for (const key of each) if (this.#ports.isPinned(map, key)) return true;
    return false;
  }
}

function viewOf({ order, ttlMs, dueMs, keys }: Lease): LeaseView {
  let count = 0;
  for (const each of keys.values()) count += each.size;
  return { lease: order, ttlMs, endsMs: dueMs, keys: count };
}

function unknown(doing: string, id: number): Refused {
  return refused("data.lease_unknown", `${doing} lease ${id}: there is no such lease, or no more`);
}
