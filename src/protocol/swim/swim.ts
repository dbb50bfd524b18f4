/**
 * SWIM with Lifeguard as one machine: messages, ticks and what the links say go in; datagrams, stream messages and events
 * come out. Here is only who gets what; the parts are in files of their own.
 *
 * Papers: Das, Gupta, Motivala, "SWIM" (2002); Dadgar, Phillips, Currey, "Lifeguard" (2018).
 * It takes any message of the right shape without throwing and without growing beyond its bounds. An `update` whose metadata
 * would fit no message is refused with a Failure, and changes nothing.
 */
import type { Machine, Tick } from "../../base/machine.ts";
import type { Random } from "../../base/random.ts";
import { AntiEntropy } from "./anti-entropy.ts";
import { Core } from "./core.ts";
import type { SwimCounts, SwimSizes } from "./counts.ts";
import { explainEntry, explainSelf } from "./explain.ts";
import type { Explanation } from "./explanation.ts";
import { Gossiper } from "./gossiper.ts";
import { Joiner } from "./joiner.ts";
import type { Entry } from "./member-table.ts";
import type { DatagramMessage, LinkState, Member, Peer, SwimEffect, SwimInput, SwimMessage } from "./messages.ts";
import { News } from "./news.ts";
import {
  assertFitsGossip,
  assertValidSelf,
  assertValidSwim,
  isAddress,
  isId,
  type SelfDescription,
  type SwimOptions,
} from "./options.ts";
import { OwnMember } from "./own-member.ts";
import { isUp } from "./precedence.ts";
import { Prober } from "./prober.ts";
import { Relays } from "./relays.ts";
import { type SwimRules, swimRules } from "./rules.ts";

/** `leaving`: it still answers, and spreads that it goes. */
export type SwimPhase = "idle" | "running" | "leaving" | "ended";

/** A farewell is sent as often as any news, and then once more so often: nobody repeats it later. */
const FAREWELLS = 2;

export class Swim implements Machine<SwimInput, SwimEffect> {
  readonly #core: Core;
  readonly #own: OwnMember;
  readonly #news: News;
  readonly #prober: Prober;
  readonly #relays: Relays;
  readonly #gossiper: Gossiper;
  readonly #sync: AntiEntropy;
  readonly #joiner: Joiner;
  #farewells = 0;
  #members: readonly Member[] = [];
  #membersVersion = -1;

