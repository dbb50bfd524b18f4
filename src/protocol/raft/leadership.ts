/**
 * What a node does while it leads: takes proposals, reads and changes, sends heart-beats, commits, and steps down when no quorum answers
 * any more. One of these lives as long as one term of leadership.
 */

import { Changes } from "./changes.ts";
import { isVoter } from "./configuration.ts";
import type { Core } from "./core.ts";
import { entryBytes } from "./log.ts";
import type { Configuration, Entry, NodeId, RaftInput, RaftMessage } from "./messages.ts";
import { ENTRY_OVERHEAD_BYTES } from "./options.ts";
import type { Progress } from "./progress.ts";
import { quorumValue } from "./quorum.ts";
import { Reads } from "./reads.ts";
import { Replication } from "./replication.ts";
import { SnapshotSending } from "./sending.ts";
import type { Transfers } from "./transfers.ts";

type InputOf<Type extends RaftInput["type"]> = Extract<RaftInput, { type: Type }>;

export class Leadership {
  readonly replication: Replication;
  readonly reads: Reads;
  readonly #core: Core;
  readonly #changes: Changes;
  readonly #sending: SnapshotSending;
  readonly #transfers: Transfers;
  #heartbeatDueMs = 0;
  /** When a new commit index is told, unless something else has carried it. */
  #tellDueMs = Number.POSITIVE_INFINITY;
  #quorumDueMs: number;
  /** Bytes of entries that are not committed. */
  #uncommitted = 0;
  #uncommittedFrom: number;
  /** It has led out a configuration without itself, and that is committed. */
  isOver = false;

