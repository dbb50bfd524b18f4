/**
 * Failure detection. Each protocol period one member is probed in its turn: a ping, after a time-out a few others are asked
 * to ping it too, and at the end of the period it has answered or is suspect. Members about whom there is reason for doubt
 * are probed at once, a few at a time, beside the one whose turn it is.
 */
import type { Core } from "./core.ts";
import type { IndirectProbe, ProbeExplanation } from "./explanation.ts";
import type { Entry } from "./member-table.ts";
import type { AckMessage, NackMessage, Peer } from "./messages.ts";
import type { News } from "./news.ts";
import { isUp } from "./precedence.ts";
import type { TimerEntry } from "./timers.ts";

interface Probe {
  readonly entry: Entry;
  readonly bornMs: number;
  readonly sentMs: number;
  readonly helpers: { via: string; answer: IndirectProbe["answer"] }[];
  readonly said: { -readonly [Key in keyof ProbeExplanation]: ProbeExplanation[Key] };
  timer: TimerEntry;
}

/** Probes out of turn under way at once; as many as a burst of suspicions needs to be looked into within a few periods. */
const URGENT_UNDER_WAY_MAX = 8;
/** Waiting for that: more reasons for doubt than this at once, and the turn will come soon enough. */
const URGENT_WAITING_MAX = 256;

export class Prober {
  readonly #core: Core;
  readonly #news: News;
  /** By sequence number. */
  readonly #probes = new Map<number, Probe>();
  readonly #probed = new Set<Entry>();
  readonly #tick = (): void => this.#beginPeriod();
  /** Somebody answers under a newer life than the one known. */
  readonly #onNewLife: (peer: Peer) => void;

  constructor(core: Core, news: News, onNewLife: (peer: Peer) => void) {
    this.#core = core;
    this.#news = news;
    this.#onNewLife = onNewLife;
  }

  get underWay(): number {
    return this.#probes.size;
  }

