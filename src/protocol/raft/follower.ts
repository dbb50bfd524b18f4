/**
 * What a follower does with its leader's entries: finds where the logs match, replaces what conflicts, and answers behind the persist.
 * Whatever is committed here matches every leader's log, so an append from before that is taken as one that begins there.
 */
import type { Core } from "./core.ts";
import type { Entry, NodeId, RaftMessage } from "./messages.ts";
import type { Repair } from "./repair.ts";

type Append = Extract<RaftMessage, { type: "append" }>;

export class Follower {
  readonly #core: Core;
  readonly #repair: Repair;

  constructor(core: Core, repair: Repair) {
    this.#core = core;
    this.#repair = repair;
  }

  /** From the leader of this term. */
  onAppend(from: NodeId, message: Append): void {
    const core = this.#core;
    this.#repair.ask(message.repair);
    if (core.isRestoring) return this.#reply(from, message.round, undefined);
    const { entries, prevIndex, prevTerm } = message;
    const { commit, log, rules } = core;
    if (prevIndex > commit) {
      const ownTerm = prevIndex <= log.lastIndex ? log.termAt(prevIndex) : undefined;
      if (ownTerm === undefined || !rules.matches(ownTerm, prevTerm)) return this.#reject(from, message);
    }
    const matched = Math.max(commit, prevIndex + entries.length);
    this.#take(entries, Math.max(0, commit - prevIndex));
    core.commitTo(Math.min(message.commit, matched));
    core.handOut();
    this.#repair.matched(matched);
    this.#repair.check();
    this.#reply(from, message.round, matched);
  }

  /** From `at` on: what is there already stays, from the first difference on the leader is right. */
  #take(entries: readonly Entry[], at: number): void {
    const { log, rules } = this.#core;
    let fresh = at;
    for (; fresh < entries.length; fresh++) {
      const { index, term } = entries[fresh]!;
      if (index > log.lastIndex) break;
      if (!rules.conflicts(log.termAt(index)!, term)) continue;
      this.#core.truncateFrom(index);
      break;
    }
    if (fresh < entries.length) this.#core.append(fresh === 0 ? entries : entries.slice(fresh));
  }

  /**
   * The leader goes on behind the last entry here whose term is not above that of its own entry there: all above belong to terms that
   * its log does not have at that place.
   */
  #reject(from: NodeId, { prevIndex, prevTerm, round }: Append): void {
    const { commit, log, term } = this.#core;
    const index = Math.max(commit, log.lastAtMost(Math.min(prevIndex, log.lastIndex), prevTerm));
    const hint = { index, term: log.termAt(index) ?? 0 };
    const { id: repairId } = this.#repair;
    this.#core.send(from, { type: "appendReply", term, round, match: undefined, hint, repairId });
  }

  #reply(from: NodeId, round: number, match: number | undefined): void {
    const { term } = this.#core;
    this.#core.send(from, { type: "appendReply", term, round, match, repairId: this.#repair.id });
  }
}
