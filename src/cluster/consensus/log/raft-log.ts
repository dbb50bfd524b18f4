/**
 * The durable log of one Raft group in one directory: opens it, whatever state it is in, and binds its journal, its snapshots and the
 * note of damage together. One caller writes at a time; reading pieces of snapshots, taking one and scrubbing go on beside.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { FileLock } from "../../../base/file-lock.ts";
import type { Random } from "../../../base/random.ts";
import type { Entry, HardState, SnapshotInfo } from "../../../protocol/raft/index.ts";
import { encodeText } from "./bytes.ts";
import { type DamageNote, removeDamageNote, writeDamageNote } from "./damage-note.ts";
import { tooLarge } from "./failures.ts";
import { diskFiles, type LogFiles } from "./files.ts";
import { heal, makeLogDirectory, QUARANTINE_NAME } from "./heal.ts";
import { Journal } from "./journal.ts";
import { NAME_BYTES_MAX, SEGMENT_BYTES, SEGMENT_BYTES_MIN } from "./limits.ts";
import { lockLog } from "./lock.ts";
import { type Recovered, recover } from "./recovery.ts";
import { scrubLog } from "./scrub.ts";
import type { SegmentFiles, SegmentOptions } from "./segment-files.ts";
import type { SnapshotPlace } from "./snapshot-ports.ts";
import { SnapshotStore } from "./snapshot-store.ts";
import type { Durability, Finding, FoundState, LogStats } from "./types.ts";

export interface LogOptions {
  readonly clock: Clock;
  readonly durability: Durability;
  /** Stands in every file; a log of another group is refused. Empty: any group's is taken. */
  readonly group?: string;
  readonly segmentBytes?: number;
  /** For tests that lose power. Then no lock is taken: such files are nobody else's. */
  readonly files?: LogFiles;
  /** Goes into each file's salt: then nobody can write a value that looks like a record to who looks for records in a damaged file. */
  readonly random?: Random;
}

export interface OpenedLog {
  readonly log: RaftLog;
  readonly durable: FoundState;
  readonly findings: readonly Finding[];
  /** More than are in `findings`. */
  readonly findingsLeftOut: number;
  /** The newest term or vote is lost: the node must not vote, ever again, under this id. */
  readonly hardStateLost: boolean;
  /** The last entry that was seen anywhere, damaged or not. */
  readonly lastIndexKnown: number;
}

interface Parts {
  readonly options: SegmentOptions;
  readonly durability: Durability;
  readonly journal: Journal;
  readonly segments: SegmentFiles;
  readonly snapshots: SnapshotStore;
  readonly lock: FileLock | undefined;
  readonly note: DamageNote | undefined;
}

