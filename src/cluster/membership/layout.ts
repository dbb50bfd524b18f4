/** Numbers that stand for words on the wire. Their order is part of the format: append only, and count the version up. */
import type { Standing } from "../../protocol/partition/index.ts";
import type { MemberState, SwimMessage } from "../../protocol/swim/index.ts";

/** Another version is not understood, and not guessed at. */
export const VERSION = 1;

export const KINDS: readonly SwimMessage["type"][] = ["ping", "ack", "nack", "ping_req", "gossip", "sync"];
export const STATES: readonly MemberState[] = ["alive", "suspect", "dead", "left"];
const UP = 1;
const SETTLED = 2;
const VOTER = 4;
const WHOLE = 8;
export const STANDING_MAX = 15;

export function bitsOf({ isSettled, isVoter, isWhole, status }: Standing): number {
  return (status === "up" ? UP : 0) | (isSettled ? SETTLED : 0) | (isVoter ? VOTER : 0) | (isWhole ? WHOLE : 0);
}

export function standingOf(bits: number): Standing {
  const has = (bit: number): boolean => (bits & bit) !== 0;
  return { status: has(UP) ? "up" : "down", isSettled: has(SETTLED), isVoter: has(VOTER), isWhole: has(WHOLE) };
}
