/** One change of secrets at a time, by whichever process. Lost with the process that holds it, however that ends. */
import { Failure } from "../../base/errors.ts";
import { lockOutputs, type OutputLocks } from "../output-locks.ts";

/** Fails with `secrets.busy` while another process changes the same place. */
export function whileLocked<T>(place: string, change: () => T): T {
  const lock = lockPlace(place);
  try {
    const done = change();
    if (done instanceof Promise) return done.finally(() => lock.release()) as T; // the very promise, released at its end
    lock.release();
    return done;
  } catch (thrown) {
    lock.release();
    throw thrown;
  }
}

function lockPlace(place: string): OutputLocks {
  try {
    return lockOutputs([place]);
  } catch (thrown) {
    const message = `${place} is being changed by another process; wait until that has ended`;
    throw new Failure("secrets.busy", message, { cause: thrown, retryable: true });
  }
}
