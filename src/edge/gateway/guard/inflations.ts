/**
 * Bodies that are inflated in another thread, a few at a time: the runtime begins all that it is given, and nothing that has begun can be
 * stopped. So the others wait here, where one that nobody wants any more is dropped; of one that has begun the bytes count as
 * held until it is over, whoever still waits for it.
 */
import { type Failure, toFailure } from "../../../base/errors.ts";
import type { Inflation } from "../mask/index.ts";
import type { HeldBytes } from "./held-bodies.ts";
import type { MaskJob } from "./mask-job.ts";

/** The runtime has few threads for this and for reading files; more at once only hold more. */
export const INFLATING_MAX = 2;

interface Waiting {
  readonly inflate: Inflation;
  readonly held: HeldBytes;
  readonly done: (outcome: Uint8Array | Failure) => void;
  isCancelled: boolean;
}

export class Inflations {
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>();
  #running = 0;

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** `held` stands for the body and for what may come out of it. `done` is called once, later. */
  run(inflate: Inflation, held: HeldBytes, done: (outcome: Uint8Array | Failure) => void): MaskJob {
    const job: Waiting = { inflate, held, done, isCancelled: false };
    this.#waiting.add(job);
    this.#next();
    return {
      cancel: () => {
        job.isCancelled = true;
        this.#waiting.delete(job);
      },
    };
  }

  #next(): void {
    for (const job of this.#waiting) {
      if (this.#running >= INFLATING_MAX) return;
      this.#waiting.delete(job);
      this.#begin(job);
    }
  }

  #begin(job: Waiting): void {
    this.#running++;
    const release = job.held.pin();
    const over = (outcome: Uint8Array | Failure): void => {
      this.#running--;
      release();
      try {
        if (!job.isCancelled) job.done(outcome);
      } finally {
        this.#next();
      }
    };
    try {
      job.inflate(over);
    } catch (thrown) {
      over(toFailure(thrown, "gateway.defect"));
    }
  }
}
