/**
 * Everything of one run of a Raft scenario: nodes on simulated disks, clients, faults, the oracle, and the goal. What differs from
 * scenario to scenario is a profile; sizes, speeds and options are drawn from the seed, small enough that windows fill up, snapshots
 * come all the time and go over the network in many pieces.
 */
import type { Random } from "../../../src/base/random.ts";
import type { Configuration, RaftOptions } from "../../../src/protocol/raft/index.ts";
import { raftOptions, raftRules } from "../../../src/protocol/raft/index.ts";
import { casRegisterModel, checkLinearizable } from "../../support/linearizability/index.ts";
import { type Cast, type Setup, type Stage, Violation } from "../run/index.ts";
import {
  between,
  CALM,
  chance,
  type FaultMix,
  fork,
  type Port,
  pick,
  pickDistinct,
  type World,
} from "../world/index.ts";
import { RAFT_BUGS, type RaftBug } from "./raft-bugs.ts";
import { RaftClients } from "./raft-clients.ts";
import { DISK_RULES, type DurableEnd, damageDisk, RaftDisk } from "./raft-disk.ts";
import { type NodePlan, RaftNode } from "./raft-node.ts";
import { RaftOracle } from "./raft-oracle.ts";
import { encodeCommand, RaftStore, STORE_RULES } from "./raft-store.ts";
import { describeRaft, indexOf, nameOf, type RaftWire, tagOfRaft } from "./raft-wire.ts";

export interface RaftProfile {
  readonly mix: FaultMix;
  /** Members come and go; who is not one at the start waits to be added. */
  readonly changesMembers: boolean;
  /** Share of the reads that trust the leader's lease. */
  readonly leaseReads: number;
  /** Share of the reads among all operations: one of these. */
  readonly reads: readonly number[];
  readonly brokenSnapshots: number;
  readonly losesForGood: boolean;
  /** Clients wait so long between two operations, in the mean. */
  readonly thinkMs: number;
  /** Elections and disks are fast: what must not happen in a short time has a chance to. */
  readonly isHasty: boolean;
}

const NODES_MIN = 3;
const NODES_MAX = 7;
const BURST_MAX = 12;
/** A message and a sync: between being told and standing. */
const HANDOVER_MS_MAX = 15;

export class RaftCast implements Cast<RaftWire> {
  readonly nodes: number;
  readonly weather = CALM;
  readonly mix: FaultMix;
  readonly upMin = 0;
  readonly goneMax: number;
  readonly #profile: RaftProfile;
  readonly #bug: RaftBug;
  readonly #random: Random;
  readonly #oracle: RaftOracle;
  readonly #plan: NodePlan;
  readonly #ends: readonly DurableEnd[];
  readonly #bootstrap: Configuration;
  readonly #counts = { changes: 0, transfers: 0, damages: 0 };
  #clients: RaftClients | undefined;
  #isLinearizable = false;

