/**
 * Linearizable reads without writing (§6.4 of the dissertation). A read takes the commit index and is answered when a quorum has said,
 * after it came, that this node leads; reads that come meanwhile share the next round. A lease read is answered at once while a
 * quorum's word is so fresh that nobody else can have been elected.
 */
import { isVoter } from "./configuration.ts";
import type { Core } from "./core.ts";
import type { NodeId, ReadMode } from "./messages.ts";
import { quorumValue } from "./quorum.ts";
import type { Replication } from "./replication.ts";

/** Rounds under way for reads: one more than a pipeline's least, so that a read waits for half a round trip on average. */
const ROUNDS_UNDER_WAY_MAX = 2;

interface Batch {
  readonly round: number;
  readonly index: number;
  readonly ids: readonly number[];
}

export class Reads {
  readonly #core: Core;
  readonly #replication: Replication;
  /** They have no round yet. */
  #waiting: number[] = [];
  /** In the order of their rounds. */
  readonly #batches: Batch[] = [];
  #count = 0;
  #hasLease = true;

  constructor(core: Core, replication: Replication) {
    this.#core = core;
    this.#replication = replication;
  }

  get count(): number {
    return this.#count;
  }

  /** How long lease reads are answered; long ago when they are not. */
  get leaseUntilMs(): number {
    const { options, rules } = this.#core;
    return this.#hasLease && this.#isCurrent ? this.#leaseSinceMs + rules.leaseMs(options) : Number.NEGATIVE_INFINITY;
  }

  add(id: number, mode: ReadMode): void {
    const core = this.#core;
    if (!core.rules.confirmsReads || (mode === "lease" && core.nowMs < this.leaseUntilMs))
      return core.emit({ type: "readReady", id, index: core.commit });
    if (this.#count >= core.options.readsMax) return core.refuse(id, "overloaded");
    this.#count++;
    this.#waiting.push(id);
    this.advance();
  }

  /** Another node may be elected without waiting for this one's silence: no lease in this term any more. */
  endLease(): void {
    this.#hasLease = false;
  }

  /** A commit, an answer or another configuration may have confirmed some, and there may be room for a round. */
  advance(): void {
    if (this.#count === 0 || !this.#isCurrent) return;
    this.#confirm();
    if (this.#waiting.length === 0 || this.#batches.length >= ROUNDS_UNDER_WAY_MAX) return;
    const round = this.#replication.ask();
    this.#batches.push({ round, index: this.#core.commit, ids: this.#waiting });
    this.#waiting = [];
    this.#confirm();
  }

  /** Leadership has gone: nobody may be answered. */
  end(): void {
    for (const { ids } of this.#batches) for (const id of ids) this.#core.refuse(id, "lost_leadership");
    for (const id of this.#waiting) this.#core.refuse(id, "lost_leadership");
    this.#count = 0;
  }

  #confirm(): void {
    const { configuration, rules } = this.#core;
    if (this.#batches.length === 0) return;
    const round = quorumValue(configuration, (id) => this.#roundOf(id), rules);
    while (this.#batches.length > 0 && this.#batches[0]!.round <= round) {
      const { ids, index } = this.#batches.shift()!;
      this.#count -= ids.length;
      for (const id of ids) this.#core.emit({ type: "readReady", id, index });
    }
  }

  /** Is an entry of its own term committed? Before that it does not know what is. */
  get #isCurrent(): boolean {
    return this.#core.commit >= this.#replication.ownFrom || !this.#core.rules.readsAwaitOwnTerm;
  }

  get #leaseSinceMs(): number {
    const { configuration, id, nowMs, rules } = this.#core;
    if (!isVoter(configuration, id)) return Number.NEGATIVE_INFINITY;
    const { followers, rounds } = this.#replication;
    return quorumValue(
      configuration,
      (voter) => {
        if (voter === id) return nowMs;
        const follower = followers.get(voter);
        if (follower === undefined) return Number.NEGATIVE_INFINITY;
        return rules.leaseSinceMs(rounds.beganMs(follower.round), follower.heardMs);
      },
      rules,
    );
  }

  #roundOf(id: NodeId): number {
    if (id === this.#core.id) return Number.POSITIVE_INFINITY;
    return this.#replication.followers.get(id)?.round ?? 0;
  }
}
