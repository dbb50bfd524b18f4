/**
 * Who leads: time-outs, pre-votes, votes. A node that hears no leader first asks whether it would be elected, so that one who cannot be
 * (cut off, behind, removed) disturbs nobody; and for the least election time-out after a leader was heard nobody is voted for.
 */
import { membersOf } from "./configuration.ts";
import type { Core } from "./core.ts";
import type { NodeId, RaftMessage } from "./messages.ts";
import { electionOutcome } from "./quorum.ts";

type MessageOf<Type extends RaftMessage["type"]> = Extract<RaftMessage, { type: Type }>;

export interface ElectionPorts {
  /** This node leads now. `isTermDurable`: others have voted, so its term and vote are on the disk. */
  readonly elected: (isTermDurable: boolean) => void;
  /** It led until now. */
  readonly deposed: () => void;
}

/** Of the longest silence, with each beat: half of it after some two seconds of the usual ones. */
const GAP_KEPT = 0.98;
/** However late a leader's beats come, its death is noticed after so many times the usual wait. */
const PATIENCE_MAX = 4;

export class Elections {
  readonly #core: Core;
  readonly #ports: ElectionPorts;
  readonly #votes = new Map<NodeId, boolean>();
  #timeoutMs = 0;
  /** The longest silence of this leader, slowly forgotten: on a busy machine beats come late though nobody is dead. */
  #gapMs = 0;
  #dueMs = 0;
  /** When a leader was heard last. A node that has just started may have heard one before. */
  #heardMs: number;
  #isTransfer = false;

  constructor(core: Core, ports: ElectionPorts) {
    this.#core = core;
    this.#ports = ports;
    this.#heardMs = core.nowMs;
    this.#drawTimeout();
    // The only voter has nobody to wait for.
    const { voters, votersOutgoing } = core.configuration;
    const isAlone = voters.length === 1 && votersOutgoing.length === 0;
    if (isAlone && core.mayStand) this.#dueMs = core.nowMs;
  }

  get dueMs(): number {
    return this.#core.state === "leader" ? Number.POSITIVE_INFINITY : this.#dueMs;
  }

  tick(): void {
    const core = this.#core;
    if (core.nowMs < this.dueMs) return;
    if (core.mayStand) return this.#ask();
    core.leader = undefined;
    this.#dueMs = Number.POSITIVE_INFINITY;
  }

