/**
 * Long work in turns, so that others run in between: a generator that yields wherever it may be interrupted, and is led to its end at once or
 * a slice of milliseconds at a time. How often it yields bounds how late a turn ends; it yields nothing.
 */
import { type Clock, pause } from "./clock.ts";

export type InTurns<T> = Generator<void, T, void>;

export function finishAtOnce<T>(work: InTurns<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

/** Between two turns everybody else who is ready runs. Fails with what the work throws. */
export async function finishInTurns<T>(work: InTurns<T>, clock: Clock, sliceMs: number): Promise<T> {
  let from = clock.monotonic();
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    if (clock.monotonic() - from < sliceMs) continue;
    await pause(clock, 0);
    from = clock.monotonic();
  }
}
