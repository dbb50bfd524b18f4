/** The way in from outside: of a node that is a gateway its routes, targets and firewalls; of others where the gateways of the cluster are. */
import type { GatewayView, NodeView } from "../../words.ts";
import { age, perSecond, plural, short } from "../logic/numbers.ts";
import { isGateway, pageOf } from "../logic/roles.ts";
import { GATEWAY_REFUSED, GATEWAY_REQUESTS, refusedBy } from "../logic/series.ts";
import { Empty, numeric, Section, State, Table } from "../parts/bits.tsx";
import { Plot } from "../parts/plot.tsx";
import { useBoard } from "../state/board.ts";
import { Firewalls } from "./firewalls.tsx";
import { RoutePlots, RouteTable } from "./route-table.tsx";

export function Gateways() {
  const { gateway, nodes } = useBoard().overview;
  const others = nodes.filter((node) => isGateway(node) && !(node.isSelf && gateway));
  if (!gateway && others.length === 0)
    return <Empty>No gateway is a member of this cluster. “gateway HOST PORT --join NODE” runs one.</Empty>;
  return (
    <div class="stack">
      {gateway && <Own gateway={gateway} />}
      {others.length > 0 && <Others nodes={others} isAlone={!gateway} />}
    </div>
  );
}

function Own({ gateway }: { readonly gateway: GatewayView }) {
  const { address, file, loadedMs, malformed, processes, reloads, routes, tls } = gateway;
  const { atMs, node } = useBoard().overview;
  return (
    <>
      <Section
        id="gateway-title"
        title={`Gateway ${node}`}
        aside={<span class="quiet mono">{`${address}${tls ? ", TLS" : ", plain"}`}</span>}
      >
        <Figures gateway={gateway} />
        <p class="quiet">
          {`${file}, read ${age(atMs - loadedMs)} ago, ${plural(reloads, "reload")}, ${plural(processes, "process", "processes")}`}
        </p>
        <div class="plots">
          <Plot
            title="Requests a second"
            lines={[
              { series: GATEWAY_REQUESTS, label: "all" },
              { series: GATEWAY_REFUSED, label: "refused" },
            ]}
            format={perSecond}
          />
          <RoutePlots routes={routes} />
        </div>
      </Section>
      <Section id="routes-title" title="Routes">
        {routes.length === 0 ? <Empty>The file has no routes.</Empty> : <RouteTable routes={routes} />}
      </Section>
      <Section id="malformed-title" title="Refused before any route">
        {malformed.length === 0 ? (
          <Empty>Every request so far has reached a route.</Empty>
        ) : (
          <Table caption="Requests that reached no route, by reason" head={["Reason", numeric("Requests")]}>
            {malformed.map(({ code, count }) => (
              <tr key={code}>
                <th scope="row" class="mono">
                  {code}
                </th>
                <td class="number">{short(count)}</td>
              </tr>
            ))}
          </Table>
        )}
      </Section>
      <Firewalls gateway={gateway} />
    </>
  );
}

function Figures({ gateway }: { readonly gateway: GatewayView }) {
  const { live } = useBoard();
  const { connections, inFlight, requests } = gateway;
  const refused = refusedBy(gateway);
  return (
    <p class="figures">
      <span>
        connections <b>{short(connections)}</b>
      </span>
      <span>
        requests <b>{short(requests)}</b> <span class="quiet">{perSecond(live.history.latest(GATEWAY_REQUESTS))}</span>
      </span>
      <span>
        under way <b>{short(inFlight)}</b>
      </span>
      <span class={refused > 0 ? "warned" : undefined}>
        refused <b>{short(refused)}</b> <span class="quiet">{perSecond(live.history.latest(GATEWAY_REFUSED))}</span>
      </span>
    </p>
  );
}

/** Each shows its own numbers: what a node knows of another gateway is that it is there. */
function Others({ isAlone, nodes }: { readonly nodes: readonly NodeView[]; readonly isAlone: boolean }) {
  return (
    <Section id="gateways-title" title={isAlone ? "Gateways of the cluster" : "Other gateways of the cluster"}>
      <Table
        caption="Gateways of the cluster, each with a link to its own page"
        head={["Node", "State", "Page", numeric("Age")]}
      >
        {nodes.map(({ address, ageMs, id, state }) => (
          <tr key={id}>
            <th scope="row" class="mono">
              {id}
            </th>
            <td>
              <State state={state} />
            </td>
            <td class="mono">
              <a href={pageOf(address, location.protocol, "gateway")} rel="noreferrer">
                {address}
              </a>
            </td>
            <td class="number">{age(ageMs)}</td>
          </tr>
        ))}
      </Table>
      <p class="quiet">A gateway shows its routes on its own page; the same token signs in there.</p>
    </Section>
  );
}
