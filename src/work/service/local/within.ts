/** The outcome of work that others share: for this caller until its time is over or it has gone, while the work itself goes on. */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";

export interface Patience {
  readonly clock: Clock;
  readonly title: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export function within<T>(work: Promise<T>, { clock, signal, timeoutMs, title }: Patience): Promise<T> {
  if (signal?.aborted) {
    work.catch(() => {}); // it is somebody else's as well
    return Promise.reject(cancelled(title));
  }
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => {
      const late = new Failure("rpc.deadline_exceeded", `${title}: not done within ${timeoutMs} ms`);
      release();
      reject(late);
    });
    const left = (): void => {
      release();
      reject(cancelled(title));
    };
    const release = (): void => {
      timer.cancel();
      signal?.removeEventListener("abort", left);
    };
    signal?.addEventListener("abort", left, { once: true });
    work.finally(release).then(resolve, reject);
  });
}

function cancelled(title: string): Failure {
  return new Failure("rpc.cancelled", `${title}: the caller has gone`);
}
