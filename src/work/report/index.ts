/** Reports: what a run of a pipeline or a task graph has done, added up from everywhere, stored and read again. */
export { faultsOf } from "./faults.ts";
export { KeptReports } from "./kept-reports.ts";
export { emptyPart, mergeParts, mergeReports } from "./merge.ts";
export {
  type FailureRecord,
  OTHERS,
  partSchema,
  type Report,
  type ReportBytes,
  type ReportCounts,
  type ReportEvents,
  type ReportHeader,
  type ReportKind,
  type ReportPart,
  type ReportState,
  reportSchema,
  type SlowItem,
  type StageCounts,
} from "./model.ts";
export type { DoneObservation, FailedObservation, Observation, StageObservation } from "./observation.ts";
export { PartBuilder, type RecordCounts, ReportBuilder, type ReportSubject } from "./report-builder.ts";
export { reportId } from "./report-id.ts";
export { ReportStore } from "./report-store.ts";
export { REPORTS_MAX, type ReportLine, reportLine, type StoredReports } from "./stored-reports.ts";
export type { StageTotals } from "./tallies.ts";
export { type LatencyView, type NodeView, type ReportView, type StageView, successRatioOf, viewOf } from "./view.ts";
