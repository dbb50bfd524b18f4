/** Waits for what others wait for too: the signal ends this wait only. */
import { Failure } from "../../base/errors.ts";

export function unless<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      reject(new Failure("cache.cancelled", "waiting for a value of the cache: the caller has gone"));
    };
    if (signal.aborted) return leave();
    signal.addEventListener("abort", leave, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}
