/**
 * Makes the directory agree with what was found in it: damage is noted first of all, then the hard state is saved in both slots, what is
 * damaged moves aside, torn remains become zeros, and what may be in the page cache only is written again and synced. A crash
 * at any point leaves the note and at worst the same damage, which is found again.
 */
import { dirname, join } from "node:path";
import { lastNonZero } from "./bytes.ts";
import { DAMAGE_NAME, writeDamageNote } from "./damage-note.ts";
import { type LogFile, readWhole, replaceFile } from "./files.ts";
import { SLICE_BYTES } from "./limits.ts";
import { encodeDurableEnd, encodeHardState, HARD_STATE_NAME, MARK_NAME } from "./marks.ts";
import type { Recovered, SegmentFound } from "./recovery.ts";
import type { Position } from "./replay.ts";
import { encodeSegmentHeader, SEGMENT_START, type SegmentHeader, segmentName } from "./segment.ts";
import { createSegment, SegmentFiles, type SegmentOptions } from "./segment-files.ts";
import { encodeSlots, SlotsFile } from "./slots.ts";

/** Damaged files, for whoever wants to look at them; gone with the repair. */
export const QUARANTINE_NAME = "quarantine";

export interface Healed {
  readonly segments: SegmentFiles;
  readonly hardStateSlots: SlotsFile;
  readonly markSlots: SlotsFile;
  /** Nothing of the old log goes on: its first record has to say where it begins. */
  readonly isAnew: boolean;
}

export async function heal(found: Recovered, options: SegmentOptions): Promise<Healed> {
  const { directory, files } = options;
  for (const name of files.list(directory)) if (name.endsWith(".tmp")) files.remove(join(directory, name));
  noteDamage(found, options);
  moveSnapshots(found, options);
  const isDoubtful = found.isFresh || found.isDamaged || found.hardStateLost || !found.areSlotsIntact;
  // A hard state that only the log has goes into the slots before any of the log moves.
  if (isDoubtful && !found.isFresh) putHardState(found, options);
  const { isAnew, segments } = await healSegments(found, options);
  const end = { sequence: segments.sequence, offset: segments.offset, batch: found.nextBatch };
  if (isDoubtful) replaceFile(files, directory, MARK_NAME, encodeSlots(encodeDurableEnd(end), found.counters.mark + 1));
  if (found.isFresh) putHardState(found, options); // last of all: with it, what was begun is complete
  const hardStateSlots = openSlots(options, HARD_STATE_NAME, found.counters.hardState + (isDoubtful ? 2 : 0));
  const markSlots = openSlots(options, MARK_NAME, found.counters.mark + (isDoubtful ? 2 : 0));
  if (!isDoubtful) {
    hardStateSlots.write(encodeHardState(found.hardState)); // the log's may be newer: a vote that nobody was told of
    hardStateSlots.file.sync();
    markSlots.write(encodeDurableEnd(end));
  }
  return { segments, hardStateSlots, markSlots, isAnew };
}

function noteDamage(found: Recovered, { directory, files }: SegmentOptions): void {
  const { hardStateLost, isDamaged, lastIndexKnown, note } = found;
  if (!isDamaged && !hardStateLost) return;
  const isNoted =
    note?.isDamaged === isDamaged && note.hardStateLost === hardStateLost && note.lastIndexKnown === lastIndexKnown;
  if (!isNoted || files.list(directory).includes(DAMAGE_NAME) === false) {
    writeDamageNote(files, directory, { isDamaged, hardStateLost, lastIndexKnown });
  }
}

function putHardState(found: Recovered, { directory, files }: SegmentOptions): void {
  const payload = encodeHardState(found.hardState);
  replaceFile(files, directory, HARD_STATE_NAME, encodeSlots(payload, found.counters.hardState + 1));
}

function openSlots({ directory, files }: SegmentOptions, name: string, counter: number): SlotsFile {
  return new SlotsFile(files.open(join(directory, name), "write"), counter);
}

/** Damaged ones go aside, older ones go: nobody is reading them yet. */
function moveSnapshots({ snapshot, snapshots }: Recovered, options: SegmentOptions): void {
  const { directory, files } = options;
  let isChanged = false;
  for (const { fault, header, name } of snapshots) {
    if (fault === undefined && header?.info === snapshot) continue;
    if (fault !== undefined) quarantine(options, name);
    else files.remove(join(directory, name));
    isChanged = true;
  }
  if (isChanged) files.syncDirectory(directory);
}

