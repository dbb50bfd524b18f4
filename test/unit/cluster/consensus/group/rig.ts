/** Groups on logs in memory, a network that a test can cut, and a clock that moves only when it is told to. */
import { seededRandom } from "../../../../../src/base/random.ts";
import {
  type GroupLog,
  type LogFinding,
  RaftGroup,
  type ReplicatedMachine,
  type SnapshotPolicy,
} from "../../../../../src/cluster/consensus/group/index.ts";
import {
  type DurableState,
  type Entry,
  type HardState,
  raftOptions,
  type SnapshotInfo,
} from "../../../../../src/protocol/raft/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

/** The commands that were applied, and a time that is due when a command says so. */
export class ListMachine implements ReplicatedMachine {
  readonly applied: string[] = [];
  clockMs = 0;
  nextDueMs: number | undefined;

  apply(command: Uint8Array, at: { readonly index: number; readonly clockMs: number }): unknown {
    this.clockMs = Math.max(this.clockMs, at.clockMs);
    if (this.nextDueMs !== undefined && this.clockMs >= this.nextDueMs) {
      this.nextDueMs = undefined;
      this.applied.push("due");
    }
    const text = new TextDecoder().decode(command);
    const [, dueInMs] = /^due in (\d+)$/.exec(text) ?? [];
    if (dueInMs !== undefined) this.nextDueMs = this.clockMs + Number(dueInMs);
    else if (text !== "tick") this.applied.push(text);
    return `${text}!`;
  }

  skip(): void {}

  tick(): Uint8Array {
    return new TextEncoder().encode("tick");
  }

  snapshot(): Iterable<Uint8Array> {
    return [new TextEncoder().encode(JSON.stringify([this.applied, this.clockMs, this.nextDueMs ?? null]))];
  }

  restore(pieces: Iterable<Uint8Array>): void {
    const text = new TextDecoder().decode(Buffer.concat([...pieces]));
    const [applied, clockMs, dueMs] = JSON.parse(text) as [string[], number, number | null]; // written above
    this.applied.splice(0, this.applied.length, ...applied);
    this.clockMs = clockMs;
    this.nextDueMs = dueMs ?? undefined;
  }
}

/** What survives a crash. `holds` makes writes wait until `release`. */
export class MemoryLog implements GroupLog {
  hardState: HardState = { term: 0, votedFor: undefined };
  entries: Entry[] = [];
  snapshot: { readonly info: SnapshotInfo; readonly bytes: Uint8Array } | undefined;
  holds = false;
  failure: Error | undefined;
  isClosed = false;
  closeFailure: Error | undefined;
  repairs = 0;
  readonly #held: (() => void)[] = [];
  #received: Uint8Array[] = [];

