/**
 * One change of secrets at a time, by whichever process; the others wait for their turn. The kernel gives the lock back when
 * its holder ends, however it does.
 */
import { type Clock, pause, systemClock } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { lockOutputs, type OutputLocks } from "../output-locks.ts";

/** A change takes a tenth of a second, on a busy machine one or two, and several may be in front; whoever waits that long waits for somebody who is stuck. */
const WAIT_MS = 30_000;
/** Two that try at the same moment can turn each other away, so even a free lock may need a second try. */
const TRY_EVERY_MS = 20;

/** Fails with `secrets.busy` when another process changes the same place all that time. */
export async function whileLocked<T>(
  place: string,
  change: () => T | Promise<T>,
  clock: Clock = systemClock,
): Promise<T> {
  const lock = await lockPlace(place, clock);
  try {
    return await change();
  } finally {
    lock.release();
  }
}

async function lockPlace(place: string, clock: Clock): Promise<OutputLocks> {
  const untilMs = clock.monotonic() + WAIT_MS;
  for (;;) {
    try {
      return lockOutputs([place]);
    } catch (thrown) {
      if (clock.monotonic() >= untilMs) {
        const message = `${place} has been in another process's hands for ${WAIT_MS / 1000} s; it has to end first`;
        throw new Failure("secrets.busy", message, { cause: thrown, retryable: true });
      }
    }
    await pause(clock, TRY_EVERY_MS);
  }
}
