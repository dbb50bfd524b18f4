/**
 * Folds records, in their order, into what a node finds: entries, hard state, and how far the log is sound. Pure. A stretch
 * that is lost makes everything behind it doubtful, until what follows shows that it was nothing (no record is missing), or that
 * a snapshot covers all that it can have held. If neither comes, the entries in front of it are the valid beginning, and what
 * is read from then on counts for the hard state and for the last index known only.
 */
import type { Entry, SnapshotInfo } from "../../../protocol/raft/index.ts";
import { type Findings, type Suspicion, suspicion } from "./findings.ts";
import { type DurableEnd, isBefore } from "./marks.ts";
import { Ranges } from "./ranges.ts";
import type { RecordHeader, VersionedHardState } from "./record.ts";
import { segmentName } from "./segment.ts";

export interface Position {
  readonly sequence: number;
  readonly offset: number;
}

/** What a record says, decoded. */
export interface ReplayRecord {
  readonly sequence: number;
  readonly from: number;
  readonly to: number;
  readonly header: RecordHeader;
  readonly hardState: VersionedHardState;
  readonly entries: readonly Entry[];
}

export interface Loss extends Position {
  readonly suspicion: Suspicion;
  readonly looksTorn: boolean;
  /** When the lost record's header can be read. */
  readonly header?: RecordHeader | undefined;
}

export class Replay {
  readonly ranges = new Ranges(0);
  readonly entries: Entry[] = [];
  readonly #findings: Findings;
  readonly #snapshotIndex: number;
  readonly #end: DurableEnd | undefined;
  /** The next entries are the log's first, wherever they begin. */
  #isAnew = true;
  #pending: Loss[] = [];
  #isTornPossible = true;
  #hardState: VersionedHardState | undefined;
  /** Of lost records whose headers could be read. */
  #versionSeen = 0;
  /** A record that cannot be read at all is lost, and none has come since. */
  #isTailUnknown = false;
  /** Behind the last record that counts. */
  position: Position;
  nextBatch: number | undefined;
  isFrozen = false;
  lastIndexKnown: number;

  constructor(start: Position, snapshotIndex: number, end: DurableEnd | undefined, findings: Findings) {
    this.position = start;
    this.#snapshotIndex = snapshotIndex;
    this.lastIndexKnown = snapshotIndex;
    this.#end = end;
    this.#findings = findings;
  }

  get hardState(): VersionedHardState | undefined {
    return this.#hardState;
  }

  /** Whether a newer hard state than this version may have stood in what is lost. */
  mayHaveLost(version: number): boolean {
    return this.#isTailUnknown || this.#versionSeen > version;
  }

