/**
 * Reads an open log's files again while it is being written: what was good when it was opened may have rotted since. It reports
 * and changes nothing; the entries are in memory still, so whoever runs it can write them anew.
 */
import { join } from "node:path";
import { messageOf } from "../../../base/errors.ts";
import { type LogFiles, readWhole } from "./files.ts";
import { Findings, type Suspicion, suspicion } from "./findings.ts";
import { HARD_STATE_NAME, MARK_NAME } from "./marks.ts";
import type { Ranges } from "./ranges.ts";
import { scanSegment } from "./scan.ts";
import { readSegmentHeader, SEGMENT_START, segmentName } from "./segment.ts";
import type { SegmentFiles } from "./segment-files.ts";
import { readSlots } from "./slots.ts";
import { checkSnapshot, withFile } from "./snapshot-file.ts";
import { type SnapshotHeader, snapshotName } from "./snapshot-format.ts";
import type { Finding } from "./types.ts";

export interface ScrubTarget {
  readonly directory: string;
  readonly files: LogFiles;
  readonly segments: SegmentFiles;
  readonly ranges: Ranges;
  readonly snapshot: SnapshotHeader | undefined;
}

/** What is `damage` here is good in memory still: `rewrite` and `takeSnapshot` make it good on the disk. */
export async function scrubLog(target: ScrubTarget, signal?: AbortSignal): Promise<readonly Finding[]> {
  const findings = new Findings();
  for (const sequence of target.segments.sequences) {
    signal?.throwIfAborted();
    await scrubSegment(target, sequence, findings);
  }
  scrubSlots(target, findings);
  signal?.throwIfAborted();
  await scrubSnapshot(target, findings);
  return findings.list;
}

/** Up to where it was written when the reading began. */
async function scrubSegment(target: ScrubTarget, sequence: number, findings: Findings): Promise<void> {
  const { ranges, segments, snapshot } = target;
  const isActive = sequence === segments.sequence;
  const endBytes = isActive ? segments.offset : undefined;
  const isNeeded = isActive || !ranges.isBehind(sequence, snapshot?.info.index ?? 0);
  const severity = isNeeded ? "damage" : "harmless";
  const bytes = await readSegment(target, sequence, endBytes);
  if (!segments.sequences.includes(sequence)) return; // compacted while it was read
  for (const fault of segmentFaults(sequence, bytes, endBytes))
    findings.add(fault.isHarmless ? "harmless" : severity, fault.found);
}

/** What can be read of it; the reason when nothing can. */
async function readSegment(
  { directory, files }: ScrubTarget,
  sequence: number,
  endBytes: number | undefined,
): Promise<Uint8Array | string> {
  try {
    const bytes = await withFile(files, join(directory, segmentName(sequence)), async (file) => {
      const whole = new Uint8Array(endBytes ?? file.size());
      return whole.subarray(0, await file.readAside(whole, 0));
    });
    return bytes ?? "the segment is missing";
  } catch (thrown) {
    return `the segment cannot be read: ${messageOf(thrown)}`;
  }
}

interface SegmentFault {
  readonly found: Suspicion;
  readonly isHarmless: boolean;
}

function* segmentFaults(
  sequence: number,
  bytes: Uint8Array | string,
  endBytes: number | undefined,
): Generator<SegmentFault> {
  const file = segmentName(sequence);
  const fault = (code: string, message: string, isHarmless = false): SegmentFault => ({
    found: suspicion(code, { file }, message),
    isHarmless,
  });
  if (typeof bytes === "string") return yield fault("missing_segment", bytes);
  const copies = readSegmentHeader(bytes);
  const header = copies.find((copy) => copy?.sequence === sequence);
  if (header === undefined) return yield fault("bad_segment", "both copies of the segment's header are damaged");
  if (copies.includes(undefined)) yield fault("bad_segment", "a copy of the header is damaged", true);
  const required = endBytes ?? header.sizeBytes;
  if (bytes.length < required)
    yield fault("short_segment", `the file has ${bytes.length} bytes, ${required} are required`);
  let at = SEGMENT_START;
  for (const { from, header: record, to, type } of scanSegment(bytes, header.salt)) {
    at = to;
    if (type === "record") continue;
    const indexes = record && { firstIndex: record.firstIndex, lastIndex: record.firstIndex + record.entryCount - 1 };
    const place = { file, offset: from, sizeBytes: to - from };
    const message = `the ${to - from} bytes at ${from} are no whole record`;
    yield { found: suspicion("bad_record", place, message, indexes), isHarmless: false };
  }
  if (endBytes !== undefined && at < endBytes)
    yield fault("end_missing", `the log ends at ${at}, ${endBytes} is required`);
}

function scrubSlots({ directory, files }: ScrubTarget, findings: Findings): void {
  for (const name of [HARD_STATE_NAME, MARK_NAME]) {
    const bytes = readWhole(files, join(directory, name));
    if (bytes && readSlots(bytes).every((slot) => slot !== undefined)) continue;
    const code = name === MARK_NAME ? "bad_mark" : "bad_hard_state";
    findings.add("harmless", suspicion(code, { file: name }, "a copy is damaged"));
  }
}

async function scrubSnapshot({ directory, files, snapshot }: ScrubTarget, findings: Findings): Promise<void> {
  if (snapshot === undefined) return;
  const name = snapshotName(snapshot.info);
  const gone = { offset: 0, message: "the snapshot is gone" };
  const checked = await withFile(files, join(directory, name), async (file) => ({
    fault: await checkSnapshot(file, snapshot),
  }));
  const fault = checked ? checked.fault : gone;
  if (fault === undefined) return;
  const place = { file: name, offset: fault.offset };
  findings.add("damage", suspicion("bad_snapshot", place, fault.message, { lastIndex: snapshot.info.index }));
}
