/**
 * Who knows the truth of all Raft nodes of a world: what each has on its disk, what it has promised and acknowledged, who led in
 * which term, and what was committed by anyone ever. It looks at every step, every message and every entry that is applied, and
 * throws at the first one that breaks a property of Raft. It asks no machine what it believes, except for role, term and commit.
 */
import type {
  DurableState,
  Entry,
  HardState,
  NodeId,
  RaftMessage,
  SnapshotInfo,
} from "../../../src/protocol/raft/index.ts";
import { Violation } from "../run/index.ts";
import { EntryLog, isQuorum, isSafeChange } from "./raft-entry-log.ts";
import type { RaftStore } from "./raft-store.ts";
import { entryTag, indexOf, nameOf } from "./raft-wire.ts";

/** What is asked of a machine. */
export interface RaftView {
  readonly role: "follower" | "preCandidate" | "candidate" | "leader" | "learner";
  readonly term: number;
  readonly commit: number;
}

interface Known {
  name: string;
  /** As the machine has it, and as the disk has it. */
  placed: EntryLog;
  durable: EntryLog;
  hardState: HardState;
  /** The highest term that others have heard of from it, and its vote. */
  promised: HardState;
  acknowledged: number;
  /** From here on it is being written anew: a crash may leave either. */
  cutFrom: number;
  commit: number;
  ledTerm: number;
  /** What it had before it was damaged, each time: it may have acknowledged what is not there. */
  lost: EntryLog[];
  isDamaged: boolean;
  /** The name of its damage in this life, once it has said it. */
  repairId: number | undefined;
  /** Of whose latest damage it has heard. */
  readonly told: Set<NodeId>;
}

interface Origin {
  readonly tag: number;
  readonly termBefore: number;
}

/** More entries than any run has. */
const INDEXES_MAX = 2 ** 20;

export class RaftOracle {
  readonly #nodes: Known[];
  /** By term. */
  readonly #leaders = new Map<number, string>();
  /** By term: who has said yes to whom. */
  readonly #grants = new Map<number, Map<NodeId, NodeId>>();
  /** By index and term: one content, one predecessor. */
  readonly #origins = new Map<number, Origin>();
  readonly #terms: number[] = [0];
  readonly #tags: number[] = [0];
  /** In which term it was committed first. */
  readonly #since: number[] = [0];
  readonly #histories = new Map<number, number>([[0, 0]]);
  elections = 0;
  /** Taken over from a leader. */
  snapshots = 0;
  repairs = 0;

