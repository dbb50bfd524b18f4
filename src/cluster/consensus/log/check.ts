/** A look at a log's directory that changes nothing and needs no lock: for `verify` and for the doctor. A log that is open meanwhile may look torn at its end. */
import { diskFiles, type LogFiles } from "./files.ts";
import { recover } from "./recovery.ts";
import type { LogCheck } from "./types.ts";

export async function checkLog(directory: string, files: LogFiles = diskFiles): Promise<LogCheck> {
  const found = await recover(directory, files);
  const { bytes, entries, findings, hardState, hardStateLost, isDamaged, lastIndexKnown, segments, snapshot } = found;
  const snapshotIndex = snapshot?.index ?? 0;
  return {
    isDamaged,
    hardStateLost,
    hardState: { term: hardState.term, votedFor: hardState.votedFor },
    findings: findings.list,
    findingsLeftOut: findings.leftOut,
    segments: segments.length,
    bytes,
    firstIndex: snapshotIndex + 1,
    lastIndex: snapshotIndex + entries.length,
    snapshotIndex,
    lastIndexKnown,
  };
}
