/** Services and how they are called. */
import { restartServiceAction } from "../logic/actions.ts";
import { duration, perSecond, short } from "../logic/numbers.ts";
import { serviceSeries } from "../logic/series.ts";
import { ACTIONS, ActionButton, Empty, numeric, Section, Table } from "../parts/bits.tsx";
import { Plot } from "../parts/plot.tsx";
import { useBoard } from "../state/board.ts";

/** More lines than there are colours show nothing. */
const LINES_MAX = 8;

export function Services() {
  const { live, overview } = useBoard();
  const { node, services } = overview;
  if (services.length === 0)
    return <Empty>No services are offered. A file in a node’s “services” directory is one.</Empty>;
  const lines = services.slice(0, LINES_MAX).map(({ name }) => ({ series: serviceSeries(name, "calls"), label: name }));
  return (
    <div class="stack">
      <Section id="services-title" title="Services">
        <Table
          caption="Services of the cluster, calls as this node has counted them"
          head={[
            "Service",
            "Versions",
            "Nodes",
            numeric("Healthy"),
            numeric("Calls"),
            numeric("Rate"),
            numeric("Errors"),
            numeric("Error rate"),
            numeric("p50"),
            numeric("p99"),
            ACTIONS,
          ]}
        >
          {services.map(({ calls, errors, healthy, name, nodes, p50Ms, p99Ms, versions }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{versions.join(", ")}</td>
              <td class="mono">{nodes.join(", ")}</td>
              <td class={healthy === 0 ? "number failed" : "number"}>{healthy}</td>
              <td class="number">{short(calls)}</td>
              <td class="number">{perSecond(live.history.latest(serviceSeries(name, "calls")))}</td>
              <td class={errors > 0 ? "number warned" : "number"}>{short(errors)}</td>
              <td class="number">{perSecond(live.history.latest(serviceSeries(name, "errors")))}</td>
              <td class="number">{duration(p50Ms)}</td>
              <td class="number">{duration(p99Ms)}</td>
              <td class="actions">
                {nodes.includes(node) &&
                  (versions.length > 1 ? versions.map((version) => `${name}@${version}`) : [name]).map((each) => (
                    <ActionButton key={each} action={restartServiceAction(each)} about={`Restart service ${each}`}>
                      {versions.length > 1 ? `Restart ${each.slice(name.length + 1)}` : "Restart"}
                    </ActionButton>
                  ))}
              </td>
            </tr>
          ))}
        </Table>
        <div class="plots">
          <Plot title="Calls a second" lines={lines} format={perSecond} />
          <Plot
            title="Errors a second"
            lines={lines.map(({ label }) => ({ series: serviceSeries(label, "errors"), label }))}
            format={perSecond}
          />
        </div>
      </Section>
    </div>
  );
}
