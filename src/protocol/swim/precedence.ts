/**
 * Which of two pieces of news about one id holds: a total order, so that merging (keep the greater) is commutative,
 * associative and idempotent, and all who have heard the same hold the same, in whatever order they heard it.
 *
 * First the newer life, then the higher incarnation (which only the node itself raises), then the graver state. The rest
 * decides between two records that one node never issues: two processes that share an id and the millisecond of birth.
 */
import type { Address, Member, MemberState, NodeMeta, Peer } from "./messages.ts";

const RANKS: Readonly<Record<MemberState, number>> = { alive: 0, suspect: 1, dead: 2, left: 3 };

/** Above 0 when `a` supersedes `b`, 0 when they say the same. */
export function compareNews(a: Member, b: Member): number {
  if (a === b) return 0;
  return (
    a.bornMs - b.bornMs ||
    a.incarnation - b.incarnation ||
    RANKS[a.state] - RANKS[b.state] ||
    compareAddresses(a.address, b.address) ||
    compareMeta(a.meta, b.meta)
  );
}

export function isUp({ state }: Member): boolean {
  return state === "alive" || state === "suspect";
}

export function isSameAddress(a: Address, b: Address): boolean {
  return a === b || (a.port === b.port && a.host === b.host);
}

export function isSameMeta(a: NodeMeta, b: NodeMeta): boolean {
  return compareMeta(a, b) === 0;
}

export function addressText({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export function peerOf({ address, bornMs, id }: Peer): Peer {
  return { id, address, bornMs };
}

export function compareAddresses(a: Address, b: Address): number {
  return a === b ? 0 : compareTexts(a.host, b.host) || a.port - b.port;
}

function compareMeta(a: NodeMeta, b: NodeMeta): number {
  return a === b ? 0 : compareTexts(canonical(a), canonical(b));
}

/** The same text for the same meta, in whatever order its keys came. */
function canonical({ capacities, labels, name, roles }: NodeMeta): string {
  return JSON.stringify([name, roles, sorted(capacities), sorted(labels)]);
}

function sorted(fields: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(fields).sort(([a], [b]) => compareTexts(a, b));
}

/** By code units, not by a locale: the same everywhere. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A member's share of the digest (FNV-1a, 32 bits): digests are sums of these, so that one change costs one subtraction. */
export function hashOf({ bornMs, id, incarnation, state }: Member): number {
  let hash = 0x811c9dc5;
  const mix = (word: number): void => {
    hash = Math.imul(hash ^ word, 0x01000193);
  };
  for (let at = 0; at < id.length; at++) mix(id.charCodeAt(at));
  mix((bornMs % 4_294_967_296) | 0);
  mix(Math.floor(bornMs / 4_294_967_296));
  mix(incarnation);
  mix(RANKS[state]);
  return (hash ^ (hash >>> 15)) >>> 0;
}