function quarantine({ directory, files }: SegmentOptions, name: string): void {
  const target = join(directory, QUARANTINE_NAME);
  files.makeDirectory(target);
  files.rename(join(directory, name), join(target, name));
}

async function healSegments(
  found: Recovered,
  options: SegmentOptions,
): Promise<{ readonly segments: SegmentFiles; readonly isAnew: boolean }> {
  const { directory, files } = options;
  const { position, segments } = found;
  const active = segments.find(({ header, sequence }) => header !== undefined && sequence === position?.sequence);
  if (position === undefined || active?.header === undefined) {
    for (const { sequence } of segments) quarantine(options, segmentName(sequence));
    files.syncDirectory(directory);
    const last = Math.max(0, found.end?.sequence ?? 0, ...segments.map(({ sequence }) => sequence));
    const made = await createSegment(options, found.isFresh ? 1 : last + 1, 0);
    const sizes = new Map([[made.header.sequence, made.header.sizeBytes]]);
    return { segments: new SegmentFiles(options, made, SEGMENT_START, sizes, undefined), isAnew: !found.isFresh };
  }
  const kept = segments.filter(({ sequence }) => sequence <= active.sequence);
  const next = segments.find((each) => each.sequence === active.sequence + 1 && each.isUnused && each.isIntact);
  for (const { sequence, isUnused } of segments) {
    if (sequence <= active.sequence || sequence === next?.sequence) continue;
    if (isUnused) files.remove(join(directory, segmentName(sequence)));
    else quarantine(options, segmentName(sequence));
  }
  files.syncDirectory(directory);
  for (const each of kept) await writeAgain(each, position, found, options);
  const open = ({ header, sequence }: SegmentFound) => ({
    header: header as SegmentHeader, // both that are opened have one
    file: files.open(join(directory, segmentName(sequence)), "write"),
  });
  const sizes = new Map(kept.map(({ sequence, sizeBytes, header }) => [sequence, header?.sizeBytes ?? sizeBytes]));
  const made = new SegmentFiles(options, open(active), position.offset, sizes, next && open(next));
  return { segments: made, isAnew: false };
}

/**
 * Cuts the active segment behind its last record that counts. What lies behind the mark is written again: a sync that failed before
 * has left pages that look clean and are not on the disk.
 */
async function writeAgain(
  { header, isIntact, sequence }: SegmentFound,
  position: Position,
  found: Recovered,
  options: SegmentOptions,
): Promise<void> {
  const { directory, files } = options;
  const isActive = sequence === position.sequence;
  const end = found.end ?? { sequence: 0, offset: SEGMENT_START };
  if (!isActive && (header === undefined || sequence < end.sequence)) return;
  const path = join(directory, segmentName(sequence));
  const bytes = readWhole(files, path) ?? new Uint8Array(0);
  const to = isActive ? position.offset : lastNonZero(bytes) + 1;
  const from = sequence > end.sequence ? SEGMENT_START : sequence < end.sequence ? to : end.offset;
  const isCut = isActive && lastNonZero(bytes.subarray(position.offset)) >= 0;
  if (isCut && found.isDamaged) copyAside(options, segmentName(sequence), bytes);
  const file = files.open(path, "write");
  try {
    if (header !== undefined && isActive) {
      if (!isIntact) file.write(encodeSegmentHeader(header), 0);
      if (isCut)
        await fillZeros(file, position.offset, position.offset + lastNonZero(bytes.subarray(position.offset)) + 1);
      if (bytes.length < header.sizeBytes) await fillZeros(file, bytes.length, header.sizeBytes);
    }
    for (let at = Math.min(from, to); at < to; at += SLICE_BYTES) {
      await file.writeAside(bytes.subarray(at, Math.min(to, at + SLICE_BYTES)), at);
    }
    await file.syncAside();
  } finally {
    file.close();
  }
}

function copyAside({ directory, files }: SegmentOptions, name: string, bytes: Uint8Array): void {
  const target = join(directory, QUARANTINE_NAME);
  files.makeDirectory(target);
  const file = files.open(join(target, name), "create");
  try {
    file.write(bytes, 0);
  } finally {
    file.close();
  }
}

async function fillZeros(file: LogFile, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += SLICE_BYTES) {
    await file.writeAside(new Uint8Array(Math.min(SLICE_BYTES, to - at)), at);
  }
}

/** For a directory that is new: its name is durable when its parent is. */
export function makeLogDirectory(directory: string, { files }: Pick<SegmentOptions, "files">): void {
  files.makeDirectory(directory);
  files.syncDirectory(dirname(directory));
}
