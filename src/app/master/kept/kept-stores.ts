/** All that a master keeps, each part below a prefix of its own: the one place that knows them. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { type KeptState, keptUnder, keyPart } from "../../../base/kept-state.ts";
import { type Checkpoints, KeptCheckpoints } from "../../../work/pipeline/checkpoint/index.ts";
import { KeptReports, type StoredReports } from "../../../work/report/index.ts";
import { KeptTaskRuns } from "../../../work/task/index.ts";
import { CopiedReports } from "../../report/copied-reports.ts";
import { Submissions } from "../submissions.ts";

/** Between two writings of a report under way: 64 pipelines with reports of 30 KB write less than 1 MB/s to every node. */
export const KEPT_REPORT_MS = 2_000;

export interface KeptStores {
  readonly submissions: Submissions;
  readonly reports: StoredReports;
  readonly tasks: KeptTaskRuns;
  /** Of the pipeline with this file. */
  checkpoints(path: string): Checkpoints;
}

export interface KeptStoresPorts {
  readonly dataDir: string | undefined;
  /** Another one in each life of each master. */
  readonly instance: string;
  readonly tell: (text: string) => void;
}

export function openKeptStores(kept: KeptState, { dataDir, instance, tell }: KeptStoresPorts): KeptStores {
  return {
    submissions: new Submissions(kept),
    reports: new CopiedReports(new KeptReports(keptUnder(kept, "reports/")), dataDir, tell),
    tasks: new KeptTaskRuns(keptUnder(kept, "tasks/"), instance),
    checkpoints: (path) => new KeptCheckpoints(keptUnder(kept, `checkpoints/${checkpointKey(path)}/`)),
  };
}

/** One pipeline file, one checkpoint: paths may be longer than keys. */
function checkpointKey(path: string): string {
  const absolute = resolve(path);
  return keyPart(createHash("sha256").update(absolute).digest("hex").slice(0, 32));
}
