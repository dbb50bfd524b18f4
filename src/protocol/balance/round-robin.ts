/**
 * ROUND_ROBIN: whoever was chosen longest ago is next. Unlike a counter over a list this stays fair when nodes come, go or are
 * excluded now and then: who is passed over is first in line, who is new is next, once.
 */
import { eligible } from "./candidates.ts";
import type { Balancer, Candidate, Choice } from "./contract.ts";
import { NodeTable } from "./node-table.ts";

const NEVER = -1;

export class RoundRobin implements Balancer {
  /** The number of the turn in which each was last chosen; the longest ago stands first. */
  readonly #lastTurns = new NodeTable<number>();
  #turn = 0;

  get remembered(): number {
    return this.#lastTurns.size;
  }

  pick(candidates: readonly Candidate[], { exclude }: Choice): string | undefined {
    const next = this.#next(eligible(candidates, exclude));
    if (next === undefined) return undefined;
    this.#lastTurns.delete(next.id); // so that it is the newest entry, and the last to make room
    this.#lastTurns.set(next.id, this.#turn++);
    return next.id;
  }

  forget(id: string): void {
    this.#lastTurns.delete(id);
  }

  #next(candidates: readonly Candidate[]): Candidate | undefined {
    let next: Candidate | undefined;
    let longestAgo = Number.POSITIVE_INFINITY;
    for (const candidate of candidates) {
      const turn = this.#lastTurns.get(candidate.id) ?? NEVER;
      if (turn >= longestAgo) continue;
      next = candidate;
      longestAgo = turn;
    }
    return next;
  }
}
