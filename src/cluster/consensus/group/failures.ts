/** Failures of a group, one maker for each code. */
import { Failure } from "../../../base/errors.ts";
import type { NodeId, Refusal } from "../../../protocol/raft/index.ts";

/** Nothing was done. The leader, where one is known, is in `data.leader`. */
export function notLeader(group: string, leader: NodeId | undefined): Failure {
  const who = leader === undefined ? "none is known" : `${leader} is`;
  return new Failure("consensus.not_leader", `this node does not lead the group ${group}; ${who}`, {
    retryable: true,
    data: { leader: leader ?? null },
  });
}

/** It may have been done, or may still be. */
export function unknownOutcome(group: string, why: string): Failure {
  const message = `whether the group ${group} has taken it is not known: ${why}; the same session and sequence asks safely again`;
  return new Failure("consensus.unknown_outcome", message, { retryable: true });
}

/** Only nodes that have to do with the group are served. */
export function stranger(group: string, peer: NodeId): Failure {
  return new Failure("consensus.stranger", `${peer} is no member of the group ${group}, and none of its masters`);
}

export function closedGroup(group: string): Failure {
  return new Failure("consensus.closed", `the group ${group} is closed on this node`, { retryable: true });
}

export function refusal(group: string, reason: Refusal, leader: NodeId | undefined): Failure {
  switch (reason) {
    case "not_leader":
    case "lost_leadership":
      return notLeader(group, leader);
    case "overloaded":
      return new Failure("consensus.overloaded", `the group ${group} has more waiting than it takes; try again`, {
        retryable: true,
      });
    case "in_progress":
      return new Failure("consensus.in_progress", `another change of the group ${group} is under way`, {
        retryable: true,
      });
    case "timed_out":
      return new Failure("consensus.timed_out", `the other node of the group ${group} has not taken over in time`, {
        retryable: true,
      });
    case "too_large":
      return new Failure("consensus.too_large", `a command is larger than the group ${group} takes in one entry`);
    case "invalid":
      return new Failure(
        "consensus.invalid",
        `the group ${group} cannot be changed so: at least one voter is required, a new one has to be a learner that has caught up, and nobody can be both`,
      );
  }
}
