/**
 * A few Raft nodes on one hand-driven clock, each with a disk that knows what is durable and what only has been written. Messages lie
 * in a queue until they are delivered; persists are done at once, or wait when a disk is told to be slow. No chance in it: who drives
 * decides what is lost, held back, delivered twice or late.
 */
import { seededRandom } from "../../../../src/base/random.ts";
import {
  type Configuration,
  type DurableState,
  type Entry,
  type HardState,
  Raft,
  type RaftEffect,
  type RaftInput,
  type RaftMessage,
  type RaftOptions,
  type RaftRules,
  raftOptions,
  raftRules,
  type SnapshotInfo,
} from "../../../../src/protocol/raft/index.ts";

export interface Mail {
  readonly from: string;
  readonly to: string;
  readonly message: RaftMessage;
}

export interface RigOptions {
  readonly options?: Partial<RaftOptions>;
  readonly rules?: Partial<RaftRules>;
  readonly seed?: number;
}

type EffectOf<Type extends RaftEffect["type"]> = Extract<RaftEffect, { type: Type }>;

export interface Disk {
  hardState: HardState;
  entries: Entry[];
  snapshot: SnapshotInfo | undefined;
  pieces: { readonly snapshot: SnapshotInfo; bytes: Uint8Array } | undefined;
  isDamaged: boolean;
  configuration: Configuration | undefined;
}

export class RigNode {
  readonly id: string;
  readonly disk: Disk;
  raft: Raft;
  isUp = true;
  /** Persists wait for `Rig.sync`. */
  isSlow = false;
  /** Effects that wait for a persist. */
  waiting: RaftEffect[] = [];
  /** Everything that has come out, oldest first. */
  effects: RaftEffect[] = [];
  /** What the state machine has applied: the entries' text, in order. */
  applied: Entry[] = [];
  /** The clock that it sees runs ahead by so much. */
  aheadMs = 0;

  constructor(id: string, disk: Disk, raft: Raft) {
    this.id = id;
    this.disk = disk;
    this.raft = raft;
  }

  of<Type extends RaftEffect["type"]>(type: Type): EffectOf<Type>[] {
    return this.effects.filter((each): each is EffectOf<Type> => each.type === type);
  }
}

/** A storm is a bug. */
const DELIVERIES_MAX = 100_000;

export class Rig {
  readonly nodes = new Map<string, RigNode>();
  readonly options: RaftOptions;
  readonly rules: RaftRules;
  nowMs = 0;
  mail: Mail[] = [];
  /** May it be delivered? What may not is lost when it is due. */
  passes: (mail: Mail) => boolean = () => true;
  #ids = 1_000;
  #seed: number;

  constructor({ options = {}, rules = {}, seed = 1 }: RigOptions = {}) {
    this.options = raftOptions(options);
    this.rules = { ...raftRules, ...rules };
    this.#seed = seed;
  }

  /** A group of these voters, and learners. */
  static of(voters: readonly string[], given: RigOptions = {}, learners: readonly string[] = []): Rig {
    const rig = new Rig(given);
    const configuration = { voters, votersOutgoing: [], learners };
    for (const id of [...voters, ...learners]) rig.add(id, { configuration });
    return rig;
  }

