/**
 * The strategies as pure functions: of those that count, given who is reachable and who is missing, does this side go on?
 * Each is asked on every side with the same members, parted differently, and at most one side hears yes. They are rules
 * rather than methods so that tests can plant a bug in one.
 */
export type Strategy =
  /** The side with more than half goes on; of two halves the one with the lowest id. */
  | { readonly kind: "keep-majority"; readonly role?: string | undefined }
  /** A side with `size` members goes on. More than 2 × size − 1 members could make two such sides: then none does. */
  | { readonly kind: "static-quorum"; readonly size: number; readonly role?: string | undefined }
  /** The side with the oldest goes on; with `downIfAlone` an oldest that is alone yields to several others. */
  | { readonly kind: "keep-oldest"; readonly downIfAlone: boolean; readonly role?: string | undefined }
  /** Whoever misses somebody goes down. */
  | { readonly kind: "down-all" }
  /** Every side goes on and gives up the others: no protection. */
  | { readonly kind: "off" };

/** A member that counts. */
export interface Counted {
  readonly id: string;
  readonly bornMs: number;
  readonly roles: readonly string[];
}

export interface Verdict {
  readonly self: "up" | "down";
  readonly reason: string;
}

export interface PartitionRules {
  /** Do `mine` of `all` make a majority? `holdsLowest`: the lowest id is among mine. */
  hasMajority(mine: number, all: number, holdsLowest: boolean): boolean;
  hasQuorum(mine: number, all: number, size: number): boolean;
  /** Does the side go on that holds the oldest, or the one that does not? Counts are of the side asking and of the others. */
  keepsOldest(holdsOldest: boolean, mine: number, others: number, downIfAlone: boolean): boolean;
  /** How long the view must have stood still before it is judged. */
  stableMs(stableAfterMs: number): number;
  /** How much later it tells whom it gives up. */
  marginMs(marginMs: number): number;
  /** Newcomers and returners count only together with those agreed on before: both sets must be won. */
  asksOldAndNew: boolean;
  /** Who is down, or has never been part of anything, waits until nobody is missing. */
  waitsForHealing: boolean;
  /** Whoever sees somebody again that was away long enough to decide without it, has no vote until nobody is missing. */
  noticesOutvoting: boolean;
  /** Members from whom nothing was heard since the view last changed count for a decision only when it holds without them. */
  wantsEvidence: boolean;
}

export const DEFAULT_RULES: PartitionRules = {
  hasMajority: (mine, all, holdsLowest) => mine * 2 > all || (mine * 2 === all && holdsLowest),
  hasQuorum: (mine, all, size) => mine >= size && all <= 2 * size - 1,
  keepsOldest: (holdsOldest, mine, others, downIfAlone) => {
    const isAloneAgainstMany = downIfAlone && (holdsOldest ? mine === 1 && others > 1 : others === 1 && mine > 1);
    return holdsOldest !== isAloneAgainstMany;
  },
  stableMs: (stableAfterMs) => stableAfterMs,
  marginMs: (marginMs) => marginMs,
  asksOldAndNew: true,
  waitsForHealing: true,
  noticesOutvoting: true,
  wantsEvidence: true,
};

/** Does the side of `reachable` go on without `missing`? Members without the strategy's role do not count. */
export function judge(
  strategy: Strategy,
  rules: PartitionRules,
  reachable: readonly Counted[],
  missing: readonly Counted[],
): Verdict {
  if (strategy.kind === "off") return { self: "up", reason: "off: whoever is missing is given up, on every side" };
  if (strategy.kind === "down-all") return { self: "down", reason: `down-all: ${missing.length} missing` };
  const { role } = strategy;
  const counts = ({ roles }: Counted): boolean => role === undefined || roles.includes(role);
  const mine = reachable.filter(counts);
  const others = missing.filter(counts);
  const of = role === undefined ? "members" : `members with role ${role}`;
  if (mine.length + others.length === 0) return { self: "down", reason: `${strategy.kind}: there are no ${of}` };
  if (strategy.kind === "keep-majority") return byMajority(rules, mine, others, of);
  if (strategy.kind === "static-quorum") return byQuorum(rules, strategy.size, mine, others, of);
  return byAge(rules, strategy.downIfAlone, mine, others, of);
}

type Side = readonly Counted[];

function byMajority(rules: PartitionRules, mine: Side, others: Side, of: string): Verdict {
  const all = mine.length + others.length;
  const lowest = firstOf([...mine, ...others], (a, b) => (a.id < b.id ? -1 : 1));
  const isUp = rules.hasMajority(mine.length, all, mine.includes(lowest));
  const tie = mine.length * 2 === all ? `; of two halves the one with ${lowest.id} goes on` : "";
  return { self: isUp ? "up" : "down", reason: `keep-majority: ${mine.length} of ${all} ${of} reachable${tie}` };
}

function byQuorum(rules: PartitionRules, size: number, mine: Side, others: Side, of: string): Verdict {
  const all = mine.length + others.length;
  const isUp = rules.hasQuorum(mine.length, all, size);
  const many = all > 2 * size - 1 ? `; ${all} are too many for this size, at most ${2 * size - 1} are allowed` : "";
  const reason = `static-quorum: ${mine.length} ${of} reachable, ${size} required${many}`;
  return { self: isUp ? "up" : "down", reason };
}

function byAge(rules: PartitionRules, downIfAlone: boolean, mine: Side, others: Side, of: string): Verdict {
  const oldest = firstOf([...mine, ...others], olderFirst);
  const holdsOldest = mine.includes(oldest);
  const isUp = rules.keepsOldest(holdsOldest, mine.length, others.length, downIfAlone);
  const alone = holdsOldest === isUp ? "" : ", alone";
  const where = holdsOldest ? "on this side" : "missing";
  const reason = `keep-oldest: ${oldest.id}, the oldest of ${mine.length + others.length} ${of}, is ${where}${alone}`;
  return { self: isUp ? "up" : "down", reason };
}

/** Born earlier first; of two born in one millisecond the lower id. */
export function olderFirst(a: Counted, b: Counted): number {
  return a.bornMs - b.bornMs || (a.id < b.id ? -1 : 1);
}

function firstOf(members: Side, order: (a: Counted, b: Counted) => number): Counted {
  return members.reduce((first, each) => (order(each, first) < 0 ? each : first));
}
