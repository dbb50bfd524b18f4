/** The stages of a pipeline in their order: what goes in and out, how full each queue is, how long batches take. */
import type { PipelineView, StageView } from "../../words.ts";
import { swapStageAction } from "../logic/actions.ts";
import { duration, perSecond, plural, short, UNKNOWN } from "../logic/numbers.ts";
import { fillOf, stageSeries } from "../logic/series.ts";
import { ACTIONS, ActionButton, Meter, numeric, Table } from "../parts/bits.tsx";
import { colourClass } from "../parts/plot.tsx";
import { useBoard } from "../state/board.ts";

export function StageTable({ pipeline }: { readonly pipeline: PipelineView }) {
  return (
    <Table
      caption={`Stages of ${pipeline.name}`}
      head={[
        "Stage",
        numeric("In"),
        numeric("Out"),
        numeric("Rate"),
        "Queue",
        "Back-pressure",
        numeric("p50"),
        numeric("p99"),
        numeric("Retries"),
        numeric("Restarts"),
        ACTIONS,
      ]}
    >
      {pipeline.stages.map((stage, index) => (
        <StageRow key={stage.name} pipeline={pipeline} stage={stage} index={index} />
      ))}
    </Table>
  );
}

/** Where it is not told how many there may be. */
function batchesText({ queued }: StageView): string {
  return queued === undefined ? UNKNOWN : plural(queued, "batch", "batches");
}

/** A master swaps in these states and refuses it in others. */
const SWAPPABLE: ReadonlySet<string> = new Set(["starting", "running", "retrying", "failed"]);

interface StageRowProps {
  readonly pipeline: PipelineView;
  readonly stage: StageView;
  readonly index: number;
}

function StageRow({ pipeline, stage, index }: StageRowProps) {
  const { live } = useBoard();
  const { library, name, p50Ms, p99Ms, restarts, retries } = stage;
  const latest = (metric: "out" | "pressure"): number | undefined =>
    live.history.latest(stageSeries(pipeline.id, name, metric));
  return (
    <tr>
      <th scope="row">
        <span class={`swatch ${colourClass(index)}`} aria-hidden="true" />
        {name}{" "}
        {library !== undefined && (
          <span class="quiet sub" title={library}>
            {library.slice(library.lastIndexOf("/") + 1)}
          </span>
        )}
      </th>
      <td class="number">{short(stage.in)}</td>
      <td class="number">{short(stage.out)}</td>
      <td class="number">{perSecond(latest("out"))}</td>
      <td>
        {fillOf(stage) === undefined ? batchesText(stage) : <Meter share={fillOf(stage)} label={`queue of ${name}`} />}
      </td>
      <td>
        <Meter share={latest("pressure")} label={`back-pressure before ${name}`} />
      </td>
      <td class="number">{duration(p50Ms)}</td>
      <td class="number">{duration(p99Ms)}</td>
      <td class={retries > 0 ? "number warned" : "number"}>{short(retries)}</td>
      <td class={restarts > 0 ? "number warned" : "number"}>{short(restarts)}</td>
      <td class="actions">
        {SWAPPABLE.has(pipeline.state) && (
          <ActionButton
            action={swapStageAction(pipeline, name, library)}
            about={`Swap stage ${name} of ${pipeline.name}`}
          >
            Swap
          </ActionButton>
        )}
      </td>
    </tr>
  );
}
