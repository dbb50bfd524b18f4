/**
 * A node of a Raft group (Ongaro 2014), pure: what happens goes in with the time, effects come out in the order that durability demands.
 * It holds the log since the last snapshot, and neither clock nor disk nor socket.
 */
import type { Machine, Tick } from "../../base/machine.ts";
import type { Random } from "../../base/random.ts";
import { isSnapshotInfo, isValidMessage } from "./check.ts";
import { Core, type Role } from "./core.ts";
import { Elections } from "./elections.ts";
import { Follower } from "./follower.ts";
import { isFarAhead, isFromStranger } from "./hearing.ts";
import { Leadership } from "./leadership.ts";
import type {
  Configuration,
  DurableState,
  Entry,
  NodeId,
  RaftEffect,
  RaftInput,
  RaftMessage,
  SnapshotInfo,
} from "./messages.ts";
import { assertValidRaft, type RaftOptions } from "./options.ts";
import type { Progress } from "./progress.ts";
import { SnapshotReceiving } from "./receiving.ts";
import { Repair } from "./repair.ts";
import { type RaftRules, raftRules } from "./rules.ts";
import type { FollowerStatus, RaftStatus } from "./status.ts";
import { Transfers } from "./transfers.ts";

export interface RaftNode {
  readonly id: NodeId;
  readonly durable: DurableState;
  readonly options: RaftOptions;
  readonly random: Random;
  readonly rules?: RaftRules;
  readonly nowMs: number;
}

type Request = Extract<RaftInput, { type: "propose" | "read" | "reconfigure" | "transfer" }>;

export class Raft implements Machine<RaftInput, RaftEffect> {
  readonly #core: Core;
  readonly #elections: Elections;
  readonly #repair: Repair;
  readonly #follower: Follower;
  readonly #receiving: SnapshotReceiving;
  readonly #transfers: Transfers;
  #leadership: Leadership | undefined;