export class RaftLog {
  readonly #parts: Parts;
  #note: DamageNote | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#note = parts.note;
  }

  /**
   * Reads everything, repairs what can be, and makes sure that what it gives is durable. Fails with `raft.log.in_use`,
   * `raft.log.other_group` or as the disk does; damage is no failure: it stands in `durable` and `findings`.
   */
  static async open(directory: string, options: LogOptions): Promise<OpenedLog> {
    const { clock, durability, files = diskFiles, group = "", segmentBytes = SEGMENT_BYTES } = options;
    if (encodeText(group).length > NAME_BYTES_MAX)
      throw tooLarge("a group's name", encodeText(group).length, NAME_BYTES_MAX);
    const salt = saltSource(directory, clock, options.random);
    const all = { directory, files, clock, group, salt, segmentBytes: Math.max(SEGMENT_BYTES_MIN, segmentBytes) };
    makeLogDirectory(directory, all);
    const lock = options.files ? undefined : lockLog(directory);
    try {
      const found = await recover(directory, files);
      if (found.group && group && found.group !== group) throw otherGroup(directory, found.group, group);
      const parts = await openParts(found, all, durability);
      return { log: new RaftLog({ ...parts, lock }), ...summaryOf(found, parts.snapshots.receiving) };
    } catch (thrown) {
      lock?.release();
      throw thrown;
    }
  }

  /**
   * One write and one sync for all of it; entries replace everything from the first one's index on. Durable when it returns, or when
   * what it returns resolves: on slow disks it syncs aside. Fails with `raft.log.disk_full`, which may be tried again, or for good
   * with `raft.log.write_failed`.
   */
  persist(hardState: HardState | undefined, entries: readonly Entry[]): void | Promise<void> {
    return this.#parts.journal.persist(hardState, entries);
  }

  /** Segments that hold nothing behind this index go, as far as a snapshot in force covers them. */
  compact(throughIndex: number): void {
    this.#parts.journal.compact(Math.min(throughIndex, this.#parts.snapshots.current?.index ?? 0));
  }

  /** Writes the pieces down, aside, and puts them in force. Fails with `raft.log.older_snapshot` when a newer one has come meanwhile. */
  takeSnapshot(place: SnapshotPlace, pieces: Iterable<Uint8Array>, signal?: AbortSignal): Promise<SnapshotInfo> {
    return this.#parts.snapshots.take(place, pieces, signal);
  }

  /** Bytes of a snapshot in force, or of one before it that is being read still; their checksums held. */
  readPiece(info: SnapshotInfo, offset: number, sizeBytesMax: number): Promise<Uint8Array> {
    return this.#parts.snapshots.read(info, offset, sizeBytesMax);
  }

  /** All of a snapshot, cut somehow. Reads while the event loop stands still. */
  readSnapshot(info: SnapshotInfo): Iterable<Uint8Array> {
    return this.#parts.snapshots.readAll(info);
  }

  /** Durable when it resolves. `offset` lies in or right behind what was received; else fails with `raft.log.piece`. */
  storePiece(info: SnapshotInfo, offset: number, data: Uint8Array): Promise<void> {
    return this.#parts.snapshots.store(info, offset, data);
  }

  /** Checks what was received and puts it in force; all entries go. Fails with `raft.log.bad_snapshot`; then it is to be sent again. */
  async installSnapshot(info: SnapshotInfo): Promise<void> {
    const { journal, snapshots } = this.#parts;
    await snapshots.install(info, journal.nextBatch);
    await journal.reset(info.index);
    journal.compact(info.index);
  }

  /**
   * Writes all entries behind the snapshot once more, on fresh segments, and lets the old ones go, and the small files in both copies:
   * what `scrub` has found damaged is good again, from memory.
   */
  rewrite(entries: readonly Entry[]): Promise<void> {
    return this.#parts.journal.rewrite((entries[0]?.index ?? this.#parts.journal.ranges.lastIndex + 1) - 1, entries);
  }

  /** Reads everything on the disk again, aside, file by file: what is damaged, and by how much it matters. */
  async scrub(signal?: AbortSignal): Promise<readonly Finding[]> {
    const { journal, options, segments, snapshots } = this.#parts;
    const target = { ...options, segments, ranges: journal.ranges, snapshot: snapshots.currentHeader };
    const findings = await scrubLog(target, signal);
    if (findings.some(({ code }) => code === "raft.log.bad_snapshot")) snapshots.distrustCurrent();
    return findings;
  }

  /** A leader has given everything back that was lost. That a vote is lost stays noted. */
  markRepaired(): void {
    const { directory, files } = this.#parts.options;
    if (!this.#note?.isDamaged) return;
    files.remove(`${directory}/${QUARANTINE_NAME}`);
    this.#note = this.#note.hardStateLost ? { ...this.#note, isDamaged: false } : undefined;
    if (this.#note) writeDamageNote(files, directory, this.#note);
    else removeDamageNote(files, directory);
  }

  stats(): LogStats {
    const { durability, journal, segments, snapshots } = this.#parts;
    const { histogram, isAside, lastMs } = journal.syncs;
    return {
      durability,
      bytes: segments.bytes,
      segments: segments.count,
      firstIndex: journal.ranges.firstIndex,
      lastIndex: journal.ranges.lastIndex,
      snapshotIndex: snapshots.current?.index ?? 0,
      snapshotBytes: snapshots.current?.sizeBytes ?? 0,
      syncs: histogram.total,
      syncMsLast: lastMs,
      syncMsP50: histogram.quantileMs(0.5),
      syncMsP99: histogram.quantileMs(0.99),
      isSyncingAside: isAside,
      isDamaged: this.#note?.isDamaged ?? false,
      hardStateLost: this.#note?.hardStateLost ?? false,
      failure: journal.failure?.message,
    };
  }

  /** Waits for a write that is under way; in the relaxed mode syncs what is not synced yet. */
  async close(): Promise<void> {
    const { journal, lock, snapshots } = this.#parts;
    try {
      await journal.close();
    } finally {
      snapshots.close();
      lock?.release();
    }
  }
}

async function openParts(
  found: Recovered,
  options: SegmentOptions,
  durability: Durability,
): Promise<Omit<Parts, "lock">> {
  const { hardStateSlots, isAnew, markSlots, segments } = await heal(found, options);
  const { hardState, isDamaged, hardStateLost, lastIndexKnown, nextBatch, ranges, snapshot } = found;
  const { clock, directory, files } = options;
  const header = found.snapshots.find((each) => each.header !== undefined && each.header.info === snapshot)?.header;
  const snapshots = await SnapshotStore.open(options, header);
  const parts = {
    directory,
    files,
    clock,
    durability,
    segments,
    hardStateSlots,
    markSlots,
    ranges,
    hardState,
    nextBatch,
  };
  const journal = new Journal(parts);
  if (isAnew || found.needsReset) await journal.reset(snapshot?.index ?? 0);
  const note = isDamaged || hardStateLost ? { isDamaged, hardStateLost, lastIndexKnown } : undefined;
  return { options, durability, journal, segments, snapshots, note };
}

function summaryOf(found: Recovered, receiving: FoundState["receiving"]): Omit<OpenedLog, "log"> {
  const { entries, findings, hardState, hardStateLost, isDamaged, lastIndexKnown, snapshot } = found;
  const { term, votedFor } = hardState;
  const durable = { hardState: { term, votedFor }, snapshot, entries, isDamaged, receiving };
  return { durable, findings: findings.list, findingsLeftOut: findings.leftOut, hardStateLost, lastIndexKnown };
}

/** Not the same for two files, also when nothing is by chance. */
function saltSource(directory: string, clock: Clock, random: Random | undefined): () => number {
  let count = 0;
  return () => {
    const text = `${directory} ${clock.now()} ${clock.monotonic()} ${++count}`;
    return (Bun.hash.crc32(text) ^ (random?.below(2 ** 32) ?? 0)) >>> 0;
  };
}

function otherGroup(directory: string, actual: string, wanted: string): Failure {
  const message = `opening the log in ${directory}: it is the group ${actual}'s; a log of ${wanted}, or an empty directory, is required`;
  return new Failure("raft.log.other_group", message);
}
