/**
 * News of members: is it new, what changes by it, who has to be told. Suspicions live here too, since news begins, confirms
 * and ends them.
 */
import type { Core } from "./core.ts";
import type { Entry } from "./member-table.ts";
import type { Member, Peer, Update } from "./messages.ts";
import { BORN_MS_MAX, INCARNATION_MAX, isAddress, isId } from "./options.ts";
import type { OwnMember } from "./own-member.ts";
import { addressText, isSameAddress, isSameMeta, isUp } from "./precedence.ts";
import { confirmationsWanted } from "./rules.ts";
import { Suspicion } from "./suspicion.ts";

/** Updates of one message that are looked at: more than any datagram can hold. */
const UPDATES_MAX = 256;

/** Subjects told at once that a view holds them dead: half of the largest cluster after its partition, in a few rounds. */
const DOUBTS_MAX = 256;

export class News {
  readonly #core: Core;
  readonly #own: OwnMember;

  constructor(core: Core, own: OwnMember) {
    this.#core = core;
    this.#own = own;
  }

  hearAll(gossip: readonly Update[]): void {
    const size = Math.min(gossip.length, UPDATES_MAX);
    for (let at = 0; at < size && this.#core.phase !== "ended"; at++) this.hear(gossip[at]!);
  }

  hear(update: Update): void {
    const entry = this.#known(update);
    if (entry === undefined) return;
    const { by, member } = update;
    if (this.#core.rules.supersedes(member, entry.member)) this.#apply(entry, member, by, true);
    else if (isSuspicionOf(member, entry.member)) this.#confirm(entry, by);
    else this.#core.counts.newsOld++;
  }

  /**
   * A whole view. Its suspicions confirm nothing (they are not the teller's own), its dead are doubted as long as this node
   * holds them up, and its long dead are remembered without a word. `isFirst`: all of it is new here and to nobody else.
   */
  hearView(members: readonly Member[], from: Peer, isFirst: boolean): void {
    let doubts = 0;
    const size = Math.min(members.length, this.#core.options.membersMax);
    const start = this.#core.random.below(size);
    for (let step = 0; step < size && this.#core.phase !== "ended"; step++) {
      const member = members[(start + step) % size]!;
      const entry = this.#known({ member, by: from.id }, isFirst);
      if (entry === undefined) continue;
      if (this.#isDoubtful(member, entry)) {
        if (doubts++ < DOUBTS_MAX) this.#doubt(entry, member, from);
      } else if (this.#core.rules.supersedes(member, entry.member)) this.#apply(entry, member, from.id, !isFirst);
      else this.#core.counts.newsOld++;
    }
  }

  /** A probe of this node's own has failed. */
  suspect(entry: Entry): void {
    const { counts, self } = this.#core;
    if (entry.member.state === "suspect") return this.#confirm(entry, self.id);
    counts.suspicions++;
    this.#apply(entry, { ...entry.member, state: "suspect" }, self.id, true);
  }

  /** Forgets whoever has been dead for long enough, and the first of too many. */
  forgetOld(): void {
    const { callerMs, options, table } = this.#core;
    for (const entry of table.gone()) {
      const keptMs = entry.isHearsay ? options.reclaimMs / 2 : options.reclaimMs;
      const isOld = callerMs - entry.sinceMs >= keptMs;
      if (!isOld && table.goneCount <= options.rememberedMax) return;
      this.#forget(entry);
    }
  }

  /** The entry that the news is about; undefined when it needs no comparing: refused, about this node, or of somebody new. */
  #known(update: Update, isFirst = false): Entry | undefined {
    const { member } = update;
    const { counts, self, table } = this.#core;
    if (!isWithinBounds(update)) return void counts.outOfBounds++;
    if (member.id === self.id) return void this.#own.hear(update);
    const entry = table.get(member.id);
    if (entry === undefined) this.#meet(update, isFirst);
    return entry;
  }

  /** Somebody never heard of. */
  #meet({ by, member }: Update, isFirst: boolean): void {
    const { callerMs, counts, options, table } = this.#core;
    const isGone = !isUp(member);
    if (isGone && table.goneCount >= options.rememberedMax) return;
    if (table.size + 1 >= options.membersMax && (isGone || !this.#makeRoom())) return void counts.refusedFull++;
    counts.newsApplied++;
    this.#core.touch();
    const entry = table.add(member, by, callerMs, isGone);
    entry.link = this.#core.takeLink(member.id);
    if (isGone) return;
    this.#core.emit("join", member, `it is at ${addressText(member.address)}`, by);
    if (member.state === "suspect") this.#beginSuspicion(entry, by);
    if (!isFirst) this.#core.spread({ member, by });
  }

  /** One who is gone has to go for one who comes. */
  #makeRoom(): boolean {
    for (const entry of this.#core.table.gone()) {
      this.#forget(entry);
      return true;
    }
    return false;
  }

  #forget(entry: Entry): void {
    this.#core.timers.cancel(entry.deadline);
    this.#core.table.remove(entry);
    this.#core.keepLink(entry.member.id, entry.link);
    this.#core.touch();
  }

  #apply(entry: Entry, member: Member, by: string, isSpread: boolean): void {
    const before = entry.member;
    this.#core.counts.newsApplied++;
    this.#core.touch();
    this.#endSuspicion(entry);
    this.#core.table.replace(entry, member, by, before.state === member.state ? entry.sinceMs : this.#core.callerMs);
    if (isUp(member)) entry.isHearsay = false;
    this.#tell(entry, before, by);
    if (member.state === "suspect") this.#beginSuspicion(entry, by);
    if (!isUp(member)) this.forgetOld();
    if (isSpread) this.#core.spread({ member, by });
  }

  /** What listeners learn of the change. */
  #tell(entry: Entry, before: Member, by: string): void {
    const { member } = entry;
    const isNewLife = member.bornMs > before.bornMs;
    if (isNewLife) entry.lastAckMs = entry.lastProbe = undefined;
    if (isUp(before) && (isNewLife || !isUp(member))) {
      const reason = member.state === "left" ? "left" : "failed";
      this.#core.emit("leave", isNewLife ? { ...before, state: "dead" } : member, reason, by);
    }
    if (!isUp(member)) return;
    const isBack = isNewLife || !isUp(before);
    if (isBack) this.#core.emit("join", member, isNewLife ? "it runs anew" : "it is back", by);
    else if (member.state === "alive" && before.state === "suspect")
      this.#core.emit("alive", member, "it answered", by);
    if (member.state === "suspect" && (isBack || before.state === "alive"))
      this.#core.emit("suspect", member, "it does not answer", by);
    if (!isBack && (!isSameAddress(member.address, before.address) || !isSameMeta(member.meta, before.meta)))
      this.#core.emit("update", member, "it says so", by);
  }

