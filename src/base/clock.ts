/** The clock port: time comes in as an argument, so that a test or a simulator can own it. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the epoch; may jump. For people and records. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. For measuring and deadlines. */
  monotonic(): number;
  /** Calls back once, not before `delayMs` have passed. Any delay: also one of months. */
  after(delayMs: number, callback: () => void): Timer;
}

/** 24.8 days: the timers of the runtime hold no more, and take a longer delay for 1 ms. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, callback) => afterAll(setOnce, delayMs, callback),
};

/** A timer of the runtime: holds at most `TIMER_MS_MAX`. */
export type SetOnce = (delayMs: number, callback: () => void) => Timer;

/** A delay of any length out of timers that hold `TIMER_MS_MAX`, one behind the other. */
export function afterAll(setTimer: SetOnce, delayMs: number, callback: () => void): Timer {
  if (!(delayMs > TIMER_MS_MAX)) return setTimer(delayMs, callback);
  let timer = setTimer(TIMER_MS_MAX, () => {
    timer = afterAll(setTimer, delayMs - TIMER_MS_MAX, callback);
  });
  return { cancel: () => timer.cancel() };
}

function setOnce(delayMs: number, callback: () => void): Timer {
  const handle = setTimeout(callback, delayMs);
  return { cancel: () => clearTimeout(handle) };
}

/** Resolves after `delayMs`, or at once when the signal aborts (the caller looks at the signal). */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.after(delayMs, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}
