/**
 * All that is known of the others: by id, in the order of probing, and the dead in the order of their deaths. Counts and the
 * digest are kept up to date with each change, so that nobody has to go through the whole table for them.
 */
import type { Random } from "../../base/random.ts";
import type { ProbeExplanation } from "./explanation.ts";
import type { LinkState, Member } from "./messages.ts";
import { hashOf, isUp } from "./precedence.ts";
import type { Suspicion } from "./suspicion.ts";
import type { TimerEntry } from "./timers.ts";

export interface Entry {
  member: Member;
  by: string;
  sinceMs: number;
  suspicion: Suspicion | undefined;
  deadline: TimerEntry | undefined;
  link: LinkState;
  lastProbe: ProbeExplanation | undefined;
  lastAckMs: number | undefined;
  failedProbes: number;
  lostProbes: number;
  retriedMs: number | undefined;
  /** Known only as dead, by what others remember: it makes no events and is passed on to nobody. */
  isHearsay: boolean;
  /** Is it in the order of probing? The dead stay there until the next round. */
  isListed: boolean;
}

export class MemberTable {
  readonly #entries = new Map<string, Entry>();
  /** Who is dead or has left, the first to do so first. */
  readonly #gone = new Map<string, Entry>();
  readonly #random: Random;
  #order: Entry[] = [];
  #next = 0;
  #upCount = 0;
  #digest = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Alive or suspect. */
  get upCount(): number {
    return this.#upCount;
  }

  get goneCount(): number {
    return this.#gone.size;
  }

  /** The sum of the shares of all who are alive or suspect, 32 bits. */
  get digest(): number {
    return this.#digest;
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  all(): Iterable<Entry> {
    return this.#entries.values();
  }

  /** Those who are dead or have left, the first to do so first. */
  gone(): Iterable<Entry> {
    return this.#gone.values();
  }

  add(member: Member, by: string, sinceMs: number, isHearsay: boolean): Entry {
    const entry: Entry = {
      member,
      by,
      sinceMs,
      suspicion: undefined,
      deadline: undefined,
      link: "none",
      lastProbe: undefined,
      lastAckMs: undefined,
      failedProbes: 0,
      lostProbes: 0,
      retriedMs: undefined,
      isHearsay,
      isListed: false,
    };
    this.#entries.set(member.id, entry);
    this.#place(entry);
    return entry;
  }

  replace(entry: Entry, member: Member, by: string, sinceMs: number): void {
    this.#count(entry.member, -1);
    entry.member = member;
    entry.by = by;
    entry.sinceMs = sinceMs;
    this.#place(entry);
  }

  remove(entry: Entry): void {
    this.#count(entry.member, -1);
    this.#entries.delete(entry.member.id);
    this.#gone.delete(entry.member.id);
  }

  /** The next one to be probed: each once a round, in an order that is shuffled for each; newcomers take a random place. */
  nextInTurn(isWanted: (entry: Entry) => boolean, isKept: (entry: Entry) => boolean): Entry | undefined {
    for (let isFresh = false; ; isFresh = true) {
      while (this.#next < this.#order.length) {
        const entry = this.#order[this.#next++]!;
        if (isWanted(entry)) return entry;
      }
      if (isFresh) return undefined;
      this.#beginRound(isKept);
    }
  }

  /** Up to `count` different ones. `isWanted` sees each candidate once or a few times. */
  pick(count: number, isWanted: (entry: Entry) => boolean): readonly Entry[] {
    const picked: Entry[] = [];
    const order = this.#order;
    const isNew = (entry: Entry): boolean => isWanted(entry) && !picked.includes(entry);
    for (let tries = 0; tries < 3 * count && picked.length < count; tries++) {
      const entry = order[this.#random.below(order.length)];
      if (entry !== undefined && isNew(entry)) picked.push(entry);
    }
    const from = picked.length < count ? this.#random.below(order.length) : 0;
    for (let step = 0; step < Math.min(order.length, SEARCH_MAX) && picked.length < count; step++) {
      const entry = order[(from + step) % order.length]!;
      if (isNew(entry)) picked.push(entry);
    }
    return picked;
  }

  #place(entry: Entry): void {
    const { member } = entry;
    this.#count(member, 1);
    this.#gone.delete(member.id);
    if (!isUp(member)) this.#gone.set(member.id, entry);
    else if (!entry.isListed) this.#list(entry);
  }

  #list(entry: Entry): void {
    const at = this.#random.below(this.#order.length + 1);
    this.#order.push(entry);
    const displaced = this.#order[at]!;
    this.#order[at] = entry;
    this.#order[this.#order.length - 1] = displaced;
    entry.isListed = true;
  }

  #count(member: Member, by: 1 | -1): void {
    if (!isUp(member)) return;
    this.#upCount += by;
    this.#digest = (this.#digest + by * hashOf(member)) >>> 0;
  }

  #beginRound(isKept: (entry: Entry) => boolean): void {
    const isStill = (entry: Entry): boolean => this.#entries.get(entry.member.id) === entry && isKept(entry);
    for (const entry of this.#order) entry.isListed = isStill(entry);
    this.#order = this.#order.filter(({ isListed }) => isListed);
    for (let at = this.#order.length - 1; at > 0; at--) {
      const other = this.#random.below(at + 1);
      [this.#order[at], this.#order[other]] = [this.#order[other]!, this.#order[at]!];
    }
    this.#next = 0;
  }
}

/** Steps in search of the last few candidates: when nearly all are dead, finding fewer is better than going through all. */
const SEARCH_MAX = 64;
