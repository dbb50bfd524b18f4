/** Waits for conditions instead of times: looks often, gives up loudly. */

/** Far beyond what any condition takes on a busy machine: only a defect runs into it. */
const DEADLINE_MS = 30_000;
const LOOK_EVERY_MS = 4;

/** Resolves with the first truthy value of `look`; fails with `what` when none comes in time. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  deadlineMs = DEADLINE_MS,
): Promise<Exclude<T, false | undefined | null | 0 | "">> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found) return found as Exclude<T, false | undefined | null | 0 | "">; // truthy: none of the excluded
    if (performance.now() > endMs) throw new Error(`${what}: not within ${deadlineMs} ms`);
    await Bun.sleep(LOOK_EVERY_MS);
  }
}
