/** What is left of a run when it is over: plain numbers, and nothing that holds its memory, its files or its workers. Pure. */
import type { Histogram } from "../../base/histogram.ts";
import type { PipelineRun } from "../../work/pipeline/engine/index.ts";
import type { PipelineView } from "./pipelines-contract.ts";
import type { Submission } from "./submissions.ts";

export interface RunNumbers {
  readonly records: NonNullable<Submission["records"]>;
  readonly readBytes?: number;
  readonly totalBytes?: number;
  /** Of a batch, from its read to its write, since the run began. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly stages: PipelineView["stages"];
}

/** Of a submission that has not run in this life of the master: what it kept of an earlier one. */
export function numbersBefore({ records = { read: 0, written: 0, deadLettered: 0 } }: Submission): RunNumbers {
  return { records, stages: [] };
}

/** Of a run that is over: nothing is under way in it. */
export function numbersAtEnd(run: Pick<PipelineRun, "counts" | "progress" | "stages">): RunNumbers {
  const { stages, ...numbers } = numbersOf(run);
  return { ...numbers, stages: stages.map(({ inFlight: _, inFlightMax: __, ...stage }) => stage) };
}

export function numbersOf(run: Pick<PipelineRun, "counts" | "progress" | "stages">): RunNumbers {
  const { counts } = run;
  const { inFlightMax, latency, readBytes, stages: live, totalBytes } = run.progress();
  const libraries = new Map(run.stages.map(({ library, name }) => [name, library]));
  const all = [counts.source, ...counts.stages.map((each) => each.counts)];
  const deadLettered = all.reduce((sum, each) => sum + each.deadLettered, 0);
  return {
    records: { read: counts.source.in, written: counts.written, deadLettered },
    readBytes,
    ...(totalBytes !== undefined && { totalBytes }),
    ...timesOf(latency),
    stages: counts.stages.map(({ counts: each, stage }) => {
      const found = live.find(({ name }) => name === stage);
      const { inFlight, p50Ms, p99Ms, restarts = 0, retries = 0, waitedMs } = found ?? {};
      const told = { retries, restarts, inFlight, waitedMs, p50Ms, p99Ms };
      const library = libraries.get(stage);
      return {
        ...{ name: stage, in: each.in, out: each.out, ...told },
        ...(library !== undefined && { library }),
        ...(found && { inFlightMax }),
      };
    }),
  };
}

function timesOf(latency: Histogram): Pick<RunNumbers, "p50Ms" | "p99Ms"> {
  return latency.total === 0 ? {} : { p50Ms: latency.quantileMs(0.5), p99Ms: latency.quantileMs(0.99) };
}
