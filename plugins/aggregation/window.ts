/** One open window: its groups, found by their keys through one map per group field, and kept in order of first appearance. */
import type { Group } from "./aggregates.ts";
import type { Key } from "./keys.ts";

export interface KeyedGroup extends Group {
  readonly keys: readonly Key[];
}

type Level = Map<Key, Level | KeyedGroup>;

export class Window {
  readonly start: number;
  readonly groups: KeyedGroup[] = [];
  #root: Level = new Map();

  constructor(start: number) {
    this.start = start;
  }

  find(keys: readonly Key[]): KeyedGroup | undefined {
    let level = this.#root;
    for (let at = 0; at < keys.length - 1; at++) {
      const next = level.get(keys[at]);
      if (next === undefined) return undefined;
      level = next as Level; // only the last level holds groups
    }
    return level.get(keys.at(-1)) as KeyedGroup | undefined;
  }

  add(group: KeyedGroup): void {
    this.groups.push(group);
    this.#link(group);
  }

  /** Forgets the groups beyond the first `length`. */
  truncate(length: number): void {
    this.groups.length = length;
    this.#root = new Map();
    for (const group of this.groups) this.#link(group);
  }

  #link(group: KeyedGroup): void {
    let level = this.#root;
    for (const key of group.keys.slice(0, -1)) {
      const next = (level.get(key) as Level | undefined) ?? new Map();
      level.set(key, next);
      level = next;
    }
    level.set(group.keys.at(-1), group);
  }
}
