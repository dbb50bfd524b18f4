/**
 * What a directory holds, without changing anything: snapshots, segments, the two small files and the note of earlier damage, put
 * together. It decides what is sound, what was torn, and what is damaged; `heal.ts` then makes the directory agree with it.
 */
import { join } from "node:path";
import { messageOf } from "../../../base/errors.ts";
import type { Entry, SnapshotInfo } from "../../../protocol/raft/index.ts";
import { isZero } from "./bytes.ts";
import { DAMAGE_NAME, type DamageNote, readDamageNote } from "./damage-note.ts";
import { readEntries } from "./entry-codec.ts";
import { type LogFiles, readWhole } from "./files.ts";
import { Findings, suspicion } from "./findings.ts";
import { type DurableEnd, decodeDurableEnd, decodeHardState, HARD_STATE_NAME, MARK_NAME } from "./marks.ts";
import type { Ranges } from "./ranges.ts";
import { entryBytesOf, hardStateOf, type RecordHeader, type VersionedHardState } from "./record.ts";
import { type Aligned, align, type Position, Replay } from "./replay.ts";
import { type Stretch, scanSegment } from "./scan.ts";
import { readSegmentHeader, SEGMENT_START, type SegmentHeader, segmentName, sequenceOf } from "./segment.ts";
import { newestSlot, readSlots, type Slot } from "./slots.ts";
import { findSnapshot, type SnapshotFound } from "./snapshot-file.ts";
import { snapshotIndexOf } from "./snapshot-format.ts";

export interface SegmentFound {
  readonly sequence: number;
  /** Undefined when both copies are damaged: nothing in it can be read. */
  readonly header: SegmentHeader | undefined;
  readonly sizeBytes: number;
  /** Made ahead, and never written to. */
  readonly isUnused: boolean;
  /** Its header, in both copies, and its size are as they were made. */
  readonly isIntact: boolean;
}

export interface Recovered {
  /** Nothing was ever written here. */
  readonly isFresh: boolean;
  readonly group: string | undefined;
  readonly segments: readonly SegmentFound[];
  readonly ranges: Ranges;
  /** Behind the last record that counts: where the log goes on. Undefined when none of it does. */
  readonly position: Position | undefined;
  readonly nextBatch: number;
  /** Right behind the snapshot. */
  readonly entries: readonly Entry[];
  readonly needsReset: boolean;
  readonly snapshot: SnapshotInfo | undefined;
  readonly snapshots: readonly SnapshotFound[];
  readonly hardState: VersionedHardState;
  /** Both slots of both small files are as they were written. */
  readonly areSlotsIntact: boolean;
  /** The newest counters, so that slots that are written from now on are newer. */
  readonly counters: { readonly hardState: number; readonly mark: number };
  readonly end: DurableEnd | undefined;
  /** Damaged now, or earlier and not repaired. */
  readonly isDamaged: boolean;
  readonly hardStateLost: boolean;
  readonly note: DamageNote | undefined;
  readonly lastIndexKnown: number;
  readonly findings: Findings;
  readonly bytes: number;
}

/** Everything read, nothing decided yet. */
interface Look {
  readonly directory: string;
  readonly files: LogFiles;
  readonly snapshots: readonly SnapshotFound[];
  readonly mark: SlotsFound<DurableEnd>;
  readonly slots: SlotsFound<VersionedHardState>;
  readonly note: DamageNote | undefined;
  /** The newest snapshot that is sound. */
  readonly snapshot: SnapshotInfo | undefined;
  /** Entries in records before this one are gone: a snapshot from a leader has taken the place of all. */
  readonly fromBatch: number;
  readonly findings: Findings;
}

const NOTHING_LEFT: Aligned = { entries: [], needsReset: true, isFrontMissing: false };

export async function recover(directory: string, files: LogFiles): Promise<Recovered> {
  const names = files.list(directory);
  const snapshots = await findSnapshots(directory, files, names);
  const best = snapshots.findLast(({ fault }) => fault === undefined)?.header;
  const look: Look = {
    directory,
    files,
    snapshots,
    mark: readSlotsFile(directory, files, MARK_NAME, decodeDurableEnd),
    slots: readSlotsFile(directory, files, HARD_STATE_NAME, decodeHardState),
    note: readDamageNote(files, directory),
    snapshot: best?.info,
    fromBatch: best?.fromBatch ?? 0,
    findings: new Findings(),
  };
  const sequences = names.flatMap((name) => sequenceOf(name) ?? []).sort((a, b) => a - b);
  const start = { sequence: sequences[0] ?? 1, offset: SEGMENT_START };
  const replay = new Replay(start, look.snapshot?.index ?? 0, look.mark.newest, look.findings);
  const segments = await replaySegments(look, sequences, replay);
  const isFresh =
    !look.slots.exists &&
    !look.note &&
    snapshots.length === 0 &&
    segments.every(({ isUnused }) => isUnused) &&
    !hasBegun(look.mark.newest);
  if (!isFresh && segments.length === 0) replay.loss(missingSegment(start.sequence));
  replay.finish(endMissing);
  return judge(look, segments, replay, isFresh);
}

