/**
 * Comparing whole views over a stream. Now and then two members compare digests, and only where these differ they exchange
 * what they hold. The same exchange lets a newcomer join, and finds those who were dead and are back.
 */
import type { Core } from "./core.ts";
import type { Entry } from "./member-table.ts";
import type { Address, Member, SyncMessage } from "./messages.ts";
import type { News } from "./news.ts";
import { isSameAddress, isUp } from "./precedence.ts";

/** Why a request was made: `compare` sends a digest only, the others the whole view. */
export type SyncPurpose = "compare" | "exchange" | "join";

interface Pending {
  readonly to: Address;
  readonly purpose: SyncPurpose;
}

/** Requests without an answer. Each gets one, or `undelivered`; a caller that forgets must not fill the memory. */
const PENDING_MAX = 64;

export interface SyncAnswer {
  readonly from: Address;
  readonly purpose: SyncPurpose;
  /** The answer came from this node itself. */
  readonly isSelf: boolean;
}

export class AntiEntropy {
  readonly #core: Core;
  readonly #news: News;
  readonly #pending = new Map<number, Pending>();
  readonly #tick = (): void => this.#compare();
  readonly #isAlive = (entry: Entry): boolean => entry.member.state === "alive";
  readonly #onAnswer: (answer: SyncAnswer) => void;
  #view: readonly Member[] = [];
  #viewVersion = -1;
  #strangerMs = Number.NEGATIVE_INFINITY;

  constructor(core: Core, news: News, onAnswer: (answer: SyncAnswer) => void) {
    this.#core = core;
    this.#news = news;
    this.#onAnswer = onAnswer;
  }

  /** Requests without an answer so far. */
  get pending(): number {
    return this.#pending.size;
  }

  start(): void {
    this.#arm(this.#core.random.next());
  }

  request(to: Address, purpose: SyncPurpose): void {
    const { counts, peer } = this.#core;
    const seq = this.#core.nextSeq();
    for (const oldest of this.#pending.keys()) {
      if (this.#pending.size < PENDING_MAX) break;
      this.#pending.delete(oldest);
    }
    this.#pending.set(seq, { to, purpose });
    counts.syncs++;
    const members = purpose === "compare" ? [] : this.#members();
    const isJoin = purpose === "join";
    this.#core.stream(to, {
      type: "sync",
      seq,
      from: peer,
      digest: this.#core.digest,
      members,
      isReply: false,
      isJoin,
    });
  }

  /** Somebody who is not known, or not in this life: whole views tell. One at a time is enough. */
  meetStranger(address: Address): void {
    const { nowMs, options } = this.#core;
    this.#core.counts.strangers++;
    if (nowMs - this.#strangerMs < options.probeIntervalMs) return;
    this.#strangerMs = nowMs;
    this.request(address, "exchange");
  }

  receive(message: SyncMessage): void {
    if (message.isReply) this.#answered(message);
    else this.#answer(message);
  }

  undelivered({ seq }: SyncMessage): void {
    if (this.#pending.delete(seq)) this.#core.counts.syncsUndelivered++;
  }

  #answer({ digest, from, members, seq }: SyncMessage): void {
    this.#news.hearView(members, from, false);
    if (this.#core.phase === "ended") return;
    const own = this.#core.digest;
    const told = own === digest ? [] : this.#members();
    const reply = {
      type: "sync",
      seq,
      from: this.#core.peer,
      digest: own,
      members: told,
      isReply: true,
      isJoin: false,
    } as const;
    this.#core.stream(from.address, reply);
  }

  #answered({ digest, from, members, seq }: SyncMessage): void {
    const { counts, peer } = this.#core;
    const pending = this.#pending.get(seq);
    if (pending === undefined) return void counts.strayAnswers++;
    this.#pending.delete(seq);
    const isSelf = from.id === peer.id && isSameAddress(from.address, peer.address);
    const knewNobody = this.#core.n === 1;
    if (members.length === 0) counts.syncsSame++;
    this.#news.hearView(members, from, knewNobody && pending.purpose === "join");
    if (this.#core.phase === "ended") return;
    if (pending.purpose === "compare" && digest !== this.#core.digest) this.request(from.address, "exchange");
    if (knewNobody && this.#core.n > 1) {
      this.#core.push({ type: "joined", through: pending.to });
      this.#core.spread({ member: this.#core.self, by: peer.id });
      this.#compareSoon();
    }
    this.#onAnswer({ from: pending.to, purpose: pending.purpose, isSelf });
  }

  #compare(): void {
    if (this.#core.phase !== "running") return;
    this.#arm(1);
    this.#compareNow();
  }

  /** Those who joined in the same moment did not know each other when their news went round. */
  #compareSoon(): void {
    const { nowMs, options, random, timers } = this.#core;
    timers.set(nowMs + options.probeIntervalMs * (1 + random.next()), () => this.#compareNow());
  }

  #compareNow(): void {
    for (const { member } of this.#core.table.pick(1, this.#isAlive)) this.request(member.address, "compare");
  }

  #arm(share: number): void {
    const { n, nowMs, options, rules, timers } = this.#core;
    const intervalMs = rules.syncIntervalMs(n, options);
    if (intervalMs !== undefined) timers.set(nowMs + share * intervalMs, this.#tick);
  }

  /** All that is passed on: not what is known from hearsay, and the dead only in the first half of the time of memory. */
  #members(): readonly Member[] {
    const { callerMs, options, self, table, version } = this.#core;
    if (this.#viewVersion === version) return this.#view;
    const view = [self];
    for (const { isHearsay, member, sinceMs } of table.all()) {
      if (isUp(member) || (!isHearsay && callerMs - sinceMs < options.reclaimMs / 2)) view.push(member);
    }
    this.#view = view;
    this.#viewVersion = version;
    return view;
  }
}