  /** One who was barred from standing may be allowed to now, and the other way round. */
  reconsider(): void {
    const core = this.#core;
    if (core.state === "follower" && core.mayStand && this.#dueMs === Number.POSITIVE_INFINITY) this.#drawTimeout();
    if (core.state !== "leader" && core.state !== "follower" && !core.mayStand) this.follow(core.term, undefined);
  }

  /** The leader of this term has spoken. */
  hear(from: NodeId): void {
    const core = this.#core;
    if (core.state !== "follower") this.follow(core.term, from);
    if (core.leader === from) this.#gapMs = Math.max(core.nowMs - this.#heardMs, this.#gapMs * GAP_KEPT);
    core.leader = from;
    this.#heardMs = core.nowMs;
    this.#dueMs = core.nowMs + this.#timeoutMs * this.#patience;
  }

  follow(term: number, leader: NodeId | undefined): void {
    const core = this.#core;
    const didLead = core.state === "leader";
    if (term > core.term) core.enterTerm(term);
    core.state = "follower";
    core.leader = leader;
    this.#votes.clear();
    this.#drawTimeout();
    if (didLead) this.#ports.deposed();
  }

  /** Would this be an election against a leader that is there? */
  isSticky(): boolean {
    const { nowMs, options, rules, state } = this.#core;
    const stickyMs = rules.stickyMs(options);
    return stickyMs > 0 && (state === "leader" || nowMs - this.#heardMs < stickyMs);
  }

  /** Others are asked first whether they would vote. */
  #ask(): void {
    const core = this.#core;
    if (!core.rules.preVotes) return this.stand(false);
    core.state = "preCandidate";
    core.leader = undefined;
    this.#drawTimeout();
    this.#votes.clear();
    this.#votes.set(core.id, true);
    if (this.#outcome() === "won") return this.stand(false);
    const { lastIndex, lastTerm } = core.log;
    this.#tellVoters({ type: "preVote", term: core.term, lastIndex, lastTerm });
  }

  stand(isTransfer: boolean): void {
    const core = this.#core;
    core.enterTerm(core.term + 1);
    core.voteFor(core.id);
    core.state = "candidate";
    core.leader = undefined;
    this.#isTransfer = isTransfer;
    this.#drawTimeout();
    this.#votes.clear();
    this.#votes.set(core.id, true);
    if (this.#outcome() === "won") return this.#win(false);
    const { lastIndex, lastTerm } = core.log;
    this.#tellVoters({ type: "vote", term: core.term, lastIndex, lastTerm, isTransfer: this.#isTransfer });
  }

  onPreVote(from: NodeId, message: MessageOf<"preVote">): void {
    const core = this.#core;
    const isTimely = message.term >= core.term && !this.isSticky();
    const granted = isTimely && this.#mayBeElected(message);
    core.send(from, { type: "preVoteReply", term: granted ? message.term : core.term, granted });
  }

  onPreVoteReply(from: NodeId, { granted }: MessageOf<"preVoteReply">): void {
    const core = this.#core;
    if (core.state !== "preCandidate") return;
    this.#votes.set(from, granted);
    const outcome = this.#outcome();
    if (outcome === "won") this.stand(false);
    else if (outcome === "lost") this.follow(core.term, undefined);
  }

  /** Of this term. */
  onVote(from: NodeId, message: MessageOf<"vote">): void {
    const core = this.#core;
    const isFree = core.rules.mayVoteFor(from, core.votedFor) && core.leader === undefined;
    const granted = isFree && this.#mayBeElected(message);
    if (granted) {
      core.voteFor(from);
      this.#dueMs = core.nowMs + this.#timeoutMs;
    }
    core.send(from, { type: "voteReply", term: core.term, granted });
  }

  onVoteReply(from: NodeId, { granted }: MessageOf<"voteReply">): void {
    const core = this.#core;
    if (core.state !== "candidate") return;
    this.#votes.set(from, granted);
    const outcome = this.#outcome();
    if (outcome === "won") this.#win(true);
    else if (outcome === "lost") this.follow(core.term, undefined);
  }

  /** The leader wants this node in its place. */
  onTimeoutNow(from: NodeId): void {
    const core = this.#core;
    if (core.state === "leader" || !core.mayStand || (core.leader ?? from) !== from) return;
    this.stand(true);
  }

  /**
   * Whoever asks is answered, in the configuration or not: only the candidate knows the configuration in which its votes count (§4.2.2
   * of the dissertation).
   */
  #mayBeElected(candidate: { readonly lastIndex: number; readonly lastTerm: number }): boolean {
    const { isDamaged, log, rules } = this.#core;
    if (isDamaged && !rules.damagedVote) return false;
    return rules.isUpToDate(candidate, log);
  }

  #outcome(): ReturnType<typeof electionOutcome> {
    const { configuration, rules } = this.#core;
    return electionOutcome(configuration, this.#votes, rules);
  }

  #win(isTermDurable: boolean): void {
    const core = this.#core;
    core.state = "leader";
    core.leader = core.id;
    this.#votes.clear();
    this.#ports.elected(isTermDurable);
  }

  #tellVoters(message: RaftMessage): void {
    const { configuration, id } = this.#core;
    const { voters, votersOutgoing } = configuration;
    for (const voter of membersOf({ voters, votersOutgoing, learners: [] }))
      if (voter !== id) this.#core.send(voter, message);
  }

  /** How much longer than drawn it waits for a leader whose beats come late. */
  get #patience(): number {
    return Math.min(PATIENCE_MAX, Math.max(1, (2 * this.#gapMs) / this.#core.options.electionMinMs));
  }

  #drawTimeout(): void {
    const { nowMs, options, random } = this.#core;
    const { electionMaxMs, electionMinMs } = options;
    this.#timeoutMs = electionMinMs + random.next() * (electionMaxMs - electionMinMs);
    this.#dueMs = nowMs + this.#timeoutMs;
  }
}
