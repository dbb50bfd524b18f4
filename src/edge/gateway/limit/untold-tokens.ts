/** Tokens that were taken and are still to be told to somebody, by limit and key. So many keys and no more: beyond them only those that are there grow. */
import type { SharedMessage } from "./shared-message.ts";

/** Keys kept for one peer; of more the newest are not told, and counted. */
const KEYS_MAX = 100_000;

export class UntoldTokens {
  readonly #limits = new Map<string, Map<string, number>>();
  #keys = 0;

  get isEmpty(): boolean {
    return this.#keys === 0;
  }

  /** False: there is no room for another key. */
  add(name: string, key: string, tokens: number): boolean {
    let keys = this.#limits.get(name);
    if (keys === undefined) {
      keys = new Map();
      this.#limits.set(name, keys);
    }
    const count = keys.get(key);
    if (count === undefined) {
      if (this.#keys >= KEYS_MAX) return false;
      this.#keys++;
    }
    keys.set(key, (count ?? 0) + tokens);
    return true;
  }

  /** As many as one message may hold; they are not here any more. */
  cut(keysMax: number): SharedMessage["taken"] {
    const taken: Record<string, (string | number)[]> = {};
    let room = keysMax;
    for (const [name, keys] of this.#limits) {
      const pairs: (string | number)[] = [];
      for (const [key, count] of keys) {
        if (room === 0) break;
        room--;
        pairs.push(key, count);
        keys.delete(key);
      }
      if (keys.size === 0) this.#limits.delete(name);
      if (pairs.length > 0) taken[name] = pairs;
    }
    this.#keys -= keysMax - room;
    return taken;
  }

  /** All, in the order in which they came; nothing is left. */
  drain(): readonly (readonly [name: string, keys: ReadonlyMap<string, number>])[] {
    const all = [...this.#limits];
    this.#limits.clear();
    this.#keys = 0;
    return all;
  }
}
