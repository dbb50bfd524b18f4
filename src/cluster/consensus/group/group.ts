/**
 * One Raft group on this node: binds the machine to a log on disk, to the state that it replicates, and to messages. What is
 * committed is applied once, in order; whoever proposed it here gets its outcome. It knows commands as bytes only.
 */
import { type Failure, messageOf } from "../../../base/errors.ts";
import {
  type Configuration,
  type DurableState,
  type NodeId,
  Raft,
  type RaftEffect,
  type RaftInput,
  type RaftMessage,
  type RaftOptions,
  type ReadMode,
  type SnapshotInfo,
} from "../../../protocol/raft/index.ts";
import { AppliedWaits } from "./applied-waits.ts";
import { DueTimer } from "./due-timer.ts";
import { EffectQueue } from "./effect-queue.ts";
import { closedGroup, notLeader, refusal } from "./failures.ts";
import { GroupClock } from "./group-clock.ts";
import { writePatiently } from "./patient-write.ts";
import type { GroupPorts, LogFinding } from "./ports.ts";
import { Proposals } from "./proposals.ts";
import { ReadBarriers } from "./read-barriers.ts";
import { SNAPSHOT_POLICY, SnapshotKeeper, type SnapshotPolicy } from "./snapshot-keeper.ts";
import { stamp, unstamp } from "./stamped.ts";
import { Suspicions } from "./suspicions.ts";
import { Upkeep } from "./upkeep.ts";

export interface GroupOptions {
  readonly name: string;
  readonly self: NodeId;
  readonly durable: DurableState;
  readonly raft: RaftOptions;
  readonly snapshots?: SnapshotPolicy | undefined;
}

/** Who leads, as this node knows it. */
export interface Leadership {
  readonly term: number;
  readonly leader: NodeId | undefined;
  /** This node leads, and has applied all that leaders before it have committed. */
  readonly isLeading: boolean;
}

type Role = Extract<RaftEffect, { type: "role" }>["role"];

interface Asked {
  readonly resolve: () => void;
  readonly reject: (failure: Failure) => void;
}

export class RaftGroup {
  readonly name: string;
  readonly #ports: GroupPorts;
  readonly #raft: Raft;
  readonly #effects: EffectQueue;
  readonly #proposals: Proposals;
  readonly #barriers: ReadBarriers;
  readonly #snapshots: SnapshotKeeper;
  readonly #clock: GroupClock;
  readonly #upkeep: Upkeep;
  readonly #tick: DueTimer;
  readonly #behind = new AppliedWaits();
  readonly #suspicions: Suspicions;
  readonly #listeners = new Set<(now: Leadership) => void>();
  /** Commands of this turn, to be proposed together. */
  #collected: { readonly id: number; readonly data: Uint8Array }[] = [];
  readonly #changes = new Map<number, Asked>();
  /** Of everything that is asked of the machine. */
  #lastId = 0;
  #applied: { index: number; term: number; configuration: Configuration };
  #role: Role = "follower";
  #term: number;
  #leader: NodeId | undefined;
  #isLeading = false;
  #isClosed = false;

