/**
 * What operators do to a group, carried out on its leader: one step of Raft after the other. A new node is a learner until it has
 * nearly everything, so that it never holds up commits as a voter that has nothing.
 */
import { Failure } from "../../../base/errors.ts";
import type { NodeId } from "../../../protocol/raft/index.ts";
import { unknownOutcome } from "./failures.ts";
import type { RaftGroup } from "./group.ts";
import { withSignal } from "./with-signal.ts";

export type MemberChange =
  | { readonly type: "add"; readonly node: NodeId; readonly isLearner: boolean }
  | { readonly type: "promote" | "remove"; readonly node: NodeId }
  /** Without a node to the voter that is furthest. */
  | { readonly type: "transfer"; readonly node: NodeId | undefined };

/** How often a learner is looked at. */
const LOOK_EVERY_MS = 20;
/** An election, and the first word of the next leader. */
const SOON_MS = 1_500;

export interface ChangePorts {
  readonly signal: AbortSignal;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Resolves when it is in force. Fails with `consensus.member` for what makes no sense, as `reconfigure` and `transfer` do, and with
 * `consensus.unknown_outcome` when the signal aborts under way.
 */
export async function changeMembers(group: RaftGroup, change: MemberChange, ports: ChangePorts): Promise<void> {
  const { learners, voters } = group.configuration;
  const { node, type } = change;
  switch (type) {
    case "transfer":
      return inTime(group, ports.signal, () => group.transfer(node ?? furthest(group)));
    case "add":
      if (voters.includes(node)) throw refused(group, `${node} is a voter already`);
      if (!learners.includes(node)) await reconfigure(group, voters, [...learners, node], ports.signal);
      return change.isLearner ? undefined : promote(group, node, ports);
    case "promote":
      if (!learners.includes(node)) throw refused(group, `${node} is no learner; there are ${listed(learners)}`);
      return promote(group, node, ports);
    case "remove": {
      if (![...voters, ...learners].includes(node)) {
        throw refused(group, `${node} is no member; there are ${listed([...voters, ...learners])}`);
      }
      if (voters.length === 1 && voters[0] === node) throw refused(group, `${node} is the only voter`);
      const without = (ids: readonly NodeId[]): NodeId[] => ids.filter((id) => id !== node);
      return reconfigure(group, without(voters), without(learners), ports.signal);
    }
  }
}

/** Whether this node sees soon that the change is in force, without asking anybody. */
export async function becomesTrue(
  group: RaftGroup,
  change: MemberChange,
  { pause, signal }: ChangePorts,
): Promise<boolean> {
  for (let looks = 0; looks < SOON_MS / LOOK_EVERY_MS && !signal.aborted; looks++) {
    if (isTrue(group, change)) return true;
    await pause(LOOK_EVERY_MS, signal);
  }
  return isTrue(group, change);
}

/** Somebody leads who has committed what was there before him. */
function isTrue(group: RaftGroup, change: MemberChange): boolean {
  const { configuration, leadership } = group;
  const { learners, voters, votersOutgoing } = configuration;
  const { appliedTerm, term } = group.status();
  if (leadership.leader === undefined || appliedTerm !== term) return false;
  const { node, type } = change;
  switch (type) {
    case "transfer":
      return leadership.leader === node;
    case "remove":
      return ![...voters, ...votersOutgoing, ...learners].includes(node);
    case "promote":
      return voters.includes(node);
    case "add":
      return change.isLearner ? learners.includes(node) : voters.includes(node);
  }
}

/** Whoever has acknowledged nothing may not exist: as a voter it could stop the group for ever. */
async function promote(group: RaftGroup, node: NodeId, { pause, signal }: ChangePorts): Promise<void> {
  for (;;) {
    const { learners, voters } = group.configuration;
    const follower = group.status().followers.find(({ id }) => id === node);
    if (follower?.isActive && follower.match > 0) {
      try {
        const rest = learners.filter((id) => id !== node);
        return await reconfigure(group, [...voters, node], rest, signal);
      } catch (thrown) {
        const code = thrown instanceof Failure ? thrown.code : undefined;
        if (code !== "consensus.invalid" && code !== "consensus.in_progress") throw thrown;
      }
    }
    await pause(LOOK_EVERY_MS, signal);
    if (signal.aborted) throw behind(group, node);
  }
}

function behind(group: RaftGroup, node: NodeId): Failure {
  const at = group.status().followers.find(({ id }) => id === node);
  const how = at && at.match > 0 ? `has ${at.match} of ${group.status().lastIndex} entries` : "was not heard of";
  const message = `${node} ${how} and stays a learner; it becomes a voter with raft promote, or goes with raft remove`;
  return new Failure("consensus.behind", message, { retryable: true });
}

function reconfigure(
  group: RaftGroup,
  voters: readonly NodeId[],
  learners: readonly NodeId[],
  signal: AbortSignal,
): Promise<void> {
  return inTime(group, signal, () => group.reconfigure(voters, learners));
}

/** What was begun may come to its end all the same. */
function inTime(group: RaftGroup, signal: AbortSignal, change: () => Promise<void>): Promise<void> {
  return withSignal(signal, change, () => unknownOutcome(group.name, "the time is over"));
}

function furthest(group: RaftGroup): NodeId {
  const { voters } = group.configuration;
  const others = group.status().followers.filter(({ id, isActive }) => isActive && voters.includes(id));
  const best = others.toSorted((left, right) => right.match - left.match)[0];
  if (!best) throw refused(group, "no other voter is heard of");
  return best.id;
}

function listed(ids: readonly NodeId[]): string {
  return ids.join(", ") || "none";
}

function refused(group: RaftGroup, why: string): Failure {
  return new Failure("consensus.member", `the members of the group ${group.name} are not changed: ${why}`);
}
