/**
 * What people are told of a run while it goes on: why a try failed (an error, a crash, a limit), what became of a swap, what the
 * circuit breaker does. A plugin that fails on every batch must not drown the rest: a few a stage and time, the others counted.
 */
import type { Clock } from "../base/clock.ts";
import type { StageEvent } from "../work/pipeline/stages/index.ts";

/** Enough to see what is wrong, few enough to see what else is. */
const FAILURES_MAX = 3;
const PERIOD_MS = 10_000;

interface Told {
  sinceMs: number;
  count: number;
  left: number;
}

export function noticesOf(warn: (text: string) => void, clock: Clock): (stage: string, event: StageEvent) => void {
  const told = new Map<string, Told>();
  return (stage, event) => {
    const text = textOf(event);
    if (text === undefined) return;
    const isFailure = event.event === "batch_failed" || event.event === "standby_exited";
    const left = isFailure ? admit(told, stage, clock.monotonic()) : 0;
    if (left === undefined) return;
    warn(`stage ${stage}: ${text}${left > 0 ? ` (and ${left} failures before that were not told)` : ""}`);
  };
}

/** How many have been left out before this one; undefined when it is left out too. */
function admit(told: Map<string, Told>, stage: string, nowMs: number): number | undefined {
  const before = told.get(stage);
  if (!before || nowMs - before.sinceMs >= PERIOD_MS) {
    told.set(stage, { sinceMs: nowMs, count: 1, left: 0 });
    return before?.left ?? 0;
  }
  if (before.count++ < FAILURES_MAX) return 0;
  before.left++;
  return undefined;
}

function textOf(event: StageEvent): string | undefined {
  switch (event.event) {
    case "batch_failed":
      return `a try of batch ${event.batch} failed: ${event.reason}`;
    case "standby_exited":
      return `a standby ${event.reason}`;
    case "swap_rolled_back":
      return `went back to ${event.to}: ${event.reason}`;
    case "breaker":
      return `circuit breaker ${event.state.replace("_", "-")}: ${event.reason}`;
    default:
      return undefined;
  }
}
