/**
 * The decisions of the protocol as pure functions, gathered so that a test or the simulator can put a wrong one in the place
 * of one of them and see its checkers find it. Whoever runs the protocol uses `swimRules` as they are.
 */
import type { Member } from "./messages.ts";
import type { SwimOptions } from "./options.ts";
import { compareNews } from "./precedence.ts";

export interface SwimRules {
  /** Does the news hold rather than what is known? Both of one id. */
  readonly supersedes: (news: Member, known: Member) => boolean;
  /** Must this node contradict what is said of it? Same life both. */
  readonly refutes: (claim: Member, own: Member) => boolean;
  /** The incarnation that contradicts it. */
  readonly refutation: (claim: Member, own: Member) => number;
  /** How long a suspect has, from the first suspicion on; undefined: for ever. `n` members, this one included. */
  readonly suspicionMs: (confirmations: number, n: number, options: SwimOptions) => number | undefined;
  /** The time-outs of probes at this score of local health. */
  readonly scaledMs: (ms: number, healthScore: number) => number;
  /** Of the time that this node has come too late for its own deadline, how much does not count? */
  readonly forgivenMs: (lateMs: number, options: SwimOptions) => number;
  /** Is an answer to no probe under way taken for one to the probe of its sender? */
  readonly acceptsStrayAcks: boolean;
  readonly indirectProbes: (options: SwimOptions) => number;
  /** How often this node sends one piece of news. */
  readonly transmitsMax: (n: number, options: SwimOptions) => number;
  /** Bytes of gossip on one message. */
  readonly gossipBytesMax: (options: SwimOptions) => number;
  /** Until the next comparison with another; undefined: never. */
  readonly syncIntervalMs: (n: number, options: SwimOptions) => number | undefined;
  /** Is a death that a whole view tells of believed at once? Otherwise the one concerned is told and probed. */
  readonly believesDeathsOfViews: boolean;
  /** What one who leaves says of itself. */
  readonly farewell: "left" | "dead";
  /** Is a suspect that is probed told of it first, and one who writes while it is held dead? */
  readonly tellsSubjects: boolean;
  /** Does a fresh link keep a probe that failed from making a suspect? */
  readonly trustsLinks: boolean;
  /** The chance that this node tries a dead one now. */
  readonly reconnectChance: (dead: number, alive: number) => number;
  /** Are the dead still probed in their turn? */
  readonly probesDead: boolean;
}

/** Below this a cluster compares views at the base interval. */
const SYNC_MEMBERS_BASE = 32;

/**
 * Tries of one side of a partition in one interval. One that gets through is enough, the rest is gossip; more of them would
 * make a large cluster exchange all its views at once when it heals.
 */
const RECONNECTS_MAX = 16;

export const swimRules: SwimRules = {
  supersedes: (news, known) => compareNews(news, known) > 0,
  refutes: (claim, own) => compareNews(claim, own) > 0,
  refutation: (claim, own) => Math.max(claim.incarnation, own.incarnation) + 1,
  suspicionMs,
  scaledMs: (ms, healthScore) => ms * (1 + healthScore),
  // Less than a time-out late is what every process is at times. Local health off means: no such mercy either.
  forgivenMs: (lateMs, { healthMax, probeTimeoutMs }) =>
    healthMax > 0 && lateMs > probeTimeoutMs ? lateMs + probeTimeoutMs : 0,
  acceptsStrayAcks: false,
  indirectProbes: ({ indirectProbes }) => indirectProbes,
  transmitsMax: (n, { retransmitMult }) => Math.ceil(retransmitMult * Math.log(n + 1)),
  gossipBytesMax: ({ gossipBytesMax }) => gossipBytesMax,
  syncIntervalMs: (n, { syncIntervalMs }) =>
    syncIntervalMs * (1 + Math.max(0, Math.ceil(Math.log2(n / SYNC_MEMBERS_BASE)))),
  believesDeathsOfViews: false,
  farewell: "left",
  tellsSubjects: true,
  trustsLinks: true,
  reconnectChance: (dead, alive) => Math.min(dead, RECONNECTS_MAX) / (alive + 1),
  probesDead: false,
};

/** Lifeguard's dogpile: from β times the least time without confirmations down to the least with all that are wanted. */
function suspicionMs(confirmations: number, n: number, options: SwimOptions): number {
  const { probeIntervalMs, suspicionMaxMult, suspicionMult } = options;
  const leastMs = suspicionMult * Math.max(1, Math.log10(n)) * probeIntervalMs;
  const wanted = confirmationsWanted(n, options);
  if (wanted === 0) return leastMs;
  const share = Math.log(confirmations + 1) / Math.log(wanted + 1);
  return Math.max(leastMs, leastMs * (suspicionMaxMult - share * (suspicionMaxMult - 1)));
}

/** None where there are too few others who could confirm. */
export function confirmationsWanted(n: number, { confirmations }: SwimOptions): number {
  return n - 2 < confirmations ? 0 : confirmations;
}
