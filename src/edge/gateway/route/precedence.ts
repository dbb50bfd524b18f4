/**
 * Which of two routes that both take a request goes first. Host: exact, then the longest wildcard, then any. Path, from its first
 * piece on: a literal before a parameter before a rest. Then one that names its methods; then the one with more conditions; then the
 * order of the file.
 */
import type { PathPiece, RouteMatch, RoutePlan } from "../words/index.ts";

const PIECE_RANKS = { literal: 0, param: 1, rest: 2 } as const;

/** Of two routes with the same host and path shape: below 0 when `left` goes first. */
export function compareAtNode(left: RoutePlan, right: RoutePlan): number {
  const methods = Number(left.match.methods.length === 0) - Number(right.match.methods.length === 0);
  return methods || conditionCount(right.match) - conditionCount(left.match);
}

/** Of any two routes that take one request; the order of the file is the caller's. */
export function compareRoutes(left: RoutePlan, right: RoutePlan): number {
  return (
    hostRank(right.match) - hostRank(left.match) ||
    comparePaths(left.match.path, right.match.path) ||
    compareAtNode(left, right)
  );
}

function conditionCount(match: RouteMatch): number {
  return match.headers.length + match.query.length + (match.contentTypes.length > 0 ? 1 : 0);
}

/** Exact hosts before wildcards, longer wildcards before shorter ones. */
function hostRank({ host }: RouteMatch): number {
  if (host === undefined) return 0;
  return host.startsWith("*.") ? host.length : Number.MAX_SAFE_INTEGER;
}

function comparePaths(left: readonly PathPiece[], right: readonly PathPiece[]): number {
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const [one, other] = [left[index], right[index]];
    if (one === undefined || other === undefined) return one === undefined ? -1 : 1; // one that ends before a rest that is empty
    const difference = PIECE_RANKS[one.kind] - PIECE_RANKS[other.kind];
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The same for two routes that take the very same requests, but for their methods. */
export function sameMatchKey(match: RouteMatch): string {
  const path = match.path.map((piece) => (piece.kind === "literal" ? `/${piece.text}` : `/{${piece.kind}}`)).join("");
  const fields = [
    ...match.headers.map((each) => ["h", each] as const),
    ...match.query.map((each) => ["q", each] as const),
  ]
    .map(([where, { how, name, value }]) => JSON.stringify([where, name, how, value]))
    .sort();
  return JSON.stringify([
    match.host ?? "",
    path,
    fields,
    [...match.contentTypes].map((type) => type.toLowerCase()).sort(),
  ]);
}
