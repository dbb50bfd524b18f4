/**
 * The group's own clock: what time-outs in its state are counted on. A leader counts on from where the last entry stood, by its own
 * monotonic clock; without a leader it stands still. So no clock of any machine has to be right, nothing ends early when the leader
 * changes, and a wall clock that jumps moves nothing.
 */
import type { Clock } from "../../../base/clock.ts";

export class GroupClock {
  readonly #clock: Pick<Clock, "monotonic">;
  #baseMs = 0;
  #sinceMs = 0;
  #lastMs = 0;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** Counts on from here; never back. */
  begin(atMs: number): void {
    this.#baseMs = Math.max(atMs, this.#lastMs);
    this.#sinceMs = this.#clock.monotonic();
  }

  /** Whole milliseconds: what is stamped is the same number everywhere. */
  nowMs(): number {
    this.#lastMs = Math.max(this.#lastMs, Math.floor(this.#baseMs + this.#clock.monotonic() - this.#sinceMs));
    return this.#lastMs;
  }
}
