/** Why a member is held to be what it is: everything the machine knows of it, as data. Times are those of the machine's clock. */
import type { LinkState, Member } from "./messages.ts";

export interface Confirmation {
  readonly by: string;
  readonly atMs: number;
}

/** What one asked to probe for us has said. */
export interface IndirectProbe {
  readonly via: string;
  readonly answer: "waiting" | "acked" | "nacked" | "silent";
}

export interface ProbeExplanation {
  readonly atMs: number;
  /** `lost`: no answer, but its link is fresh, so that only datagrams get lost. */
  readonly outcome: "waiting" | "acked" | "acked_indirectly" | "failed" | "lost";
  /** From the ping to the answer. */
  readonly roundTripMs: number | undefined;
  readonly indirect: readonly IndirectProbe[];
}

export interface Explanation {
  readonly member: Member;
  readonly isSelf: boolean;
  /** Since when it is in this state, here. */
  readonly sinceMs: number;
  /** Who found the state out, as far as told. */
  readonly by: string;
  /** Who says that it is suspect, the first one first; empty unless it is. */
  readonly confirmations: readonly Confirmation[];
  /** Confirmations that make the suspicion as short as it gets. */
  readonly confirmationsWanted: number;
  /** When it is declared dead unless it refutes; undefined unless it is suspect. */
  readonly deadAtMs: number | undefined;
  readonly lastProbe: ProbeExplanation | undefined;
  /** When it last answered a probe of ours, directly or not. */
  readonly lastAckMs: number | undefined;
  /** Probes in a row without an answer. */
  readonly failedProbes: number;
  /** Probes that failed although its link was fresh. */
  readonly lostProbes: number;
  readonly link: LinkState;
  /** When it was last tried over the stream, being dead. */
  readonly retriedMs: number | undefined;
  /** Heard of only after it was dead: never a member in this node's sight. */
  readonly isHearsay: boolean;
  /** This node's own: 0 is well; every time-out of its probes is multiplied by one more than that. */
  readonly healthScore: number;
}
