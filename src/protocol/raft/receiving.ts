/**
 * A snapshot that comes from the leader in pieces. What is stored of it is kept when the leader changes, as long as the next one sends
 * the same bytes; an older or repeated piece does no harm: the answer says where to go on. When all is durable the state machine is
 * replaced, and until that is done the log stands still.
 */
import type { Core } from "./core.ts";
import type { DurableState, NodeId, RaftMessage, SnapshotInfo } from "./messages.ts";
import type { Repair } from "./repair.ts";
import { isSameSnapshot } from "./sending.ts";

type SnapshotMessage = Extract<RaftMessage, { type: "snapshot" }>;

interface Incoming {
  readonly snapshot: SnapshotInfo;
  /** Given to the disk, and durable there. */
  taken: number;
  stored: number;
  /** Of the leader that sent of it last. */
  term: number;
  from: NodeId | undefined;
  round: number;
}

export class SnapshotReceiving {
  readonly #core: Core;
  readonly #repair: Repair;
  #incoming: Incoming | undefined;

  constructor(core: Core, repair: Repair, found: DurableState["receiving"]) {
    this.#core = core;
    this.#repair = repair;
    if (found === undefined || found.snapshot.index <= core.commit) return;
    const { offset, snapshot } = found;
    this.#incoming = { snapshot, taken: offset, stored: offset, term: 0, from: undefined, round: 0 };
  }

  /** Of the leader of this term. */
  onPiece(from: NodeId, message: SnapshotMessage): void {
    const core = this.#core;
    this.#repair.ask(message.repair);
    if (this.#isHere(message.snapshot)) return this.#confirm(from, message.snapshot, message.round);
    const incoming = this.#accept(message);
    if (incoming === undefined) return;
    // Rounds begin anew with each leader.
    incoming.round = incoming.term === core.term ? Math.max(incoming.round, message.round) : message.round;
    incoming.term = core.term;
    incoming.from = from;
    if (core.isRestoring) return;
    const { data, offset } = message;
    if (data.length === 0 || offset !== incoming.taken) return this.#answer(incoming);
    incoming.taken += data.length;
    core.emit({ type: "storePiece", snapshot: incoming.snapshot, offset, data });
  }

  onStored(snapshot: SnapshotInfo, offset: number): void {
    const incoming = this.#incoming;
    if (incoming === undefined || !isSameSnapshot(incoming.snapshot, snapshot) || this.#core.isRestoring) return;
    incoming.stored = Math.max(incoming.stored, Math.min(offset, incoming.taken));
    this.#answer(incoming);
  }

  onRestored(snapshot: SnapshotInfo, ok: boolean): void {
    const core = this.#core;
    const incoming = this.#incoming;
    if (!core.isRestoring || incoming === undefined || !isSameSnapshot(incoming.snapshot, snapshot)) return;
    core.isRestoring = false;
    if (ok) {
      this.#incoming = undefined;
      core.replaceWith(snapshot);
      this.#arrived(snapshot.index);
    } else {
      incoming.taken = 0;
      incoming.stored = 0;
    }
    this.#tell(incoming, ok ? snapshot.sizeBytes : 0);
  }

  /** Is all that it stands for in the log already? Then it is committed now, and no bytes are needed. */
  #isHere({ index, term }: SnapshotInfo): boolean {
    const { commit, isRestoring, log } = this.#core;
    return !isRestoring && (index <= commit || log.termAt(index) === term);
  }

  #confirm(from: NodeId, snapshot: SnapshotInfo, round: number): void {
    this.#skip(snapshot.index);
    this.#send(from, snapshot, snapshot.sizeBytes, round);
  }

  #skip(index: number): void {
    const core = this.#core;
    if (this.#incoming !== undefined && this.#incoming.snapshot.index <= index) this.#incoming = undefined;
    core.commitTo(index);
    core.handOut();
    this.#arrived(index);
  }

  #arrived(index: number): void {
    this.#repair.matched(index);
    this.#repair.check();
  }

  /** The one that this piece belongs to. Of one leader only a newer one is begun; another leader may have an older one. */
  #accept({ snapshot }: SnapshotMessage): Incoming | undefined {
    const { isRestoring, term } = this.#core;
    const incoming = this.#incoming;
    if (incoming !== undefined && isSameSnapshot(incoming.snapshot, snapshot)) return incoming;
    if (isRestoring) return undefined;
    if (incoming?.term === term && incoming.snapshot.index >= snapshot.index) return undefined;
    this.#incoming = { snapshot, taken: 0, stored: 0, term, from: undefined, round: 0 };
    return this.#incoming;
  }

  /**
   * Where to go on; when nothing is missing the state machine is replaced, and the answer waits for that. Entries may have overtaken the
   * pieces: then nothing is replaced, since the log behind it may have been acknowledged.
   */
  #answer(incoming: Incoming): void {
    const { snapshot, stored } = incoming;
    const core = this.#core;
    if (this.#isHere(snapshot)) {
      this.#skip(snapshot.index);
      return this.#tell(incoming, snapshot.sizeBytes);
    }
    if (stored < snapshot.sizeBytes) return this.#tell(incoming, stored);
    core.isRestoring = true;
    core.emit({ type: "restore", snapshot });
  }

  /** Unless the leader is another by now. */
  #tell({ from, round, snapshot, term }: Incoming, offset: number): void {
    if (from !== undefined && term === this.#core.term) this.#send(from, snapshot, offset, round);
  }

  #send(to: NodeId, { checksum, index }: SnapshotInfo, offset: number, round: number): void {
    const { term } = this.#core;
    this.#core.send(to, { type: "snapshotReply", term, index, checksum, offset, round, repairId: this.#repair.id });
  }
}
