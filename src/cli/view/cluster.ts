/** The cluster for people: a table of members, one node's status, and why a member is held to be what it is. Pure. */
import type { ClusterStatus, MemberInfo, MemberWhy } from "../../app/node/ask-cluster.ts";
import { printable } from "../../base/printable.ts";
import { formatCount, formatDurationMs } from "../../base/units.ts";
import { textTable } from "./table.ts";

export function nodesTable(nodes: readonly MemberInfo[]): string {
  const rows = nodes.map(({ ageMs, id, isLeader, isSelf, name, state, address, ...rest }) => [
    printable(name === id ? id : `${id} (${name})`),
    state,
    printable(address),
    formatDurationMs(ageMs),
    printable(rest.roles.join(",")),
    printable([...pairs(rest.capacities), ...pairs(rest.labels)].join(",")),
    [...(isSelf ? ["asked"] : []), ...(isLeader ? ["leader"] : [])].join(","),
  ]);
  return textTable(["node", "state", "address", "age", "roles", "capacities, labels", ""], rows);
}

function pairs(record: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(record).map(([key, value]) => `${key}=${value}`);
}

export function statusText(status: ClusterStatus): string {
  const { counts, dropped, healthScore, leader, members, self } = status;
  const health = healthScore === 0 ? "well" : `slow by ${healthScore}: it gives others more time`;
  const lines: readonly (readonly [string, string])[] = [
    ["node", `${self.id} at ${self.address}`],
    ["side", `${self.status}${self.statusReason === "" ? "" : `: ${self.statusReason}`}`],
    ["members", list(members)],
    ["leader", `${leader ?? "none"} (the oldest alive as this node sees it; not for locks)`],
    ["own health", health],
    ["joined", status.hasJoined ? "yes" : "no other node has answered yet"],
    ["counts", list(counts)],
    ["dropped", Object.keys(dropped).length === 0 ? "nothing" : list(dropped)],
  ];
  return table(lines);
}

function list(record: Readonly<Record<string, number>>): string {
  const shown = Object.entries(record).filter(([, count]) => count !== 0);
  return shown.map(([name, count]) => `${formatCount(count)} ${words(name)}`).join(", ");
}

/** `datagramsIn` is "datagrams in". */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

export function whyText(why: MemberWhy, by: string): string {
  const { confirmations, deadInMs, lastAckAgoMs, link, member, phi, side } = why;
  const lines: readonly (readonly [string, string])[] = [
    ["node", `${member.id} at ${member.address}, incarnation ${member.incarnation}`],
    ["state", `${member.state} for ${formatDurationMs(why.sinceMs)}${why.by === "" ? "" : `, found out by ${why.by}`}`],
    ...(confirmations.length === 0 ? [] : [["suspected by", suspectedBy(why)] as const]),
    ...(deadInMs === undefined ? [] : [["dead in", `${formatDurationMs(deadInMs)} unless it answers`] as const]),
    ["last probe", probeText(why)],
    ["last answer", lastAckAgoMs === undefined ? "never" : `${formatDurationMs(lastAckAgoMs)} ago`],
    ["link", `${link}${phi === undefined ? "" : `, phi ${phi.toFixed(2)} (silent from ${why.phiSilentAt})`}`],
    ...(why.lostProbes === 0
      ? []
      : [["datagrams", `${why.lostProbes} probes lost although its link is fresh`] as const]),
    ...(why.retriedAgoMs === undefined ? [] : [["tried again", `${formatDurationMs(why.retriedAgoMs)} ago`] as const]),
    ...(why.isGivenUp ? [["given up", "this side of a partition goes on without it"] as const] : []),
    ["asked", `${by}, ${side.status}, own health score ${why.healthScore}`],
  ];
  return table(lines);
}

function suspectedBy({ confirmations, confirmationsWanted }: MemberWhy): string {
  const who = confirmations.map(({ agoMs, by }) => `${by} ${formatDurationMs(agoMs)} ago`).join(", ");
  return `${who} (${confirmations.length} of ${confirmationsWanted + 1} that make it quick)`;
}

function probeText({ failedProbes, lastProbe }: MemberWhy): string {
  if (!lastProbe) return "none yet";
  const { agoMs, indirect, outcome, roundTripMs } = lastProbe;
  const took = roundTripMs === undefined ? "" : ` in ${roundTripMs.toFixed(1)} ms`;
  const through =
    indirect.length === 0 ? "" : `; through ${indirect.map(({ answer, via }) => `${via}: ${answer}`).join(", ")}`;
  const row = failedProbes > 1 ? `; ${failedProbes} failed in a row` : "";
  return `${formatDurationMs(agoMs)} ago, ${outcome.replaceAll("_", " ")}${took}${through}${row}`;
}

function table(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, text]) => `${name.padEnd(width)}  ${printable(text)}`).join("\n");
}
