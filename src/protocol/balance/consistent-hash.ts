/**
 * CONSISTENT_HASH: one key, one node. Rendezvous hashing (Thaler and Ravishankar, 1998) with weights: each node draws a number for
 * the key, the least wins. When a node comes, only keys that it wins move; when one goes, only its own do. No ring is kept:
 * nothing to rebuild, and the outcome depends on key and candidates alone, not on their order or history.
 *
 * Bounded load (Mirrokni and others, 2016): a node above `loadFactor` times its fair share of what is under way is passed over,
 * and the key goes to the next in *its* order. `loadFactor` Infinity never passes anybody over: for keys with state.
 */
import { eligible, outstandingOf, totalOf, weightOf } from "./candidates.ts";
import type { Balancer, Candidate, Choice } from "./contract.ts";
import { hashText, pairFraction, type TextHash } from "./hash.ts";
import { WeightedRoundRobin } from "./weighted-round-robin.ts";

export interface ConsistentHashOptions {
  /** How far above its fair share a node may be loaded, at least 1. */
  readonly loadFactor: number;
  /** A node with fewer requests than this is never passed over: with little under way shares mean nothing. */
  readonly loadFloor: number;
}

export class ConsistentHash implements Balancer {
  readonly #options: ConsistentHashOptions;
  /** For requests without a key. */
  readonly #keyless = new WeightedRoundRobin();

  constructor(options: ConsistentHashOptions) {
    this.#options = options;
  }

  get remembered(): number {
    return this.#keyless.remembered;
  }

  pick(candidates: readonly Candidate[], { exclude, key }: Choice): string | undefined {
    const list = eligible(candidates, exclude);
    return (key === undefined ? this.#keyless.choose(list) : this.#owner(list, hashText(key)))?.id;
  }

  forget(id: string): void {
    this.#keyless.forget(id);
  }

  #owner(candidates: readonly Candidate[], key: TextHash): Candidate | undefined {
    const share = (totalOf(candidates, outstandingOf) + 1) / totalOf(candidates, weightOf);
    let owner: Candidate | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const candidate of candidates) {
      if (!this.#hasRoom(candidate, share)) continue;
      const rank = -Math.log(pairFraction(key, hashText(candidate.id))) / weightOf(candidate);
      if (rank > least || (rank === least && owner !== undefined && candidate.id > owner.id)) continue;
      owner = candidate;
      least = rank;
    }
    return owner;
  }

  /** There is always one with room: the bounds add up to more than what is under way. */
  #hasRoom(candidate: Candidate, share: number): boolean {
    const { loadFactor, loadFloor } = this.#options;
    const bound = Math.max(loadFloor, Math.ceil(loadFactor * share * weightOf(candidate)));
    return outstandingOf(candidate) < bound;
  }
}
