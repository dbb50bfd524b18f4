/**
 * Bodies that are inflated in another thread, a few at a time: the runtime begins all that it is given, and nothing that has begun can be
 * stopped. So the others wait here, where one that nobody wants any more is dropped; of one that has begun the bytes count as
 * held until it is over, whoever still waits for it.
 */
import { type Failure, toFailure } from "../../../base/errors.ts";
import type { HeldBytes } from "./held-bodies.ts";
import type { MaskJob } from "./mask-job.ts";

/** The runtime has few threads for this and for reading files; more at once only hold more. */
export const INFLATING_MAX = 2;

/** Begins, in another thread; `done` is called once, and later. */
type Inflate<Result> = (done: (outcome: Result | Failure) => void) => void;

/** Calls back when it is over, once; throws where it cannot begin. */
type Begin = (over: (tell: () => void) => void) => void;

interface Waiting {
  readonly begin: Begin;
  readonly held: HeldBytes;
  readonly fail: (failure: Failure) => void;
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
  run<Result>(inflate: Inflate<Result>, held: HeldBytes, done: (outcome: Result | Failure) => void): MaskJob {
    const begin: Begin = (over) => inflate((outcome) => over(() => done(outcome)));
    const job: Waiting = { begin, held, fail: done, isCancelled: false };
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
    const over = (tell: () => void): void => {
      this.#running--;
      release();
      try {
        if (!job.isCancelled) tell();
      } finally {
        this.#next();
      }
    };
    try {
      job.begin(over);
    } catch (thrown) {
      over(() => job.fail(toFailure(thrown, "gateway.defect")));
    }
  }
}
