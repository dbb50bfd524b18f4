/**
 * What the parts of a node share: its term and vote, the log, what is committed, and the effects of the step under way. It keeps the
 * order that carries durability: what is free, then at most one `persist` for all that the step has changed, then everything else.
 */
import { assert } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { Configurations, isVoter, NOBODY } from "./configuration.ts";
import { Log } from "./log.ts";
import type {
  Configuration,
  DurableState,
  Entry,
  NodeId,
  RaftEffect,
  RaftMessage,
  Refusal,
  SnapshotInfo,
} from "./messages.ts";
import type { RaftOptions } from "./options.ts";
import type { RaftRules } from "./rules.ts";

export type Role = "follower" | "preCandidate" | "candidate" | "leader" | "learner";
type RoleEffect = Extract<RaftEffect, { type: "role" }>;

export interface CoreOptions {
  readonly id: NodeId;
  readonly durable: DurableState;
  readonly options: RaftOptions;
  readonly random: Random;
  readonly rules: RaftRules;
  readonly nowMs: number;
}

/** Most steps have few effects, many none: those share one empty list. */
const NO_EFFECTS: readonly RaftEffect[] = [];

export class Core {
  readonly id: NodeId;
  readonly options: RaftOptions;
  readonly rules: RaftRules;
  readonly random: Random;
  readonly log: Log;
  readonly configurations: Configurations;
  snapshot: SnapshotInfo | undefined;
  term: number;
  votedFor: NodeId | undefined;
  state: Exclude<Role, "learner"> = "follower";
  leader: NodeId | undefined;
  commit: number;
  /** The last entry that was handed out. */
  applied: number;
  nowMs: number;
  /** A snapshot takes the state machine's place: the log stands still. */
  isRestoring = false;
  isDamaged: boolean;
  #free: RaftEffect[] = [];
  #rest: RaftEffect[] = [];
  #isHardStateDirty = false;
  #unsavedFrom: number | undefined;
  #told: RoleEffect;

  constructor({ durable, id, nowMs, options, random, rules }: CoreOptions) {
    const { configuration, entries, hardState, isDamaged, snapshot } = durable;
    this.id = id;
    this.options = options;
    this.rules = rules;
    this.random = random;
    this.nowMs = nowMs;
    this.snapshot = snapshot;
    this.isDamaged = isDamaged;
    const floor = snapshot?.index ?? 0;
    this.log = new Log(
      floor,
      snapshot?.term ?? 0,
      entries.filter(({ index }) => index > floor),
    );
    // A log never reaches beyond the term: should the hard state be older than it, nothing is known of the vote in between.
    this.term = Math.max(hardState.term, this.log.lastTerm);
    this.votedFor = this.term === hardState.term ? hardState.votedFor : undefined;
    this.commit = floor;
    this.applied = floor;
    this.configurations = new Configurations(floor, snapshot?.configuration ?? configuration ?? NOBODY);
    for (const entry of entries)
      if (entry.kind === "configuration" && entry.index > floor)
        this.configurations.add(entry.index, entry.configuration);
    this.#told = { type: "role", role: this.role, term: this.term, leader: undefined };
  }

  get role(): Role {
    return this.state === "follower" && !isVoter(this.configuration, this.id) ? "learner" : this.state;
  }

  get configuration(): Configuration {
    return this.configurations.latest;
  }

  /** May it stand for election? */
  get mayStand(): boolean {
    if (this.isRestoring || (this.isDamaged && !this.rules.damagedVote)) return false;
    return this.configurations.mayConcern(this.id);
  }

  begin(nowMs: number): void {
    this.nowMs = Math.max(this.nowMs, nowMs);
    this.#free = [];
    this.#rest = [];
  }

