/**
 * When the state is written down, and where the pieces of snapshots come from and go to. One is taken at a time, beside the work,
 * after so many entries or bytes; the log before it may go then.
 */
import { Failure, messageOf } from "../../../base/errors.ts";
import type { Configuration, RaftEffect, RaftInput, SnapshotInfo } from "../../../protocol/raft/index.ts";
import type { GroupPorts } from "./ports.ts";

export interface SnapshotPolicy {
  /** Applied since the last one. */
  readonly everyEntries: number;
  readonly everyBytes: number;
}

/** As many as are read again in about a second after a restart. */
export const SNAPSHOT_POLICY: SnapshotPolicy = { everyEntries: 50_000, everyBytes: 64 * 1024 * 1024 };

/** Of an entry beside its command, in memory. */
const ENTRY_BYTES = 64;
/** Half of what the machine holds at most: it refuses proposals beyond that. */
const LOG_BYTES_MAX = 128 * 1024 * 1024;

interface Place {
  readonly index: number;
  readonly term: number;
  readonly configuration: Configuration;
}

export class SnapshotKeeper {
  readonly #ports: Pick<GroupPorts, "log" | "machine" | "tell">;
  readonly #policy: SnapshotPolicy;
  readonly #feed: (input: RaftInput) => void;
  /** The oldest entry that the machine still wants. */
  readonly #firstIndex: () => number;
  readonly #end = new AbortController();
  #last: SnapshotInfo | undefined;
  #entries = 0;
  #bytes = 0;
  #underWay: Promise<SnapshotInfo> | undefined;

  constructor(
    ports: Pick<GroupPorts, "log" | "machine" | "tell">,
    policy: SnapshotPolicy,
    last: SnapshotInfo | undefined,
    { feed, firstIndex }: { readonly feed: (input: RaftInput) => void; readonly firstIndex: () => number },
  ) {
    this.#ports = ports;
    this.#policy = policy;
    this.#last = last;
    this.#feed = feed;
    this.#firstIndex = firstIndex;
  }

  /** The one in force. */
  get last(): SnapshotInfo | undefined {
    return this.#last;
  }

  /** Of entries that the state machine has now. */
  applied(entries: number, bytes: number): void {
    this.#entries += entries;
    this.#bytes += bytes;
  }

  /** A large state is not written down for few changes; but the log, which is in memory, must not grow without end either. */
  get isDue(): boolean {
    const { everyBytes, everyEntries } = this.#policy;
    if (this.#entries < everyEntries && this.#bytes < everyBytes) return false;
    const size = this.#bytes + this.#entries * ENTRY_BYTES;
    return size >= Math.min((this.#last?.sizeBytes ?? 0) / 2, LOG_BYTES_MAX);
  }

  /** Of the state as it is now. One that is under way is enough. Fails as the disk does. */
  take(place: Place): Promise<SnapshotInfo> {
    this.#underWay ??= this.#take(place).finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #take({ configuration, index, term }: Place): Promise<SnapshotInfo> {
    const { log, machine } = this.#ports;
    this.#entries = 0;
    this.#bytes = 0;
    const info = await log.takeSnapshot({ index, term, configuration }, machine.snapshot(), this.#end.signal);
    if (this.#end.signal.aborted) throw new Failure("consensus.closed", "the group was closed", { retryable: true });
    this.#last = info;
    this.#feed({ type: "snapshotTaken", snapshot: info });
    await log.compact(this.#firstIndex() - 1);
    return info;
  }

  async read({ offset, sizeBytesMax, snapshot, to }: Extract<RaftEffect, { type: "readPiece" }>): Promise<void> {
    try {
      const data = await this.#ports.log.readPiece(snapshot, offset, sizeBytesMax);
      this.#feed({ type: "piece", to, snapshot, offset, data });
    } catch (thrown) {
      // A newer one has taken its place, or it is damaged: the machine asks for the newest when the follower is heard again.
      this.#ports.tell("a piece of a snapshot cannot be read", {
        to,
        index: snapshot.index,
        reason: messageOf(thrown),
      });
      this.#feed({ type: "unreachable", node: to });
    }
  }

  async store({ data, offset, snapshot }: Extract<RaftEffect, { type: "storePiece" }>): Promise<void> {
    await this.#ports.log.storePiece(snapshot, offset, data);
    this.#feed({ type: "pieceStored", snapshot, offset: offset + data.byteLength });
  }

  /** Gives whether it is in force. */
  async restore(snapshot: SnapshotInfo): Promise<boolean> {
    const { log, machine, tell } = this.#ports;
    try {
      await log.installSnapshot(snapshot);
    } catch (thrown) {
      tell("a snapshot that was received cannot be used", { index: snapshot.index, reason: messageOf(thrown) });
      this.#feed({ type: "restored", snapshot, ok: false });
      return false;
    }
    machine.restore(log.readSnapshot(snapshot));
    this.#last = snapshot;
    this.#entries = 0;
    this.#bytes = 0;
    this.#feed({ type: "restored", snapshot, ok: true });
    return true;
  }

  close(): void {
    this.#end.abort();
  }
}
