/**
 * A leader's entries on their way: what each follower has, what it may be sent, and what a quorum has made durable. Entries go out
 * before this node has written them itself, pipelined; it counts its own copy only once that is durable.
 */
import { isVoter, membersOf } from "./configuration.ts";
import type { Core } from "./core.ts";
import { entryBytes } from "./log.ts";
import type { Entry, NodeId, RaftMessage } from "./messages.ts";
import { Progress } from "./progress.ts";
import { quorumValue } from "./quorum.ts";
import { Rounds } from "./rounds.ts";

type AppendReply = Extract<RaftMessage, { type: "appendReply" }>;

export interface ReplicationPorts {
  /** What it needs next is compacted. */
  readonly needsSnapshot: (follower: Progress) => void;
}

export class Replication {
  readonly followers = new Map<NodeId, Progress>();
  readonly rounds = new Rounds(0);
  readonly #core: Core;
  readonly #ports: ReplicationPorts;
  /** Where the own term begins in the log. */
  readonly ownFrom: number;
  #isTermDurable: boolean;

  constructor(core: Core, isTermDurable: boolean, ports: ReplicationPorts) {
    this.#core = core;
    this.#ports = ports;
    this.ownFrom = core.log.lastIndex + 1;
    this.#isTermDurable = isTermDurable;
    this.follow();
  }

  /** The configuration has changed: those who are new are probed, those who are gone are told that they are. */
  follow(): void {
    const { configuration, configurations, id, log, nowMs } = this.#core;
    const members = membersOf(configuration);
    members.delete(id);
    for (const follower of this.followers.values()) {
      if (members.has(follower.id)) follower.leavesAt = undefined;
      else follower.leavesAt ??= configurations.latestIndex;
      follower.farewellRound = Number.POSITIVE_INFINITY;
    }
    for (const member of members)
      if (!this.followers.has(member)) this.followers.set(member, new Progress(member, log.lastIndex + 1, nowMs));
  }

  /** To everybody who has room. */
  broadcast(): void {
    for (const follower of this.followers.values()) this.push(follower);
  }

  /** As many entries as it may get. Has anything been sent? */
  push(follower: Progress): boolean {
    const { log, options } = this.#core;
    let hasSent = false;
    for (;;) {
      const { state } = follower;
      if (state === "snapshot" || (state === "probe" && follower.isPaused)) return hasSent;
      if (log.termAt(follower.next - 1) === undefined) {
        this.#ports.needsSnapshot(follower);
        return hasSent;
      }
      if (state === "replicate" && (follower.next > log.lastIndex || follower.isFull(options))) return hasSent;
      const entries =
        follower.next > log.lastIndex ? [] : log.slice(follower.next, log.lastIndex, options.appendBytesMax);
      this.#sendEntries(follower, entries);
      hasSent = true;
    }
  }

  /** Everybody hears of the leader, and says how far it is. */
  heartbeat(): void {
    for (const follower of this.followers.values()) {
      if (this.#isGone(follower)) {
        this.followers.delete(follower.id);
        continue;
      }
      follower.isPaused = false;
      if (!this.push(follower)) this.sendEmpty(follower);
    }
  }