  add(id: string, found: Partial<Disk> = {}): RigNode {
    const disk: Disk = {
      ...{ hardState: { term: 0, votedFor: undefined }, entries: [], snapshot: undefined, pieces: undefined },
      ...{ isDamaged: false, configuration: undefined },
      ...found,
    };
    const node = new RigNode(id, disk, this.#start(id, disk));
    this.nodes.set(id, node);
    return node;
  }

  node(id: string): RigNode {
    return this.nodes.get(id)!;
  }

  raft(id: string): Raft {
    return this.node(id).raft;
  }

  get leader(): RigNode {
    const leaders = [...this.nodes.values()].filter(({ isUp, raft }) => isUp && raft.role === "leader");
    const [latest] = leaders.sort((a, b) => b.raft.term - a.raft.term);
    if (latest === undefined) throw new Error("nobody leads");
    return latest;
  }

  feed(id: string, input: RaftInput | { readonly type: "tick" }): readonly RaftEffect[] {
    const node = this.node(id);
    if (!node.isUp) return [];
    const effects = node.raft.step(input, this.nowMs + node.aheadMs);
    node.effects.push(...effects);
    for (const effect of effects) this.see(id, effect);
    for (const effect of effects)
      if (effect.type === "send" && effect.isFree) this.#carryOut(node, effect);
      else node.waiting.push(effect);
    if (!node.isSlow) this.sync(id);
    return effects;
  }

  /** For who watches. */
  protected see(_id: string, _effect: RaftEffect): void {}

  /** The disk does what waits, or so many persists of it. */
  sync(id: string, persists = Number.POSITIVE_INFINITY): void {
    const node = this.node(id);
    let left = persists;
    while (node.waiting.length > 0) {
      if (node.waiting[0]!.type === "persist" && left-- <= 0) return;
      this.#carryOut(node, node.waiting.shift()!);
    }
  }

  /** The first message that this is true of, delivered out of turn. */
  deliver(which: (mail: Mail) => boolean): Mail {
    const mail = this.drop(which);
    this.hand(mail);
    return mail;
  }

  /** The same, but it is lost. */
  drop(which: (mail: Mail) => boolean): Mail {
    const at = this.mail.findIndex(which);
    if (at < 0) throw new Error(`no such message among ${this.mail.map(textOfMail).join("; ")}`);
    return this.mail.splice(at, 1)[0]!;
  }

  hand({ from, message, to }: Mail): void {
    if (this.nodes.has(to)) this.feed(to, { type: "receive", from, message });
  }

  /** Everything that lies in the queue, and what comes of it. */
  settle(): void {
    for (let count = 0; this.mail.length > 0; count++) {
      if (count > DELIVERIES_MAX) throw new Error("a storm of messages");
      const mail = this.mail.shift()!;
      if (this.passes(mail)) this.hand(mail);
    }
  }

  /** Time passes, deadlines ring, messages arrive at once. */
  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    this.settle();
    for (;;) {
      const due = [...this.nodes.values()]
        .filter(({ isUp }) => isUp)
        .map((node) => ({ node, dueMs: (node.raft.nextDeadlineMs ?? Infinity) - node.aheadMs }))
        .sort((a, b) => a.dueMs - b.dueMs)[0];
      if (due === undefined || due.dueMs > endMs) break;
      this.nowMs = Math.max(this.nowMs, due.dueMs);
      this.feed(due.node.id, { type: "tick" });
      this.settle();
    }
    this.nowMs = endMs;
  }

  /** Its election time-out passes, nobody else's. */
  timeOut(id: string): void {
    this.nowMs = Math.max(this.nowMs, this.raft(id).nextDeadlineMs!);
    this.feed(id, { type: "tick" });
  }

  /** It stands, and everybody votes. */
  elect(id: string): void {
    this.nowMs += this.options.electionMaxMs;
    this.timeOut(id);
    this.settle();
    if (this.raft(id).role !== "leader") throw new Error(`${id} is ${this.raft(id).role}`);
  }

