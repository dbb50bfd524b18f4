/**
 * A group driven by chance: messages overtake each other, get lost and come twice, disks are slow, nodes crash with what they have not
 * written, logs rot, configurations change, snapshots are taken and sent. All the while: one leader a term, one history, nothing that was
 * applied is ever lost. At the end everything heals, and the group must work again.
 */
import { type Random, seededRandom } from "../../../../src/base/random.ts";
import type { Entry, RaftRules } from "../../../../src/protocol/raft/index.ts";
import { Rig, type RigNode } from "./rig.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly steps?: number;
  readonly rules?: Partial<RaftRules>;
}

const SPARE = ["d", "e", "f"];
/** Small, so that all of it happens all the time. */
const OPTIONS = { keepEntries: 3, pieceBytesMax: 7, promoteLagMax: 1_000, inflightMessagesMax: 4 };
/** With every other seed leaders follow each other more often: late beats, of which there are many here, are waited for. */
const HASTY = { ...OPTIONS, electionMinMs: 60, electionMaxMs: 120, heartbeatMs: 20 };
/** What lies there for longer is lost. */
const MAIL_MAX = 300;
const HEAL_MS = 20_000;

export class Chaos {
  readonly rig: Rig;
  readonly faults: string[] = [];
  readonly #random: Random;
  readonly #steps: number;
  readonly #leaders = new Map<number, string>();
  readonly #history = new Map<number, string>();
  /** Reads under way: what was applied anywhere when they came. */
  readonly #reads = new Map<number, number>();
  #appliedMax = 0;
  readonly #seen = new Map<string, number>();
  #texts = 0;

  constructor({ rules = {}, seed, steps = 1_500 }: ChaosOptions) {
    this.#random = seededRandom(seed);
    this.#steps = steps;
    this.rig = Rig.of(["a", "b", "c"], { options: seed % 2 === 0 ? HASTY : OPTIONS, rules, seed });
    for (const id of SPARE) this.rig.add(id);
  }

  run(): readonly string[] {
    try {
      for (let step = 0; step < this.#steps && this.faults.length === 0; step++) {
        this.#happen();
        this.#check();
      }
      if (this.faults.length === 0) this.#heal();
    } catch (thrown) {
      this.faults.push(`thrown: ${thrown instanceof Error ? thrown.stack : thrown}`);
    }
    return this.faults;
  }

