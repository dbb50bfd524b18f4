/** The reports of a data directory, for commands and for whoever runs things: found with nothing else running. */
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { type Random, seededRandom } from "../../base/random.ts";
import {
  type ReportLine,
  type ReportState,
  ReportStore,
  type ReportView,
  type StoredReports,
  viewOf,
} from "../../work/report/index.ts";
import { stateDirectory } from "../self.ts";

export type { LatencyView, NodeView, ReportLine, ReportView, StageView } from "../../work/report/index.ts";

const SEEDS = 2 ** 32;

export function reportsPath(dataDir: string | undefined): string {
  return join(stateDirectory(dataDir), "reports.db");
}

/** To write reports; makes the file where there is none. Close it. */
export function openReports(dataDir: string | undefined): ReportStore {
  return ReportStore.open(reportsPath(dataDir));
}

/** A name for a new report, such as orders-20260101-k7xq. */
export function newReportId(store: Pick<StoredReports, "newId">, name: string): string {
  return store.newId(name, systemClock.now(), chance());
}

/** The latest begun first; none where nothing was ever stored. */
export function listReports(dataDir: string | undefined, limit: number): readonly ReportLine[] {
  return read(dataDir, (store) => store.list(limit)) ?? [];
}

/** By its id, the beginning of its id or the last part of it. Fails with `report.not_found` or `report.ambiguous`. */
export function findReport(dataDir: string | undefined, id: string): ReportView {
  const found = read(dataDir, (store) => viewOf(store.get(id)));
  if (found !== undefined) return found;
  const message = `no report ${JSON.stringify(id)}: nothing has been reported in ${stateDirectory(dataDir)} yet`;
  throw new Failure("report.not_found", message);
}

/** Ends the report of a run that nobody goes on with: as it was left, there is none to add anything. Fails as `StoredReports.save`. */
export async function endReportOfRun(
  reports: StoredReports,
  run: string,
  state: Exclude<ReportState, "running">,
): Promise<void> {
  const report = reports.ofRun(run);
  const nowMs = systemClock.now();
  if (report?.state === "running") await reports.save({ ...report, state, updatedMs: nowMs, endedMs: nowMs });
}

function read<T>(dataDir: string | undefined, ask: (store: ReportStore) => T): T | undefined {
  const store = ReportStore.openExisting(reportsPath(dataDir));
  try {
    return store && ask(store);
  } finally {
    store?.close();
  }
}

function chance(): Random {
  return seededRandom(randomInt(SEEDS));
}
