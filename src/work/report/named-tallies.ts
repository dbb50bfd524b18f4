/**
 * Tallies by name, bounded: when there are too many names, those that sort last are counted together under `OTHERS`. Which
 * ones these are depends on the names alone: a name that is kept at the end has never been put away before, because there
 * were never enough smaller ones. So what is kept is exact, and merging gives the same in any order.
 */
import { cut, NAME_CHARS_MAX, OTHERS } from "./model.ts";

export interface Tally<Json> {
  merge(json: Json): void;
  toJson(): Json;
}

export class NamedTallies<Json extends { readonly name: string }, T extends Tally<Json>> {
  readonly #limit: number;
  readonly #make: (name: string) => T;
  readonly #tallies = new Map<string, T>();
  #others: T | undefined;

  constructor(limit: number, make: (name: string) => T) {
    this.#limit = limit;
    this.#make = make;
  }

  /** Good for this moment only: ask again for the next observation. */
  of(written: string): T {
    const known = this.#tallies.get(written);
    if (known !== undefined) return known;
    const name = cut(written, NAME_CHARS_MAX);
    if (name === OTHERS) {
      this.#others ??= this.#make(OTHERS);
      return this.#others;
    }
    if (this.#tallies.size >= 2 * this.#limit) this.#putAway(); // twice as many: sorting for each one would be slow
    let tally = this.#tallies.get(name);
    if (tally === undefined) {
      tally = this.#make(name);
      this.#tallies.set(name, tally);
    }
    return tally;
  }

  merge(list: readonly Json[]): void {
    for (const json of list) this.of(json.name).merge(json);
  }

  /** By name; others last. */
  toJson(): Json[] {
    this.#putAway();
    const kept = [...this.#tallies.keys()].toSorted(byName).map((name) => this.#tallies.get(name)!.toJson());
    return this.#others === undefined ? kept : [...kept, this.#others.toJson()];
  }

  #putAway(): void {
    for (const name of [...this.#tallies.keys()].toSorted(byName).slice(this.#limit)) {
      this.of(OTHERS).merge(this.#tallies.get(name)!.toJson());
      this.#tallies.delete(name);
    }
  }
}

/** By code units: the same everywhere, whatever the language is set to. */
export function byName(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
