/** Long work in pieces: it stops for a turn whenever it has held up everybody else for a few milliseconds. */
import type { Clock } from "../../base/clock.ts";

/** A piece: hardly to be noticed beside what a request takes, and long beside what a turn costs. */
const PIECE_MS = 4;

export type Breath = () => Promise<void> | undefined;

/** To be asked for after each step; undefined while there is time left. */
export function breather(clock: Clock): Breath {
  let begunMs = clock.monotonic();
  return () => {
    if (clock.monotonic() - begunMs < PIECE_MS) return undefined;
    return new Promise<void>(setImmediate).then(() => {
      begunMs = clock.monotonic();
    });
  };
}
