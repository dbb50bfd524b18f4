/** The routes of a gateway in the order of its file: their targets and how these are, what was asked, answered and refused, and how fast. */
import type { CodeCount, GatewayRouteView, RouteTargetView } from "../../words.ts";
import { duration, perSecond, short } from "../logic/numbers.ts";
import { failedOf, routeSeries } from "../logic/series.ts";
import { numeric, State, Table } from "../parts/bits.tsx";
import { Plot } from "../parts/plot.tsx";
import { useBoard } from "../state/board.ts";

/** More lines than there are colours show nothing. */
const LINES_MAX = 8;
/** Of the refusals of a route; the command `gateway routes --json` has all. */
const CODES_SHOWN = 4;
const CLASSES = ["2xx", "3xx", "4xx", "5xx"] as const;

interface RoutesProps {
  readonly routes: readonly GatewayRouteView[];
}

export function RouteTable({ routes }: RoutesProps) {
  return (
    <Table
      caption="Routes of this gateway"
      head={[
        "Route",
        "Pattern",
        "Targets",
        numeric("Rate"),
        numeric("Requests"),
        numeric("Under way"),
        ...CLASSES.map(numeric),
        numeric("p50"),
        numeric("p99"),
        "Refused",
      ]}
    >
      {routes.map((route) => (
        <RouteRow key={route.id} route={route} />
      ))}
    </Table>
  );
}

function RouteRow({ route }: { readonly route: GatewayRouteView }) {
  const { live } = useBoard();
  const { byStatus, id, inFlight, p50Ms, p99Ms, pattern, refused, requests, targets } = route;
  return (
    <tr>
      <th scope="row">{id}</th>
      <td class="mono">{pattern}</td>
      <td>
        <Targets targets={targets} />
      </td>
      <td class="number">{perSecond(live.history.latest(routeSeries(id, "requests")))}</td>
      <td class="number">{short(requests)}</td>
      <td class="number">{short(inFlight)}</td>
      {CLASSES.map((each) => (
        <td key={each} class={each === "5xx" && failedOf(route) > 0 ? "number failed" : "number"}>
          {short(byStatus[each] ?? 0)}
        </td>
      ))}
      <td class="number">{duration(p50Ms)}</td>
      <td class="number">{duration(p99Ms)}</td>
      <td>
        <Codes codes={refused} />
      </td>
    </tr>
  );
}

function Targets({ targets }: { readonly targets: readonly RouteTargetView[] }) {
  return (
    <ul class="lines">
      {targets.map(({ failures, requests, state, target }, index) => (
        <li key={`${index} ${target}`}>
          <span class="mono">{target === "" ? "itself" : target}</span> {state !== "unknown" && <State state={state} />}{" "}
          {failures > 0 && <span class="warned">{`${short(failures)} of ${short(requests)} failed`}</span>}
        </li>
      ))}
    </ul>
  );
}

function Codes({ codes }: { readonly codes: readonly CodeCount[] }) {
  const rest = codes.slice(CODES_SHOWN).reduce((total, { count }) => total + count, 0);
  return (
    <ul class="lines">
      {codes.slice(0, CODES_SHOWN).map(({ code, count }) => (
        <li key={code}>
          <span class="mono">{code}</span> {short(count)}
        </li>
      ))}
      {rest > 0 && <li class="quiet">{`others ${short(rest)}`}</li>}
    </ul>
  );
}

export function RoutePlots({ routes }: RoutesProps) {
  const shown = routes.slice(0, LINES_MAX);
  if (shown.length === 0) return null;
  const lines = (metric: "requests" | "failed" | "p99") =>
    shown.map(({ id }) => ({ series: routeSeries(id, metric), label: id }));
  return (
    <>
      <Plot title="Requests a second by route" lines={lines("requests")} format={perSecond} />
      <Plot title="Failed a second by route" lines={lines("failed")} format={perSecond} />
      <Plot title="p99 by route, since the start" lines={lines("p99")} format={duration} />
    </>
  );
}