  constructor({ durable, id, nowMs, options, random, rules = raftRules }: RaftNode) {
    assertValidRaft(id, options);
    const core = new Core({ durable, id, nowMs, options, random, rules });
    this.#core = core;
    this.#repair = new Repair(core);
    this.#follower = new Follower(core, this.#repair);
    this.#receiving = new SnapshotReceiving(core, this.#repair, durable.receiving);
    this.#transfers = new Transfers(core);
    this.#elections = new Elections(core, {
      elected: (isTermDurable) => {
        this.#leadership = new Leadership(core, this.#transfers, isTermDurable);
      },
      deposed: () => this.#depose(),
    });
  }

  get role(): Role {
    return this.#core.role;
  }

  get term(): number {
    return this.#core.term;
  }

  get leader(): NodeId | undefined {
    return this.#core.leader;
  }

  get commit(): number {
    return this.#core.commit;
  }

  /** The last entry that was handed out. */
  get applied(): number {
    return this.#core.applied;
  }

  get lastIndex(): number {
    return this.#core.log.lastIndex;
  }

  get configuration(): Configuration {
    return this.#core.configuration;
  }

  get nextDeadlineMs(): number | undefined {
    const dueMs = Math.min(
      this.#elections.dueMs,
      this.#transfers.dueMs,
      this.#leadership?.dueMs ?? Number.POSITIVE_INFINITY,
    );
    return dueMs === Number.POSITIVE_INFINITY ? undefined : dueMs;
  }

  step(input: RaftInput | Tick, nowMs: number): readonly RaftEffect[] {
    const core = this.#core;
    core.begin(nowMs);
    this.#take(input);
    if (this.#leadership?.isOver) this.#elections.follow(core.term, undefined);
    this.#elections.reconsider();
    this.#transfers.check();
    return core.finish();
  }

  /** All entries that are durable here and were not let go: what a log on disk can be written anew from. */
  durableEntries(): readonly Entry[] {
    const { durableIndex, firstIndex } = this.#core.log;
    if (durableIndex < firstIndex) return [];
    return this.#core.log.slice(firstIndex, durableIndex, Number.POSITIVE_INFINITY);
  }

  status(): RaftStatus {
    const core = this.#core;
    const { applied, commit, configuration, id, isRestoring, leader, log, role, snapshot, term } = core;
    const { bytes, durableIndex, firstIndex, lastIndex } = log;
    const followers = [...(this.#leadership?.replication.followers.values() ?? [])].map((each) => this.#statusOf(each));
    return {
      ...{ id, role, term, leader, configuration, commit, applied, firstIndex, lastIndex, durableIndex },
      logBytes: bytes,
      snapshotIndex: snapshot?.index ?? 0,
      damage: !core.isDamaged ? "none" : this.#repair.isHopeless ? "hopeless" : "awaitsRepair",
      isRestoring,
      isTransferring: this.#transfers.isUnderWay,
      readsWaiting: this.#leadership?.reads.count ?? 0,
      followers,
    };
  }

  #take(input: RaftInput | Tick): void {
    switch (input.type) {
      case "tick":
        return this.#tick();
      case "receive":
        return this.#receive(input.from, input.message);
      case "propose":
      case "read":
      case "reconfigure":
      case "transfer":
        return this.#request(input);
      case "persisted":
        return this.#persisted(input.index, input.term);
      case "snapshotTaken":
        return this.#snapshotTaken(input.snapshot);
      case "piece":
        return this.#leadership?.piece(input);
      case "restored":
        return this.#receiving.onRestored(input.snapshot, input.ok);
      case "pieceStored":
        return this.#receiving.onStored(input.snapshot, input.offset);
      case "unreachable":
        return this.#leadership?.unreachable(input.node);
    }
  }

  #tick(): void {
    this.#elections.tick();
    this.#leadership?.tick();
    this.#transfers.tick();
  }

  #request(input: Request): void {
    const leadership = this.#leadership;
    if (leadership === undefined) {
      for (const { id } of input.type === "propose" ? input.proposals : [input]) this.#core.refuse(id, "not_leader");
    } else if (input.type === "propose") leadership.propose(input);
    else if (input.type === "read") leadership.read(input);
    else if (input.type === "reconfigure") leadership.reconfigure(input);
    else leadership.transfer(input);
  }

  #persisted(index: number, term: number): void {
    const core = this.#core;
    if (!core.log.persisted(index, term)) return;
    this.#leadership?.persisted();
    core.handOut();
    this.#repair.check();
  }

  #snapshotTaken(snapshot: SnapshotInfo): void {
    const core = this.#core;
    const { applied, isRestoring, log, options, rules } = core;
    const { index, term } = snapshot;
    if (isRestoring || !isSnapshotInfo(snapshot) || index <= (core.snapshot?.index ?? 0)) return;
    if (!rules.mayCompact(index, applied) || log.termAt(index) !== term) return;
    core.snapshot = snapshot;
    const through = rules.compactsThrough(index, log.lastIndex);
    const { bytes, entries } = rules.kept(options);
    log.compact(Math.min(through, log.keptFrom(through, entries, bytes) - 1));
  }

  #receive(from: NodeId, message: RaftMessage): void {
    const core = this.#core;
    if (from === core.id || !isValidMessage(message)) return;
    if (isFarAhead(core, from, message)) return;
    if (isFromStranger(core, from, message) && !this.#hearsStranger(from, message)) return;
    if (message.term < core.term) return this.#answerOld(from, message);
    if (message.type === "preVote") return this.#elections.onPreVote(from, message);
    // Also of the own term, of which this node may have heard by other messages: a leader of the one before may have its lease.
    if (message.type === "vote" && !message.isTransfer && this.#elections.isSticky()) return;
    if (message.term > core.term) {
      // Who grants a pre-vote says the term of the question.
      if (message.type === "preVoteReply" && message.granted) return;
      if (this.#leadership !== undefined && !core.rules.stepsDownOnHigherTerm) return;
      const isLeader = message.type === "append" || message.type === "snapshot" || message.type === "timeoutNow";
      this.#elections.follow(message.term, isLeader ? from : undefined);
    }
    this.#receiveNow(from, message);
  }

  /**
   * One that no known configuration has may be of one that this node has not heard of yet: as a candidate and as a leader it is heard,
   * but not against a leader that is there. A leader of an earlier term is given up for it once that one is silent, as in any election.
   * Answers of nobody in the group are answers to nothing, but for one that is leaving.
   */
  #hearsStranger(from: NodeId, message: RaftMessage): boolean {
    const { leader, term } = this.#core;
    switch (message.type) {
      case "preVote":
        return true;
      case "vote":
      case "append":
      case "snapshot":
        return message.term <= term || leader === undefined || !this.#elections.isSticky();
      case "timeoutNow":
        return false;
      default:
        return message.term <= term && this.#leadership?.follows(from) === true;
    }
  }

  /** Of this node's term. */
  #receiveNow(from: NodeId, message: RaftMessage): void {
    switch (message.type) {
      case "append":
      case "snapshot":
        // Two leaders in one term cannot be; somebody makes things up.
        if (this.#leadership !== undefined) return;
        this.#elections.hear(from);
        if (message.type === "append") return this.#follower.onAppend(from, message);
        return this.#receiving.onPiece(from, message);
      case "vote":
        return this.#elections.onVote(from, message);
      case "preVoteReply":
        return this.#elections.onPreVoteReply(from, message);
      case "voteReply":
        return this.#elections.onVoteReply(from, message);
      case "timeoutNow":
        return this.#elections.onTimeoutNow(from);
      case "appendReply":
      case "snapshotReply":
        return this.#leadership?.receive(from, message);
    }
  }

  /**
   * Who is behind learns of the term by the answer; a leader steps down by it. The answer has no round: the question may be a late one from
   * another term, and whoever leads in this one must not take its number for one of its own.
   */
  #answerOld(from: NodeId, message: RaftMessage): void {
    const { term } = this.#core;
    if (message.type === "preVote") this.#core.send(from, { type: "preVoteReply", term, granted: false });
    else if (message.type === "vote") this.#core.send(from, { type: "voteReply", term, granted: false });
    else if (message.type === "append" || message.type === "snapshot")
      this.#core.send(from, { type: "appendReply", term, round: 0, match: undefined });
  }

  #depose(): void {
    const leadership = this.#leadership;
    this.#leadership = undefined;
    leadership?.end();
  }

  #statusOf(follower: Progress): FollowerStatus {
    const { id, inflight, match, next, repair, sending, state } = follower;
    return {
      ...{ id, state, match, next },
      inflightMessages: inflight.count,
      inflightBytes: inflight.bytes,
      isActive: this.#core.nowMs - follower.heardMs < this.#core.options.electionMaxMs,
      isDamaged: repair !== undefined,
      snapshotOffset: sending?.offset,
    };
  }
}
