/** What the table remembers of workers, items and leases. Plain records: the table alone changes them. */
import type { Item, NodeLoad } from "./messages.ts";

/**
 * `active`: the worker is to do it. `orphaned`: taken back, but the item is open, so that a late result still wins. `cancelled`: not
 * wanted, but the worker has not stopped yet as far as is known, and its place is taken.
 */
export type LeaseState = "active" | "orphaned" | "cancelled";

export interface Lease {
  readonly id: number;
  readonly entry: Entry;
  readonly isHedge: boolean;
  readonly isLastResort: boolean;
  readonly sinceMs: number;
  /** The life of a worker that holds it. */
  worker: Worker;
  state: LeaseState;
  /** Since when its delay for a hedge runs. */
  watchedMs: number;
  /** The worker's reports leave it out since then. */
  unnamedSinceMs: number | undefined;
  /** Cancelled: its place is free again then, whatever the worker says. */
  heldUntilMs: number;
}

/** Items that wait, and that the same workers may take. */
export interface Group {
  readonly key: string;
  readonly pinned: string | undefined;
  /** Workers that have failed them. */
  readonly failedOn: ReadonlySet<string>;
  /** Never empty, oldest first. */
  readonly entries: Entry[];
}

/** An open item. */
export interface Entry {
  readonly item: Item;
  attempts: number;
  failures: number;
  /** Workers that another may do better than. */
  readonly failedOn: Set<string>;
  /** One, or two when it is hedged; none while it waits. */
  readonly active: Lease[];
  /** Oldest first. */
  readonly orphans: Lease[];
  /** Where it waits. */
  group: Group | undefined;
}

/** What a worker says of itself when it comes, and how many leases it may hold. */
export interface WorkerOptions {
  readonly id: string;
  readonly capacity: number;
  readonly weight: number;
  readonly window: number;
}

/** One life of a worker, and a candidate of balancers. */
export class Worker {
  readonly id: string;
  readonly capacity: number;
  readonly weight: number;
  readonly window: number;
  /** Each takes a place of the window: active ones, and cancelled ones that it may not have stopped. */
  readonly leases = new Map<number, Lease>();
  load: NodeLoad | undefined;
  heardMs = Number.NEGATIVE_INFINITY;
  silentAtMs = Number.NEGATIVE_INFINITY;
  /** It has had extra time because this node was late; once for each silence. */
  isForgiven = false;
  isSilent = false;
  isDraining = false;
  suspended: { readonly untilMs: number; readonly reason: string } | undefined;

  constructor({ capacity, id, weight, window }: WorkerOptions) {
    this.id = id;
    this.capacity = capacity;
    this.weight = weight;
    this.window = window;
  }

  get outstanding(): number {
    return this.leases.size;
  }

  /** May be given work, room or not. */
  isOpen(nowMs: number): boolean {
    if (this.isSilent || this.isDraining) return false;
    return this.suspended === undefined || this.suspended.untilMs <= nowMs;
  }
}

export function newEntry(item: Item): Entry {
  return { item, attempts: 0, failures: 0, failedOn: new Set(), active: [], orphans: [], group: undefined };
}
