/** What all transactions of one firewall share. */
import type { Clock } from "../../../base/clock.ts";
import type { Plan } from "./plan.ts";
import type { Records } from "./records.ts";
import type { RemovalIndex } from "./removals.ts";
import type { BodyLimits } from "./request-body.ts";
import type { ValuePool } from "./value-pool.ts";
import type { WafContext, WafCounts, WafRecord, WafSettings } from "./words.ts";

export interface WafBasis {
  readonly settings: WafSettings;
  readonly plan: Plan;
  readonly removalIndex: RemovalIndex;
  readonly records: Records;
  readonly pool: ValuePool;
  readonly clock: Clock;
  readonly counts: WafCounts;
  readonly bodyLimits: BodyLimits;
  readonly argumentsMax: number;
  readonly isRequestBodyRead: boolean;
  /** `SecWebAppId`; undefined: the rules say none. */
  readonly webAppId?: string | undefined;
  /** Media types of replies that are looked into. */
  readonly replyTypes: readonly string[];
  onEnd(record: WafRecord, context: WafContext, spentMs: number): void;
}
