/** What a gateway tells about itself, as text for people. Pure. */
import type { GatewayStatus, ProposalView, RouteView, TryAnswer } from "../../app/gateway/ask-gateway.ts";
import { printable } from "../../base/printable.ts";
import { formatCount, formatDurationMs } from "../../base/units.ts";
import { textTable } from "./table.ts";

export function routesTable(routes: readonly RouteView[]): string {
  if (routes.length === 0) return "the file has no routes";
  const rows = routes.flatMap((route) => {
    const { byStatus, id, latency, pattern, refused, requests, targets } = route;
    const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0);
    const failed = (byStatus["5xx"] ?? 0).toString();
    const spent = latency ? [latency.p50Ms, latency.p99Ms].map((each) => formatDurationMs(each)) : ["", ""];
    const [first, ...more] = targets.map(({ state, target }) => [target, state] as const);
    const head = [id, pattern, ...(first ?? ["", ""]), formatCount(requests), failed, formatCount(refusals), ...spent];
    return [head, ...more.map((each) => ["", "", ...each, "", "", "", "", ""])].map((row) => row.map(printable));
  });
  return textTable(["route", "pattern", "target", "state", "requests", "5xx", "refused", "p50", "p99"], rows);
}

export function tryText(answer: TryAnswer): string {
  const { guards = [], limits = [], params = {}, path, route, status, steps, targets = [], upstream } = answer;
  const lines = [
    route === undefined ? `no route takes it: ${status ?? 404}` : `route ${route} takes it`,
    ...(path === undefined ? [] : [`  path        ${path}`]),
    ...Object.entries(params).map(([name, value]) => `  {${name}}`.padEnd(14).concat(value)),
    ...targets.map((target, at) => `${at === 0 ? "  targets     " : "              "}${target}`),
    ...(upstream === undefined ? [] : [`  asks for    ${upstream}`]),
    ...limits.map((limit) => `  limit       ${limit}`),
    ...guards.map((guard) => `  passes      ${guard}`),
    "",
    ...steps.map(({ line, pattern, route: id, takes, why }) =>
      `${takes ? "→" : " "} line ${line}  ${id}  ${pattern}  ${why}`.trimEnd(),
    ),
  ];
  return lines.map(printable).join("\n");
}

export function statusText(status: GatewayStatus): string {
  const { address, connections, file, inFlight, loadedMs, malformed, node, processes, reloads, requests, routes, tls } =
    status;
  const { dropped, extra, masks, notTaken } = status;
  const bad = Object.entries(malformed).map(([reason, count]) => `${reason} ${formatCount(count)}`);
  const lines = [
    `gateway ${node} on ${address}${tls ? " (TLS)" : ""}, ${processes} ${processes === 1 ? "process" : "processes"}`,
    `file ${file}: ${routes} routes, read ${new Date(loadedMs).toISOString()}, reloads ${reloads}`,
    ...(notTaken === undefined
      ? []
      : [`not taken at ${new Date(notTaken.timeMs).toISOString()}, it goes by the file as it was: ${notTaken.reason}`]),
    `connections ${formatCount(connections)}, requests ${formatCount(requests)}, under way ${formatCount(inFlight)}`,
    ...(bad.length === 0 ? [] : [`refused before any route: ${bad.join(", ")}`]),
    ...status.wafs.map(
      ({ blocked, id, mode, rules, transactions, unsupported, wouldBlock }) =>
        `firewall ${id}: ${mode}, ${rules} rules (${unsupported.length} not supported), requests ${formatCount(transactions)}, ` +
        `blocked ${formatCount(blocked)}, would have blocked ${formatCount(wouldBlock)}`,
    ),
    ...(masks === undefined ? [] : [masksLine(masks)]),
    ...(dropped === undefined
      ? []
      : [
          `fields left out by conversions: of requests ${formatCount(dropped.request)}, of replies ${formatCount(dropped.reply)}`,
        ]),
    ...(extra === undefined ? [] : [extraLine(extra)]),
  ];
  return lines.map(printable).join("\n");
}

function masksLine({ masked, refused, routes }: NonNullable<GatewayStatus["masks"]>): string {
  const where = `${routes} ${routes === 1 ? "route" : "routes"}`;
  return `masks on ${where}: values hidden ${formatCount(masked)}, refused because they cannot be looked into ${formatCount(refused)}`;
}

function extraLine(extra: NonNullable<GatewayStatus["extra"]>): string {
  const { hedges, hedgesWon, mirrored, mirrorsSkipped, retries, unbudgeted, unkept } = extra;
  return (
    `beside clients' own requests: retries ${formatCount(retries)}, hedges ${formatCount(hedges)} (won ${formatCount(hedgesWon)}), ` +
    `copies to mirrors ${formatCount(mirrored)}; left out by the budget ${formatCount(unbudgeted)}, ` +
    `for the body's length ${formatCount(unkept)}, copies ${formatCount(mirrorsSkipped)}`
  );
}

export function proposalsText(proposals: readonly ProposalView[]): string {
  if (proposals.length === 0)
    return "nothing is proposed: no rule in detect mode has matched 20 requests of 5 different clients in the same variable";
  const blocks = proposals.map(({ clients, directive, exclude, message, requests, routes, sample, share, waf }) =>
    [
      `${waf}: ${directive}`,
      `  in the gateway file: exclude=${exclude}`,
      `  ${message}`,
      `  seen in ${formatCount(requests)} requests (${(share * 100).toFixed(1)} %) of ${formatCount(clients)} clients, routes ${routes.join(", ")}`,
      `  for example ${sample}`,
    ].map(printable),
  );
  return blocks.map((lines) => lines.join("\n")).join("\n\n");
}
