/** The groups that keep the data, for operators. Pure. */
import type { GroupStatus } from "../../app/data/data-port.ts";
import { printable } from "../../base/printable.ts";
import { formatBytes, formatCount } from "../../base/units.ts";
import { textTable } from "./table.ts";

export function groupsText(groups: readonly GroupStatus[]): string {
  return groups.map(groupText).join("\n\n");
}

function groupText(group: GroupStatus): string {
  const { applied, commit, damage, dataBytes, durability, first, last, leader, logBytes, node, role, snapshot } = group;
  const lines: readonly (readonly [string, string])[] = [
    ["group", group.group],
    ["asked", `${node}, ${role} in term ${group.term}`],
    ["leader", leader ?? "none that is known"],
    ["committed", `${formatCount(commit)}, applied ${formatCount(applied)}`],
    ["log", `${formatCount(first)} to ${formatCount(last)}, ${formatBytes(logBytes)}`],
    ["data", formatBytes(dataBytes)],
    ["snapshot", snapshot ? `at ${formatCount(snapshot.index)}, ${formatBytes(snapshot.bytes)}` : "none yet"],
    ["durability", durability === "fsync" ? "fsync" : `${durability}: what was answered may be lost with the machine`],
    ...(damage === undefined ? [] : [["damage", damage] as const]),
  ];
  const text = lines.map(([name, value]) => `${name.padEnd(WIDTH)}  ${printable(value)}`).join("\n");
  return `${text}\n\n${membersTable(group)}`;
}

const WIDTH = "durability".length;

function membersTable({ last, leader, members }: GroupStatus): string {
  const rows = members.map(({ address = "", id, isLeaving, kind, match, state = "" }) => [
    printable(id),
    isLeaving ? `${kind}, leaving` : kind,
    id === leader ? "leader" : printable(state),
    match === undefined ? "" : formatCount(match),
    match === undefined ? "" : formatCount(Math.max(0, last - match)),
    printable(address),
  ]);
  return textTable(["member", "kind", "state", "has", "behind", "address"], rows);
}