function judge(look: Look, segments: readonly SegmentFound[], replay: Replay, isFresh: boolean): Recovered {
  const { findings, note, slots, mark, snapshot, snapshots } = look;
  const { ranges } = replay;
  const isReplaced = (replay.nextBatch ?? 1) <= look.fromBatch;
  const aligned = isReplaced ? NOTHING_LEFT : align(replay.entries, ranges.firstIndex, snapshot);
  if (aligned.isFrontMissing) findings.add("damage", frontMissing(ranges.firstIndex, snapshot));
  const reach = aligned.isFrontMissing ? 0 : ranges.lastIndex;
  const areSnapshotsCovered = reportSnapshots(look, reach);
  const hardState = newerOf(replay.hardState, slots.newest);
  const isSure = slots.isIntact || (hardState !== undefined && !replay.mayHaveLost(hardState.version)) || isFresh;
  if (!isFresh) reportSlots(look, isSure);
  if (note?.isDamaged) findings.add("damage", unrepaired(note));
  return {
    isFresh,
    group:
      segments.find(({ header }) => header)?.header?.group ?? snapshots.find(({ header }) => header)?.header?.group,
    segments,
    ranges,
    position: aligned.isFrontMissing ? undefined : replay.position,
    nextBatch: replay.nextBatch ?? mark.newest?.batch ?? 1,
    entries: aligned.entries,
    needsReset: aligned.needsReset,
    snapshot,
    snapshots,
    hardState: hardState ?? { version: 0, term: 0, votedFor: undefined },
    areSlotsIntact: slots.isIntact && mark.isIntact,
    counters: { hardState: slots.counter, mark: mark.counter },
    end: mark.newest,
    isDamaged: replay.isFrozen || aligned.isFrontMissing || !areSnapshotsCovered || note?.isDamaged === true,
    hardStateLost: !isSure || note?.hardStateLost === true,
    note,
    lastIndexKnown: Math.max(replay.lastIndexKnown, note?.lastIndexKnown ?? 0, ...snapshots.map(({ index }) => index)),
    findings,
    bytes: segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

/** From the lowest index to the highest. */
function findSnapshots(directory: string, files: LogFiles, names: readonly string[]): Promise<SnapshotFound[]> {
  const found = names.flatMap((name) => {
    const index = snapshotIndexOf(name);
    return index === undefined ? [] : [{ name, index }];
  });
  found.sort((a, b) => a.index - b.index || (a.name < b.name ? -1 : 1));
  return Promise.all(found.map(({ name, index }) => findSnapshot(files, directory, name, index)));
}

/** Whether nothing is lost with the damaged ones: a newer one is sound, or the log reaches from the one before through theirs. */
function reportSnapshots({ snapshots, snapshot, findings }: Look, reach: number): boolean {
  let areCovered = true;
  for (const { name, index, fault } of snapshots) {
    if (fault === undefined) continue;
    const isCovered = index <= Math.max(snapshot?.index ?? 0, reach);
    const place = { file: name, offset: fault.offset };
    findings.add(
      isCovered ? "harmless" : "damage",
      suspicion("bad_snapshot", place, fault.message, { lastIndex: index }),
    );
    areCovered &&= isCovered;
  }
  return areCovered;
}

function reportSlots({ slots, mark, findings }: Look, isSure: boolean): void {
  if (!slots.isIntact) {
    const what = slots.exists ? "a copy of the hard state is damaged" : "the copies of the hard state are missing";
    findings.add("harmless", suspicion("bad_hard_state", { file: HARD_STATE_NAME }, what));
  }
  if (!isSure) {
    const what = "the newest term and vote are lost; this node must not vote again, under this name";
    findings.add("damage", suspicion("hard_state_lost", { file: HARD_STATE_NAME }, what));
  }
  if (!mark.isIntact)
    findings.add("harmless", suspicion("bad_mark", { file: MARK_NAME }, "a copy of the durable end is damaged"));
}

interface SlotsFound<Value> {
  readonly exists: boolean;
  /** Both slots are as they were written. */
  readonly isIntact: boolean;
  readonly newest: Value | undefined;
  readonly counter: number;
}

function readSlotsFile<Value>(
  directory: string,
  files: LogFiles,
  name: string,
  decode: (payload: Uint8Array) => Value,
): SlotsFound<Value> {
  const bytes = readWhole(files, join(directory, name));
  if (bytes === undefined) return { exists: false, isIntact: false, newest: undefined, counter: 0 };
  const slots: readonly (Slot | undefined)[] = readSlots(bytes);
  const newest = newestSlot(slots);
  return {
    exists: true,
    isIntact: slots.every((slot) => slot !== undefined),
    newest: newest && decode(newest.payload),
    counter: newest?.counter ?? 0,
  };
}

/** Whether the mark says that something was written. */
function hasBegun(end: DurableEnd | undefined): boolean {
  return end !== undefined && (end.sequence > 1 || end.offset > SEGMENT_START || end.batch > 1);
}

async function replaySegments(look: Look, sequences: readonly number[], replay: Replay): Promise<SegmentFound[]> {
  const found: SegmentFound[] = [];
  const end = look.mark.newest;
  let expected = Math.min(sequences[0] ?? 1, end?.sequence ?? Number.POSITIVE_INFINITY);
  for (const sequence of sequences) {
    if (sequence !== expected) replay.loss(missingSegment(expected));
    const path = join(look.directory, segmentName(sequence));
    const bytes = await readAside(look.files, path);
    found.push(replaySegment(look, sequence, bytes, replay));
    expected = sequence + 1;
  }
  return found;
}

async function readAside(files: LogFiles, path: string): Promise<Uint8Array> {
  const file = files.open(path, "read");
  try {
    const bytes = new Uint8Array(file.size());
    return bytes.subarray(0, await file.readAside(bytes, 0));
  } finally {
    file.close();
  }
}

function replaySegment(look: Look, sequence: number, bytes: Uint8Array, replay: Replay): SegmentFound {
  const copies = readSegmentHeader(bytes);
  const header = copies.find((copy) => copy?.sequence === sequence);
  const file = segmentName(sequence);
  const isUnused = isZero(bytes.subarray(SEGMENT_START));
  const sizeBytes = bytes.length;
  if (header === undefined) {
    const what = "both copies of the segment's header are damaged: nothing in it can be read";
    const found = suspicion("bad_segment", { file, sizeBytes }, what);
    replay.loss({
      sequence,
      offset: SEGMENT_START,
      suspicion: found,
      looksTorn: isUnused && sizeBytes >= SEGMENT_START,
    });
    return { sequence, header, sizeBytes, isUnused, isIntact: false };
  }
  const areCopiesIntact = copies.every((copy) => copy?.sequence === sequence);
  if (!areCopiesIntact)
    look.findings.add("harmless", suspicion("bad_segment", { file }, "a copy of the header is damaged"));
  const content = bytes.subarray(0, header.sizeBytes);
  for (const stretch of scanSegment(content, header.salt)) replayStretch(sequence, content, stretch, replay);
  const isShort = sizeBytes < header.sizeBytes;
  if (isShort) {
    const what = `the file has ${sizeBytes} bytes, it was made with ${header.sizeBytes}`;
    const found = suspicion("short_segment", { file, offset: sizeBytes }, what);
    replay.loss({ sequence, offset: sizeBytes, suspicion: found, looksTorn: false });
  }
  return { sequence, header, sizeBytes, isUnused, isIntact: areCopiesIntact && sizeBytes === header.sizeBytes };
}

function replayStretch(sequence: number, bytes: Uint8Array, stretch: Stretch, replay: Replay): void {
  const { from, to, header } = stretch;
  if (stretch.type === "bad" || header === undefined) {
    const looksTorn = stretch.type === "bad" && stretch.looksTorn;
    return replay.loss({ ...badRecord(sequence, from, to, header), looksTorn });
  }
  const record = bytes.subarray(from, to);
  try {
    const entries = readEntries(entryBytesOf(record, header), header.firstIndex, header.entryCount);
    replay.record({ sequence, from, to, header, hardState: hardStateOf(record, header), entries });
  } catch (thrown) {
    const { suspicion: found, ...loss } = badRecord(sequence, from, to, header);
    replay.loss({ ...loss, suspicion: { ...found, message: messageOf(thrown) }, looksTorn: false });
  }
}

function badRecord(sequence: number, from: number, to: number, header: RecordHeader | undefined) {
  const hasEntries = header !== undefined && header.entryCount > 0;
  const indexes = hasEntries
    ? { firstIndex: header.firstIndex, lastIndex: header.firstIndex + header.entryCount - 1 }
    : {};
  const place = { file: segmentName(sequence), offset: from, sizeBytes: to - from };
  const found = suspicion("bad_record", place, `the ${to - from} bytes at ${from} are no whole record`, indexes);
  return { sequence, offset: from, suspicion: found, header };
}

function missingSegment(sequence: number) {
  const found = suspicion("missing_segment", { file: segmentName(sequence) }, "the segment is missing");
  return { sequence, offset: SEGMENT_START, suspicion: found, looksTorn: false };
}

function endMissing({ sequence, offset }: DurableEnd) {
  const what = `the log ends too early: it was durable up to byte ${offset} of this segment`;
  const found = suspicion("end_missing", { file: segmentName(sequence), offset }, what);
  return { sequence, offset, suspicion: found, looksTorn: false };
}

function frontMissing(firstIndex: number, snapshot: SnapshotInfo | undefined) {
  const from = (snapshot?.index ?? 0) + 1;
  const what = `the log begins with entry ${firstIndex}; what is before it, from ${from} on, is in no sound snapshot`;
  return suspicion("front_missing", { file: "." }, what, { firstIndex: from, lastIndex: firstIndex - 1 });
}

function unrepaired({ lastIndexKnown }: DamageNote) {
  const what = `damage was found before and is not repaired; the log once reached entry ${lastIndexKnown}`;
  return suspicion("unrepaired", { file: DAMAGE_NAME }, what);
}

function newerOf(
  one: VersionedHardState | undefined,
  other: VersionedHardState | undefined,
): VersionedHardState | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.version > one.version ? other : one;
}
