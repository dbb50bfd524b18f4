/**
 * This node among others: drives SWIM, the detectors of links and the resolver of partitions through injected ports. Events
 * go out as they happen; questions are answered from what is known now. It opens no sockets and ends no work: what follows
 * from `down` is its listeners' business.
 */

import type { Timer } from "../../base/clock.ts";
import { assert, Failure } from "../../base/errors.ts";
import { Pump } from "../../base/machine.ts";
import {
  Partition,
  type PartitionEffect,
  type PartitionInput,
  type PartitionOptions,
  type PartitionRules,
  type PartitionState,
  type PartitionStatus,
  stableAfterMsFor,
} from "../../protocol/partition/index.ts";
import {
  type Address,
  addressText,
  isSameAddress,
  leaderOf,
  type Member,
  type MemberEvent,
  type NodeMeta,
  type SelfDescription,
  Swim,
  type SwimEffect,
  type SwimInput,
  type SwimRules,
  type SyncMessage,
} from "../../protocol/swim/index.ts";
import { Codec, type Letter } from "./codec.ts";
import { Listeners, type MembershipEvent } from "./events.ts";
import type { MemberExplanation } from "./explanation.ts";
import { GOSSIP_BYTES_MAX, SYNC_MEMBERS_MAX } from "./limits.ts";
import { LinkWatch } from "./link-watch.ts";
import { assertTellable, type MembershipOptions } from "./options.ts";
import { Outlook } from "./outlook.ts";
import type { MembershipPorts } from "./ports.ts";
import { Post } from "./post.ts";
import { parseSeed, resolveSeeds } from "./seeds.ts";
import { type MembershipCounts, Tally } from "./tally.ts";

/** Changes that come together are judged together: a view is worked out at most so often. */
const VIEW_DELAY_MS = 100;
/** A standing may be that share of `stableAfterMs` old: it must not outlive what it is about. */
const STANDING_FRESH_SHARE = 0.5;

/** The last that a node of bad health hears from may come after another's turn. */
const SLOW_PERIODS = 2;

/** Rules of the machines; those left out are right. For tests that plant a bug. */
export interface MembershipRules {
  readonly swim?: SwimRules;
  readonly partition?: Partial<PartitionRules>;
}

/** A name that is not known yet may be soon, when its machine is only just starting; later it is asked for now and then. */
const LOOK_UP_AGAIN_MS = 1_000;
const LOOK_UP_AGAIN_MS_MAX = 30_000;

type Phase = "new" | "running" | "leaving" | "ended";

export class Membership {
  readonly #ports: MembershipPorts;
  readonly #options: MembershipOptions;
  readonly #codec = new Codec();
  readonly #tally = new Tally();
  readonly #listeners: Listeners;
  readonly #post: Post;
  readonly #swim: Swim;
  readonly #partition: Partition;
  readonly #outlook: Outlook;
  readonly #links: LinkWatch;
  readonly #swimPump: Pump<SwimInput, SwimEffect>;
  readonly #partitionPump: Pump<PartitionInput, PartitionEffect>;
  readonly #ended = Promise.withResolvers<void>();
  #phase: Phase = "new";
  #hasJoined = false;
  /** It was told whom to join: until one answers it knows nothing of any cluster, not even that there is none. */
  #hasSeeds = false;
  #viewTimer: Timer | undefined;
  #lookUpTimer: Timer | undefined;
  #viewDueMs = Number.POSITIVE_INFINITY;
  /** The reply of the push-pull that is being answered. */
  #reply: SyncMessage | undefined;

