/** What the parts that handle snapshots share. */
import type { Clock } from "../../../base/clock.ts";
import type { SnapshotInfo } from "../../../protocol/raft/index.ts";
import type { LogFiles } from "./files.ts";

export interface SnapshotPorts {
  readonly directory: string;
  readonly files: LogFiles;
  readonly clock: Clock;
  readonly group: string;
  readonly salt: () => number;
}

/** What a snapshot is of. */
export type SnapshotPlace = Pick<SnapshotInfo, "index" | "term" | "configuration">;
