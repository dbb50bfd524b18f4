/**
 * Workers on which the stages of a pipeline could not run. Each is left alone for a while, then it is tried again; and it is
 * remembered for as long as the run lives whose stages a plugin would not let run, because a plugin may take longer to say so than
 * anybody is left alone. Kept over the lives of a run: a stage that breaks with its owner ends a life, and the next owner is to
 * be somebody else.
 */
import type { Clock } from "../../../base/clock.ts";

/** A plugin that breaks there costs its restarts again; what was wrong there may have been put right. */
export const SUSPENDED_MS = 10_000;

export class Refusals {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #until = new Map<string, number>();
  /** Of each segment: where its plugins would not run. */
  readonly #blamed = new Map<number, Set<string>>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  add(worker: string): void {
    this.#until.set(worker, this.#clock.monotonic() + SUSPENDED_MS);
  }

  /** The plugins of this segment would not run there. */
  blame(segment: number, worker: string): void {
    const blamed = this.#blamed.get(segment);
    if (blamed) blamed.add(worker);
    else this.#blamed.set(segment, new Set([worker]));
  }

  isBlamed(segment: number, worker: string): boolean {
    return this.#blamed.get(segment)?.has(worker) ?? false;
  }

  /** They do run somewhere, and have for a while: what was said before says nothing of now. */
  forgive(segment: number): void {
    this.#blamed.delete(segment);
  }

  /** It runs them after all. */
  runs(segment: number, worker: string): void {
    this.#until.delete(worker);
    this.#blamed.get(segment)?.delete(worker);
  }

  /** It is another one now. */
  delete(worker: string): void {
    this.#until.delete(worker);
    for (const blamed of this.#blamed.values()) blamed.delete(worker);
  }

  has(worker: string): boolean {
    return this.leftMs(worker) > 0;
  }

  /** How long it is to be left alone; 0 when it is not. */
  leftMs(worker: string): number {
    return Math.max(0, (this.#until.get(worker) ?? 0) - this.#clock.monotonic());
  }
}