  persist(hardState: HardState | undefined, entries: readonly Entry[]): void | Promise<void> {
    if (this.failure) throw this.failure;
    const write = (): void => {
      if (hardState) this.hardState = hardState;
      const from = entries[0]?.index ?? Number.POSITIVE_INFINITY;
      this.entries = [...this.entries.filter(({ index }) => index < from), ...entries];
    };
    if (!this.holds) return write();
    return new Promise((resolve) => {
      this.#held.push(() => {
        write();
        resolve();
      });
    });
  }

  release(): void {
    this.holds = false;
    for (const write of this.#held.splice(0)) write();
  }

  compact(throughIndex: number): void {
    this.entries = this.entries.filter(({ index }) => index > throughIndex);
  }

  async takeSnapshot(
    at: Pick<SnapshotInfo, "index" | "term" | "configuration">,
    pieces: Iterable<Uint8Array>,
  ): Promise<SnapshotInfo> {
    const bytes = Buffer.concat([...pieces]);
    const info = { ...at, sizeBytes: bytes.length, checksum: Bun.hash(bytes).toString(16) };
    this.snapshot = { info, bytes };
    return info;
  }

  readPiece(_: SnapshotInfo, offset: number, sizeBytesMax: number): Uint8Array {
    return this.snapshot!.bytes.slice(offset, offset + sizeBytesMax);
  }

  storePiece(_: SnapshotInfo, offset: number, data: Uint8Array): void {
    if (offset === 0) this.#received = [];
    this.#received.push(data);
  }

  installSnapshot(info: SnapshotInfo): void {
    const bytes = Buffer.concat(this.#received);
    if (Bun.hash(bytes).toString(16) !== info.checksum) throw new Error("other bytes");
    this.snapshot = { info, bytes };
    this.entries = [];
  }

  readSnapshot(): Iterable<Uint8Array> {
    return [this.snapshot!.bytes];
  }

  findings: LogFinding[] = [];
  rewritten: readonly Entry[] | undefined;

  async scrub(): Promise<readonly LogFinding[]> {
    return this.findings.splice(0);
  }

  async rewrite(entries: readonly Entry[]): Promise<void> {
    this.rewritten = entries;
    this.entries = [...entries];
  }

  markRepaired(): void {
    this.repairs++;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    if (this.closeFailure) throw this.closeFailure;
  }

  durable(voters: readonly string[]): DurableState {
    const configuration = { voters, votersOutgoing: [], learners: [] };
    const { entries, hardState, snapshot } = this;
    return { hardState, snapshot: snapshot?.info, entries: [...entries], isDamaged: false, configuration };
  }
}

export interface Node {
  readonly group: RaftGroup;
  readonly machine: ListMachine;
  readonly log: MemoryLog;
  readonly failures: unknown[];
  readonly told: string[];
}

export class Rig {
  readonly clock = new SteppedClock();
  readonly nodes = new Map<string, Node>();
  readonly cut = new Set<string>();
  readonly #voters: readonly string[];
  readonly #snapshots: SnapshotPolicy | undefined;

  constructor(voters: readonly string[], snapshots?: SnapshotPolicy) {
    this.#voters = voters;
    this.#snapshots = snapshots;
    for (const id of voters) this.start(id);
  }

  /** Its next life, when it has had one. */
  start(id: string, log = this.nodes.get(id)?.log ?? new MemoryLog()): Node {
    const machine = new ListMachine();
    const failures: unknown[] = [];
    const told: string[] = [];
    if (log.snapshot) machine.restore([log.snapshot.bytes]);
    const durable = log.durable(this.#voters);
    const raft = raftOptions({ keepEntries: 2 });
    const group = new RaftGroup(
      { name: "main", self: id, durable, raft, snapshots: this.#snapshots },
      {
        clock: this.clock,
        random: seededRandom(id.charCodeAt(0) * 7919),
        log,
        machine,
        defer: (callback) => void this.clock.after(0, callback),
        send: (to, message) => {
          if (this.cut.has(id) || this.cut.has(to) || !this.nodes.has(to)) return false;
          this.clock.after(1, () => {
            if (!this.cut.has(id) && !this.cut.has(to)) this.nodes.get(to)?.group.receive(id, message);
          });
          return true;
        },
        failed: (thrown) => failures.push(thrown),
        tell: (text) => told.push(text),
      },
    );
    const node = { group, machine, log, failures, told };
    this.nodes.set(id, node);
    group.start();
    return node;
  }

  /** Lets time pass, and promises settle, until somebody leads. */
  async leader(): Promise<Node> {
    const found = (): Node | undefined =>
      [...this.nodes].find(([id, { group }]) => !this.cut.has(id) && group.leadership.isLeading)?.[1];
    await this.until(() => found() !== undefined);
    return found()!;
  }

  async until(condition: () => boolean): Promise<void> {
    for (let steps = 0; steps < 20_000 && !condition(); steps++) await this.pass(1);
    if (!condition()) throw new Error("it does not come to that within 20 s");
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed++) {
      this.clock.advance(1);
      for (let turns = 0; turns < 8; turns++) await Promise.resolve();
    }
  }

  others(node: Node): readonly Node[] {
    return [...this.nodes.values()].filter((each) => each !== node);
  }
}

export function command(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
