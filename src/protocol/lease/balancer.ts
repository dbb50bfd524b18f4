/** What the table needs of a balancer: any of `src/protocol/balance` will do. */
import type { NodeLoad } from "./messages.ts";

export interface LeaseCandidate {
  readonly id: string;
  /** Above 0. */
  readonly weight: number;
  /** Leases that it holds, those among them that it was told to stop. */
  readonly outstanding: number;
  readonly load?: NodeLoad | undefined;
}

export interface LeaseChoice {
  readonly key?: string;
}

export interface LeaseResult {
  readonly ok: boolean;
  readonly durationMs: number;
}

export interface LeaseBalancer {
  /** One of the candidates, all of which have room; undefined: none of them now. */
  pick(candidates: readonly LeaseCandidate[], choice: LeaseChoice, nowMs: number): string | undefined;
  started?(id: string, nowMs: number): void;
  ended?(id: string, result: LeaseResult, nowMs: number): void;
  /** It is gone for good. */
  forget?(id: string): void;
}
