/** Durations as people write them in definitions. */
import { parseDurationMs } from "../../base/units.ts";
import type { Duration } from "./types.ts";

/** Milliseconds; undefined when it is none. */
export function durationMs(duration: Duration): number | undefined {
  if (typeof duration === "string") return parseDurationMs(duration);
  return typeof duration === "number" && Number.isFinite(duration) && duration >= 0 ? duration : undefined;
}
