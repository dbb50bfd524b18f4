/**
 * How a node is: starting, ok, degraded (it works, and something is amiss) or draining. One answer for load balancers, for people and
 * for the contract `system`. It asks when it is asked, and keeps nothing.
 */
import type { HealthCheck, HealthReport } from "./system-contract.ts";

export interface HealthPorts {
  readonly node: string;
  /** It has listened and started what it does. */
  readonly isOpen: () => boolean;
  readonly isDraining: () => boolean;
  /** Each looks at one thing. One that fails makes the node degraded; one that is `required`, not ready. */
  readonly checks: readonly (() => HealthCheck & { readonly isRequired?: boolean })[];
}

export function healthOf({ checks: all, isDraining, isOpen, node }: HealthPorts): HealthReport {
  const found = all.map((look) => look());
  const checks = found.map(({ isRequired: _, ...check }) => check);
  const isBlocked = found.some(({ isRequired, ok }) => isRequired === true && !ok);
  const ready = isOpen() && !isDraining() && !isBlocked;
  return { status: statusOf(isOpen(), isDraining(), checks), ready, node, checks };
}

function statusOf(isOpen: boolean, isDraining: boolean, checks: readonly HealthCheck[]): HealthReport["status"] {
  if (isDraining) return "draining";
  if (!isOpen) return "starting";
  return checks.every(({ ok }) => ok) ? "ok" : "degraded";
}
