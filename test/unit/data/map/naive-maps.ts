/** Maps with revisions, the plain way: every revision's whole state is kept, and every question is answered by looking through it. */
import type { Entry, MapEvent, MapOperation, Value } from "../../../../src/data/words/index.ts";

type State = ReadonlyMap<string, ReadonlyMap<string, Entry>>;

export class NaiveMaps {
  /** By revision. */
  readonly states: State[] = [new Map()];
  readonly events: MapEvent[] = [];

  get revision(): number {
    return this.states.length - 1;
  }

  /** One command: all operations are one revision, if anything changes. Gives what each would have answered. */
  run(operations: readonly MapOperation[]): object[] {
    const revision = this.revision + 1;
    const state = new Map(Array.from(this.states.at(-1)!, ([map, table]) => [map, new Map(table)]));
    const before = this.events.length;
    const replies = operations.map((operation) => {
      if (operation.type === "map.put")
        return this.#put(state, operation.map, operation.key, operation.value, revision);
      if (operation.type === "map.delete") return this.#delete(state, operation.map, [operation.key], revision);
      const keys = [...(state.get(operation.map)?.keys() ?? [])].sort();
      const { end } = operation;
      const taken = keys.filter((key) => key >= operation.key && (end === undefined || key < end));
      return this.#delete(state, operation.map, taken, revision);
    });
    if (this.events.length > before) this.states.push(state);
    return replies;
  }

  get(map: string, key: string, revision = this.revision): Entry | undefined {
    return this.states[revision]?.get(map)?.get(key);
  }

  range(map: string, from: string, end: string | undefined, revision = this.revision): Entry[] {
    const table = this.states[revision]?.get(map) ?? new Map<string, Entry>();
    const keys = [...table.keys()].sort().filter((key) => key >= from && (end === undefined || key < end));
    return keys.map((key) => table.get(key)!);
  }

  #put(state: Map<string, Map<string, Entry>>, map: string, key: string, value: Value, revision: number): object {
    const table = state.get(map) ?? new Map<string, Entry>();
    const previous = table.get(key);
    const created = previous?.created ?? revision;
    const entry = { key, value, revision, created, version: (previous?.version ?? 0) + 1, lease: undefined };
    state.set(map, table.set(key, entry));
    this.events.push({ type: "put", map, entry, revision });
    return {};
  }

  #delete(state: Map<string, Map<string, Entry>>, map: string, keys: readonly string[], revision: number): object {
    let deleted = 0;
    for (const key of keys) {
      const entry = state.get(map)?.get(key);
      if (entry === undefined) continue;
      state.get(map)?.delete(key);
      this.events.push({ type: "delete", map, entry, revision });
      deleted++;
    }
    return { deleted };
  }
}
