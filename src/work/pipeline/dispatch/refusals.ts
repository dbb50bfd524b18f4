/**
 * Workers on which the stages of a pipeline could not run, each for a while: then it is tried again. Kept over the lives of a run: a
 * stage that breaks with its owner ends a life, and the next owner is to be somebody else.
 */
import type { Clock } from "../../../base/clock.ts";

/** A plugin that breaks there costs its restarts again; what was wrong there may have been put right. */
export const SUSPENDED_MS = 10_000;

export class Refusals {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #until = new Map<string, number>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  add(worker: string): void {
    this.#until.set(worker, this.#clock.monotonic() + SUSPENDED_MS);
  }

  /** It runs them after all, or is another one now. */
  delete(worker: string): void {
    this.#until.delete(worker);
  }

  has(worker: string): boolean {
    return this.leftMs(worker) > 0;
  }

  /** How long it is to be left alone; 0 when it is not. */
  leftMs(worker: string): number {
    return Math.max(0, (this.#until.get(worker) ?? 0) - this.#clock.monotonic());
  }
}
