/**
 * A wait for what cannot be called back: a proposal goes on whether somebody waits for it or not. Only the wait ends with the signal,
 * and its failure says what that leaves open.
 */
import type { Failure } from "../../../base/errors.ts";

/** Begins nothing when the signal has aborted already. */
export function withSignal<T>(signal: AbortSignal, begin: () => Promise<T>, ended: () => Failure): Promise<T> {
  if (signal.aborted) return Promise.reject(ended());
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(ended());
    signal.addEventListener("abort", aborted);
    begin()
      .finally(() => signal.removeEventListener("abort", aborted))
      .then(resolve, reject);
  });
}
