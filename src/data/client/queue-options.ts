/** What putting and taking messages may be told. */
import type { CallOptions } from "../../wire/rpc/index.ts";

export interface EnqueueOptions extends CallOptions {
  readonly delayMs?: number;
  /** A second message of this key is the first one; only with one value. */
  readonly dedupeKey?: string;
}

export interface DequeueOptions extends CallOptions {
  readonly count?: number;
  /** Others may have it again after that (30 s). */
  readonly visibilityMs?: number;
  /** How long to wait when there is none. */
  readonly waitMs?: number;
}