  constructor(self: SelfDescription, options: SwimOptions, random: Random, rules: SwimRules = swimRules) {
    assertValidSelf(self);
    assertValidSwim(options);
    this.#core = new Core(self, options, random, rules);
    assertFitsGossip(this.#core.self, options);
    this.#own = new OwnMember(this.#core);
    this.#news = new News(this.#core, this.#own);
    this.#prober = new Prober(this.#core, this.#news, (peer) => this.#sync.meetStranger(peer.address));
    this.#relays = new Relays(this.#core);
    this.#gossiper = new Gossiper(this.#core);
    this.#sync = new AntiEntropy(this.#core, this.#news, (answer) => this.#joiner.answered(answer));
    this.#joiner = new Joiner(this.#core, this.#news, this.#sync);
  }

  get self(): Member {
    return this.#core.self;
  }

  get phase(): SwimPhase {
    return this.#core.phase;
  }

  /** It asks its seeds, and none has answered yet. */
  get isJoining(): boolean {
    return this.#joiner.isJoining;
  }

  /** Lifeguard's local health: 0 is well. */
  get healthScore(): number {
    return this.#core.health.score;
  }

  /** Of all alive and suspect members and this one: equal where views are equal. */
  get digest(): number {
    return this.#core.digest;
  }

  get nextDeadlineMs(): number | undefined {
    return this.#core.nextDeadlineMs;
  }

  /** This node first, then all it knows; the dead and those who left for as long as they are remembered. */
  members(): readonly Member[] {
    const { self, table, version } = this.#core;
    if (this.#membersVersion === version) return this.#members;
    const members = [self];
    for (const { isHearsay, member } of table.all()) if (!isHearsay) members.push(member);
    this.#members = members;
    this.#membersVersion = version;
    return members;
  }

  member(id: string): Member | undefined {
    return id === this.#core.self.id ? this.#core.self : this.#core.table.get(id)?.member;
  }

  explain(id: string): Explanation | undefined {
    if (id === this.#core.self.id) return explainSelf(this.#core);
    const entry = this.#core.table.get(id);
    return entry && explainEntry(this.#core, entry);
  }

  counts(): SwimCounts & SwimSizes {
    const { counts, queue, timers, urgent } = this.#core;
    return {
      ...counts,
      gossipDropped: queue.dropped,
      gossipQueued: queue.size,
      timersWaiting: timers.size,
      urgentWaiting: urgent.size,
      probesUnderWay: this.#prober.underWay,
      relaysUnderWay: this.#relays.underWay,
      syncsPending: this.#sync.pending,
    };
  }

  /** What came in counts before what is due: an answer in hand is no time-out. */
  step(input: SwimInput | Tick, nowMs: number): readonly SwimEffect[] {
    this.#core.begin(nowMs);
    if (input.type !== "tick") this.#take(input);
    if (this.#core.mustTell) this.#gossiper.tellAtOnce();
    if (this.#core.phase !== "ended") this.#core.ring();
    if (this.#core.phase === "running") this.#prober.probeUrgent();
    if (this.#core.phase === "leaving") this.#sayFarewell();
    if (this.#core.phase !== "ended") this.#gossiper.arm();
    return this.#core.effects();
  }

  #take(input: Exclude<SwimInput, Tick>): void {
    const { counts, phase } = this.#core;
    if (input.type === "start" && phase === "idle") this.#start();
    else if (phase === "ended" || phase === "idle") counts.ignored++;
    else if (input.type === "receive") this.#receive(input.message);
    else if (input.type === "undelivered") this.#undelivered(input.message);
    else if (input.type === "link") this.#link(input.id, input.state);
    else if (phase === "leaving") counts.ignored++;
    else if (input.type === "join") this.#joiner.join(input.seeds);
    else if (input.type === "update") this.#own.update(input.meta, input.address);
    else if (input.type === "leave") this.#leave();
  }

  #start(): void {
    this.#core.phase = "running";
    this.#core.startedMs = this.#core.callerMs;
    this.#prober.start();
    this.#sync.start();
    this.#joiner.start();
  }

  #leave(): void {
    const { nowMs, options, timers } = this.#core;
    this.#own.leave();
    timers.set(nowMs + options.leaveSpreadMs, () => this.#core.end({ type: "ended", reason: "left" }));
    this.#gossiper.tellNow();
  }

  #sayFarewell(): void {
    const { queue, self } = this.#core;
    if (queue.has(self.id)) return;
    if (this.#core.n === 1 || ++this.#farewells >= FAREWELLS) this.#core.end({ type: "ended", reason: "left" });
    else this.#core.spread({ member: self, by: self.id });
  }

  #receive(message: SwimMessage): void {
    const { counts, self } = this.#core;
    const { from } = message;
    counts.received++;
    if (!isId(from.id) || !isAddress(from.address)) return void counts.outOfBounds++;
    if (message.type === "sync") {
      if (from.id === self.id) this.#own.meet(from);
      if (this.#core.phase !== "ended") this.#sync.receive(message);
    } else if (from.id === self.id) this.#own.meet(from);
    else if (message.to !== self.id) counts.wrongTarget++;
    else this.#datagram(message);
  }

  #datagram(message: DatagramMessage): void {
    const { from } = message;
    this.#news.hearAll(message.gossip);
    if (this.#core.phase === "ended") return;
    const sender = this.#core.table.get(from.id);
    if (sender === undefined || sender.member.bornMs < from.bornMs) this.#sync.meetStranger(from.address);
    if (message.type === "gossip" && this.#core.isSenderBehind) this.#correct(from);
    if (message.type === "ping") this.#pong(message.seq, from, sender);
    else if (message.type === "ping_req") this.#relays.ask(message);
    else if (message.type === "nack") this.#prober.nacked(message);
    else if (message.type === "ack" && !this.#relays.acked(message)) this.#prober.acked(message);
  }

  /** An ack would take it along; news gets no answer otherwise. */
  #correct({ address, id }: Peer): void {
    const { peer, self } = this.#core;
    this.#core.send(address, { type: "gossip", from: peer, to: id, gossip: [{ member: self, by: self.id }] });
  }

  #pong(seq: number, from: Peer, sender: Entry | undefined): void {
    const gossip = this.#core.gossip(sender, from.bornMs);
    this.#core.send(from.address, { type: "ack", seq, from: this.#core.peer, to: from.id, gossip });
  }

  #undelivered(message: SwimMessage): void {
    if (message.type === "sync") this.#sync.undelivered(message);
  }

  /** A link that falls silent or closes is reason to look at once; one that lives, to somebody dead, to compare views. */
  #link(id: string, state: LinkState): void {
    const entry = this.#core.table.get(id);
    if (entry === undefined) return this.#core.keepLink(id, state);
    const isWorse = (state === "silent" || state === "closed") && entry.link !== state;
    entry.link = state;
    if (isWorse && isUp(entry.member)) this.#core.urgent.add(id);
    if (state === "fresh" && entry.member.state === "dead") this.#sync.meetStranger(entry.member.address);
  }
}