  constructor(core: Core, transfers: Transfers, isTermDurable: boolean) {
    this.#core = core;
    this.#transfers = transfers;
    this.replication = new Replication(core, isTermDurable, {
      needsSnapshot: (follower) => this.#sending.begin(follower, this.replication),
    });
    this.reads = new Reads(core, this.replication);
    this.#changes = new Changes(core, this.replication, (configuration) => this.#appendConfiguration(configuration));
    this.#sending = new SnapshotSending(core, this.replication.followers);
    this.#quorumDueMs = core.nowMs + core.options.electionMaxMs;
    this.#uncommittedFrom = core.commit + 1;
    for (let index = this.#uncommittedFrom; index <= core.log.lastIndex; index++)
      this.#uncommitted += entryBytes(core.log.entryAt(index)!);
    this.#scheduleHeartbeat();
    this.#append([{ kind: "noop", term: core.term, index: core.log.lastIndex + 1 }]);
  }

  get dueMs(): number {
    if (this.replication.followers.size === 0) return Number.POSITIVE_INFINITY;
    return Math.min(this.#heartbeatDueMs, this.#tellDueMs, this.#quorumDueMs, this.#sending.dueMs);
  }

  propose({ proposals }: InputOf<"propose">): void {
    const core = this.#core;
    const { log, options, term } = core;
    const entries: Entry[] = [];
    let [bytes, index] = [0, log.lastIndex];
    for (const { data, id } of proposals) {
      const size = ENTRY_OVERHEAD_BYTES + data.length;
      if (this.#transfers.isUnderWay) core.refuse(id, "in_progress");
      else if (data.length > options.entryBytesMax) core.refuse(id, "too_large");
      else if (!this.#hasRoom(bytes, size)) core.refuse(id, "overloaded");
      else {
        bytes += size;
        index++;
        entries.push({ kind: "command", term, index, data });
        core.emit({ type: "proposed", id, index, term });
      }
    }
    this.#append(entries);
  }

  read({ id, mode }: InputOf<"read">): void {
    this.reads.add(id, mode);
  }

  reconfigure(change: InputOf<"reconfigure">): void {
    if (this.#transfers.isUnderWay) return this.#core.refuse(change.id, "in_progress");
    this.#changes.start(change);
    this.#settle();
  }

  transfer({ id, to }: InputOf<"transfer">): void {
    this.#transfers.start(id, to);
    this.#handOver();
  }

  /** Also one that is leaving, until it has heard of that. */
  follows(node: NodeId): boolean {
    return this.replication.followers.has(node);
  }

  receive(from: NodeId, message: RaftMessage): void {
    const follower = this.replication.followers.get(from);
    if (follower === undefined) return;
    if (message.type === "appendReply") this.replication.onAppendReply(follower, message);
    else if (message.type === "snapshotReply") this.#sending.onReply(follower, message, this.replication);
    else return;
    this.#settle();
  }

  piece(input: InputOf<"piece">): void {
    this.#sending.piece(input, this.replication);
  }

  unreachable(node: NodeId): void {
    const follower = this.replication.followers.get(node);
    if (follower !== undefined) this.replication.unreachable(follower);
  }

  /** Something is durable here. */
  persisted(): void {
    this.#settle();
  }

  tick(): void {
    const { nowMs } = this.#core;
    if (nowMs >= this.#quorumDueMs && !this.#hasQuorum()) {
      this.isOver = true;
      return;
    }
    if (nowMs >= this.#heartbeatDueMs) {
      this.#scheduleHeartbeat();
      this.replication.heartbeat();
    } else if (nowMs >= this.#tellDueMs) {
      this.#tellDueMs = Number.POSITIVE_INFINITY;
      this.replication.tellCommit();
    }
    this.#sending.tick(this.replication);
  }

  /** It leads no more: who waits is told. */
  end(): void {
    this.reads.end();
    this.#changes.end();
  }

  #append(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    this.#core.append(entries);
    for (const entry of entries) this.#uncommitted += entryBytes(entry);
    this.replication.broadcast();
    if (!this.#core.rules.repliesWait) this.#settle();
  }

  #appendConfiguration(configuration: Configuration): void {
    const { log, term } = this.#core;
    const index = log.lastIndex + 1;
    const entry: Entry = { kind: "configuration", term, index, configuration };
    this.#core.append([entry]);
    this.#uncommitted += entryBytes(entry);
    // One who was alone until now has asked nobody for long.
    if (this.replication.followers.size === 0) this.#quorumDueMs = this.#core.nowMs + this.#core.options.electionMaxMs;
    this.replication.follow();
    this.replication.broadcast();
  }

  #hasRoom(pendingBytes: number, size: number): boolean {
    const { log, options } = this.#core;
    const uncommitted = this.#uncommitted + pendingBytes;
    if (uncommitted > 0 && uncommitted + size > options.uncommittedBytesMax) return false;
    return log.bytes + pendingBytes + size <= options.logBytesMax;
  }

  /** Something may be committed now, and what waited for that goes on. */
  #settle(): void {
    while (this.replication.advance()) {
      this.#forgetCommitted();
      this.#tellDueMs = Math.min(this.#tellDueMs, this.#core.nowMs + this.#core.options.commitTellMs);
      this.#changes.advance();
    }
    this.#core.handOut();
    this.reads.advance();
    this.#handOver();
    this.#leaveIfRemoved();
  }

  #forgetCommitted(): void {
    const { commit, log } = this.#core;
    for (; this.#uncommittedFrom <= commit; this.#uncommittedFrom++)
      this.#uncommitted -= entryBytes(log.entryAt(this.#uncommittedFrom)!);
  }

  /** It tells everything that there is to tell. */
  #scheduleHeartbeat(): void {
    this.#heartbeatDueMs = this.#core.nowMs + this.#core.options.heartbeatMs;
    this.#tellDueMs = Number.POSITIVE_INFINITY;
  }

  #handOver(): void {
    if (this.#transfers.advance(this.replication) && this.#core.rules.transferEndsLease) this.reads.endLease();
  }

  /** Its last words: that this is committed, and to the one who has most that it may stand at once. */
  #leaveIfRemoved(): void {
    const core = this.#core;
    const { commit, configuration, configurations, id, term } = core;
    if (isVoter(configuration, id) || commit < configurations.latestIndex || this.isOver) return;
    this.isOver = true;
    this.replication.heartbeat();
    let heir: Progress | undefined;
    for (const follower of this.replication.followers.values())
      if (isVoter(configuration, follower.id) && follower.match > (heir?.match ?? 0)) heir = follower;
    if (heir !== undefined) core.send(heir.id, { type: "timeoutNow", term });
  }

  /** Is there a quorum that was heard within an election time-out? When not asked again before one could be missing. */
  #hasQuorum(): boolean {
    const { configuration, id, nowMs, options, rules } = this.#core;
    const { followers } = this.replication;
    const heardMs = quorumValue(
      configuration,
      (voter) => (voter === id ? nowMs : (followers.get(voter)?.heardMs ?? Number.NEGATIVE_INFINITY)),
      rules,
    );
    if (nowMs - heardMs >= options.electionMaxMs && rules.checksQuorum) return false;
    this.#quorumDueMs = Math.min(heardMs, nowMs) + options.electionMaxMs;
    if (!rules.checksQuorum) this.#quorumDueMs = Number.POSITIVE_INFINITY;
    return true;
  }
}