  /** The step's effects in their order. */
  finish(): readonly RaftEffect[] {
    const persist = this.#persist();
    const { leader, role, term } = this;
    const isNews = role !== this.#told.role || term !== this.#told.term || leader !== this.#told.leader;
    if (isNews) this.#told = { type: "role", role, term, leader };
    if (persist === undefined && !isNews) return this.#joined();
    const effects: RaftEffect[] = this.#free;
    if (persist !== undefined) effects.push(persist);
    if (isNews) effects.push(this.#told);
    for (const effect of this.#rest) effects.push(effect);
    return effects;
  }

  emit(effect: RaftEffect): void {
    this.#rest.push(effect);
  }

  refuse(id: number, reason: Refusal): void {
    this.emit({ type: "refused", id, reason, leader: this.leader });
  }

  send(to: NodeId, message: RaftMessage): void {
    this.#rest.push({ type: "send", to, message, isFree: !this.rules.repliesWait });
  }

  sendFree(to: NodeId, message: RaftMessage): void {
    this.#free.push({ type: "send", to, message, isFree: true });
  }

  /** Another term: its vote is not given yet. */
  enterTerm(term: number): void {
    assert(term > this.term, `term ${term} follows term ${this.term}`);
    this.term = term;
    this.votedFor = undefined;
    this.#isHardStateDirty = true;
  }

  voteFor(id: NodeId): void {
    if (this.votedFor === id) return;
    this.votedFor = id;
    this.#isHardStateDirty = true;
  }

  /** Behind the end of the log. They are written with this step's persist. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    this.#unsavedFrom = Math.min(this.#unsavedFrom ?? first.index, first.index);
    this.log.append(entries);
    for (const entry of entries)
      if (entry.kind === "configuration") {
        this.configurations.add(entry.index, entry.configuration);
        this.tellConfiguration();
      }
  }

  /** Entries that no leader has committed give way to others. */
  truncateFrom(index: number): void {
    assert(index > this.commit, `entry ${index} is cut off, ${this.commit} is committed`);
    this.log.truncateFrom(index);
    if (this.configurations.truncateFrom(index)) this.tellConfiguration();
  }

  tellConfiguration(): void {
    const { latest, latestIndex } = this.configurations;
    this.emit({ type: "configuration", configuration: latest, index: latestIndex });
  }

  /** What is committed and durable here goes to the state machine. */
  handOut(): void {
    if (this.isRestoring) return;
    const { appliesThrough } = this.rules;
    const { durableIndex, lastIndex } = this.log;
    const through = Math.min(appliesThrough(this.commit, durableIndex, lastIndex), lastIndex);
    while (this.applied < through) {
      const entries = this.log.slice(this.applied + 1, through, this.options.applyBytesMax);
      this.applied += entries.length;
      this.emit({ type: "commit", entries });
    }
  }

  /** Is it further than what was known? */
  commitTo(index: number): boolean {
    if (index <= this.commit) return false;
    assert(index <= this.log.lastIndex, `entry ${index} is committed, the log ends at ${this.log.lastIndex}`);
    this.commit = index;
    this.configurations.settle(index);
    return true;
  }

  /** The state machine is that of the snapshot now, and the log begins behind it. */
  replaceWith(snapshot: SnapshotInfo): void {
    this.snapshot = snapshot;
    this.log.reset(snapshot.index, snapshot.term);
    this.commit = snapshot.index;
    this.applied = snapshot.index;
    this.configurations.reset(snapshot.index, snapshot.configuration);
    this.tellConfiguration();
  }

  #persist(): RaftEffect | undefined {
    const { log, term, votedFor } = this;
    const hardState = this.#isHardStateDirty ? this.rules.persistedHardState({ term, votedFor }) : undefined;
    const from = this.#unsavedFrom;
    this.#isHardStateDirty = false;
    this.#unsavedFrom = undefined;
    if (hardState === undefined && from === undefined) return undefined;
    const entries = from === undefined ? [] : log.slice(from, log.lastIndex, Number.POSITIVE_INFINITY);
    return { type: "persist", hardState, entries };
  }

  #joined(): readonly RaftEffect[] {
    if (this.#rest.length === 0) return this.#free.length === 0 ? NO_EFFECTS : this.#free;
    if (this.#free.length === 0) return this.#rest;
    for (const effect of this.#rest) this.#free.push(effect);
    return this.#free;
  }
}
