/** Answers the contract `cluster` from what a node's membership knows at this moment. */
import { formatAddress } from "../../base/address.ts";
import { type Clock, systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { nearMiss } from "../../base/near-miss.ts";
import type { MemberExplanation, Membership } from "../../cluster/membership/index.ts";
import { implement, type Service } from "../../wire/rpc/index.ts";
import { type ClusterStatus, clusterContract, type MemberInfo, type MemberWhy } from "./cluster-contract.ts";

export type Members = Pick<Membership, "self" | "members" | "leader" | "explain" | "counts" | "hasJoined">;
type Member = ReturnType<Members["members"]>[number];

export function clusterService(membership: Members, clock: Pick<Clock, "now"> = systemClock): Service {
  const infoOf = (each: Member): MemberInfo =>
    memberInfo(each, { leader: membership.leader()?.id, self: membership.self.id }, clock.now());
  return implement(clusterContract, {
    nodes: () => ({
      nodes: membership
        .members()
        .map(infoOf)
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
    }),
    status: () => statusOf(membership, infoOf(membership.self)),
    explain({ node }) {
      const member = find(membership.members(), node);
      return whyOf(membership.explain(member.id)!, infoOf(member)); // it knows whom it lists
    },
  });
}

interface Roles {
  readonly leader: string | undefined;
  readonly self: string;
}

function memberInfo(member: Member, { leader, self }: Roles, nowMs: number): MemberInfo {
  const { address, bornMs, id, incarnation, meta, state } = member;
  const { capacities, labels, name, roles } = meta;
  const ageMs = Math.max(0, nowMs - bornMs);
  const flags = { isSelf: id === self, isLeader: id === leader };
  return { id, name, address: formatAddress(address), state, incarnation, ageMs, roles, capacities, labels, ...flags };
}

function find(members: readonly Member[], wanted: string): Member {
  const ways: readonly ((member: Member) => string)[] = [
    ({ id }) => id,
    ({ meta }) => meta.name,
    ({ address }) => formatAddress(address),
  ];
  for (const way of ways) {
    const found = members.filter((member) => way(member) === wanted);
    if (found.length === 1) return found[0]!;
    if (found.length > 1) {
      const ids = found.map(({ id }) => id).join(", ");
      throw new Failure(
        "cluster.ambiguous",
        `several members are ${JSON.stringify(wanted)}: ${ids}; one id is required`,
      );
    }
  }
  const ids = members.map(({ id }) => id);
  const near = nearMiss(wanted, ids);
  const hint = near === undefined ? `known are ${ids.slice(0, 20).join(", ")}` : `did you mean ${near}?`;
  throw new Failure("cluster.not_found", `no member is ${JSON.stringify(wanted)}; ${hint}`);
}

function statusOf(membership: Members, self: MemberInfo): ClusterStatus {
  const { dropped, phi, swim, ...counts } = membership.counts();
  const states = Object.groupBy(membership.members(), ({ state }) => state);
  const why = membership.explain(membership.self.id)!; // a node knows itself
  const leader = membership.leader()?.id;
  return {
    self: { ...self, status: why.side.status, statusReason: why.side.reason },
    hasJoined: membership.hasJoined,
    members: Object.fromEntries(Object.entries(states).map(([state, list]) => [state, list.length])),
    ...(leader !== undefined && { leader }),
    healthScore: why.swim.healthScore,
    counts: { ...counts, ...numbersOf(phi), ...numbersOf(swim) },
    dropped: { ...dropped },
  };
}

function numbersOf(counts: object): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counts).filter((each): each is [string, number] => typeof each[1] === "number"),
  );
}

function whyOf({ isGivenUp, nowMs, phi, phiSilentAt, side, swim }: MemberExplanation, member: MemberInfo): MemberWhy {
  const ago = (atMs: number): number => Math.max(0, nowMs - atMs);
  const { confirmationsWanted, failedProbes, healthScore, link, lostProbes } = swim;
  const { deadAtMs, lastAckMs, lastProbe, retriedMs } = swim;
  return {
    member,
    sinceMs: ago(swim.sinceMs),
    by: swim.by,
    confirmations: swim.confirmations.map(({ atMs, by }) => ({ by, agoMs: ago(atMs) })),
    confirmationsWanted,
    ...(deadAtMs !== undefined && { deadInMs: Math.max(0, deadAtMs - nowMs) }),
    ...(lastProbe && { lastProbe: probeOf(lastProbe, ago) }),
    ...(lastAckMs !== undefined && { lastAckAgoMs: ago(lastAckMs) }),
    failedProbes,
    lostProbes,
    link,
    ...(phi !== undefined && Number.isFinite(phi) && { phi }),
    phiSilentAt,
    ...(retriedMs !== undefined && { retriedAgoMs: ago(retriedMs) }),
    isGivenUp,
    healthScore,
    side,
  };
}

type Probe = NonNullable<MemberExplanation["swim"]["lastProbe"]>;

function probeOf({ atMs, indirect, outcome, roundTripMs }: Probe, ago: (atMs: number) => number) {
  return { agoMs: ago(atMs), outcome, ...(roundTripMs !== undefined && { roundTripMs }), indirect };
}
