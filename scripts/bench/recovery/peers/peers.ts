/** Supervisors side by side: the same children, the same kills, one after the other on the same machine. */
import { formatBytes } from "../../../../src/base/units.ts";
import { quantile } from "../../common/statistics.ts";
import { table } from "../../common/table.ts";
import { erlang } from "./erlang.ts";
import { measurePeer, type PeerFigures } from "./measure-peer.ts";
import { ours } from "./ours.ts";
import type { Absent, Peer } from "./peer.ts";
import { pm2 } from "./pm2.ts";

/** Gives the exit code: 1 when children of ours live on after their supervisor. */
export async function comparePeers(directory: string, kills: number): Promise<number> {
  const all: (Peer | Absent)[] = [ours, await pm2(directory), erlang(directory)];
  const figures: PeerFigures[] = [];
  let ourOrphans = 0;
  for (const peer of all) {
    if ("why" in peer) {
      console.log(`${peer.name} is left out: ${peer.why}`);
      continue;
    }
    console.error(`${peer.name}: ${kills} kills …`);
    const measured = await measurePeer(peer, kills, directory);
    figures.push(measured);
    if (peer === ours) ourOrphans = measured.orphans.ofIdle + measured.orphans.ofMinding;
  }
  console.log(`${table(HEADER, figures.map(row))}\n`);
  console.log(NOTES);
  return ourOrphans > 0 ? 1 : 0;
}

const HEADER = [
  "",
  "kill to answer p50",
  "p99",
  "max",
  "supervisor own",
  "resident",
  "own after the kills",
  "own for each child",
  "child own",
  "resident",
  "orphans",
];

const NOTES = `kill to answer: milliseconds from kill -9 of a child until another process of its name has answered a request
own: RssAnon; resident: VmRSS, with pages shared with others; for each child: the supervisor's growth from 1 to 10 children
orphans: children alive after kill -9 of the supervisor, of those that do not look at their input / of those that do`;

function row({ label, children, recoveriesMs, before, after, withOneChild, child, orphans }: PeerFigures): string[] {
  const ms = (value: number): string => value.toFixed(1);
  const eachBytes = (before.ownBytes - withOneChild.ownBytes) / (children - 1);
  return [
    label,
    ms(quantile(recoveriesMs, 0.5)),
    ms(quantile(recoveriesMs, 0.99)),
    ms(Math.max(...recoveriesMs)),
    formatBytes(before.ownBytes),
    formatBytes(before.residentBytes),
    formatBytes(after.ownBytes),
    `${(eachBytes / 1024).toFixed(0)} KiB`,
    formatBytes(child.ownBytes),
    formatBytes(child.residentBytes),
    `${orphans.ofIdle} / ${orphans.ofMinding} of ${orphans.started}`,
  ];
}
