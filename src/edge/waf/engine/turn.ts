/**
 * How long work on one request may go on before others run. Time says only when to pause, never what is found: whoever pauses goes on later
 * where it stopped. The clock is looked at once in some thousand steps of matching, not for each value.
 */
import type { MatchRun } from "../match/index.ts";
import { STEPS_BETWEEN_LOOKS } from "./limits.ts";

export class Turn {
  readonly #now: () => number;
  readonly #stepsBetweenLooks: number;
  #endsAt = Number.POSITIVE_INFINITY;
  /** Of the run that asks, when it has so many steps left. */
  #nextLook = Number.POSITIVE_INFINITY;
  #isOver = false;

  /** `now`: monotonic, in milliseconds. */
  constructor(now: () => number, stepsBetweenLooks: number = STEPS_BETWEEN_LOOKS) {
    this.#now = now;
    this.#stepsBetweenLooks = stepsBetweenLooks;
  }

  /** 0: it is over after the least piece of work that there is. */
  begin(sliceMs: number): void {
    this.#endsAt = this.#now() + sliceMs;
    this.#nextLook = Number.POSITIVE_INFINITY;
    this.#isOver = false;
  }

  /** Between two pieces of matching. */
  isOver(run: MatchRun): boolean {
    if (run.stepsLeft > this.#nextLook) return this.#isOver;
    this.#nextLook = run.stepsLeft - this.#stepsBetweenLooks;
    return this.isOverNow();
  }

  /** Looks at the clock. */
  isOverNow(): boolean {
    if (!this.#isOver) this.#isOver = this.#now() >= this.#endsAt;
    return this.#isOver;
  }
}

/** For work that is done in one go. */
export const ENDLESS = new Turn(() => 0);
