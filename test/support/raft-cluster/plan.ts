/** What befalls a cluster, in which order: the same for the same seed. */
import type { Random } from "../../../src/base/random.ts";

export interface Counts {
  /** kill -9 of one node. */
  readonly kills: number;
  /** kill -9 of all nodes before any of them is waited for. */
  readonly groupKills: number;
  /** A bit flipped in, or an end cut off, the log of a node that was killed for it. */
  readonly damages: number;
  /** SIGSTOP, and SIGCONT after up to some election time-outs. */
  readonly pauses: number;
  /** Another leader, and a snapshot so that the log is cut. */
  readonly transfers: number;
  readonly snapshots: number;
}

export type Strike = "kill" | "groupKill" | "damage" | "pause" | "transfer" | "snapshot";

export function planOf(counts: Counts, random: Random): Strike[] {
  const { damages, groupKills, kills, pauses, snapshots, transfers } = counts;
  const strikes: Strike[] = [
    ...times(kills, "kill"),
    ...times(groupKills, "groupKill"),
    ...times(damages, "damage"),
    ...times(pauses, "pause"),
    ...times(transfers, "transfer"),
    ...times(snapshots, "snapshot"),
  ];
  for (let at = strikes.length - 1; at > 0; at--) {
    const other = random.below(at + 1);
    [strikes[at], strikes[other]] = [strikes[other]!, strikes[at]!];
  }
  return strikes;
}

function times(count: number, strike: Strike): Strike[] {
  return Array.from({ length: count }, () => strike);
}
