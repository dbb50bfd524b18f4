/** Records that no stage could take, by pipeline and reason; they can go through the pipeline once more. */
import type { DeadLettersView } from "../../words.ts";
import { replayAction } from "../logic/actions.ts";
import { plural } from "../logic/numbers.ts";
import { ActionButton, Empty, numeric, Section, Table } from "../parts/bits.tsx";
import { useBoard } from "../state/board.ts";

export function DeadLetters() {
  const { deadLetters } = useBoard().overview;
  const some = deadLetters.filter(({ total }) => total > 0);
  if (some.length === 0) return <Empty>No dead letters.</Empty>;
  return (
    <div class="stack">
      {some.map((letters) => (
        <PipelineLetters key={letters.pipeline} letters={letters} />
      ))}
    </div>
  );
}

function PipelineLetters({ letters: { pipeline, reasons, total } }: { readonly letters: DeadLettersView }) {
  const aside = (
    <div class="card-actions">
      <span class="quiet">{plural(total, "record")}</span>
      <ActionButton action={replayAction(pipeline, total)} about={`Replay dead letters of ${pipeline}`}>
        Replay
      </ActionButton>
    </div>
  );
  return (
    <Section id={`letters-${pipeline}`} title={pipeline} aside={aside}>
      <Table caption={`Dead letters of ${pipeline} by reason`} head={["Reason", "Stage", numeric("Count")]}>
        {reasons.map(({ count, reason, stage }) => (
          <tr key={`${stage} ${reason}`}>
            <th scope="row" class="reason">
              {reason}
            </th>
            <td>{stage}</td>
            <td class="number">{count.toLocaleString("en-US")}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}
