/**
 * Who can be reached: the peers that several registries know (the port mapper of this host, the members of the cluster), as
 * one list. A peer that two of them know joins once, and leaves when the last one has forgotten it.
 */
export interface Peer {
  readonly alias: string;
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly meta: Readonly<Record<string, unknown>>;
}

export interface PeerChange {
  readonly kind: "join" | "leave";
  readonly peer: Peer;
}

export interface Registry {
  /** Tells of all that are there, then of each change, until the function that it gives back is called. */
  watch(hear: (change: PeerChange) => void): () => void;
  /** Asks anew, for an alias that the watch has not told of yet. */
  resolve(alias: string): Promise<Peer | undefined>;
}

export class Directory {
  readonly #registries: readonly Registry[];
  readonly #hear: (change: PeerChange) => void;
  /** What each registry knows, by id; in the order of preference. */
  readonly #known: readonly Map<string, Peer>[];
  /** Whom an alias means: asked for with every message, so it is kept up with each change. */
  readonly #byAlias = new Map<string, Peer>();
  readonly #stops: (() => void)[];

  /** The first registry that knows an alias wins: put the nearest one first. */
  constructor(registries: readonly Registry[], hear: (change: PeerChange) => void) {
    this.#registries = registries;
    this.#hear = hear;
    this.#known = registries.map(() => new Map());
    this.#stops = registries.map((registry, at) => registry.watch((change) => this.#change(at, change)));
  }

  /** Each peer once, by alias and id. */
  list(): readonly Peer[] {
    const all = new Map(this.#known.toReversed().flatMap((known) => [...known]));
    return [...all.values()].sort((a, b) => compare(a.alias, b.alias) || compare(a.id, b.id));
  }

  find(alias: string): Peer | undefined {
    return this.#byAlias.get(alias);
  }

  byId(id: string): Peer | undefined {
    return this.#known.find((known) => known.has(id))?.get(id);
  }

  /** What the watches tell, else what the registries say when asked; fails only when each of them does. */
  async resolve(alias: string): Promise<Peer | undefined> {
    const known = this.find(alias);
    if (known) return known;
    const asked = await Promise.allSettled(this.#registries.map((registry) => registry.resolve(alias)));
    const found = asked.find((each) => each.status === "fulfilled" && each.value !== undefined);
    if (found?.status === "fulfilled") return found.value;
    const failed = asked.find((each) => each.status === "rejected");
    if (failed && asked.every((each) => each.status === "rejected")) throw failed.reason;
    return undefined;
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #change(at: number, { kind, peer }: PeerChange): void {
    const before = this.byId(peer.id);
    if (kind === "join") this.#known[at]!.set(peer.id, peer);
    else this.#known[at]!.delete(peer.id);
    const after = this.byId(peer.id);
    for (const alias of new Set([before?.alias, peer.alias])) if (alias !== undefined) this.#index(alias);
    if (before && after && isSame(before, after)) return;
    if (before) this.#hear({ kind: "leave", peer: before });
    if (after) this.#hear({ kind: "join", peer: after });
  }

  /** The nearest registry's peer of that alias; of several the one with the lowest id, so that everybody means the same. */
  #index(alias: string): void {
    for (const known of this.#known) {
      const named = [...known.values()].filter((peer) => peer.alias === alias);
      const first = named.sort((a, b) => compare(a.id, b.id))[0];
      if (first) return void this.#byAlias.set(alias, first);
    }
    this.#byAlias.delete(alias);
  }
}

/** The same node at the same place; another place is another life of it. */
function isSame(a: Peer, b: Peer): boolean {
  return a.alias === b.alias && a.host === b.host && a.port === b.port;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
