/** What all requests of a group share. */
import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import type { RetryBudget } from "../../../protocol/retry/index.ts";
import type { Upstreams } from "../words/index.ts";
import type { Chooser } from "./chooser.ts";
import type { GroupCounts, GroupSettings, NamedTargets } from "./group-words.ts";
import type { HedgeTimers } from "./hedge-timers.ts";

export interface GroupParts {
  readonly settings: GroupSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly upstreams: Upstreams;
  readonly named: NamedTargets;
  readonly chooser: Chooser;
  readonly budget: RetryBudget;
  readonly hedges: HedgeTimers | undefined;
  readonly counts: { -readonly [Name in keyof GroupCounts]: GroupCounts[Name] };
}