  /** Nodes that are started together must not probe together. */
  start(): void {
    const { nowMs, options, random, timers } = this.#core;
    timers.set(nowMs + random.next() * options.probeIntervalMs, this.#tick);
  }

  /** Takes up whoever is to be probed ahead of turn. */
  probeUrgent(): void {
    const { counts, table, urgent } = this.#core;
    for (const id of urgent) {
      if (this.#probes.size >= URGENT_UNDER_WAY_MAX) break;
      urgent.delete(id);
      const entry = table.get(id);
      if (entry === undefined || !this.#isProbed(entry)) continue;
      counts.probesUrgent++;
      this.#probe(entry);
    }
    for (const id of urgent) {
      if (urgent.size <= URGENT_WAITING_MAX) return;
      urgent.delete(id);
    }
  }

  acked(message: AckMessage): void {
    const { counts, rules } = this.#core;
    const answering = message.of ?? message.from;
    const seq = rules.acceptsStrayAcks && !this.#probes.has(message.seq) ? this.#anyOf(answering.id) : message.seq;
    const probe = this.#probes.get(seq);
    if (probe === undefined || probe.entry.member.id !== answering.id || answering.bornMs < probe.bornMs)
      return void counts.strayAnswers++;
    if (answering.bornMs > probe.bornMs) {
      counts.strangers++;
      this.#end(seq, probe, "failed");
      return this.#onNewLife(answering);
    }
    this.#succeed(seq, probe, message);
  }

  nacked({ from, seq }: NackMessage): void {
    const helper = this.#probes.get(seq)?.helpers.find(({ via }) => via === from.id);
    if (helper?.answer !== "waiting") return void this.#core.counts.strayAnswers++;
    this.#core.counts.nacks++;
    helper.answer = "nacked";
  }

  #beginPeriod(): void {
    if (this.#core.phase !== "running") return;
    const { health, nowMs, options, rules, table, timers } = this.#core;
    timers.set(nowMs + rules.scaledMs(options.probeIntervalMs, health.score), this.#tick);
    const entry = table.nextInTurn(
      (each) => this.#isProbed(each),
      (each) => this.#isKept(each),
    );
    if (entry !== undefined) this.#probe(entry);
  }

  #isProbed(entry: Entry): boolean {
    return (isUp(entry.member) || this.#core.rules.probesDead) && !this.#probed.has(entry);
  }

  /** In the order of probing, which gossip draws from too: the dead are told for a while that they are. */
  #isKept({ isHearsay, member, sinceMs }: Entry): boolean {
    if (isUp(member)) return true;
    return member.state === "dead" && !isHearsay && this.#core.callerMs - sinceMs < this.#core.options.gossipToDeadMs;
  }

  #probe(entry: Entry): void {
    const { callerMs, counts, health, nowMs, options, peer, rules, timers } = this.#core;
    const { address, bornMs, id } = entry.member;
    const seq = this.#core.nextSeq();
    const helpers: Probe["helpers"] = [];
    const said = { atMs: callerMs, outcome: "waiting", roundTripMs: undefined, indirect: helpers } as Probe["said"];
    const timer = timers.set(nowMs + rules.scaledMs(options.probeTimeoutMs, health.score), () => this.#askOthers(seq));
    this.#probes.set(seq, { entry, bornMs, sentMs: nowMs, helpers, said, timer });
    this.#probed.add(entry);
    entry.lastProbe = said;
    counts.probes++;
    this.#core.send(address, { type: "ping", seq, from: peer, to: id, gossip: this.#core.gossip(entry) });
  }

  #askOthers(seq: number): void {
    const { counts, health, nowMs, options, peer, rules, table, timers } = this.#core;
    const probe = this.#probes.get(seq);
    if (probe === undefined) return;
    const { entry, helpers, sentMs } = probe;
    const endMs = sentMs + rules.scaledMs(options.probeIntervalMs, health.score);
    probe.timer = timers.set(Math.max(nowMs, endMs), () => this.#fail(seq));
    const { address, id } = entry.member;
    const target = { id, address, bornMs: probe.bornMs };
    const asked = table.pick(rules.indirectProbes(options), (each) => each !== entry && each.member.state === "alive");
    for (const helper of asked) {
      const to = helper.member.id;
      helpers.push({ via: to, answer: "waiting" });
      counts.pingReqs++;
      const gossip = this.#core.gossip(helper);
      this.#core.send(helper.member.address, { type: "ping_req", seq, from: peer, to, target, gossip });
    }
  }

  #succeed(seq: number, probe: Probe, { from, of }: AckMessage): void {
    const { callerMs, counts, health, nowMs } = this.#core;
    const { entry, said } = probe;
    const helper = of && probe.helpers.find(({ via }) => via === from.id);
    if (helper !== undefined) helper.answer = "acked";
    if (of === undefined) counts.probesAcked++;
    else counts.probesAckedIndirectly++;
    health.change(-1);
    said.roundTripMs = nowMs - probe.sentMs;
    entry.lastAckMs = callerMs;
    entry.failedProbes = 0;
    this.#end(seq, probe, of === undefined ? "acked" : "acked_indirectly");
  }

  #fail(seq: number): void {
    const { counts, health, rules } = this.#core;
    const probe = this.#probes.get(seq);
    if (probe === undefined) return;
    const { entry, helpers } = probe;
    const silent = helpers.filter(({ answer }) => answer === "waiting");
    for (const helper of silent) helper.answer = "silent";
    health.change(helpers.length > 0 ? silent.length : 1);
    const isLost = rules.trustsLinks && entry.link === "fresh";
    this.#end(seq, probe, isLost ? "lost" : "failed");
    entry.failedProbes++;
    if (isLost) {
      counts.probesLost++;
      entry.lostProbes++;
      return;
    }
    counts.probesFailed++;
    if (isUp(entry.member) && entry.member.bornMs === probe.bornMs) this.#news.suspect(entry);
  }

  #end(seq: number, { entry, said, timer }: Probe, outcome: ProbeExplanation["outcome"]): void {
    said.outcome = outcome;
    this.#core.timers.cancel(timer);
    this.#probes.delete(seq);
    this.#probed.delete(entry);
  }

  /** Only for a rule that takes any answer. */
  #anyOf(id: string): number {
    for (const [seq, { entry }] of this.#probes) if (entry.member.id === id) return seq;
    return -1;
  }
}
