/** Puts together what is known of one member. */
import type { Core } from "./core.ts";
import type { Explanation } from "./explanation.ts";
import type { Entry } from "./member-table.ts";

const NOTHING = {
  confirmations: [],
  confirmationsWanted: 0,
  deadAtMs: undefined,
  lastProbe: undefined,
  lastAckMs: undefined,
  failedProbes: 0,
  lostProbes: 0,
  link: "none",
  retriedMs: undefined,
  isHearsay: false,
} as const;

export function explainSelf({ health, self, startedMs }: Core): Explanation {
  return { ...NOTHING, member: self, isSelf: true, sinceMs: startedMs, by: self.id, healthScore: health.score };
}

export function explainEntry(core: Core, entry: Entry): Explanation {
  const { by, failedProbes, isHearsay, lastAckMs, lastProbe, link, lostProbes, member, retriedMs, sinceMs } = entry;
  return {
    member,
    isSelf: false,
    sinceMs,
    by,
    confirmations: [...(entry.suspicion?.confirmations ?? [])],
    confirmationsWanted: entry.suspicion?.wanted ?? 0,
    deadAtMs: entry.deadline && core.callersTime(entry.deadline.dueMs),
    lastProbe: lastProbe && { ...lastProbe, indirect: lastProbe.indirect.map((each) => ({ ...each })) },
    lastAckMs,
    failedProbes,
    lostProbes,
    link,
    retriedMs,
    isHearsay,
    healthScore: core.health.score,
  };
}
