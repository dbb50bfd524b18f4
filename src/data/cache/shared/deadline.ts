/** Waits for an answer no longer than allowed. What comes later is dropped, or handed to who cleans up after it. */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";

const LATE = "cache.shared.late";

export class Deadline {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  within<T>(ms: number, answer: Promise<T>, tooLate?: (answer: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const timer = this.#clock.after(ms, () => {
        isOver = true;
        reject(new Failure(LATE, `no answer within ${ms} ms`, { retryable: true }));
      });
      answer.then(
        (given) => {
          if (isOver) return tooLate?.(given);
          timer.cancel();
          resolve(given);
        },
        (thrown) => {
          if (isOver) return; // its caller has the failure already
          timer.cancel();
          reject(thrown);
        },
      );
    });
  }

  isLate(thrown: unknown): boolean {
    return thrown instanceof Failure && thrown.code === LATE;
  }
}
