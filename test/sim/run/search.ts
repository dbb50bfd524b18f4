/** How many seeds it takes to find a planted bug. */
import { type Outcome, runSeed } from "./run-seed.ts";
import type { AnyScenario } from "./scenario.ts";

/** What every planted bug must be found within. */
export const SEARCH_SEEDS_MAX = 1_000;

/** The first seed, from 1, whose run fails; undefined when none does. */
export async function firstFailing(
  scenario: AnyScenario,
  bug: string | undefined,
  seedsMax = SEARCH_SEEDS_MAX,
): Promise<Outcome | undefined> {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const outcome = await runSeed(scenario, { seed, bug });
    if (outcome.failed !== undefined) return outcome;
  }
  return undefined;
}
