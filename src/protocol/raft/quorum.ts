/**
 * What a majority says, in plain and in joint configurations. One function answers for indexes, rounds and times alike: the highest
 * value that a quorum has reached.
 */
import type { Configuration, NodeId } from "./messages.ts";

export type Election = "won" | "lost" | "pending";

export interface QuorumRules {
  /** How many of so many voters are a quorum. */
  readonly quorumOf: (voters: number) => number;
  /** Does a joint configuration need the quorum of those it leaves, too? */
  readonly needsBothMajorities: boolean;
}

/** The highest value that a quorum of these has reached; infinite for nobody. */
function majorityValue(voters: readonly NodeId[], reached: (id: NodeId) => number, quorum: number): number {
  const { length } = voters;
  if (length === 0) return Number.POSITIVE_INFINITY;
  const falling: number[] = [];
  for (let at = 0; at < length; at++) {
    const value = reached(voters[at]!);
    let place = at;
    for (; place > 0 && falling[place - 1]! < value; place--) falling[place] = falling[place - 1]!;
    falling[place] = value;
  }
  return falling[Math.max(1, Math.min(quorum, length)) - 1]!;
}

/** The highest value that a quorum of the configuration has reached; infinite when it has no voters. */
export function quorumValue(
  { voters, votersOutgoing }: Configuration,
  reached: (id: NodeId) => number,
  { needsBothMajorities, quorumOf }: QuorumRules,
): number {
  const incoming = majorityValue(voters, reached, quorumOf(voters.length));
  if (votersOutgoing.length === 0 || !needsBothMajorities) return incoming;
  return Math.min(incoming, majorityValue(votersOutgoing, reached, quorumOf(votersOutgoing.length)));
}

/** What becomes of an election, from what has been answered so far. */
export function electionOutcome(
  configuration: Configuration,
  votes: ReadonlyMap<NodeId, boolean>,
  rules: QuorumRules,
): Election {
  if (configuration.voters.length === 0) return "lost";
  if (quorumValue(configuration, (id) => (votes.get(id) === true ? 1 : 0), rules) >= 1) return "won";
  return quorumValue(configuration, (id) => (votes.get(id) === false ? 0 : 1), rules) >= 1 ? "pending" : "lost";
}