  #happen(): void {
    const { rig } = this;
    const roll = this.#random.next();
    const node = this.#pick([...rig.nodes.values()]);
    if (roll < 0.6) for (let count = 1 + this.#random.below(8); count > 0; count--) this.#deliver();
    else if (roll < 0.7) this.#pass();
    else if (roll < 0.8) rig.sync(node.id, 1 + this.#random.below(4));
    else if (roll < 0.81) node.isSlow = !node.isSlow;
    else if (roll < 0.93) this.#ask(this.#random.next() < 0.3 ? node : this.#pick(this.#leading));
    else if (roll < 0.945) this.#snapshot(node);
    else if (roll < 0.951) this.#crash(node);
    else if (roll < 0.97) this.#restart();
    else if (roll < 0.98) rig.feed(node.id, { type: "unreachable", node: this.#pick([...rig.nodes.keys()]) });
    else if (roll < 0.99) this.#part();
    else rig.passes = () => true;
  }

  /** Messages between two sides are lost, of one way or both. */
  #part(): void {
    const side = new Set([...this.rig.nodes.keys()].filter(() => this.#random.next() < 0.4));
    const isOneWay = this.#random.next() < 0.3;
    this.rig.passes = ({ from, to }) => side.has(from) === side.has(to) || (isOneWay && side.has(from));
  }

  #deliver(): void {
    const { mail } = this.rig;
    if (mail.length === 0) return;
    // Mostly in order, sometimes not, sometimes never, sometimes twice.
    const at = this.#random.next() < 0.85 ? 0 : this.#random.below(mail.length);
    const [taken] = mail.splice(at, 1);
    const roll = this.#random.next();
    if (roll < 0.04 || !this.rig.passes(taken!)) return;
    if (roll < 0.08) mail.push(taken!);
    this.rig.hand(taken!);
    if (mail.length > MAIL_MAX) mail.splice(0, MAIL_MAX / 2);
  }

  #pass(): void {
    const { rig } = this;
    rig.nowMs += this.#random.below(this.#random.next() < 0.05 ? 300 : 15);
    for (const { id, isUp, raft } of rig.nodes.values())
      if (isUp && (raft.nextDeadlineMs ?? Infinity) <= rig.nowMs) rig.feed(id, { type: "tick" });
  }

  #ask({ id, isUp, raft }: RigNode): void {
    if (!isUp) return;
    const { rig } = this;
    const roll = this.#random.next();
    if (roll < 0.6) rig.propose(id, ...Array.from({ length: 1 + this.#random.below(3) }, () => `t${this.#texts++}`));
    else if (roll < 0.8) {
      const at = this.#appliedMax;
      this.#reads.set(rig.read(id, this.#random.next() < 0.5 ? "lease" : "linearizable"), at);
    } else if (roll < 0.88) rig.transfer(id, this.#pick([...rig.nodes.keys()]));
    else if (raft.role === "leader" && ![...rig.nodes.values()].some(({ disk }) => disk.isDamaged)) {
      const others = [...rig.nodes.keys()].filter(() => this.#random.next() < 0.6);
      const learners = [...rig.nodes.keys()].filter((each) => !others.includes(each) && this.#random.next() < 0.3);
      rig.reconfigure(id, others, learners);
    }
  }

  #snapshot({ applied, id, isUp, raft }: RigNode): void {
    const last = applied.at(-1);
    if (!isUp || last === undefined || raft.status().isRestoring) return;
    if (last.index <= (this.rig.node(id).disk.snapshot?.index ?? 0)) return;
    // The state machine's configuration is the last one that it has applied.
    const found = applied.filter((each) => each.kind === "configuration").at(-1);
    const base = this.rig.node(id).disk.snapshot?.configuration ?? this.rig.node(id).disk.configuration;
    const configuration = found?.kind === "configuration" ? found.configuration : base;
    if (configuration === undefined || configuration.voters.length === 0) return;
    const { index, term } = last;
    const snapshot = { index, term, configuration, sizeBytes: 20, checksum: `${index} of ${id}` };
    this.rig.node(id).disk.snapshot = snapshot;
    this.rig.feed(id, { type: "snapshotTaken", snapshot });
  }

  #crash({ id, isUp }: RigNode): void {
    if (isUp) this.rig.crash(id);
  }

  #restart(): void {
    const down = [...this.rig.nodes.values()].filter(({ isUp }) => !isUp);
    if (down.length > 0) this.#revive(this.#pick(down));
  }

  /** Sometimes with the end of its log lost: of one node at a time, so that a majority still has everything. */
  #revive(node: RigNode): void {
    const { disk, id } = node;
    const isCovered = [...this.rig.nodes.values()].every((each) => this.#isCovered(id, each));
    const lost = isCovered && this.#random.next() < 0.15 && disk.entries.length > 0 ? 1 + this.#random.below(5) : 0;
    if (lost > 0) {
      disk.entries = disk.entries.slice(0, -lost);
      disk.isDamaged = true;
    }
    this.#seen.set(id, 0);
    this.rig.restart(id);
  }

  /** Can the group elect somebody without this one, as that node sees it? Who is damaged does not vote. */
  #isCovered(id: string, { disk, raft }: RigNode): boolean {
    const { voters, votersOutgoing } = raft.configuration;
    const isMet = (list: readonly string[]): boolean => list.filter((each) => each !== id).length > list.length / 2;
    return !disk.isDamaged && [voters, votersOutgoing].every((list) => list.length === 0 || isMet(list));
  }

  #check(): void {
    for (const node of this.rig.nodes.values()) {
      const { id, isUp, raft } = node;
      if (!isUp) continue;
      if (raft.role === "leader") this.#checkLeader(id, raft.term);
      this.#checkReads(node);
      const from = Math.min(this.#seen.get(id) ?? 0, node.applied.length);
      for (const entry of node.applied.slice(from)) this.#checkEntry(id, entry);
      this.#seen.set(id, node.applied.length);
    }
  }

  #checkLeader(id: string, term: number): void {
    const known = this.#leaders.get(term) ?? id;
    if (known !== id) this.faults.push(`${known} and ${id} lead in term ${term}`);
    this.#leaders.set(term, id);
  }

  #checkReads({ effects, id }: RigNode): void {
    for (const effect of effects)
      if (effect.type === "readReady" && effect.index < (this.#reads.get(effect.id) ?? 0))
        this.faults.push(`${id} reads at ${effect.index}, ${this.#reads.get(effect.id)} was applied before`);
    effects.length = 0;
  }

  #checkEntry(id: string, entry: Entry): void {
    const { index, term } = entry;
    const text = `${term} ${entry.kind === "command" ? new TextDecoder().decode(entry.data) : ""}`;
    // What stands for a snapshot has no content of its own.
    const known = this.#history.get(index);
    const isSnapshot = this.rig.node(id).applied[0] === entry && entry.kind === "noop";
    if (known !== undefined && known !== text && !(isSnapshot && known.startsWith(`${term} `)))
      this.faults.push(`${id} has applied "${text}" at ${index}, where "${known}" was`);
    if (known === undefined && !isSnapshot) this.#history.set(index, text);
    this.#appliedMax = Math.max(this.#appliedMax, index);
  }

  /** No more faults: somebody leads, and what is proposed is applied by all voters. */
  #heal(): void {
    const { rig } = this;
    rig.passes = () => true;
    for (const node of rig.nodes.values()) {
      node.isSlow = false;
      if (!node.isUp) this.#revive(node);
      rig.sync(node.id);
    }
    rig.run(HEAL_MS);
    this.#check();
    if (this.faults.length > 0) return;
    const { leader } = rig;
    rig.propose(leader.id, "the end");
    rig.run(HEAL_MS);
    this.#check();
    for (const id of leader.raft.configuration.voters)
      if (rig.node(id).applied.at(-1)?.index !== leader.raft.lastIndex)
        this.faults.push(`${id} is at ${rig.node(id).applied.at(-1)?.index} of ${leader.raft.lastIndex} after the end`);
    for (const node of rig.nodes.values())
      if (leader.raft.configuration.voters.includes(node.id) && node.disk.isDamaged)
        this.faults.push(`${node.id} is damaged after the end`);
  }

  /** Those that take themselves for it; all when nobody does. */
  get #leading(): readonly RigNode[] {
    const nodes = [...this.rig.nodes.values()];
    const leaders = nodes.filter(({ isUp, raft }) => isUp && raft.role === "leader");
    return leaders.length > 0 ? leaders : nodes;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)]!;
  }
}
