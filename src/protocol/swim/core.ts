/**
 * What the parts of the machine share: this node's own record, the tables, the clock, and the list of effects of the step
 * under way. No decisions are taken here.
 *
 * The machine runs on a clock of its own: that of the step, less the time in which this node was too starved to come to its
 * own deadlines. So a process that was stopped for a minute does not blame the others for the answers that it did not read.
 */
import type { Random } from "../../base/random.ts";
import { newCounts } from "./counts.ts";
import { GossipQueue } from "./gossip-queue.ts";
import { LocalHealth } from "./local-health.ts";
import { type Entry, MemberTable } from "./member-table.ts";
import type {
  Address,
  DatagramMessage,
  LinkState,
  Member,
  MemberEvent,
  Peer,
  SwimEffect,
  SyncMessage,
  Update,
} from "./messages.ts";
import type { SelfDescription, SwimOptions } from "./options.ts";
import { hashOf, peerOf } from "./precedence.ts";
import type { SwimRules } from "./rules.ts";
import { Timers } from "./timers.ts";

export type Phase = "idle" | "running" | "leaving" | "ended";

export class Core {
  readonly options: SwimOptions;
  readonly rules: SwimRules;
  readonly random: Random;
  readonly table: MemberTable;
  readonly queue: GossipQueue;
  readonly timers = new Timers();
  readonly health: LocalHealth;
  readonly counts = newCounts();
  /** Ids to be probed ahead of their turn. */
  readonly urgent = new Set<string>();
  /** This node has contradicted what is said of it, in the step under way: that does not wait for the next round. */
  mustTell = false;
  /** Who sent this message holds against this node what it has contradicted already. */
  isSenderBehind = false;
  phase: Phase = "idle";
  /** Of the step under way, on the machine's clock and on the caller's. */
  nowMs = 0;
  callerMs = 0;
  startedMs = 0;
  readonly #links = new Map<string, LinkState>();
  #lostMs = 0;
  #isForgiven = false;
  #self: Member;
  #peer: Peer;
  #effects: SwimEffect[] = [];
  #seq: number;
  #selfHash: number;
  /** Each change of any member's record counts; views that are worked out from them are kept until then. */
  #version = 0;

  constructor(self: SelfDescription, options: SwimOptions, random: Random, rules: SwimRules) {
    this.options = options;
    this.rules = rules;
    this.random = random;
    this.table = new MemberTable(random);
    this.queue = new GossipQueue(options.sizeOf, rules.gossipBytesMax(options), options.queueMax);
    this.health = new LocalHealth(options.healthMax);
    this.#self = { ...self, incarnation: 0, state: "alive" };
    this.#peer = peerOf(self);
    this.#selfHash = hashOf(this.#self);
    // Not from 0: an answer to the life before this one must not meet a probe of this one.
    this.#seq = random.below(SEQ_START_MAX);
  }

  get self(): Member {
    return this.#self;
  }

  get peer(): Peer {
    return this.#peer;
  }

  get version(): number {
    return this.#version;
  }

  /** Members alive or suspect, this one included. */
  get n(): number {
    return this.table.upCount + 1;
  }

