/**
 * Which keys prepared transactions keep from others: those that they write alone, those that they only look at together with others who
 * look. Nobody waits for a lock, so nobody waits for each other: a part that meets a lock is refused.
 */
import type { Part } from "./part.ts";

/** To look at is refused while another may change it; to change, while another relies on it. */
export type Use = "read" | "write";

/** Maps are spaces of their own; counters share one, locks another. */
type Space = string;

interface Range {
  readonly from: string;
  readonly end: string | undefined;
}

export interface Claims {
  /** True: alone. */
  readonly points: ReadonlyMap<Space, ReadonlyMap<string, boolean>>;
  readonly ranges: ReadonlyMap<Space, readonly Range[]>;
}

const COUNTERS = "counter";
const LOCKS = "lock";
/** In place of a number of lookers. */
const ALONE = -1;

export function claimsOf({ compare, then }: Part): Claims {
  const points = new Map<Space, Map<string, boolean>>();
  const ranges = new Map<Space, Range[]>();
  const claim = (space: Space, key: string, isAlone: boolean): void => {
    const keys = points.get(space) ?? new Map<string, boolean>();
    points.set(space, keys.set(key, isAlone || keys.get(key) === true));
  };
  for (const each of compare) {
    if (each.type === "counter") claim(COUNTERS, each.counter, false);
    else if (each.type === "lock") claim(LOCKS, each.lock, false);
    else claim(mapSpace(each.map), each.key, false);
  }
  for (const each of then) {
    if (each.type === "map.deleteRange") {
      const space = mapSpace(each.map);
      ranges.set(space, [...(ranges.get(space) ?? []), { from: each.key, end: each.end }]);
    } else if (each.type === "counter.add" || each.type === "counter.set") claim(COUNTERS, each.counter, true);
    // Enqueueing is never in the way of anybody.
    else if (each.type !== "queue.enqueue") claim(mapSpace(each.map), each.key, each.type !== "map.get");
  }
  return { points, ranges };
}

export class KeyLocks {
  readonly #points = new Map<Space, Map<string, number>>();
  readonly #ranges = new Map<Space, Range[]>();

  /** What is in the way, in words; undefined: nothing. */
  conflict({ points, ranges }: Claims): string | undefined {
    for (const [space, keys] of points) {
      for (const [key, isAlone] of keys) if (this.#isTaken(space, key, isAlone)) return `${space} ${key}`;
    }
    for (const [space, list] of ranges) {
      for (const range of list) if (this.#isRangeTaken(space, range)) return `${space} from ${range.from}`;
    }
    return undefined;
  }

  take({ points, ranges }: Claims): void {
    for (const [space, keys] of points) {
      const held = this.#points.get(space) ?? new Map<string, number>();
      this.#points.set(space, held);
      for (const [key, isAlone] of keys) held.set(key, isAlone ? ALONE : (held.get(key) ?? 0) + 1);
    }
    for (const [space, list] of ranges) this.#ranges.set(space, [...(this.#ranges.get(space) ?? []), ...list]);
  }

  /** What `take` took. */
  release({ points, ranges }: Claims): void {
    for (const [space, keys] of points) {
      const held = this.#points.get(space)!; // taken before
      for (const key of keys.keys()) {
        const lookers = held.get(key)!; // taken before
        if (lookers > 1) held.set(key, lookers - 1);
        else held.delete(key);
      }
      if (held.size === 0) this.#points.delete(space);
    }
    for (const [space, list] of ranges) this.#releaseRanges(space, list);
  }

  isMapKeyTaken(map: string, key: string, use: Use): boolean {
    return this.#isTaken(mapSpace(map), key, use === "write");
  }

  isCounterTaken(counter: string, use: Use): boolean {
    return this.#isTaken(COUNTERS, counter, use === "write");
  }

  isLockPinned(lock: string): boolean {
    return this.#isTaken(LOCKS, lock, true);
  }

  #isTaken(space: Space, key: string, isAlone: boolean): boolean {
    const lookers = this.#points.get(space)?.get(key);
    if (lookers !== undefined && (isAlone || lookers === ALONE)) return true;
    return this.#ranges.get(space)?.some((range) => isIn(key, range)) === true;
  }

  #isRangeTaken(space: Space, range: Range): boolean {
    for (const key of this.#points.get(space)?.keys() ?? []) if (isIn(key, range)) return true;
    return this.#ranges.get(space)?.some((other) => isOverlapping(range, other)) === true;
  }

  #releaseRanges(space: Space, list: readonly Range[]): void {
    const held = this.#ranges.get(space)!; // taken before
    for (const { from, end } of list) {
      const at = held.findIndex((range) => range.from === from && range.end === end);
      held.splice(at, 1);
    }
    if (held.length === 0) this.#ranges.delete(space);
  }
}

function mapSpace(map: string): Space {
  return `map ${map}, key`;
}

/** In the order of maps: by code units. */
function isIn(key: string, { from, end }: Range): boolean {
  return key >= from && (end === undefined || key < end);
}

function isOverlapping(left: Range, right: Range): boolean {
  return (left.end === undefined || right.from < left.end) && (right.end === undefined || left.from < right.end);
}
