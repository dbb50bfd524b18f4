/** How the stages of one pipeline went: records a second, time of a batch, and how much each holds up those before it. */
import type { PipelineView } from "../../words.ts";
import { duration, percent, perSecond } from "../logic/numbers.ts";
import { fillOf, type StageMetric, stageSeries } from "../logic/series.ts";
import { type Line, Plot } from "../parts/plot.tsx";
import { useBoard } from "../state/board.ts";

const OVER: ReadonlySet<string> = new Set(["ended", "failed", "cancelled"]);

/** Nothing of a pipeline that was over before the page looked, or for so long that nothing of it is left to be shown. */
export function StagePlots({ pipeline: { id, stages, state } }: { readonly pipeline: PipelineView }) {
  const { live, nowMs, windowMs } = useBoard();
  const outs = stages.map(({ name }) => stageSeries(id, name, "out"));
  if (stages.length === 0 || (OVER.has(state) && !live.history.hasMoved(outs, nowMs - windowMs))) return null;

  const lines = (metric: StageMetric): Line[] =>
    stages.map(({ name }) => ({ series: stageSeries(id, name, metric), label: name }));
  const hasTimes = stages.some(({ p99Ms }) => p99Ms !== undefined);
  const hasPressure = stages.some((stage) => fillOf(stage) !== undefined || stage.waitedMs !== undefined);
  return (
    <div class="plots">
      <Plot title="Throughput: records out a second" lines={lines("out")} format={perSecond} />
      {hasTimes && <Plot title="Latency: 99 of 100 batches within" lines={lines("p99")} format={duration} />}
      {hasPressure && (
        <Plot title="Back-pressure: share of batches that wait" lines={lines("pressure")} format={percent} max={1} />
      )}
    </div>
  );
}
