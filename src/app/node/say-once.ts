/** Says the same thing once a while: who cannot be reached is tried every second, and nobody wants to read that every second. */
import type { Clock } from "../../base/clock.ts";
import type { LogFields, Logger } from "../../base/log.ts";

/** Often enough to see that it goes on. */
const AGAIN_MS = 60_000;
/** Different texts that are remembered; beyond it some are said more often. */
const TEXTS_MAX = 256;

/** A warning the first time, and again after a minute; in between it is for those who look for details. */
export function warnOnceAWhile(logger: Logger, clock: Clock): (message: string, fields?: LogFields) => void {
  const saidMs = new Map<string, number>();
  return (message, fields) => {
    const nowMs = clock.monotonic();
    const lastMs = saidMs.get(message);
    if (lastMs !== undefined && nowMs - lastMs < AGAIN_MS) return logger.debug(message, fields);
    saidMs.delete(message);
    if (saidMs.size >= TEXTS_MAX) saidMs.delete(saidMs.keys().next().value!);
    saidMs.set(message, nowMs);
    logger.warn(message, fields);
  };
}
