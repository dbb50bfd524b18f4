/**
 * The contract of balancers: who gets the next request. Pure: candidates, a choice and the time go in, an id comes out. What a
 * balancer remembers of nodes it learns through `started` and `ended`, and drops on `forget`.
 * Not here: who is alive (the caller lists candidates), sending, waiting, retrying.
 */

/** All names, in the order in which people read about them. */
export const BALANCER_NAMES = [
  "ROUND_ROBIN",
  "WEIGHTED_ROUND_ROBIN",
  "LEAST_CONNECTIONS",
  "LEAST_LOAD",
  "RESPONSE_TIME",
  "POWER_OF_TWO",
  "CONSISTENT_HASH",
  "CUSTOM",
] as const;

export type BalancerName = (typeof BALANCER_NAMES)[number];

/** What a node last said of itself. */
export interface NodeLoad {
  /** Share of its cores that is busy, 0 to 1. */
  readonly cpu: number;
  /** Share of its memory that is used, 0 to 1. */
  readonly memory: number;
  /** Batches that wait there. */
  readonly queue: number;
  /** Batches it works on at once. */
  readonly capacity: number;
  /** When the report came, on the clock of the caller's `nowMs`. */
  readonly atMs: number;
}

export interface Candidate {
  /** No two candidates of a call share one. */
  readonly id: string;
  /** Its size relative to the others, above 0. Anything else counts as 1. */
  readonly weight: number;
  /** Requests under way there. */
  readonly outstanding: number;
  /** Its last report; undefined when there is none. */
  readonly load?: NodeLoad | undefined;
}

export interface Choice {
  /** What CONSISTENT_HASH goes by. The others ignore it. */
  readonly key?: string | undefined;
  /** Ids that must not be chosen: those that have tried already, or are draining. */
  readonly exclude?: ReadonlySet<string> | undefined;
}

export interface RequestResult {
  /** False only when the node is to blame: a poisoned record fails everywhere and says nothing of nodes. */
  readonly ok: boolean;
  readonly durationMs: number;
}

export interface Balancer {
  /** How many nodes it holds something of. */
  readonly remembered: number;
  /** Undefined when nobody can be chosen. Candidates and their order may change from call to call. */
  pick(candidates: readonly Candidate[], choice: Choice, nowMs: number): string | undefined;
  /** A request went to it. */
  started?(id: string, nowMs: number): void;
  /** A request that `started` is over, however it ended. */
  ended?(id: string, result: RequestResult, nowMs: number): void;
  /** It is gone for good. */
  forget?(id: string): void;
}

/** A choice made outside: the id of one of the candidates given, at once (no promise). */
export type CustomSelect = (candidates: readonly Candidate[], choice: Choice, nowMs: number) => string | undefined;