  /** Of all alive and suspect members; this node always has its share in it. */
  get digest(): number {
    return (this.table.digest + this.#selfHash) >>> 0;
  }

  get nextDeadlineMs(): number | undefined {
    const firstMs = this.timers.firstMs;
    return firstMs === undefined ? undefined : firstMs + this.#lostMs;
  }

  /** A moment of the machine's clock on the caller's. */
  callersTime(ms: number): number {
    return ms + this.#lostMs;
  }

  /** A step begins: how late is it, and how much of that does not count? Time never goes back. */
  begin(callerMs: number): void {
    this.#effects = NO_EFFECTS;
    this.callerMs = Math.max(this.callerMs, callerMs);
    const lateMs = this.callerMs - (this.nextDeadlineMs ?? this.callerMs);
    const forgivenMs = lateMs > 0 && !this.#isForgiven ? this.rules.forgivenMs(lateMs, this.options) : 0;
    if (forgivenMs > 0) {
      this.#lostMs += forgivenMs;
      this.#isForgiven = true;
      this.counts.late++;
      this.counts.lateMs += lateMs;
      this.health.change(1);
    }
    // Just behind the forgiven time the first deadline may lie ahead again; the clock itself must not go back for it.
    // A tick at the deadline that was named must find it due, also where the sum and the difference round differently.
    const isDue = this.callerMs >= (this.nextDeadlineMs ?? Number.POSITIVE_INFINITY);
    const dueMs = isDue ? this.timers.firstMs! : 0;
    this.nowMs = Math.max(this.nowMs, dueMs, this.callerMs - this.#lostMs);
    this.mustTell = false;
    this.isSenderBehind = false;
  }

  /** What is due happens. Only then can lateness be forgiven again: one who is always late must get on too. */
  ring(): void {
    if (this.timers.ringUntil(this.nowMs) > 0) this.#isForgiven = false;
  }

  effects(): readonly SwimEffect[] {
    return this.#effects;
  }

  /** A link is often there before its peer is known as a member: what it said is kept until then. */
  keepLink(id: string, state: LinkState): void {
    this.#links.delete(id);
    if (state !== "none" && this.#links.size < this.options.membersMax) this.#links.set(id, state);
  }

  takeLink(id: string): LinkState {
    const state = this.#links.get(id) ?? "none";
    this.#links.delete(id);
    return state;
  }

  nextSeq(): number {
    this.#seq = (this.#seq + 1) % SEQ_BOUND;
    return this.#seq;
  }

  touch(): void {
    this.#version++;
  }

  /** This node says something else of itself, and spreads it. */
  become(self: Member): void {
    this.#self = self;
    this.#peer = peerOf(self);
    this.#selfHash = hashOf(self);
    this.touch();
    this.spread({ member: self, by: self.id });
  }

  spread(update: Update): void {
    if (this.n > 1) this.queue.add(update);
  }

  /**
   * News for one message. `subject` is who gets it: it is told first what is said of it when that is not good, or when it is
   * of a life (`bornMs`) that another has replaced.
   */
  gossip(subject: Entry | undefined, bornMs = Number.POSITIVE_INFINITY): readonly Update[] {
    const isBad = subject !== undefined && (subject.member.state !== "alive" || bornMs < subject.member.bornMs);
    const first = isBad && this.rules.tellsSubjects ? { member: subject.member, by: subject.by } : undefined;
    return this.queue.take(this.rules.transmitsMax(this.n, this.options), first);
  }

  send(to: Address, message: DatagramMessage): void {
    this.counts.sent++;
    this.#push({ type: "send", to, via: "datagram", message });
  }

  stream(to: Address, message: SyncMessage): void {
    this.#push({ type: "send", to, via: "stream", message });
  }

  emit(kind: MemberEvent["kind"], member: Member, reason: string, by?: string): void {
    this.#push({ type: "event", event: { kind, member, by, reason, atMs: this.callerMs } });
  }

  push(effect: SwimEffect): void {
    this.#push(effect);
  }

  /** Nothing is due any more, and nothing will ever be. */
  end(effect: Extract<SwimEffect, { type: "ended" }>): void {
    this.phase = "ended";
    this.timers.clear();
    this.queue.clear();
    this.urgent.clear();
    this.touch();
    this.#push(effect);
  }

  #push(effect: SwimEffect): void {
    if (this.#effects === NO_EFFECTS) this.#effects = [];
    this.#effects.push(effect);
  }
}

/** Most steps have no effect: they share one empty list. */
const NO_EFFECTS: SwimEffect[] = [];

/** Sequence numbers stay within 32 bits, and start low enough to be read by people for a while. */
const SEQ_BOUND = 2 ** 32;
const SEQ_START_MAX = 2 ** 31;