  constructor(self: SelfDescription, options: MembershipOptions, ports: MembershipPorts, rules: MembershipRules = {}) {
    assertTellable(self, this.#codec);
    this.#ports = ports;
    this.#options = options;
    this.#listeners = new Listeners((message) => ports.warn(message));
    const swimOptions = { ...options.swim, gossipBytesMax: GOSSIP_BYTES_MAX, sizeOf: this.#codec.sizeOf };
    this.#swim = new Swim(self, swimOptions, ports.random, rules.swim);
    const counted = { id: self.id, bornMs: self.bornMs, roles: self.meta.roles };
    this.#partition = new Partition(counted, options.partition, rules.partition);
    const { partition, silentMs, swim: pace } = options;
    const freshMs = partition.stableAfterMs * STANDING_FRESH_SHARE;
    const { healthMax, probeIntervalMs } = pace;
    const slowMs = Math.max(silentMs, SLOW_PERIODS * (1 + healthMax) * probeIntervalMs);
    this.#outlook = new Outlook(self.id, { freshMs, silentMs, slowMs, probeIntervalMs });
    const [codec, tally] = [this.#codec, this.#tally];
    const own = () => this.#swim.self.address;
    this.#post = new Post(ports, { codec, tally, own, standing: () => this.#partition.standing });
    const { phi, phiLookIntervalMs: lookIntervalMs, phiSilentAt: silentAt } = options;
    const watch = { phi, silentAt, lookIntervalMs, peersMax: options.swim.membersMax };
    this.#links = new LinkWatch(ports.clock, watch, (id, state) => this.#feed({ type: "link", id, state }));
    const { clock, failed } = ports;
    this.#swimPump = new Pump(this.#swim, { clock, failed, carryOut: (effect) => this.#carryOut(effect) });
    this.#partitionPump = new Pump(this.#partition, { clock, failed, carryOut: (effect) => this.#decided(effect) });
  }

  get self(): Member {
    return this.#swim.self;
  }

  /** Of this node's side of a partition. */
  get status(): PartitionStatus {
    return this.#partition.status;
  }

  /** 0 is well; a starved node gives others more time. */
  get healthScore(): number {
    return this.#swim.healthScore;
  }

  get partition(): { readonly options: PartitionOptions; readonly state: PartitionState } {
    return { options: this.#options.partition, state: this.#partition.state };
  }

  /** Whether any other has answered yet, or asked. */
  get hasJoined(): boolean {
    return this.#hasJoined;
  }

  /** All that are known, this node included, the dead and those that left as long as they are remembered. */
  members(): readonly Member[] {
    return this.#swim.members();
  }

  /** The leader of the moment, by what this node sees: two nodes may see different ones. Locks need consensus. */
  leader(): Member | undefined {
    return leaderOf(this.members());
  }

  counts(): MembershipCounts {
    return this.#tally.counts(this.#links.counts(), this.#swim.counts());
  }

  on(listener: (event: MembershipEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Why a member is held to be what it is; undefined when nobody has this id. */
  explain(id: string): MemberExplanation | undefined {
    const swim = this.#swim.explain(id);
    if (!swim) return undefined;
    const { phiSilentAt } = this.#options;
    const nowMs = this.#ports.clock.monotonic();
    const { state } = this.#partition;
    return {
      swim,
      nowMs,
      phi: this.#links.phi(id),
      phiSilentAt,
      standing: id === this.self.id ? this.#partition.standing : this.#outlook.standingOf(id),
      isGivenUp: state.downed.includes(id),
      isMissing: state.missing.includes(id),
      side: { status: state.self.status, reason: state.self.reason },
    };
  }

  start(): void {
    assert(this.#phase === "new", "a membership is started once");
    this.#phase = "running";
    this.#warnOfHaste();
    this.#ports.datagrams.onReceive((from, bytes) => this.#receive(from, bytes));
    this.#feed({ type: "start" });
    this.#lookAt(VIEW_DELAY_MS);
  }

  /**
   * Joins by whichever seed answers first, and goes on trying until one does. Resolves when that is under way. Seeds that
   * cannot be looked up are told by `warn` and looked up again later; the node's own address is left out silently. Rejects
   * when a text is no seed.
   */
  async join(seeds: readonly string[]): Promise<readonly Address[]> {
    const parsed = seeds.map(parseSeed);
    this.#hasSeeds ||= parsed.some((seed) => !isSameAddress(seed, this.self.address));
    return await this.#joinBy(parsed, LOOK_UP_AGAIN_MS);
  }

  /** Says something else of this node from now on. */
  update(meta: NodeMeta): void {
    assertTellable({ ...this.self, meta }, this.#codec);
    this.#feed({ type: "update", meta });
    this.#lookAt(VIEW_DELAY_MS);
  }

  /** Tells others that this node leaves, and falls silent when that is spread, at the latest after `deadlineMs`. */
  async leave(deadlineMs: number): Promise<void> {
    if (this.#phase === "running") {
      this.#phase = "leaving";
      this.#feed({ type: "leave" });
    } else if (this.#phase === "new") this.stop();
    const timer = this.#ports.clock.after(deadlineMs, () => this.stop());
    await this.#ended.promise;
    timer.cancel();
  }

  /** Falls silent at once: to others it has died. */
  stop(): void {
    if (this.#phase === "ended") return;
    this.#phase = "ended";
    this.#swimPump.stop();
    this.#partitionPump.stop();
    this.#links.stop();
    this.#viewTimer?.cancel();
    this.#lookUpTimer?.cancel();
    this.#ended.resolve();
  }

  /** Something has come over the link of that peer: its heart-beats come at regular times. */
  linkActivity(id: string): void {
    if (!this.#isAlive) return;
    if (this.#outlook.beat(id, this.#ports.clock.monotonic())) this.#lookAt(VIEW_DELAY_MS);
    this.#links.beat(id);
  }

  /** The link is gone; `isGraceful`: because nobody needed it. */
  linkClosed(id: string, isGraceful = false): void {
    this.#links.close(id, isGraceful ? "none" : "closed");
  }

  /** The answer to another's push-pull, who is known by its link to be `fromId`. Throws a Failure when there is none. */
  answerSync(fromId: string, bytes: Uint8Array): Uint8Array {
    if (!this.#isAlive) throw new Failure("cluster.not_running", "this node is no member now", { retryable: true });
    const letter = this.#post.readSync(bytes);
    const { from, isReply } = letter.message;
    if (from.id !== fromId || isReply) {
      this.#tally.drop(isReply ? "malformed" : "impostor");
      const what = isReply ? "it is a reply" : `it says to be of ${from.id}`;
      throw new Failure("cluster.bad_sync", `cannot answer a push-pull of ${fromId}: ${what}`);
    }
    this.#reply = undefined;
    this.#take(from.address, letter);
    const reply: SyncMessage | undefined = this.#reply; // set by the effect
    if (!reply) throw new Failure("cluster.no_answer", `nothing to answer to ${fromId} now`, { retryable: true });
    this.#tally.numbers.syncsAnswered++;
    return this.#post.encodeSync(reply);
  }

  async #joinBy(seeds: readonly Address[], againMs: number): Promise<readonly Address[]> {
    const { clock, resolve, warn } = this.#ports;
    const { addresses, failed } = await resolveSeeds(seeds, this.self.address, resolve);
    if (!this.#isAlive && this.#phase !== "new") return [];
    for (const { seed, why } of failed) warn(`the seed ${addressText(seed)} cannot be looked up: ${why}`);
    if (addresses.length > 0) this.#feed({ type: "join", seeds: addresses });
    if (failed.length > 0) {
      const later = (): void =>
        void this.#joinBy(
          failed.map(({ seed }) => seed),
          Math.min(2 * againMs, LOOK_UP_AGAIN_MS_MAX),
        );
      this.#lookUpTimer?.cancel();
      this.#lookUpTimer = clock.after(againMs, later);
    }
    return addresses;
  }

  get #isAlive(): boolean {
    return this.#phase === "running" || this.#phase === "leaving";
  }

  #feed(input: SwimInput): void {
    if (this.#isAlive) this.#swimPump.feed(input);
  }

  #receive(from: Address, bytes: Uint8Array): void {
    if (!this.#isAlive) return;
    const letter = this.#post.openDatagram(bytes);
    if (letter) this.#take(from, letter);
  }

  #take(from: Address, { message, standing }: Letter): void {
    const isNews = this.#outlook.hear(message.from.id, standing, this.#ports.clock.monotonic());
    this.#feed({ type: "receive", from, message });
    if (isNews) this.#lookAt(VIEW_DELAY_MS);
  }

  #carryOut(effect: SwimEffect): void {
    switch (effect.type) {
      case "send":
        if (effect.message.type !== "sync") return this.#post.sendDatagram(effect.to, effect.message);
        if (!effect.message.isReply) return void this.#sync(effect.to, effect.message);
        this.#reply = effect.message;
        return;
      case "event":
        return this.#tell(effect.event);
      case "joined":
        this.#hasJoined = true;
        this.#lookAt(VIEW_DELAY_MS);
        return this.#listeners.tell({ kind: "joined", through: effect.through, atMs: this.#ports.clock.monotonic() });
      case "ended":
        this.stop();
        if (effect.reason === "left") return;
        return this.#listeners.tell({ kind: "yielded", to: effect.to, atMs: this.#ports.clock.monotonic() });
    }
  }

  async #sync(to: Address, message: SyncMessage): Promise<void> {
    const bounded = { ...message, members: message.members.slice(0, SYNC_MEMBERS_MAX) };
    const answer = await this.#post.sync(to, bounded);
    if (answer) this.#take(to, answer);
    else this.#feed({ type: "undelivered", to, message });
  }

  #tell(event: MemberEvent): void {
    this.#hasJoined = true;
    if (event.kind === "suspect") this.#tally.numbers.suspicions++;
    if (event.kind === "join") this.#links.retell(event.member.id);
    if (event.kind === "leave") this.#links.forget(event.member.id);
    this.#lookAt(VIEW_DELAY_MS);
    this.#listeners.tell(event);
  }

  #decided({ down, reason, self }: PartitionEffect): void {
    const what = down.length === 0 ? "" : `; given up: ${down.join(", ")}`;
    this.#ports.warn(`this node is ${self}: ${reason}${what}`, { self, down });
    this.#listeners.tell({ kind: self, down, reason, atMs: this.#ports.clock.monotonic() });
  }

  #warnOfHaste(): void {
    const { nodesExpected, partition } = this.#options;
    const leastMs = stableAfterMsFor(nodesExpected);
    if (partition.strategy.kind === "off" || partition.stableAfterMs >= leastMs) return;
    const text = `decides about partitions after ${partition.stableAfterMs} ms, at least ${leastMs} ms are advised for ${nodesExpected} nodes: both sides of one may go on`;
    this.#ports.warn(text, { stableAfterMs: partition.stableAfterMs, leastMs });
  }

  /** The view is worked out within `delayMs`. */
  #lookAt(delayMs: number): void {
    const dueMs = this.#ports.clock.monotonic() + delayMs; // may be Infinity: never
    if (!this.#isAlive || dueMs >= this.#viewDueMs) return;
    this.#viewTimer?.cancel();
    this.#viewDueMs = dueMs;
    this.#viewTimer = this.#ports.clock.after(delayMs, () => this.#look());
  }

  #look(): void {
    this.#viewDueMs = Number.POSITIVE_INFINITY;
    if (this.#hasSeeds && !this.#hasJoined) return;
    const nowMs = this.#ports.clock.monotonic();
    const members = this.#outlook.view(this.members(), this.#partition.state.downed, nowMs);
    this.#partitionPump.feed({ type: "view", members });
    // Standings get old, and members are heard from, without an event; once all is decided and well that does not matter.
    const isWaiting = this.#partition.nextDeadlineMs !== undefined || this.status === "down";
    const againMs = isWaiting ? this.#options.partition.stableAfterMs / 4 : Number.POSITIVE_INFINITY;
    // Not at once: what is due in a moment may be due now but for rounding.
    this.#lookAt(Math.max(VIEW_DELAY_MS, Math.min(againMs, this.#outlook.lookAgainMs(nowMs) - nowMs)));
  }

  toString(): string {
    return `membership of ${this.self.id} at ${addressText(this.self.address)}`;
  }
}
