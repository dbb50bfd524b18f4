/** What to do when others were faster: wait a random while that grows, and try again while there is time. */
import { type Clock, pause } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { CONFLICT_MS_FIRST, CONFLICT_MS_MAX } from "./limits.ts";

export interface Conflict {
  readonly tries: number;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** False: the time is over. */
export async function conflictPause(
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  { deadlineMs, signal, tries }: Conflict,
): Promise<boolean> {
  const most = Math.min(CONFLICT_MS_MAX, CONFLICT_MS_FIRST * 2 ** Math.min(tries, 10));
  const delayMs = most * random.next();
  if (clock.monotonic() + delayMs >= deadlineMs || signal?.aborted) return false;
  await pause(clock, delayMs, signal);
  return !signal?.aborted;
}
