/**
 * Whose failure a graph gets over: a task that others need, none of which depends on it being done in the end. A required need hands
 * the question on: its dependent is then skipped, and that must be tolerated in turn. A task that nobody needs is never tolerated.
 */
import type { Need } from "./types.ts";

/** By task, 1 when the run is not failed by its failure. `dependents` says by task who needs it. */
export function toleratedFailures(order: readonly number[], dependents: readonly (readonly Need[])[]): Uint8Array {
  const tolerated = new Uint8Array(order.length);
  for (const task of order.toReversed()) {
    const above = dependents[task]!;
    const isTolerated = above.length > 0 && above.every((each) => each.optional || tolerated[each.task] === 1);
    tolerated[task] = isTolerated ? 1 : 0;
  }
  return tolerated;
}
