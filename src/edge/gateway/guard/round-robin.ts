/**
 * Work that takes long, a slice of each in turn, so that everybody else is served in between: each waits, goes on for as long as the turn lasts, and is put
 * behind the others. It bounds how long the loop is taken, not how many wait: that is up to whoever lets them wait.
 */
import type { Clock } from "../../../base/clock.ts";
import { Turn } from "../../waf/engine/index.ts";

/** Goes on with one until it ends or the turn is over. True: it has come to its end. */
export type GoOn<Work> = (work: Work, turn: Turn) => boolean;

export class RoundRobin<Work> {
  readonly #clock: Pick<Clock, "after" | "monotonic">;
  readonly #sliceMs: number;
  readonly #goOn: GoOn<Work>;
  /** In the order of their turns. */
  readonly #waiting = new Set<Work>();
  readonly #turn: Turn;
  #isTimed = false;

  /** What `goOn` throws the clock gets: the work is gone then, and the others go on. */
  constructor(clock: Pick<Clock, "after" | "monotonic">, sliceMs: number, goOn: GoOn<Work>) {
    this.#clock = clock;
    this.#sliceMs = sliceMs;
    this.#goOn = goOn;
    this.#turn = new Turn(() => clock.monotonic());
  }

  /** But for the one that goes on at the moment. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** It goes on when its turn comes, never within the call. */
  add(work: Work): void {
    this.#waiting.add(work);
    this.#time();
  }

  /** Nobody wants it any more. False: it does not wait. */
  remove(work: Work): boolean {
    return this.#waiting.delete(work);
  }

  #time(): void {
    if (this.#isTimed || this.#waiting.size === 0) return;
    this.#isTimed = true;
    this.#clock.after(0, () => {
      try {
        this.#run();
      } finally {
        this.#isTimed = false;
        this.#time();
      }
    });
  }

  /** From the first one on, each as long as there is time: the next turn begins with the one that has had none. */
  #run(): void {
    this.#turn.begin(this.#sliceMs);
    for (const work of this.#waiting) {
      this.#waiting.delete(work);
      if (!this.#goOn(work, this.#turn)) this.#waiting.add(work);
      if (this.#turn.isOverNow()) return;
    }
  }
}
