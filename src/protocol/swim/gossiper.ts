/** Gossip on its own: while there is news, a few members are told in each interval, beside what rides on probes. */
import type { Core } from "./core.ts";
import type { Entry } from "./member-table.ts";
import { isUp } from "./precedence.ts";

export class Gossiper {
  readonly #core: Core;
  readonly #tick = (): void => this.#round();
  readonly #isTold = (entry: Entry): boolean => this.#mayHear(entry);
  #isArmed = false;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(core: Core) {
    this.#core = core;
  }

  /** After each step: a round is due as soon as there is news. */
  arm(): void {
    const { nowMs, options, queue, random, timers } = this.#core;
    if (this.#isArmed || queue.size === 0) return;
    this.#isArmed = true;
    timers.set(nowMs + random.next() * options.gossipIntervalMs, this.#tick);
  }

  /**
   * A refutation, at once: a starved process may not run again before it is held dead. Not more often than there are rounds,
   * so that no two nodes can drive each other.
   */
  tellAtOnce(): void {
    // By the caller's clock: that of the machine hardly moves for one who is starved.
    const { callerMs, options } = this.#core;
    if (callerMs - this.#toldMs < options.gossipIntervalMs) return;
    this.#toldMs = callerMs;
    this.tellNow();
  }

  /** To a few, without waiting for the interval: also for one who is about to fall silent. */
  tellNow(): void {
    const { options, peer, queue, table } = this.#core;
    for (const entry of table.pick(options.gossipFanout, this.#isTold)) {
      if (queue.size === 0) return;
      const { address, id } = entry.member;
      const gossip = this.#core.gossip(entry);
      if (gossip.length > 0) this.#core.send(address, { type: "gossip", from: peer, to: id, gossip });
    }
  }

  #round(): void {
    const { nowMs, options, queue, timers } = this.#core;
    this.tellNow();
    this.#isArmed = queue.size > 0;
    if (this.#isArmed) timers.set(nowMs + options.gossipIntervalMs, this.#tick);
  }

  #mayHear({ isHearsay, member, sinceMs }: Entry): boolean {
    if (isUp(member)) return true;
    return member.state === "dead" && !isHearsay && this.#core.callerMs - sinceMs < this.#core.options.gossipToDeadMs;
  }
}
