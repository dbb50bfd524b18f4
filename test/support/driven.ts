/** Lets a stepped clock run by itself until a promise is kept: as long as nothing happens, time passes. */
import type { SteppedClock } from "./stepped-clock.ts";

/** A promise that nothing keeps would turn for ever. */
const TURNS_MAX = 100_000;

export async function driven<T>(clock: SteppedClock, promise: Promise<T>, stepMs = 10): Promise<T> {
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  promise.then(over, over);
  for (let turns = 0; !isOver; turns++) {
    if (turns > TURNS_MAX) throw new Error(`nothing came of it within ${turns * stepMs} ms of the stepped clock`);
    await new Promise((resolve) => setImmediate(resolve));
    if (!isOver) clock.advance(stepMs);
  }
  return promise;
}
