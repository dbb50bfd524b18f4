/** The firewalls of a gateway: how they stand, what they have blocked, and what traffic in detect mode asks to be left out. */
import type { GatewayView } from "../../words.ts";
import { percent, short } from "../logic/numbers.ts";
import { numeric, Section, State, Table } from "../parts/bits.tsx";

export function Firewalls({ gateway: { proposals, wafs } }: { readonly gateway: GatewayView }) {
  if (wafs.length === 0) return null;
  return (
    <Section id="firewalls-title" title="Firewalls">
      <Table
        caption="Firewalls of this gateway"
        head={[
          "Firewall",
          "Mode",
          numeric("Rules"),
          numeric("Not supported"),
          numeric("Requests"),
          numeric("Blocked"),
          numeric("Would have blocked"),
        ]}
      >
        {wafs.map(({ blocked, id, mode, requests, rules, unsupported, wouldBlock }) => (
          <tr key={id}>
            <th scope="row">{id}</th>
            <td>
              <State state={mode} />
            </td>
            <td class="number">{short(rules)}</td>
            <td class={unsupported > 0 ? "number warned" : "number"}>{short(unsupported)}</td>
            <td class="number">{short(requests)}</td>
            <td class={blocked > 0 ? "number warned" : "number"}>{short(blocked)}</td>
            <td class="number">{short(wouldBlock)}</td>
          </tr>
        ))}
      </Table>
      {proposals.length > 0 && <Proposals proposals={proposals} />}
    </Section>
  );
}

function Proposals({ proposals }: Pick<GatewayView, "proposals">) {
  return (
    <>
      <p class="quiet">
        Exclusions that usual traffic asks for. What may be an attack is not told apart: look before you take one.
      </p>
      <Table
        caption="Exclusions that detect mode proposes"
        head={["Firewall", "Exclude", "Rule", numeric("Requests"), numeric("Clients"), numeric("Share")]}
      >
        {proposals.map(({ clients, exclude, message, requests, share, waf }) => (
          <tr key={`${waf} ${exclude}`}>
            <td>{waf}</td>
            <th scope="row" class="mono">
              {exclude}
            </th>
            <td class="reason">{message}</td>
            <td class="number">{short(requests)}</td>
            <td class="number">{short(clients)}</td>
            <td class="number">{percent(share)}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}