  constructor(nodes: number) {
    this.#nodes = Array.from({ length: nodes }, (_, index) => ({
      name: `node ${index}`,
      placed: new EntryLog(),
      durable: new EntryLog(),
      hardState: { term: 0, votedFor: undefined },
      promised: { term: 0, votedFor: undefined },
      acknowledged: 0,
      cutFrom: Number.POSITIVE_INFINITY,
      commit: 0,
      ledTerm: 0,
      lost: [],
      isDamaged: false,
      repairId: undefined,
      told: new Set<NodeId>(),
    }));
  }

  /** The highest index that is committed. */
  get committed(): number {
    return this.#terms.length - 1;
  }

  /** The node's disk is about to be damaged. */
  damaged(index: number): void {
    const node = this.#nodes[index]!;
    node.lost.push(node.durable);
    node.isDamaged = true;
    node.repairId = undefined;
    for (const other of this.#nodes) other.told.delete(nameOf(index));
  }

  /** It may lack something, and has not been repaired. */
  isDamaged(index: number): boolean {
    return this.#nodes[index]!.isDamaged;
  }

  /** Something that it has lost and that is committed is still not there. */
  isLacking(index: number): boolean {
    const { durable, lost } = this.#nodes[index]!;
    for (let at = durable.base + 1; lost.length > 0 && at <= this.committed; at++) {
      const term = this.#terms[at]!;
      if (!durable.has(at, term) && lost.some((log) => log.has(at, term))) return true;
    }
    return false;
  }

  /** The node holds itself for whole again. */
  repaired(index: number): void {
    const node = this.#nodes[index]!;
    if (this.isLacking(index)) fail(`${node.name} is repaired and lacks what it has lost`);
    node.lost = [];
    node.isDamaged = false;
    this.repairs++;
  }

  born(index: number, life: number, durable: DurableState, store: RaftStore): void {
    const node = this.#nodes[index]!;
    node.name = `node ${index} in life ${life}`;
    const { hardState, snapshot, entries, configuration } = durable;
    node.placed = EntryLog.of(snapshot, entries, configuration);
    node.durable = EntryLog.of(snapshot, entries, configuration);
    node.hardState = hardState;
    node.commit = snapshot?.index ?? 0;
    node.ledTerm = 0;
    node.repairId = undefined;
    node.told.clear();
    const { term, votedFor } = node.promised;
    if (
      hardState.term < term ||
      (hardState.term === term && votedFor !== undefined && hardState.votedFor !== votedFor)
    ) {
      fail(`${node.name} comes back with ${said(hardState)} and others have heard of ${said(node.promised)}`);
    }
    node.acknowledged = Math.min(node.acknowledged, node.cutFrom - 1);
    node.cutFrom = Number.POSITIVE_INFINITY;
    if (durable.isDamaged && !node.isDamaged) fail(`${node.name} holds its disk for damaged, and it is not`);
    if (durable.isDamaged) node.acknowledged = Math.min(node.acknowledged, node.durable.last);
    else if (!this.isLacking(index)) [node.lost, node.isDamaged] = [[], false];
    if (node.durable.last < node.acknowledged) {
      fail(`${node.name} has acknowledged entry ${node.acknowledged} and comes back with ${node.durable.last} entries`);
    }
    for (const entry of entries) this.#origin(node, entry);
    this.#compare(node, store);
  }

  /** What the machine wants to write, when it has committed so much. */
  placed(index: number, entries: readonly Entry[], commit: number): void {
    const [node, first] = [this.#nodes[index]!, entries[0]];
    if (first === undefined) return;
    if (first.index > node.placed.last + 1)
      fail(`${node.name} has ${node.placed.last} entries and writes ${first.index}`);
    if (first.index <= node.commit)
      fail(`${node.name} writes entry ${first.index} anew and ${node.commit} is committed`);
    const isConflict = entries.some(({ index, term }) => node.placed.last >= index && !node.placed.has(index, term));
    if (!isConflict && entries.at(-1)!.index < node.placed.last) {
      fail(`${node.name} drops entries behind ${entries.at(-1)!.index}, of ${node.placed.last}, without a conflict`);
    }
    if (isConflict) node.cutFrom = Math.min(node.cutFrom, first.index);
    for (const entry of entries) {
      const before = node.placed.change;
      const isNew = !this.#origins.has(keyOf(entry));
      node.placed.place([entry]);
      this.#origin(node, entry);
      if (!isNew || entry.kind !== "configuration") continue;
      if (before.index > commit) fail(`${node.name} begins a change of members while another is not committed`);
      if (!isSafeChange(before.configuration, entry.configuration)) {
        const [old, now] = [JSON.stringify(before.configuration), JSON.stringify(entry.configuration)];
        fail(`${node.name} goes from ${old} to ${now}, which may decide without each other`);
      }
    }
  }

  /** The disk has it. */
  durable(index: number, hardState: HardState | undefined, entries: readonly Entry[]): void {
    const node = this.#nodes[index]!;
    if (hardState !== undefined) node.hardState = hardState;
    for (const entry of entries) if (node.placed.has(entry.index, entry.term)) this.#origin(node, entry);
    // A snapshot that was restored meanwhile may have taken their place.
    const behind = entries.filter((entry) => entry.index > node.durable.base);
    const first = behind[0];
    if (first === undefined || first.index > node.durable.last + 1) return;
    if (!node.durable.has(first.index, first.term)) node.acknowledged = Math.min(node.acknowledged, first.index - 1);
    node.durable.place(behind);
    if (node.durable.last === node.placed.last) node.cutFrom = Number.POSITIVE_INFINITY;
  }

  /** The machine wants a snapshot in the place of its log. */
  replaced(index: number, snapshot: SnapshotInfo): void {
    const node = this.#nodes[index]!;
    if (snapshot.index < node.commit)
      fail(`${node.name} goes back from ${node.commit} to a snapshot of ${snapshot.index}`);
    const isNeeded = snapshot.index > node.placed.last || !node.placed.has(snapshot.index, snapshot.term);
    if (!isNeeded && snapshot.index < node.acknowledged) {
      fail(
        `${node.name} drops entries up to ${node.acknowledged} for a snapshot of ${snapshot.index}, which it has no need of`,
      );
    }
    node.acknowledged = Math.min(node.acknowledged, snapshot.index);
  }

  /** And has it. */
  restored(index: number, snapshot: SnapshotInfo, store: RaftStore): void {
    const node = this.#nodes[index]!;
    node.placed.reset(snapshot);
    node.durable.reset(snapshot);
    this.snapshots++;
    this.#compare(node, store);
  }

  stepped(index: number, view: RaftView): void {
    const node = this.#nodes[index]!;
    const isElected = view.role === "leader" && view.term !== node.ledTerm;
    if (isElected && !this.#isPending(node, index, view.term)) this.#elected(node, index, view.term);
    if (view.commit < node.commit) fail(`${node.name} goes back from commit ${node.commit} to ${view.commit}`);
    if (view.commit > node.commit) this.#commits(node, view);
  }

  sent(index: number, to: NodeId, message: RaftMessage): void {
    const node = this.#nodes[index]!;
    const { term, type } = message;
    if (type === "preVote" || type === "preVoteReply") return;
    if (term > node.hardState.term)
      fail(`${node.name} says ${type} in term ${term} and its disk has ${said(node.hardState)}`);
    if (term > node.promised.term) node.promised = { term, votedFor: undefined };
    if (type === "append" || type === "snapshot" || type === "timeoutNow") {
      if (this.#leaders.get(term) !== node.name) fail(`${node.name} says ${type} in term ${term} and does not lead`);
    }
    if (type === "vote") this.#promise(node, index, term, nameOf(index));
    if (type === "voteReply" && message.granted) this.#promise(node, index, term, to);
    if (type === "appendReply" || type === "snapshotReply") node.repairId ??= message.repairId;
    if (type === "appendReply" && message.match !== undefined) this.#acknowledge(node, message.match);
    if (type === "snapshotReply" && message.index <= node.durable.base) this.#acknowledge(node, message.index);
  }

  /** It is about to be told so by another node. */
  heard(index: number, from: NodeId, message: RaftMessage): void {
    if (message.type !== "appendReply" && message.type !== "snapshotReply") return;
    const node = this.#nodes[index]!;
    const { repairId } = this.#nodes[indexOf(from)]!;
    const isLatest = message.repairId !== undefined && message.repairId === repairId;
    if (isLatest && message.term === node.ledTerm) node.told.add(from);
  }

  applied(index: number, entry: Entry, history: number): void {
    const node = this.#nodes[index]!;
    const [term, tag] = [this.#terms[entry.index], this.#tags[entry.index]];
    if (term !== entry.term || tag !== entryTag(entry)) {
      fail(`${node.name} applies ${entry.index}:${entry.term} and ${entry.index}:${term} is committed there`);
    }
    if (!node.durable.has(entry.index, entry.term)) fail(`${node.name} applies ${entry.index}, which its disk has not`);
    this.#history(node, entry.index, history);
  }

  /** Alone it leads at once, but what it says waits until its own vote is durable: only then it has begun. */
  #isPending({ hardState, placed }: Known, index: number, term: number): boolean {
    return hardState.term < term && isQuorum(placed.change.configuration, (id) => id === nameOf(index));
  }

  #elected(node: Known, index: number, term: number): void {
    const other = this.#leaders.get(term);
    if (other !== undefined && other !== node.name) fail(`${node.name} and ${other} both lead in term ${term}`);
    this.elections++;
    this.#leaders.set(term, node.name);
    node.ledTerm = term;
    node.told.clear();
    const yes = this.#grants.get(term) ?? new Map<NodeId, NodeId>();
    if (node.hardState.term === term && node.hardState.votedFor === nameOf(index))
      yes.set(nameOf(index), nameOf(index));
    const { configuration } = node.placed.change;
    if (!isQuorum(configuration, (id) => yes.get(id) === nameOf(index))) {
      fail(
        `${node.name} leads in term ${term} with the votes of ${[...yes.keys()].filter((id) => yes.get(id) === nameOf(index)).join(" ")} only`,
      );
    }
    for (let at = node.placed.base + 1; at <= this.committed; at++) {
      if (this.#since[at]! >= term) continue;
      if (node.placed.termAt(at) !== this.#terms[at] || node.placed.tagAt(at) !== this.#tags[at]) {
        fail(`${node.name} leads in term ${term} without entry ${at}:${this.#terms[at]}, which is committed`);
      }
    }
  }

  #commits(node: Known, { term, commit }: RaftView): void {
    for (let at = Math.max(node.commit, node.placed.base) + 1; at <= commit; at++) {
      const [own, tag] = [node.placed.termAt(at), node.placed.tagAt(at)];
      if (own === undefined) fail(`${node.name} commits entry ${at} and has ${node.placed.last}`);
      if (at > this.committed) {
        this.#terms.push(own!);
        this.#tags.push(tag!);
        this.#since.push(term);
        if (at === commit) this.#decided(node, term, commit);
      } else if (own !== this.#terms[at] || tag !== this.#tags[at]) {
        fail(`${node.name} commits ${at}:${own} and ${at}:${this.#terms[at]} was committed there before`);
      }
    }
    node.commit = commit;
  }

  /** Nobody has committed so far before: by what right? */
  #decided(node: Known, term: number, commit: number): void {
    const own = this.#terms[commit]!;
    // It may have stepped down in this very step: the entry has led it out.
    if (node.ledTerm !== term) fail(`${node.name} commits ${commit}:${own}, which no leader has committed`);
    if (own !== term) fail(`${node.name} leads in term ${term} and commits ${commit}:${own} by counting`);
    const { configuration } = node.placed.change;
    const has = (id: NodeId): boolean => {
      const voter = this.#nodes[indexOf(id)]!;
      // One that is damaged may have said so before, and the leader has not heard of the damage.
      const isExcused = !node.told.has(id) && voter.lost.some((log) => log.has(commit, own));
      return isExcused || voter.durable.has(commit, own);
    };
    if (isQuorum(configuration, has)) return;
    const having = [...configuration.voters, ...configuration.votersOutgoing].filter(has);
    fail(`${node.name} commits ${commit}:${own}, which is durable on ${having.join(" ")} only`);
  }

  #promise(node: Known, index: number, term: number, to: NodeId): void {
    if (node.promised.term === term && node.promised.votedFor !== undefined && node.promised.votedFor !== to) {
      fail(`${node.name} votes for ${to} in term ${term} and has voted for ${node.promised.votedFor}`);
    }
    if (node.hardState.term !== term || node.hardState.votedFor !== to) {
      fail(`${node.name} votes for ${to} in term ${term} and its disk has ${said(node.hardState)}`);
    }
    if (this.isLacking(index)) fail(`${node.name} votes in term ${term} and has lost what is committed`);
    node.promised = { term, votedFor: to };
    const grants = this.#grants.get(term) ?? new Map<NodeId, NodeId>();
    grants.set(nameOf(index), to);
    this.#grants.set(term, grants);
  }

  #acknowledge(node: Known, match: number): void {
    if (match > node.durable.last)
      fail(`${node.name} acknowledges entry ${match} and its disk has ${node.durable.last}`);
    node.acknowledged = Math.max(node.acknowledged, match);
  }

  /** Log matching: an index and a term name one entry and one predecessor, so by induction one beginning of the log. */
  #origin(node: Known, entry: Entry): void {
    // Nothing of a term that its own disk does not know has left it.
    if (entry.term > node.hardState.term || node.placed.covers(entry.index)) return;
    const [key, tag] = [keyOf(entry), entryTag(entry)];
    const termBefore = node.placed.termAt(entry.index - 1) ?? -1;
    const known = this.#origins.get(key);
    if (known === undefined) this.#origins.set(key, { tag, termBefore });
    else if (known.tag !== tag) fail(`${node.name} has another entry ${entry.index}:${entry.term} than others`);
    else if (known.termBefore !== termBefore) {
      fail(
        `${node.name} has ${entry.index}:${entry.term} behind an entry of term ${termBefore}, others of ${known.termBefore}`,
      );
    }
  }

  #compare(node: Known, store: RaftStore): void {
    if (this.#histories.has(store.index)) this.#history(node, store.index, store.history);
    else fail(`${node.name} has a snapshot of ${store.index}, which nobody has applied`);
  }

  #history(node: Known, index: number, history: number): void {
    const known = this.#histories.get(index);
    if (known === undefined) this.#histories.set(index, history);
    else if (known !== history) fail(`${node.name} has another history up to ${index} than others`);
  }
}

function keyOf({ index, term }: Entry): number {
  return term * INDEXES_MAX + index;
}

function said({ term, votedFor }: HardState): string {
  return votedFor === undefined ? `term ${term}` : `a vote for ${votedFor} in term ${term}`;
}

function fail(message: string): never {
  throw new Violation(message);
}
