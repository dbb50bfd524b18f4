/** Nodes with their load and this node's links to them; drains workers. The picture's text alternative as well. */
import type { LinkView, NodeView } from "../../words.ts";
import { drainAction } from "../logic/actions.ts";
import { age, bytesPerSecond, duration } from "../logic/numbers.ts";
import { linkSeries } from "../logic/series.ts";
import { ACTIONS, ActionButton, Meter, numeric, Section, State, Table } from "../parts/bits.tsx";
import { useBoard } from "../state/board.ts";

export function Nodes() {
  const { overview } = useBoard();
  const links = new Map(overview.links.map((link) => [link.peer, link]));
  return (
    <Section id="nodes-title" title="Nodes" isWide>
      <Table
        caption="Nodes of the cluster"
        head={[
          "Node",
          "State",
          "Roles",
          "Address",
          numeric("Age"),
          "CPU",
          "Memory",
          numeric("Batches"),
          "Link",
          numeric("Round trip"),
          ACTIONS,
        ]}
      >
        {overview.nodes.map((node) => (
          <NodeRow key={node.id} node={node} link={links.get(node.id)} />
        ))}
      </Table>
    </Section>
  );
}

function NodeRow({ node, link }: { readonly node: NodeView; readonly link: LinkView | undefined }) {
  const { address, ageMs, cpu, id, isDraining, isLeader, isSelf, memory, name, queue, roles, state } = node;
  const isWorker = roles.includes("worker");
  return (
    <tr>
      <th scope="row">
        <span class="mono">{name === id ? id : `${id} (${name})`}</span>
        {isSelf && <span class="tag">asked</span>}
        {isLeader && <span class="tag">leader</span>}
      </th>
      <td>
        <State state={state === "alive" && isDraining ? "draining" : state} />
      </td>
      <td>{roles.join(", ") || <span class="quiet">member</span>}</td>
      <td class="mono">{address}</td>
      <td class="number">{age(ageMs)}</td>
      <td>
        <Meter share={cpu} label={`processors of ${id}`} />
      </td>
      <td>
        <Meter share={memory} label={`memory of ${id}`} />
      </td>
      <td class="number">{queue ?? "–"}</td>
      <td>{isSelf ? <span class="quiet">itself</span> : <LinkText link={link} />}</td>
      <td class="number">{duration(link?.roundTripMs)}</td>
      <td class="actions">
        {isWorker && state === "alive" && (
          <ActionButton
            action={drainAction(id, !isDraining)}
            about={isDraining ? `Let ${id} work again` : `Drain ${id}`}
          >
            {isDraining ? "Work again" : "Drain"}
          </ActionButton>
        )}
      </td>
    </tr>
  );
}

function LinkText({ link }: { readonly link: LinkView | undefined }) {
  const { live } = useBoard();
  if (!link) return <span class="quiet">none</span>;
  return <>{link.isOpen ? bytesPerSecond(live.history.latest(linkSeries(link.peer))) : "closed"}</>;
}