  record(record: ReplayRecord): void {
    const { header } = record;
    if (!this.isFrozen && this.#pending.length === 0 && !this.#follows(header)) this.#missRecords(record);
    this.#noteHardState(record.hardState);
    this.lastIndexKnown = Math.max(this.lastIndexKnown, header.firstIndex + header.entryCount - 1);
    if (this.#pending.length > 0) this.#weigh(record);
    if (this.isFrozen || this.#pending.length > 0) return;
    this.#apply(record);
    this.position = { sequence: record.sequence, offset: record.to };
    this.nextBatch = header.batch + 1;
  }

  loss(loss: Loss): void {
    const { header } = loss;
    if (header !== undefined) {
      this.#versionSeen = Math.max(this.#versionSeen, header.version);
      this.lastIndexKnown = Math.max(this.lastIndexKnown, header.firstIndex + header.entryCount - 1);
    } else this.#isTailUnknown = true;
    if (this.isFrozen) this.#findings.add("damage", loss.suspicion);
    else this.#pending.push(loss);
  }

  /** Nothing more comes. */
  finish(endMissing: (end: DurableEnd) => Loss): void {
    const isShort = this.#end !== undefined && isBefore(this.position, this.#end);
    if (isShort && this.#pending.length === 0 && !this.isFrozen) this.loss(endMissing(this.#end));
    if (this.#pending.length === 0) return;
    if (this.#isTorn()) {
      this.#isTailUnknown = false;
      this.#versionSeen = 0;
      this.#settle("info");
    } else this.#freeze();
  }

  /** A write that was under way when the process or the machine died: the last thing there is, and nobody was told that it was done. */
  #isTorn(): boolean {
    const [loss, ...more] = this.#pending;
    if (loss === undefined || more.length > 0 || !loss.looksTorn || !this.#isTornPossible) return false;
    return this.#end === undefined || !isBefore(this.position, this.#end);
  }

  /** Whether nothing can have been between the last record that counts and this one. */
  #follows({ batch, entryCount, firstIndex, isReset }: RecordHeader): boolean {
    const isGap = !this.#isAnew && !isReset && entryCount > 0 && firstIndex > this.ranges.lastIndex + 1;
    return (this.nextBatch === undefined || batch === this.nextBatch) && !isGap;
  }

  #missRecords(record: ReplayRecord): void {
    const { sequence, from, header } = record;
    const file = segmentName(sequence);
    const message = `record ${header.batch} comes where record ${this.nextBatch} must be; what was between them is lost`;
    const missing = suspicion("missing_records", { file, offset: from }, message);
    this.loss({ sequence, offset: from, suspicion: missing, looksTorn: false });
  }

  #noteHardState(state: VersionedHardState): void {
    if (this.#hardState === undefined || state.version >= this.#hardState.version) this.#hardState = state;
    this.#isTailUnknown = false; // each record carries the newest of its time
  }

  /** What has come behind a loss decides what it was. */
  #weigh({ header }: ReplayRecord): void {
    this.#isTornPossible = false; // a record is written when what is in front of it has been synced
    if (this.nextBatch !== undefined && this.#follows(header)) return this.#settle("harmless");
    if (!header.isReset && header.entryCount === 0) return;
    if (header.firstIndex - 1 > this.#snapshotIndex) return this.#freeze();
    this.#isAnew = true;
    this.#settle("harmless");
  }

  #settle(severity: "info" | "harmless"): void {
    for (const loss of this.#pending) this.#findings.add(severity, loss.suspicion);
    this.#pending = [];
    this.#isTornPossible = true;
  }

  #freeze(): void {
    for (const loss of this.#pending) this.#findings.add("damage", loss.suspicion);
    this.#pending = [];
    this.isFrozen = true;
  }

  #apply({ sequence, header, entries }: ReplayRecord): void {
    if (header.entryCount === 0 && !header.isReset) return;
    if (header.isReset || this.#isAnew || header.firstIndex < this.ranges.firstIndex)
      this.#begin(header.firstIndex - 1);
    if (header.entryCount === 0) return;
    this.entries.length = header.firstIndex - this.ranges.firstIndex;
    for (const entry of entries) this.entries.push(entry);
    this.ranges.append(sequence, header.firstIndex, header.entryCount);
  }

  #begin(base: number): void {
    this.#isAnew = false;
    this.entries.length = 0;
    this.ranges.reset(base);
  }
}

/** The part of the entries that stands right behind a snapshot. */
export interface Aligned {
  readonly entries: readonly Entry[];
  /** The log has to begin anew behind the snapshot: what it holds does not reach it or contradicts it. */
  readonly needsReset: boolean;
  /** Entries between the snapshot (or the beginning) and the first one are missing. */
  readonly isFrontMissing: boolean;
}

export function align(entries: readonly Entry[], firstIndex: number, snapshot: SnapshotInfo | undefined): Aligned {
  const { index, term } = snapshot ?? { index: 0, term: 0 };
  const lastIndex = firstIndex + entries.length - 1;
  if (firstIndex > index + 1) return { entries: [], needsReset: true, isFrontMissing: true };
  const at = entries[index - firstIndex];
  const contradicts = at !== undefined && at.term !== term;
  if (lastIndex < index || contradicts)
    return { entries: [], needsReset: lastIndex !== index || contradicts, isFrontMissing: false };
  return { entries: entries.slice(index + 1 - firstIndex), needsReset: false, isFrontMissing: false };
}