  propose(id: string, ...texts: readonly string[]): readonly number[] {
    const proposals = texts.map((text) => ({ id: this.#ids++, data: new TextEncoder().encode(text) }));
    this.feed(id, { type: "propose", proposals });
    return proposals.map((each) => each.id);
  }

  read(id: string, mode: "linearizable" | "lease" = "linearizable"): number {
    const read = this.#ids++;
    this.feed(id, { type: "read", id: read, mode });
    return read;
  }

  reconfigure(id: string, voters: readonly string[], learners: readonly string[] = []): number {
    const change = this.#ids++;
    this.feed(id, { type: "reconfigure", id: change, voters, learners });
    return change;
  }

  transfer(id: string, to: string): number {
    const transfer = this.#ids++;
    this.feed(id, { type: "transfer", id: transfer, to });
    return transfer;
  }

  /** The state machine's snapshot at what it has applied. */
  snapshot(id: string, sizeBytes = 10): SnapshotInfo {
    const { applied, raft } = this.node(id);
    const { index, term } = applied.at(-1)!;
    const configuration = raft.configuration;
    const snapshot = { index, term, configuration, sizeBytes, checksum: `sum-of-${index}-at-${id}` };
    this.node(id).disk.snapshot = snapshot;
    this.feed(id, { type: "snapshotTaken", snapshot });
    return snapshot;
  }

  /** The process ends; what waits for the disk is lost. */
  crash(id: string): void {
    const node = this.node(id);
    node.isUp = false;
    node.waiting = [];
  }

  restart(id: string, changed: Partial<Disk> = {}): RigNode {
    const node = this.node(id);
    Object.assign(node.disk, changed);
    node.isUp = true;
    node.waiting = [];
    node.applied = node.applied.filter(({ index }) => index <= (node.disk.snapshot?.index ?? 0));
    node.raft = this.#start(id, node.disk);
    return node;
  }

  /** What became of a request. */
  outcome(id: string, request: number): string {
    const about = this.node(id).effects.filter((each) => "id" in each && each.id === request);
    return about.map((each) => (each.type === "refused" ? each.reason : each.type)).join();
  }

  texts(id: string): string {
    return this.node(id)
      .applied.flatMap((entry) => (entry.kind === "command" ? [new TextDecoder().decode(entry.data)] : []))
      .join();
  }

  #start(id: string, disk: Disk): Raft {
    const { configuration, entries, hardState, isDamaged, pieces, snapshot } = disk;
    const receiving = pieces && { snapshot: pieces.snapshot, offset: pieces.bytes.length };
    const durable: DurableState = {
      ...{ hardState, snapshot, isDamaged, configuration, receiving },
      entries: entries.filter(({ index }) => index > (snapshot?.index ?? 0)),
    };
    const random = seededRandom(this.#seed++);
    return new Raft({ id, durable, options: this.options, random, rules: this.rules, nowMs: this.nowMs });
  }

  #carryOut(node: RigNode, effect: RaftEffect): void {
    if (effect.type === "send") this.mail.push({ from: node.id, to: effect.to, message: effect.message });
    else if (effect.type === "persist") this.#persist(node, effect);
    else if (effect.type === "commit") node.applied.push(...effect.entries);
    else if (effect.type === "repaired") node.disk.isDamaged = false;
    else if (effect.type === "storePiece") this.#store(node, effect);
    else if (effect.type === "restore") this.#restore(node, effect.snapshot);
    else if (effect.type === "readPiece") {
      const { offset, sizeBytesMax, snapshot, to } = effect;
      this.feed(node.id, {
        type: "piece",
        to,
        snapshot,
        offset,
        data: new Uint8Array(sizeBytesMax).fill(offset % 251),
      });
    }
  }

  #persist(node: RigNode, { entries, hardState }: EffectOf<"persist">): void {
    const { disk } = node;
    if (hardState !== undefined) disk.hardState = hardState;
    const [first, last] = [entries[0], entries.at(-1)];
    if (first === undefined || last === undefined) return;
    disk.entries = [...disk.entries.filter(({ index }) => index < first.index), ...entries];
    this.feed(node.id, { type: "persisted", index: last.index, term: last.term });
  }

  #store(node: RigNode, { data, offset, snapshot }: EffectOf<"storePiece">): void {
    const { disk } = node;
    if (offset === 0 || disk.pieces?.snapshot.checksum !== snapshot.checksum)
      disk.pieces = { snapshot, bytes: new Uint8Array(0) };
    if (disk.pieces.bytes.length !== offset) throw new Error(`piece at ${offset}, ${disk.pieces.bytes.length} stored`);
    disk.pieces.bytes = Buffer.concat([disk.pieces.bytes, data]);
    this.feed(node.id, { type: "pieceStored", snapshot, offset: offset + data.length });
  }

  #restore(node: RigNode, snapshot: SnapshotInfo): void {
    const { disk } = node;
    const isHere = disk.pieces?.snapshot.checksum === snapshot.checksum;
    const ok = snapshot.sizeBytes === 0 || (isHere && disk.pieces?.bytes.length === snapshot.sizeBytes);
    if (ok) {
      disk.snapshot = snapshot;
      disk.entries = [];
      node.applied = [{ kind: "noop", index: snapshot.index, term: snapshot.term }];
    }
    disk.pieces = undefined;
    this.feed(node.id, { type: "restored", snapshot, ok });
  }
}

export function textOfMail({ from, message, to }: Mail): string {
  return `${from}→${to} ${message.type}`;
}
