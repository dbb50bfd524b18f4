/** Pipelines with their stages: records, queues, times, and how they went over the last minutes. Pauses, resumes and swaps. */
import type { PipelineView } from "../../words.ts";
import { pauseAction, resumeAction } from "../logic/actions.ts";
import { duration, percent, perSecond, plural, short } from "../logic/numbers.ts";
import { pipelineSeries } from "../logic/series.ts";
import { ActionButton, Empty, Section, State } from "../parts/bits.tsx";
import { useBoard } from "../state/board.ts";
import { StagePlots } from "./stage-plots.tsx";
import { StageTable } from "./stage-table.tsx";

export function Pipelines() {
  const { overview } = useBoard();
  if (overview.pipelines.length === 0) {
    return (
      <Empty>
        {overview.master === undefined
          ? "No master is known, so there are no pipelines of a cluster. Those of single processes are under Processes."
          : "No pipelines. “distributed_system submit FILE” runs one."}
      </Empty>
    );
  }
  return (
    <div class="stack">
      {overview.pipelines.map((pipeline) => (
        <PipelineCard key={pipeline.id} pipeline={pipeline} />
      ))}
    </div>
  );
}

const RESUMABLE: ReadonlySet<string> = new Set(["paused", "failed"]);
const PAUSABLE: ReadonlySet<string> = new Set(["starting", "running", "retrying"]);

function PipelineCard({ pipeline }: { readonly pipeline: PipelineView }) {
  const { detail, id, name, state, stages } = pipeline;
  const aside = (
    <div class="card-actions">
      <State state={state} />
      {PAUSABLE.has(state) && (
        <ActionButton action={pauseAction(pipeline)} about={`Pause ${name}`}>
          Pause
        </ActionButton>
      )}
      {RESUMABLE.has(state) && (
        <ActionButton action={resumeAction(pipeline)} about={`Resume ${name}`}>
          Resume
        </ActionButton>
      )}
    </div>
  );
  return (
    <Section id={`pipeline-${id}`} title={name} aside={aside}>
      {detail !== undefined && <p class={state === "failed" ? "fault" : "hint"}>{detail}</p>}
      <Figures pipeline={pipeline} />
      {stages.length > 0 && <StageTable pipeline={pipeline} />}
      <StagePlots pipeline={pipeline} />
    </Section>
  );
}

function Figures({ pipeline }: { readonly pipeline: PipelineView }) {
  const { live } = useBoard();
  const { deadLettered, id, p50Ms, p99Ms, read, readBytes, rewinds, totalBytes, written } = pipeline;
  const latest = (metric: "read" | "written"): string => perSecond(live.history.latest(pipelineSeries(id, metric)));
  return (
    <p class="figures">
      <span>
        read <b>{short(read)}</b> <span class="quiet">{latest("read")}</span>
      </span>
      <span>
        written <b>{short(written)}</b> <span class="quiet">{latest("written")}</span>
      </span>
      <span class={deadLettered > 0 ? "warned" : undefined}>
        dead letters <b>{short(deadLettered)}</b>
      </span>
      {readBytes !== undefined && totalBytes ? (
        <span>
          input <b>{percent(Math.min(1, readBytes / totalBytes))}</b>
        </span>
      ) : null}
      {p99Ms !== undefined && (
        <span title="of a batch, from its read to its write, since the run began">
          batch p50 <b>{duration(p50Ms)}</b> p99 <b>{duration(p99Ms)}</b>
        </span>
      )}
      {rewinds > 0 && <span>{plural(rewinds, "rewind")} to its checkpoint</span>}
      <span class="quiet mono">{id}</span>
    </p>
  );
}