  /** The machine holds what the snapshot of `durable` holds. */
  constructor({ durable, name, raft, self, snapshots = SNAPSHOT_POLICY }: GroupOptions, ports: GroupPorts) {
    this.name = name;
    this.#ports = ports;
    const { clock, random } = ports;
    const { hardState, snapshot } = durable;
    this.#term = hardState.term;
    const configuration = snapshot?.configuration ?? durable.configuration ?? NOBODY;
    this.#applied = { index: snapshot?.index ?? 0, term: snapshot?.term ?? 0, configuration };
    this.#raft = new Raft({ id: self, durable, options: raft, random, nowMs: clock.monotonic() });
    this.#effects = new EffectQueue(this.#raft, {
      clock,
      carryOut: (effect) => this.#carryOut(effect),
      failed: (thrown) => this.#fail(thrown),
    });
    this.#proposals = new Proposals(name, ports.defer);
    this.#barriers = new ReadBarriers({
      ask: (mode, asked) => {
        const id = ++this.#lastId;
        asked(id);
        this.#effects.feed({ type: "read", id, mode });
      },
      defer: ports.defer,
    });
    this.#snapshots = new SnapshotKeeper(ports, snapshots, snapshot, {
      feed: (input) => this.#effects.feed(input),
      firstIndex: () => this.#raft.status().firstIndex,
    });
    this.#clock = new GroupClock(clock);
    this.#tick = new DueTimer(clock, () => this.#timePasses());
    this.#suspicions = new Suspicions(clock, ports.tell);
    this.#upkeep = new Upkeep({
      ...{ clock, log: ports.log, tell: ports.tell },
      takeSnapshot: () => this.takeSnapshot(),
      rewrite: () => this.#effects.between(() => ports.log.rewrite(this.#raft.durableEntries())),
    });
  }

  /** Takes part from now on. */
  start(): void {
    this.#effects.feed({ type: "tick" });
  }

  receive(from: NodeId, message: RaftMessage): void {
    this.#effects.feed({ type: "receive", from, message });
  }

  get leadership(): Leadership {
    return { term: this.#term, leader: this.#leader, isLeading: this.#isLeading };
  }

  get appliedIndex(): number {
    return this.#applied.index;
  }

  /** The group's clock: of a leader as it is now, else as it was when something was last applied. */
  get clockMs(): number {
    return this.#isLeading ? this.#clock.nowMs() : this.#ports.machine.clockMs;
  }

  get configuration(): Configuration {
    return this.#raft.configuration;
  }

  /** For operators: see `Raft.status`. */
  status() {
    const { index, term } = this.#applied;
    const snapshotTerm = this.#snapshots.last?.term ?? 0;
    const applied = { applied: index, appliedTerm: term };
    return { ...this.#raft.status(), group: this.name, ...applied, snapshotTerm, ...this.leadership };
  }

  /** Told of every change, in its turn. */
  onLeadership(listener: (now: Leadership) => void): { close(): void } {
    this.#listeners.add(listener);
    return { close: () => void this.#listeners.delete(listener) };
  }

  /**
   * Resolves with the command's outcome once it is committed and applied here. `term`: only as the leader of that term. Fails with
   * `consensus.not_leader`, `.overloaded`, `.lost` (nothing was done) or `.unknown_outcome`.
   */
  propose(command: Uint8Array, { term }: { readonly term?: number | undefined } = {}): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(closedGroup(this.name));
    if (this.#role !== "leader" || (term !== undefined && term !== this.#term)) {
      return Promise.reject(notLeader(this.name, this.#leader));
    }
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#proposals.add(id, resolve, reject);
      this.#collected.push({ id, data: stamp(this.#clock.nowMs(), command) });
      if (this.#collected.length === 1) this.#ports.defer(() => this.#proposeAll());
    });
  }

  /** What a state machine must have applied to answer a read that begins now. Fails with `consensus.not_leader`. */
  readIndex(mode: ReadMode): Promise<number> {
    if (this.#isClosed) return Promise.reject(closedGroup(this.name));
    if (this.#role !== "leader") return Promise.reject(notLeader(this.name, this.#leader));
    return this.#barriers.index(mode);
  }

  /** Resolves when this node has applied so much. Fails with the signal's reason. */
  whenApplied(index: number, signal: AbortSignal): Promise<void> {
    if (this.#applied.index >= index) return Promise.resolve();
    if (this.#isClosed) return Promise.reject(closedGroup(this.name));
    return this.#behind.until(index, signal);
  }

  /** Fails with `consensus.in_progress`, `.invalid` or `.not_leader`. */
  reconfigure(voters: readonly NodeId[], learners: readonly NodeId[]): Promise<void> {
    return this.#ask((id) => ({ type: "reconfigure", id, voters, learners }));
  }

  transfer(to: NodeId): Promise<void> {
    return this.#ask((id) => ({ type: "transfer", id, to }));
  }

  /** Writes the state down now. */
  takeSnapshot(): Promise<SnapshotInfo> {
    return this.#snapshots.take({ ...this.#applied });
  }

  /** Reads the log again, and writes anew what has rotted. */
  verify(signal: AbortSignal): Promise<readonly LogFinding[]> {
    return this.#upkeep.look(signal);
  }

  /** Silent from now on. What waits here fails; what was proposed may be done all the same. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const failure = closedGroup(this.name);
    this.#effects.stop(failure);
    this.#snapshots.close();
    this.#upkeep.close();
    this.#tick.cancel();
    this.#proposals.giveUp("this node has closed the group");
    this.#barriers.giveUp(failure);
    this.#behind.giveUp(failure);
    for (const { reject } of this.#changes.values()) reject(failure);
    this.#changes.clear();
    this.#leads(false);
    await this.#ports.log.close();
  }

  #ask(input: (id: number) => RaftInput): Promise<void> {
    if (this.#isClosed) return Promise.reject(closedGroup(this.name));
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#changes.set(id, { resolve, reject });
      this.#effects.feed(input(id));
    });
  }

  #proposeAll(): void {
    const proposals = this.#collected;
    this.#collected = [];
    if (proposals.length > 0) this.#effects.feed({ type: "propose", proposals });
  }

  #carryOut(effect: RaftEffect): void | Promise<void> {
    switch (effect.type) {
      case "persist":
        return this.#persist(effect);
      case "send":
        if (!this.#ports.send(effect.to, effect.message)) {
          this.#ports.defer(() => this.#effects.feed({ type: "unreachable", node: effect.to }));
        }
        return;
      case "commit":
        return this.#apply(effect.entries);
      case "proposed":
        return this.#proposals.placed(effect.id, effect.index, effect.term);
      case "refused":
        return this.#refuse(effect.id, refusal(this.name, effect.reason, effect.leader));
      case "readReady":
        return this.#barriers.ready(effect.id, effect.index);
      case "done":
        this.#changes.get(effect.id)?.resolve();
        this.#changes.delete(effect.id);
        return;
      case "role":
        return this.#roleIs(effect);
      case "configuration":
        return;
      case "suspicion":
        return this.#suspicions.take(effect);
      case "readPiece":
        void this.#snapshots.read(effect);
        return;
      case "storePiece":
        return this.#snapshots.store(effect);
      case "restore":
        return this.#restore(effect.snapshot);
      case "repaired":
        this.#ports.tell("the damage of its log is made good: it votes again", { group: this.name });
        // What was damaged is written anew, too: it would be found again by every look at the disk.
        return Promise.resolve(this.#ports.log.markRepaired()).then(() =>
          this.#ports.log.rewrite(this.#raft.durableEntries()),
        );
    }
  }

  #persist({ entries, hardState }: Extract<RaftEffect, { type: "persist" }>): void | Promise<void> {
    const last = entries.at(-1);
    const told = (): void => {
      if (last) this.#effects.feed({ type: "persisted", index: last.index, term: last.term });
    };
    const isAlone = this.#raft.configuration.voters.length <= 1;
    const isLeader = this.#role === "leader";
    const done = writePatiently(
      { ...this.#ports, isAlone, isLeader, isClosed: () => this.#isClosed },
      hardState,
      entries,
    );
    return done ? done.then(told) : told();
  }

  #apply(entries: Extract<RaftEffect, { type: "commit" }>["entries"]): void {
    const { machine } = this.#ports;
    let bytes = 0;
    for (const entry of entries) {
      const { index, term } = entry;
      let outcome: unknown;
      if (entry.kind === "command") {
        const { clockMs, command } = unstamp(entry.data);
        bytes += entry.data.byteLength;
        outcome = machine.apply(command, { index, clockMs });
      } else machine.skip(index);
      if (entry.kind === "configuration") this.#applied.configuration = entry.configuration;
      this.#applied.index = index;
      this.#applied.term = term;
      this.#proposals.applied(index, term, outcome);
    }
    this.#snapshots.applied(entries.length, bytes);
    this.#behind.letThrough(this.#applied.index);
    if (this.#role === "leader" && !this.#isLeading && this.#applied.term === this.#term) {
      this.#clock.begin(machine.clockMs);
      this.#leads(true);
    }
    this.#armTick();
    if (this.#snapshots.isDue) this.#snapshotBeside();
  }

  #snapshotBeside(): void {
    this.#snapshots.take({ ...this.#applied }).catch((thrown) => {
      if (!this.#isClosed) this.#ports.tell("no snapshot could be taken", { group: this.name, error: thrown });
    });
  }

  async #restore(snapshot: SnapshotInfo): Promise<void> {
    if (!(await this.#snapshots.restore(snapshot))) return;
    const { configuration, index, term } = snapshot;
    this.#applied = { index, term, configuration };
    this.#behind.letThrough(index);
  }

  #refuse(id: number, failure: Failure): void {
    const change = this.#changes.get(id);
    if (change) {
      this.#changes.delete(id);
      return change.reject(failure);
    }
    this.#proposals.refused(id, failure);
    this.#barriers.refused(id, failure);
  }

  #roleIs({ leader, role, term }: Extract<RaftEffect, { type: "role" }>): void {
    const wasLeader = this.#role === "leader";
    const before = { term: this.#term, leader: this.#leader };
    this.#role = role;
    this.#term = term;
    this.#leader = leader;
    if (wasLeader && (role !== "leader" || before.term !== term)) {
      this.#tick.cancel();
      this.#proposals.giveUp("it does not lead any more");
      this.#barriers.giveUp(notLeader(this.name, leader));
      this.#isLeading = false;
    }
    if (role === "leader" && !wasLeader) this.#clock.begin(this.#ports.machine.clockMs);
    this.#tell();
  }

  #leads(isLeading: boolean): void {
    if (this.#isLeading === isLeading) return;
    this.#isLeading = isLeading;
    this.#tell();
  }

  #tell(): void {
    const now = this.leadership;
    for (const listener of this.#listeners) listener(now);
  }

  /** A leader sees to it that time passes in the state, when something there waits for it. */
  #armTick(): void {
    const { nextDueMs } = this.#ports.machine;
    if (this.#isLeading && nextDueMs !== undefined) this.#tick.arm(nextDueMs, this.#clock.nowMs());
  }

  #timePasses(): void {
    if (!this.#isLeading) return;
    // Who leads next sees to it, when this one is lost.
    this.propose(this.#ports.machine.tick()).catch(() => {
      this.#tick.rest(this.#clock.nowMs() + TICK_AGAIN_MS);
      this.#armTick();
    });
  }

  #fail(thrown: unknown): void {
    this.close().catch((again) => this.#ports.tell("its log cannot be closed", { reason: messageOf(again) }));
    this.#ports.failed(thrown);
  }
}

/** A time-out may ring so much later, which nobody notices; a leader that takes nothing is not asked all the time. */
const TICK_AGAIN_MS = 100;

const NOBODY: Configuration = { voters: [], votersOutgoing: [], learners: [] };
