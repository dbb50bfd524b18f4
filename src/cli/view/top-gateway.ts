/** What `top` shows of a node that is a gateway: a line on it as a whole, and a section with a line for each route. Pure. */
import { printable } from "../../base/printable.ts";
import { ratePerSecond } from "../../base/rate.ts";
import { formatCount } from "../../base/units.ts";
import { duration, type Look, perSecond, tableLines } from "./top-parts.ts";

const CLASSES = ["2xx", "3xx", "4xx", "5xx"] as const;

export function gatewayHead({ before, elapsedMs, now: { gateway } }: Look): string[] {
  if (!gateway) return [];
  const { address, connections, inFlight, malformed, requests, wafs } = gateway;
  const rate = perSecond(ratePerSecond(before?.gateway?.requests, requests, elapsedMs));
  const bad = malformed.reduce((total, { count }) => total + count, 0);
  const blocked = wafs.reduce((total, waf) => total + waf.blocked, 0);
  const more = [
    `${rate} requests`,
    `${formatCount(connections)} connections`,
    `${formatCount(inFlight)} under way`,
    ...(bad > 0 ? [`${formatCount(bad)} reached no route`] : []),
    ...(blocked > 0 ? [`${formatCount(blocked)} blocked`] : []),
  ];
  return [printable(`gateway ${address}: ${more.join(", ")}`)];
}

export function gatewayLines({ before, elapsedMs, now }: Look): string[] {
  const rows = (now.gateway?.routes ?? []).map(
    ({ byStatus, id, p50Ms, p99Ms, pattern, refused, requests, targets }) => {
      const was = before?.gateway?.routes.find((each) => each.id === id);
      const rate = perSecond(ratePerSecond(was?.requests, requests, elapsedMs));
      const classes = CLASSES.map((each) => formatCount(byStatus[each] ?? 0));
      const refusals = formatCount(refused.reduce((total, { count }) => total + count, 0));
      const times = [duration(p50Ms, ""), duration(p99Ms, "")];
      return [id, healthText(targets), formatCount(requests), rate, ...classes, refusals, ...times, pattern];
    },
  );
  return tableLines(["route", "up", "requests", "rate", ...CLASSES, "refused", "p50", "p99", "pattern"], rows);
}

const AWAY: ReadonlySet<string> = new Set(["unhealthy", "ejected", "open"]);

function healthText(targets: readonly { readonly state: string }[]): string {
  const up = targets.filter(({ state }) => !AWAY.has(state)).length;
  return targets.length === 0 ? "" : `${up}/${targets.length}`;
}