  constructor({ bug, random }: Setup, profile: RaftProfile) {
    this.#profile = profile;
    this.#bug = bug === undefined ? { words: "" } : RAFT_BUGS[bug as keyof typeof RAFT_BUGS];
    this.mix = profile.mix;
    this.nodes = NODES_MIN + random.below(NODES_MAX - NODES_MIN + 1);
    this.goneMax = profile.losesForGood ? minority(this.nodes) : 0;
    this.#random = fork(random);
    this.#oracle = new RaftOracle(this.nodes);
    this.#ends = Array.from({ length: this.nodes }, () => ({ bytes: 0 }));
    const voters = profile.changesMembers ? 1 + random.below(this.nodes) : this.nodes;
    this.#bootstrap = {
      voters: Array.from({ length: voters }, (_, index) => nameOf(index)),
      votersOutgoing: [],
      learners: [],
    };
    this.#plan = {
      options: drawOptions(random, profile.isHasty),
      rules: { ...raftRules, ...this.#bug.rules },
      oracle: this.#oracle,
      syncMsMean: profile.isHasty ? between(random, 0.1, 2) : between(random, 1, 12),
      hasLinks: chance(random, 0.5),
      batchMs: chance(random, 0.5) ? 0 : 3,
      snapshotEvery: 8 + random.below(40),
      rewriteBytes: 1_000 + random.below(4_000),
      brokenSnapshots: profile.brokenSnapshots,
      waitsForDisk: this.#bug.waitsForDisk ?? true,
    };
  }

  readonly launch = (port: Port<RaftWire>): RaftNode => {
    const disk = new RaftDisk(port.disk, this.#ends[port.index]!, { ...DISK_RULES, ...this.#bug.disk });
    const isMember = this.#bootstrap.voters.includes(nameOf(port.index));
    const found = disk.recover(isMember ? this.#bootstrap : undefined);
    const store = new RaftStore(this.#bootstrap, { ...STORE_RULES, ...this.#bug.store });
    return new RaftNode(port, this.#plan, disk, store, found);
  };

  begin({ world }: Stage<RaftWire>): void {
    for (let node = 0; node < this.nodes; node++) world.start(node);
    const { isHasty, leaseReads, reads, thinkMs } = this.#profile;
    const plan = {
      clients: (isHasty ? 4 : 2) + this.#random.below(4),
      answerMsMax: isHasty ? 100 : 800,
      keys: 1 + this.#random.below(3),
      thinkMs,
      leaseReads,
      reads: pick(this.#random, reads),
    };
    this.#clients = new RaftClients(world, plan, fork(this.#random));
  }

  act(stage: Stage<RaftWire>, name: string, node: number, forMs: number): void {
    const { world } = stage;
    switch (name) {
      case "burst":
        return this.#burst(world);
      case "transfer":
        return this.#transfer(world, node);
      case "isolate":
        return this.#isolate(stage, forMs);
      case "stall":
        return this.#stall(stage, forMs);
      case "handover":
        return this.#handover(stage, node, forMs);
      case "deafen":
        return this.#deafen(stage, node, forMs);
      case "skew":
        return this.#skew(stage.world, forMs);
      case "change":
        return this.#change(world);
      case "blackout":
        return this.#blackout(stage, forMs);
      case "damage":
        return this.#damage(stage, node, forMs);
    }
  }

  healed(): void {
    this.#clients!.finish();
  }

  goal({ world }: Stage<RaftWire>): string | undefined {
    const clients = this.#clients!;
    if (clients.open > 0) return `${clients.open} clients have operations to do`;
    const leader = leaderOf(world);
    if (leader === undefined) return "there is no leader";
    const { voters, votersOutgoing, learners } = leader.raft.configuration;
    if (votersOutgoing.length > 0) return "the configuration is joint";
    for (const id of [...voters, ...learners]) {
      const node = nodeOf(world, indexOf(id));
      if (node !== undefined && node.store.index < this.#oracle.committed) {
        return `${id} has applied ${node.store.index} of ${this.#oracle.committed}`;
      }
      if (this.#oracle.isDamaged(indexOf(id))) return `${id} is damaged`;
    }
    if (!this.#isLinearizable) this.#checkHistory();
    return undefined;
  }

  measures(): Readonly<Record<string, number>> {
    const { elections, committed, snapshots, repairs } = this.#oracle;
    return { ...this.#counts, elections, committed, snapshots, repairs, completed: this.#clients!.completed };
  }

  tagOf(wire: RaftWire): number {
    return tagOfRaft(wire);
  }

  describe(wire: RaftWire): string {
    return describeRaft(wire);
  }

  #checkHistory(): void {
    const verdict = checkLinearizable(casRegisterModel(), this.#clients!.history.operations());
    if (verdict.ok === false) {
      const { culprits, key, why } = verdict;
      throw new Violation(`the history of key ${key} is not linearizable: ${why}: ${JSON.stringify(culprits)}`);
    }
    if (verdict.ok === "unknown") throw new Error(`the history of key ${verdict.key} is too hard for the checker`);
    this.#isLinearizable = true;
  }

  #burst(world: World<RaftWire>): void {
    const leader = leaderIndex(world) ?? this.#random.below(this.nodes);
    const count = 1 + this.#random.below(BURST_MAX);
    const pad = encodeCommand({
      op: "pad",
      client: 0,
      sequence: 0,
      key: 0,
      value: this.#random.below(1e6),
      expected: 0,
    });
    const data = Array.from({ length: count }, () => pad);
    world.send(leader, leader, { kind: "request", request: { type: "propose", data, answer: () => {} } });
  }

  #transfer(world: World<RaftWire>, node: number): void {
    this.#order(world, (id) => ({ type: "transfer", id, to: nameOf(node) }), "transfers");
  }

  /** The leader hears nobody and nobody hears it; its clients still do. */
  #isolate({ world, faults }: Stage<RaftWire>, forMs: number): void {
    const leader = leaderIndex(world);
    if (leader !== undefined) faults.apply({ kind: "split", side: [leader], way: "both", forMs });
  }

  /** The leader stands still: what is said to it meanwhile is old when it goes on. */
  #stall({ world, faults }: Stage<RaftWire>, forMs: number): void {
    const leader = leaderIndex(world);
    if (leader !== undefined) faults.apply({ kind: "pause", node: leader, forMs });
  }

  /** A transfer whose leader is cut off as soon as it has told its heir. */
  #handover(stage: Stage<RaftWire>, node: number, forMs: number): void {
    const leader = leaderIndex(stage.world);
    this.#transfer(stage.world, node);
    const afterMs = this.#random.next() * HANDOVER_MS_MAX;
    if (leader === undefined) return;
    stage.world.at(stage.world.nowMs + afterMs, () => {
      stage.faults.apply({ kind: "split", side: [leader], way: "both", forMs });
    });
  }

  /** One follower does not hear the leader; when it is about to stand the leader is cut off from all others as well. */
  #deafen({ world, faults }: Stage<RaftWire>, node: number, forMs: number): void {
    const leader = leaderIndex(world);
    if (leader === undefined || leader === node) return;
    world.network.cut(leader, node);
    const { electionMaxMs, electionMinMs } = this.#plan.options;
    const afterMs = between(this.#random, 0.7 * electionMinMs, 1.2 * electionMaxMs);
    world.at(world.nowMs + afterMs, () => {
      faults.apply({ kind: "split", side: [leader], way: "both", forMs });
      world.network.mend(leader, node);
    });
  }

  /** The leader's clock as slow as may be, and all others as fast. */
  #skew(world: World<RaftWire>, forMs: number): void {
    const leader = leaderIndex(world);
    const driftMax = this.mix.driftMax ?? 0;
    for (const { index } of world.nodes) {
      world.drift(index, index === leader ? 1 - driftMax : 1 + driftMax);
      world.at(world.nowMs + forMs, () => world.drift(index, 1));
    }
  }

  #change(world: World<RaftWire>): void {
    const leader = leaderOf(world);
    if (leader === undefined) return;
    const [voters, learners] = this.#target(leader.raft.configuration);
    this.#order(world, (id) => ({ type: "reconfigure", id, voters, learners }), "changes");
  }

  /** One node more, less, up or down, or any other configuration. */
  #target({ voters, learners }: Configuration): readonly [readonly string[], readonly string[]] {
    const node = nameOf(this.#random.below(this.nodes));
    const without = (ids: readonly string[]): readonly string[] => ids.filter((id) => id !== node);
    const isVoter = voters.includes(node);
    const step = this.#random.below(4);
    if (step === 0) {
      const all = pickDistinct(this.#random, this.nodes, 1 + this.#random.below(this.nodes)).map(nameOf);
      const count = 1 + this.#random.below(all.length);
      return [all.slice(0, count), all.slice(count)];
    }
    if (isVoter && voters.length === 1) return [voters, learners];
    if (isVoter) return [without(voters), step === 1 ? [...learners, node] : learners];
    if (learners.includes(node) || step === 1) return [[...voters, node], without(learners)];
    return [voters, [...learners, node]];
  }

  #order(world: World<RaftWire>, make: Parameters<RaftNode["order"]>[0], name: "changes" | "transfers"): void {
    const leader = leaderIndex(world);
    if (leader === undefined || world.nodes[leader]!.isPaused) return;
    world.poke(leader, (process, nowMs) => {
      (process as RaftNode).order(
        make,
        ({ type }) => {
          if (type === "ok") this.#counts[name]++;
        },
        nowMs,
      );
    });
  }

  #blackout({ world, faults }: Stage<RaftWire>, forMs: number): void {
    for (const { index } of world.nodes) {
      world.kill(index);
      world.at(world.nowMs + this.#random.next() * forMs, () => {
        if (!faults.goneForGood.has(index)) world.start(index);
      });
    }
  }

  /** Never more than a minority: what a majority has lost, no protocol brings back. */
  #damage({ world, faults }: Stage<RaftWire>, node: number, forMs: number): void {
    const damaged = world.nodes.filter(({ index }) => index !== node && this.#oracle.isDamaged(index));
    if (damaged.length >= minority(this.nodes) || faults.goneForGood.has(node)) return;
    world.kill(node);
    this.#oracle.damaged(node);
    const words = damageDisk(world.nodes[node]!.disk, (bound) => this.#random.below(bound));
    world.note(`node ${node}: ${words ?? "nothing to damage"}`);
    if (words !== undefined) this.#counts.damages++;
    world.at(world.nowMs + forMs, () => world.start(node));
  }
}

