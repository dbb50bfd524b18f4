/** How the stages of one pipeline went: records a second, time of a batch, and how much each holds up those before it. */
import type { PipelineView } from "../../words.ts";
import { duration, percent, perSecond } from "../logic/numbers.ts";
import { fillOf, type StageMetric, stageSeries } from "../logic/series.ts";
import { type Line, Plot } from "../parts/plot.tsx";

export function StagePlots({ pipeline: { id, stages } }: { readonly pipeline: PipelineView }) {
  const lines = (metric: StageMetric): Line[] =>
    stages.map(({ name }) => ({ series: stageSeries(id, name, metric), label: name }));
  const hasTimes = stages.some(({ p99Ms }) => p99Ms !== undefined);
  const hasPressure = stages.some((stage) => fillOf(stage) !== undefined || stage.waitedMs !== undefined);
  return (
    <div class="plots">
      <Plot title="Throughput: records out a second" lines={lines("out")} format={perSecond} />
      {hasTimes && <Plot title="Latency: 99 of 100 batches within" lines={lines("p99")} format={duration} />}
      {hasPressure && (
        <Plot
          title="Back-pressure: batches that wait, of those under way"
          lines={lines("pressure")}
          format={percent}
          max={1}
        />
      )}
    </div>
  );
}
