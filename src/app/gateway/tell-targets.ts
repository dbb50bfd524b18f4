/** What becomes of a route's targets, as the log has it: warnings for what people may want to look at, no more than information for what is well again. */
import type { Logger } from "../../base/log.ts";
import type { TargetEvent } from "../../edge/gateway/upstream/index.ts";

export function tellTargets(log: Pick<Logger, "debug" | "info" | "warn">, event: TargetEvent): void {
  if (event.type === "mirror_failed")
    return log.debug(`the copy for ${event.target.text} failed: ${event.failure.message}`);
  const isGood = event.type === "returned" || ("to" in event && (event.to === "healthy" || event.to === "closed"));
  const to = "to" in event ? event.to : event.type;
  log[isGood ? "info" : "warn"](`${event.target.text} is ${to}`, { reason: event.reason });
}