function minority(nodes: number): number {
  return (nodes - 1) >> 1;
}

function drawOptions(random: Random, isHasty: boolean): RaftOptions {
  const haste = isHasty ? { electionMaxMs: pick(random, [152, 170, 220]) } : {};
  return raftOptions({
    ...haste,
    heartbeatMs: pick(random, [30, 50, 70]),
    commitTellMs: pick(random, [0, 10, 50]),
    appendBytesMax: 100 + random.below(1_500),
    inflightMessagesMax: 1 + random.below(8),
    inflightBytesMax: 500 + random.below(8_000),
    uncommittedBytesMax: 2_000 + random.below(20_000),
    logBytesMax: 30_000 + random.below(60_000),
    keepEntries: random.below(20),
    applyBytesMax: 200 + random.below(2_000),
    pieceBytesMax: 60 + random.below(400),
    pieceRetryMs: between(random, 60, 300),
    promoteLagMax: 1 + random.below(40),
  });
}

function nodeOf(world: World<RaftWire>, index: number): RaftNode | undefined {
  return world.nodes[index]!.process as RaftNode | undefined;
}

function leaderOf(world: World<RaftWire>): RaftNode | undefined {
  const index = leaderIndex(world);
  return index === undefined ? undefined : nodeOf(world, index);
}

/** Of those who hold themselves for it the one of the highest term. */
function leaderIndex(world: World<RaftWire>): number | undefined {
  let found: number | undefined;
  for (const { index } of world.nodes) {
    const raft = nodeOf(world, index)?.raft;
    if (raft?.role !== "leader") continue;
    if (found === undefined || raft.term > nodeOf(world, found)!.raft.term) found = index;
  }
  return found;
}
