/** Configurations as data: who votes, what a wished one is, and which of them hold along the log. */
import type { Configuration, NodeId } from "./messages.ts";
import { isNodeId, NODES_MAX } from "./options.ts";

export const NOBODY: Configuration = { voters: [], votersOutgoing: [], learners: [] };

export function isJoint({ votersOutgoing }: Configuration): boolean {
  return votersOutgoing.length > 0;
}

export function isVoter({ voters, votersOutgoing }: Configuration, id: NodeId): boolean {
  return voters.includes(id) || votersOutgoing.includes(id);
}

/** Does a leader send it entries? */
export function isMember(configuration: Configuration, id: NodeId): boolean {
  return isVoter(configuration, id) || configuration.learners.includes(id);
}

/** Everybody whom a leader sends entries. */
export function membersOf({ learners, voters, votersOutgoing }: Configuration): Set<NodeId> {
  return new Set([...voters, ...votersOutgoing, ...learners]);
}

/** Voters that come and go. */
export function voterChanges(
  current: Configuration,
  voters: readonly NodeId[],
): { added: NodeId[]; removed: NodeId[] } {
  return {
    added: voters.filter((id) => !current.voters.includes(id)),
    removed: current.voters.filter((id) => !voters.includes(id)),
  };
}

export function isSameConfiguration(left: Configuration, right: Configuration): boolean {
  return (
    isSameSet(left.voters, right.voters) &&
    isSameSet(left.votersOutgoing, right.votersOutgoing) &&
    isSameSet(left.learners, right.learners)
  );
}

function isSameSet(left: readonly NodeId[], right: readonly NodeId[]): boolean {
  return left.length === right.length && left.every((id) => right.includes(id));
}

/** Can a group have it? Also asked of what peers send. */
export function isConfiguration(value: Configuration): boolean {
  const { learners, voters, votersOutgoing } = value;
  const lists = [voters, votersOutgoing, learners];
  if (!lists.every((list) => Array.isArray(list) && list.length <= NODES_MAX && list.every(isNodeId))) return false;
  if (!lists.every((list) => new Set(list).size === list.length)) return false;
  return voters.length > 0 && !learners.some((id) => voters.includes(id));
}

/** Which configuration holds from which index on; the first lies at or in front of the commit index. */
export class Configurations {
  #list: { readonly index: number; readonly configuration: Configuration }[];

  constructor(index: number, configuration: Configuration) {
    this.#list = [{ index, configuration }];
  }

  get latest(): Configuration {
    return this.#list.at(-1)!.configuration;
  }

  get latestIndex(): number {
    return this.#list.at(-1)!.index;
  }

  /**
   * In the latest, or in one that may come back because nothing after it is known to be committed? Such a node may be needed to bring the
   * group on (§4.2.2 of the dissertation).
   */
  mayConcern(id: NodeId): boolean {
    return this.#list.some(({ configuration }) => isVoter(configuration, id));
  }

  /** In any that may be in force. */
  knows(id: NodeId): boolean {
    return this.#list.some(({ configuration }) => isMember(configuration, id));
  }

  add(index: number, configuration: Configuration): void {
    this.#list.push({ index, configuration });
  }

  /** Entries from this one on are gone. Has that changed what holds? */
  truncateFrom(index: number): boolean {
    const before = this.#list.length;
    while (this.#list.length > 1 && this.latestIndex >= index) this.#list.pop();
    return this.#list.length < before;
  }

  reset(index: number, configuration: Configuration): void {
    this.#list = [{ index, configuration }];
  }

  /** Nobody falls back behind this entry any more. */
  settle(commit: number): void {
    while (this.#list.length > 1 && this.#list[1]!.index <= commit) this.#list.shift();
  }
}
