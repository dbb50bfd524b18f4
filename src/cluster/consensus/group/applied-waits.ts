/** Who waits until this node has applied so much. Each wait ends: with that, with its signal, or with the group. */
import type { Failure } from "../../../base/errors.ts";

interface Waiting {
  readonly index: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export class AppliedWaits {
  readonly #waiting = new Set<Waiting>();

  /** Fails with the signal's reason. */
  until(index: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(waiting);
        signal.removeEventListener("abort", aborted);
      };
      const aborted = (): void => waiting.reject(signal.reason);
      const waiting: Waiting = {
        index,
        resolve: () => {
          end();
          resolve();
        },
        reject: (reason) => {
          end();
          reject(reason);
        },
      };
      this.#waiting.add(waiting);
      signal.addEventListener("abort", aborted);
    });
  }

  letThrough(index: number): void {
    for (const waiting of this.#waiting) if (waiting.index <= index) waiting.resolve();
  }

  giveUp(failure: Failure): void {
    for (const waiting of this.#waiting) waiting.reject(failure);
  }
}
