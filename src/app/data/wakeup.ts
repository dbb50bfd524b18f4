/** Waits for something to change, without missing what changes between two looks: it listens from before the first look. */
import type { Clock } from "../../base/clock.ts";

export class Wakeup implements Disposable {
  readonly #stop: () => void;
  #isAwake = false;
  #wake: () => void = () => {};

  /** `listen` gives what ends it. */
  constructor(listen: (wake: () => void) => () => void) {
    this.#stop = listen(() => {
      this.#isAwake = true;
      this.#wake();
    });
  }

  /** True: something has changed since this was asked last. False: the time is over, or nobody waits any longer. */
  async next(clock: Clock, leftMs: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#isAwake && leftMs > 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = clock.after(leftMs, resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
        if (this.#isAwake) this.#wake();
      });
    }
    const isAwake = this.#isAwake;
    this.#isAwake = false;
    return isAwake;
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}
