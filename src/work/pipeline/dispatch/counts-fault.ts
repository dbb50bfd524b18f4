/** Whether what a worker says of a batch's records can be true: it goes into the account of the whole run. */
import type { StageCounts } from "../stages/index.ts";

/** In words; nothing when it adds up. `stages` is how many there are. */
export function countsFault(counts: readonly StageCounts[], stages: number): string | undefined {
  if (counts.length !== stages) return `it counts for ${counts.length} stages, and ${stages} are required`;
  for (const [index, { added, deadLettered, filtered, in: taken, out, skipped }] of counts.entries()) {
    const stage = `stage ${index + 1}`;
    const left = out + filtered + deadLettered + skipped;
    if (taken + added !== left) return `${stage} took ${taken} and added ${added} records, but accounts for ${left}`;
    const given = counts[index - 1]?.out ?? taken;
    if (taken !== given) return `${stage} took ${taken} records of ${given}`;
  }
  return undefined;
}
