/** Carries out the contract `cluster` from what a membership knows. It changes nothing but by `leave`, which it is given. */
import { Failure } from "../../base/errors.ts";
import { nearMiss } from "../../base/near-miss.ts";
import { olderFirst, type PartitionOptions, type PartitionState } from "../../protocol/partition/index.ts";
import { addressText, type Member, type MemberState } from "../../protocol/swim/index.ts";
import { implement, type Service } from "../../wire/rpc/index.ts";
import type { MemberExplanation, MembershipCounts } from "../membership/index.ts";
import { type ClusterStatus, clusterContract, type NodeExplanation, type NodeLine } from "./contract.ts";
import { explainInWords } from "./words.ts";

/** What is asked of the membership. */
export interface ClusterSource {
  readonly self: Member;
  readonly healthScore: number;
  readonly partition: { readonly options: PartitionOptions; readonly state: PartitionState };
  members(): readonly Member[];
  leader(): Member | undefined;
  explain(id: string): MemberExplanation | undefined;
  counts(): MembershipCounts;
  leave(deadlineMs: number): Promise<void>;
}

/** What a farewell gets to spread: ten rounds of gossip on a slow network. */
const LEAVE_DEADLINE_MS = 5_000;

/** `leave`: what is done instead of leaving the membership alone; resolves when others have heard. */
export function clusterService(
  source: ClusterSource,
  leave: () => Promise<void> = () => source.leave(LEAVE_DEADLINE_MS),
): Service {
  return implement(clusterContract, {
    nodes: () => ({ self: source.self.id, nodes: byAge(source.members()).map((each) => lineOf(each, source)) }),
    status: () => statusOf(source),
    explain: ({ node }) => explanationOf(find(node, source.members()), source),
    leave: async () => {
      await leave();
      return { left: true as const };
    },
  });
}

function byAge(members: readonly Member[]): readonly Member[] {
  const counted = (member: Member) => ({ ...member, roles: member.meta.roles });
  return [...members].sort((a, b) => olderFirst(counted(a), counted(b)));
}

function lineOf({ address, bornMs, id, incarnation, meta, state }: Member, source: ClusterSource): NodeLine {
  const { capacities, labels, name, roles } = meta;
  return {
    id,
    name,
    address: addressText(address),
    state,
    isSelf: id === source.self.id,
    isLeader: id === source.leader()?.id,
    roles: [...roles],
    capacities: { ...capacities },
    labels: { ...labels },
    bornMs,
    incarnation,
  };
}

function statusOf(source: ClusterSource): ClusterStatus {
  const { options, state } = source.partition;
  const counts = source.counts();
  const { address, id, meta } = source.self;
  const count = (wanted: MemberState) => source.members().filter((each) => each.state === wanted).length;
  return {
    self: { id, name: meta.name, address: addressText(address) },
    side: state.self.status,
    reason: state.self.reason,
    leader: source.leader()?.id ?? null,
    members: { alive: count("alive"), suspect: count("suspect"), dead: count("dead"), left: count("left") },
    partition: {
      strategy: options.strategy.kind,
      stableAfterMs: options.stableAfterMs,
      missing: [...state.missing],
      givenUp: [...state.downed],
    },
    healthScore: source.healthScore,
    traffic: {
      datagramsIn: counts.datagramsIn,
      datagramsOut: counts.datagramsOut,
      bytesIn: counts.bytesIn,
      bytesOut: counts.bytesOut,
      dropped: { ...counts.dropped },
      syncs: counts.syncsSent + counts.syncsAnswered,
      syncsFailed: counts.syncsFailed,
      suspicions: counts.suspicions,
    },
  };
}

/** By id, else by address or name; those that are still there before those that are gone. */
function find(text: string, members: readonly Member[]): Member {
  const byId = members.find(({ id }) => id === text);
  if (byId) return byId;
  const named = members.filter((each) => each.meta.name === text || addressText(each.address) === text.toLowerCase());
  const present = named.filter(({ state }) => state === "alive" || state === "suspect");
  const found = present.length > 0 ? present : named;
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    const ids = found.map(({ id }) => id);
    const message = `cannot explain ${JSON.stringify(text)}: ${ids.length} nodes go by it, one of their ids is required: ${ids.join(", ")}`;
    throw new Failure("cluster.ambiguous", message, { data: { ids } });
  }
  throw notFound(text, members);
}

function notFound(text: string, members: readonly Member[]): Failure {
  const known = members.flatMap(({ address, id, meta }) => [
    id,
    addressText(address),
    ...(meta.name ? [meta.name] : []),
  ]);
  const near = nearMiss(text, [...new Set(known)]);
  const hint =
    near === undefined
      ? `an id, a name or host:port of one of ${members.length} nodes is required`
      : `did you mean ${near}?`;
  const message = `cannot explain ${JSON.stringify(text)}: no node goes by it; ${hint}`;
  return new Failure("cluster.not_found", message, { data: near === undefined ? {} : { near } });
}

function explanationOf(member: Member, source: ClusterSource): NodeExplanation {
  const known = source.explain(member.id);
  if (!known) throw notFound(member.id, source.members()); // forgotten since
  const { nowMs, phi, swim } = known;
  const ago = (atMs: number) => Math.max(0, nowMs - atMs);
  const { lastProbe: probe } = swim;
  const numbers: Omit<NodeExplanation, "words"> = {
    node: lineOf(swim.member, source),
    stateForMs: ago(swim.sinceMs),
    by: swim.by,
    confirmations: swim.confirmations.map(({ atMs, by }) => ({ by, agoMs: ago(atMs) })),
    confirmationsWanted: swim.confirmationsWanted,
    deadInMs: swim.deadAtMs === undefined ? null : Math.max(0, swim.deadAtMs - nowMs),
    lastProbe: probe
      ? {
          agoMs: ago(probe.atMs),
          outcome: probe.outcome,
          roundTripMs: probe.roundTripMs ?? null,
          indirect: probe.indirect.map((each) => ({ ...each })),
        }
      : null,
    lastAckAgoMs: swim.lastAckMs === undefined ? null : ago(swim.lastAckMs),
    failedProbes: swim.failedProbes,
    lostProbes: swim.lostProbes,
    link: { state: swim.link, phi: phi ?? null, silentAt: known.phiSilentAt },
    healthScore: swim.healthScore,
    isHearsay: swim.isHearsay,
    partition: {
      isMissing: known.isMissing,
      isGivenUp: known.isGivenUp,
      saysSide: known.standing?.status ?? null,
      ownSide: known.side.status,
      ownReason: known.side.reason,
    },
  };
  return { ...numbers, words: explainInWords(numbers) };
}
