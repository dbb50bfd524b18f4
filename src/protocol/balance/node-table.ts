/** What a balancer remembers of nodes, by id. Bounded even when nobody ever says `forget`: the oldest entry makes room. */

/** Far above the nodes of a cluster; ids that come and go unforgotten cost at most a few megabytes. */
export const NODES_REMEMBERED_MAX = 10_000;

export class NodeTable<State> {
  readonly #states = new Map<string, State>();

  get size(): number {
    return this.#states.size;
  }

  get(id: string): State | undefined {
    return this.#states.get(id);
  }

  set(id: string, state: State): void {
    if (!this.#states.has(id)) this.#makeRoom();
    this.#states.set(id, state);
  }

  delete(id: string): void {
    this.#states.delete(id);
  }

  #makeRoom(): void {
    if (this.#states.size < NODES_REMEMBERED_MAX) return;
    for (const oldest of this.#states.keys()) return void this.#states.delete(oldest);
  }
}
