/** How many seeds it takes to find a planted bug. */
import { type Outcome, runSeed } from "./run-seed.ts";
import type { AnyScenario } from "./scenario.ts";

/** What every planted bug must be found within. */
export const SEARCH_SEEDS_MAX = 1_000;

/**
 * As `firstFailing`, with a look at `foundAt` first: where the bug was found the last time, for those that the first seeds do not show. When that
 * is no longer so it is looked for from seed 1.
 */
export async function findBug(
  scenario: AnyScenario,
  bug: string,
  {
    foundAt = 1,
    seedsMax = SEARCH_SEEDS_MAX,
  }: { readonly foundAt?: number | undefined; readonly seedsMax?: number } = {},
): Promise<Outcome | undefined> {
  const known = await runSeed(scenario, { seed: foundAt, bug });
  return known.failed === undefined ? firstFailing(scenario, bug, seedsMax) : known;
}

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
