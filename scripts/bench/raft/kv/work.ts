/** What the key-value benchmark asks of everybody. */

import type { Figures } from "../../common/figures.ts";
import type { Contestant } from "../contestant.ts";

export interface Step {
  readonly op: "put" | "get";
  readonly clients: number;
  /** Not counted. */
  readonly warmMs: number;
  readonly ms: number;
}

export interface KvWork {
  /** A fixed set, all there before the first step. */
  readonly keys: number;
  readonly valueBytes: number;
  readonly steps: readonly Step[];
}

/** Figures step by step. */
export type KvContestant = Contestant<KvWork, readonly Figures[]>;
