/** Shortens the schedule of a failing seed: leaves out ever smaller parts of it while the run still fails. */

import { runSeed } from "./run-seed.ts";
import type { AnyScenario } from "./scenario.ts";

/** Runs that a minimization may take. */
const RUNS_MAX = 300;

/** The numbers of the faults that can be left out while the failure stays of its kind. */
export async function minimize(
  scenario: AnyScenario,
  options: { readonly seed: number; readonly bug?: string | undefined },
): Promise<ReadonlySet<number>> {
  const whole = await runSeed(scenario, options);
  let left = Array.from({ length: whole.faults }, (_, index) => index);
  const without = new Set<number>();
  let runs = 0;
  for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < left.length && runs < RUNS_MAX; runs++) {
      const part = left.slice(at, at + size);
      const outcome = await runSeed(scenario, { ...options, without: new Set([...without, ...part]) });
      if (outcome.failed?.kind !== whole.failed?.kind) {
        at += size;
        continue;
      }
      for (const index of part) without.add(index);
      left = left.filter((index) => !without.has(index));
    }
  }
  return without;
}
