/**
 * The leader of the moment: a pure function of a view. Views differ for a while after each change and on the two sides of a
 * partition, so two nodes can both be the leader in their own sight. Good for work that may be done twice. Whatever must be
 * done by one only (locks, ids, ownership) needs Raft.
 */
import type { Member } from "./messages.ts";
import { compareTexts, isUp } from "./precedence.ts";

/**
 * The oldest by birth, then by id, of those who are alive or suspect: a suspicion is no death, and an office that moved with
 * each of them would change hands without need. Undefined when nobody is up.
 */
export function leaderOf(members: Iterable<Member>): Member | undefined {
  let leader: Member | undefined;
  for (const member of members) {
    if (!isUp(member)) continue;
    if (leader === undefined || (member.bornMs - leader.bornMs || compareTexts(member.id, leader.id)) < 0)
      leader = member;
  }
  return leader;
}