  /** Those that do not know yet what is committed hear of it. */
  tellCommit(): void {
    for (const follower of this.followers.values())
      if (follower.told < this.#core.commit && !this.push(follower)) this.sendEmpty(follower);
  }

  /** A round that begins now, for a read: voters hear of it. */
  ask(): number {
    const round = this.rounds.begin(this.#core.nowMs);
    const { configuration } = this.#core;
    for (const follower of this.followers.values()) if (isVoter(configuration, follower.id)) this.sendEmpty(follower);
    return round;
  }

  /**
   * Behind all that is under way: whatever of it is lost shows by the refusal. To one who waits for a snapshot or a probe at what it has
   * for sure.
   */
  sendEmpty(follower: Progress): void {
    const { log } = this.#core;
    const prevIndex = follower.state === "replicate" ? follower.next - 1 : 0;
    const prevTerm = prevIndex === 0 ? 0 : log.termAt(prevIndex);
    if (prevTerm === undefined) return void this.push(follower);
    this.#send(follower, prevIndex, prevTerm, []);
  }

  /** Does what is said not depend on the persists of this step and those before it? */
  send(follower: Progress, message: RaftMessage): void {
    const core = this.#core;
    this.#isTermDurable ||= core.log.durableIndex >= this.ownFrom;
    if (this.#isTermDurable) core.sendFree(follower.id, message);
    else core.send(follower.id, message);
  }

  /** An answer of this term: its sender is alive, and this node was its leader when the round began. */
  heard(follower: Progress, round: number, repairId: number | undefined): boolean {
    if (round > this.rounds.current) return false;
    follower.heardMs = this.#core.nowMs;
    follower.round = Math.max(follower.round, round);
    return this.#isOfThisLife(follower, round, repairId);
  }

  onAppendReply(follower: Progress, message: AppendReply): void {
    if (!this.heard(follower, message.round, message.repairId)) return;
    const { hint, match } = message;
    if (match !== undefined) this.#accepted(follower, match);
    else if (hint !== undefined && message.round >= follower.probeRound) this.#rejected(follower, hint);
    this.push(follower);
  }

  /** The transport has lost something: what was sent since the last answer counts as not sent. */
  unreachable(follower: Progress): void {
    if (follower.state === "replicate") this.#probe(follower, follower.match + 1);
  }

  /** It is all there up to this index. */
  matched(follower: Progress, match: number): void {
    follower.match = Math.max(follower.match, match);
    follower.next = Math.max(follower.next, follower.match + 1);
  }

  /** Has a quorum made more durable? */
  advance(): boolean {
    const core = this.#core;
    const { configuration, log, rules, term } = core;
    const reached = quorumValue(configuration, (id) => this.#matchOf(id), rules);
    const index = Math.min(reached, log.lastIndex);
    if (index <= core.commit || !rules.commitsByCounting(log.termAt(index)!, term)) return false;
    return core.commitTo(index);
  }

  /** It has left the configuration and is not worth waiting for. */
  #isGone({ heardMs, leavesAt, state }: Progress): boolean {
    const { nowMs, options } = this.#core;
    return leavesAt !== undefined && (state === "snapshot" || nowMs - heardMs >= options.electionMaxMs);
  }

  #matchOf(id: NodeId): number {
    const { durableIndex, lastIndex } = this.#core.log;
    if (id === this.#core.id) return this.#core.rules.ownMatch(durableIndex, lastIndex);
    return this.followers.get(id)?.match ?? 0;
  }

  #accepted(follower: Progress, match: number): void {
    const { log } = this.#core;
    if (match > log.lastIndex) return;
    if (follower.round >= follower.farewellRound) this.followers.delete(follower.id);
    this.matched(follower, match);
    if (follower.state === "replicate") return follower.inflight.freeTo(match);
    const canGoOn = log.termAt(follower.match) !== undefined;
    if (follower.state === "probe" ? match >= follower.next - 1 : canGoOn)
      follower.become("replicate", follower.match + 1);
  }

  #rejected(follower: Progress, hint: { readonly index: number; readonly term: number }): void {
    if (follower.state === "snapshot") return;
    // What it acknowledged it has; only one who is damaged takes it back.
    if (follower.repair !== undefined && hint.index < follower.match) follower.match = hint.index;
    else if (follower.next <= follower.match + 1 && !this.#hasForgotten(follower, hint.index)) return;
    const end = this.#core.log.lastAtMost(hint.index, hint.term);
    if (follower.next <= follower.match + 1) return;
    this.#probe(follower, Math.max(follower.match + 1, Math.min(end + 1, follower.next - 1)));
  }

  /**
   * It refuses what it has acknowledged. A refusal may be older than the acknowledgement, so it is asked once more, at the same place: what
   * is said to that is true. To count less for it takes back no commit; what it may vote for is beyond anybody's help.
   */
  #hasForgotten(follower: Progress, index: number): boolean {
    if (index >= follower.match) return false;
    if (follower.probedMatch !== follower.match) {
      this.#probe(follower, follower.match + 1);
      return false;
    }
    const { match: known } = follower;
    if (!follower.isSuspect)
      this.#core.emit({ type: "suspicion", what: "forgotten", from: follower.id, said: index, known });
    follower.isSuspect = true;
    follower.match = index;
    return true;
  }

  #probe(follower: Progress, next: number): void {
    follower.become("probe", next);
    follower.probedMatch = next === follower.match + 1 ? follower.match : undefined;
    follower.probeRound = this.rounds.begin(this.#core.nowMs);
  }

  /**
   * A name of a damage that is new: what was acknowledged before does not count. Answers from before it that come now, whole or under
   * another name, do not count either.
   */
  #isOfThisLife(follower: Progress, round: number, repairId: number | undefined): boolean {
    const { repair } = follower;
    if (repairId === repair?.id) return true;
    if (repair !== undefined && round < repair.round) return false;
    if (repairId === undefined) {
      follower.repair = undefined;
      return true;
    }
    if (this.#core.rules.forgetsOnRepair) {
      follower.match = 0;
      this.#probe(follower, follower.next);
    }
    const { lastIndex } = this.#core.log;
    follower.repair = { id: repairId, through: lastIndex, round: this.rounds.begin(this.#core.nowMs) };
    follower.probeRound = 0;
    return true;
  }

  #sendEntries(follower: Progress, entries: readonly Entry[]): void {
    const prevIndex = follower.next - 1;
    this.#send(follower, prevIndex, this.#core.log.termAt(prevIndex)!, entries);
    if (follower.state === "probe") {
      follower.isPaused = true;
      return;
    }
    let bytes = 0;
    for (const entry of entries) bytes += entryBytes(entry);
    follower.next += entries.length;
    follower.inflight.add(follower.next - 1, bytes);
  }

  #send(follower: Progress, prevIndex: number, prevTerm: number, entries: readonly Entry[]): void {
    const { commit, nowMs, term } = this.#core;
    const { repair } = follower;
    const round = this.rounds.now(nowMs);
    follower.told = commit;
    const { leavesAt = Number.POSITIVE_INFINITY } = follower;
    if (commit >= leavesAt && prevIndex + entries.length >= leavesAt)
      follower.farewellRound = Math.min(follower.farewellRound, round);
    const append = { type: "append", term, prevIndex, prevTerm, entries, commit, round } as const;
    this.send(
      follower,
      repair === undefined ? append : { ...append, repair: { id: repair.id, through: repair.through } },
    );
  }
}
