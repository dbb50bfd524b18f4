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
    if (!this.#isAwake && leftMs > 0 && !signal.aborted) await this.#woken(clock, leftMs, signal);
    const isAwake = this.#isAwake;
    this.#isAwake = false;
    return isAwake;
  }

  #woken(clock: Clock, leftMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = clock.after(leftMs, done);
      signal.addEventListener("abort", done, { once: true });
      this.#wake = done;
    });
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}
