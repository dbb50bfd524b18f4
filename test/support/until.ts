/**
 * Waits for conditions instead of times: looks often, gives up loudly. A look that costs something, as one that starts a command or reads a page
 * does, is rarer: who only looks would else take the processor from what is looked for.
 */

/** Far beyond what any condition takes on a busy machine: only a defect runs into it. */
const DEADLINE_MS = 60_000;
const LOOK_EVERY_MS = 4;
/** Times what the last look took: looking is a third of the time, at most. */
const REST_TIMES = 2;
/** What a condition may be seen too late for the sake of that. */
const REST_MS_MAX = 200;

/** Resolves with the first truthy value of `look`; fails with `what` when none comes in time. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  deadlineMs = DEADLINE_MS,
): Promise<Exclude<T, false | undefined | null | 0 | "">> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const lookMs = performance.now();
    const found = await look();
    if (found) return found as Exclude<T, false | undefined | null | 0 | "">; // truthy: none of the excluded
    const nowMs = performance.now();
    if (nowMs > endMs) throw new Error(`${what}: not within ${deadlineMs} ms`);
    await Bun.sleep(Math.min(REST_MS_MAX, Math.max(LOOK_EVERY_MS, REST_TIMES * (nowMs - lookMs))));
  }
}