  #beginSuspicion(entry: Entry, by: string): void {
    const { callerMs, n, nowMs, options, random, table, urgent } = this.#core;
    entry.suspicion = new Suspicion(by, nowMs, callerMs, confirmationsWanted(n, options));
    this.#setDeadline(entry);
    if (by === this.#core.self.id) return;
    // A few of all members, by lot, look for themselves: that confirms or refutes it soon, at a cost that does not grow.
    if (random.next() * table.upCount < options.verifiers) urgent.add(entry.member.id);
  }

  #confirm(entry: Entry, by: string): void {
    if (!entry.suspicion?.confirm(by, this.#core.callerMs)) return void this.#core.counts.newsOld++;
    this.#setDeadline(entry);
    this.#core.spread({ member: entry.member, by });
  }

  #setDeadline(entry: Entry): void {
    const { n, nowMs, options, rules, timers } = this.#core;
    const { confirmed, startMs } = entry.suspicion!;
    timers.cancel(entry.deadline);
    const spanMs = rules.suspicionMs(confirmed, n, options);
    if (spanMs === undefined) return;
    entry.deadline = timers.set(Math.max(nowMs, startMs + spanMs), () => this.#declareDead(entry));
  }

  #endSuspicion(entry: Entry): void {
    this.#core.timers.cancel(entry.deadline);
    entry.deadline = entry.suspicion = undefined;
  }

  #declareDead(entry: Entry): void {
    this.#core.counts.deaths++;
    this.#apply(entry, { ...entry.member, state: "dead" }, this.#core.self.id, true);
  }

  /** Dead by a view, but up here, and the same life: after a partition that is what all of one side say of the other. */
  #isDoubtful(member: Member, entry: Entry): boolean {
    const isSameLife = member.bornMs === entry.member.bornMs;
    const isWorse = member.state === "dead" && isUp(entry.member) && isSameLife;
    return isWorse && !this.#core.rules.believesDeathsOfViews && this.#core.rules.supersedes(member, entry.member);
  }

  /** It may contradict, which reaches everybody; if it cannot, a probe will find that out. */
  #doubt(entry: Entry, member: Member, from: Peer): void {
    this.#core.counts.doubts++;
    const gossip = [{ member, by: from.id }];
    this.#core.send(entry.member.address, { type: "gossip", from: this.#core.peer, to: entry.member.id, gossip });
    this.#core.urgent.add(entry.member.id);
  }
}

function isSuspicionOf(news: Member, known: Member): boolean {
  return (
    news.state === "suspect" &&
    known.state === "suspect" &&
    news.bornMs === known.bornMs &&
    news.incarnation === known.incarnation
  );
}

function isWithinBounds({ by, member: { address, bornMs, id, incarnation } }: Update): boolean {
  return (
    isId(id) &&
    isId(by) &&
    isAddress(address) &&
    Number.isSafeInteger(incarnation) &&
    incarnation >= 0 &&
    incarnation <= INCARNATION_MAX &&
    Number.isSafeInteger(bornMs) &&
    bornMs >= 0 &&
    bornMs <= BORN_MS_MAX
  );
}
